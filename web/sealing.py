"""Secrets under a password, for the file of a configuration.

AES-256-CBC, then HMAC-SHA-256 over all of it (RFC 2104), both keys derived from the password (auth.passwords).
Nothing is larger than a line, since a nearly full heap has no large gaps.
"""

import hashlib
import json
import os
from binascii import hexlify, unhexlify

from micropython import const

from core import loading

_ROUNDS = const(600)  # a second at a small chip's speed, several while it is busy
_MOST_ROUNDS = const(5000)
_PATIENCE_MS = const(60000)
_CBC = const(2)
_LINE_BYTES = const(64)
_MOST_LINES = const(64)
_MISSING = "the secrets' %s is missing or wrong"


def _hmac(key: bytes, parts) -> bytes:
    """HMAC-SHA-256 with a key of 32 bytes."""
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + b"\x36" * 32)
    for part in parts:
        inner.update(part)
    outer = bytes([byte ^ 0x5C for byte in key]) + b"\x5c" * 32
    return hashlib.sha256(outer + inner.digest()).digest()


def give_time(request) -> None:
    """Let a request that derives keys or writes a whitelist take longer than others before it is dropped."""
    connection = request.sock[1] if request.sock else None
    if hasattr(connection, "extend"):  # in tests without a server there is none
        connection.extend(_PATIENCE_MS)


async def _keys(password: str, salt: bytes, rounds: int) -> tuple:
    """(key of the cipher, key of the sum)."""
    key = await loading.once("auth.passwords", "key_of", password, salt, rounds)
    return _hmac(key, (b"cipher",)), _hmac(key, (b"sum",))


def _sum(key: bytes, sealed: dict) -> str:
    parts = [str(sealed["rounds"]).encode(), sealed["salt"].encode(), sealed["iv"].encode()]
    return hexlify(_hmac(key, parts + [line.encode() for line in sealed["data"]])).decode()


def _cipher(key: bytes, iv: bytes):
    from cryptolib import aes

    return aes(key, _CBC, iv)


async def seal(values: dict, password: str) -> dict:
    """Values by their keys as texts in hexadecimal. ImportError: a build without ciphers."""
    salt, iv = os.urandom(16), os.urandom(16)
    cipher_key, sum_key = await _keys(password, salt, _ROUNDS)
    cipher = _cipher(cipher_key, iv)
    lines = []
    rest = b""
    for key, value in values.items():
        rest += (json.dumps({key: value}) + "\n").encode()
        while len(rest) >= _LINE_BYTES:
            lines.append(hexlify(cipher.encrypt(rest[:_LINE_BYTES])).decode())
            rest = rest[_LINE_BYTES:]
    rest += b" " * (-len(rest) % 16)
    if rest:
        lines.append(hexlify(cipher.encrypt(rest)).decode())
    sealed = {
        "rounds": _ROUNDS,
        "salt": hexlify(salt).decode(),
        "iv": hexlify(iv).decode(),
        "data": lines,
    }
    sealed["sum"] = _sum(sum_key, sealed)
    return sealed


def _bytes(sealed: dict, name: str, size: int) -> bytes:
    text = sealed.get(name)
    try:
        if isinstance(text, str) and len(text) == 2 * size:
            return unhexlify(text)
    except ValueError:
        pass
    raise ValueError(_MISSING % name)


def _checked_lines(sealed: dict) -> list:
    """The lines of hexadecimal. ValueError when they are none."""
    lines = sealed.get("data")
    if not isinstance(lines, list) or len(lines) > _MOST_LINES:
        raise ValueError(_MISSING % "data")
    for line in lines:
        if not isinstance(line, str) or len(line) % 32 or len(line) > 2 * _LINE_BYTES:
            raise ValueError(_MISSING % "data")
    return lines


async def unseal(sealed: dict, password: str) -> dict:
    """The values. ValueError tells what is wrong: the file, or the password."""
    rounds = sealed.get("rounds")
    if not isinstance(rounds, int) or not 1 <= rounds <= _MOST_ROUNDS:
        raise ValueError(_MISSING % "rounds")
    salt, iv = _bytes(sealed, "salt", 16), _bytes(sealed, "iv", 16)
    lines = _checked_lines(sealed)
    cipher_key, sum_key = await _keys(password, salt, rounds)
    if _sum(sum_key, sealed) != sealed.get("sum"):
        raise ValueError("the password is not that of the file, or its secrets are damaged")
    cipher = _cipher(cipher_key, iv)
    values = {}
    rest = b""
    for line in lines:
        rest += cipher.decrypt(unhexlify(line))
        texts = rest.split(b"\n")
        rest = texts.pop()
        for text in texts:
            values.update(json.loads(text.decode()))
    return values
