"""Passwords, salted and stretched: PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2, RFC 2104).

Stored as $pbkdf2-sha256$<rounds>$<salt>$<key>, both in base 64. Loaded while one is set or checked.
"""

import asyncio
import hashlib
import os
from binascii import a2b_base64, b2a_base64

from micropython import const

from core import clock

ROUNDS = const(120)  # 0.4 s of work at a small chip's speed
_SALT_BYTES = const(16)
_HMAC_BLOCK_BYTES = const(64)
_TURN_MS = const(6)  # other tasks have their turn after that


def _padded(password: bytes, byte: int) -> bytes:
    """HMAC's key with a padding (RFC 2104 section 2)."""
    if len(password) > _HMAC_BLOCK_BYTES:
        password = hashlib.sha256(password).digest()
    block = bytearray(_HMAC_BLOCK_BYTES)
    block[: len(password)] = password
    return bytes([known ^ byte for known in block])


async def key_of(password: str, salt: bytes, rounds: int) -> bytes:
    """32 bytes derived from a password, in turns with other tasks."""
    sha256 = hashlib.sha256
    inner = _padded(password.encode(), 0x36)
    outer = _padded(password.encode(), 0x5C)
    last = sha256(outer + sha256(inner + salt + b"\0\0\0\1").digest()).digest()
    key = int.from_bytes(last, "big")
    turn_ms = clock.ticks_ms()
    for _ in range(rounds - 1):
        last = sha256(outer + sha256(inner + last).digest()).digest()
        key ^= int.from_bytes(last, "big")
        if clock.ticks_diff(clock.ticks_ms(), turn_ms) >= _TURN_MS:
            await asyncio.sleep_ms(0)
            turn_ms = clock.ticks_ms()
    return key.to_bytes(32, "big")


def _text(data: bytes) -> str:
    return b2a_base64(data).decode().rstrip("\n")


def _recipe(like: str) -> tuple:
    """(rounds, salt) of a stored password; new ones where there is none, or it is damaged."""
    try:
        _, _, rounds, salt, _ = like.split("$")
        return int(rounds), a2b_base64(salt)
    except ValueError:
        return ROUNDS, os.urandom(_SALT_BYTES)


async def hashed(password: str, like: str = "") -> bytes:
    """What is stored of a password, as Settings.change() takes it.

    With the salt of another it equals that one when the password is the same. Without, it takes as long.
    """
    rounds, salt = _recipe(like)
    key = await key_of(password, salt, rounds)
    return ("$pbkdf2-sha256$%d$%s$%s" % (rounds, _text(salt), _text(key))).encode()
