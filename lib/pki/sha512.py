"""SHA-384 and SHA-512 (FIPS 180-4), which MicroPython's hashlib lacks, in steps that let others run."""

import asyncio
from array import array

_MASK = (1 << 64) - 1
_BLOCK_BYTES = 128
_TURN = 4  # rounds before other tasks have their turn


def _primes(count: int) -> list:
    """The first primes, at least 2 and 3."""
    found = [2, 3]
    number = 5
    while len(found) < count:
        for prime in found:
            if prime * prime > number:
                found.append(number)
                break
            if not number % prime:
                break
        number += 2
    return found


def _root_bits(number: int, power: int) -> int:
    """The first 64 bits behind the point of a root: where the standard's constants come from."""
    target = number << 64 * power
    root = 1 << 68
    while True:  # Newton's method, from above
        better = ((power - 1) * root + target // root ** (power - 1)) // power
        if better >= root:
            return root & _MASK
        root = better


def _rotated(word: int, bits: int) -> int:
    return (word >> bits | word << 64 - bits) & _MASK


async def _words(block: bytes):
    """The block's message schedule."""
    words = array("Q", [0] * 80)
    for i in range(16):
        words[i] = int.from_bytes(block[8 * i : 8 * i + 8], "big")
    for i in range(16, 80):
        early, late = words[i - 15], words[i - 2]
        first = _rotated(early, 1) ^ _rotated(early, 8) ^ early >> 7
        second = _rotated(late, 19) ^ _rotated(late, 61) ^ late >> 6
        words[i] = (words[i - 16] + first + words[i - 7] + second) & _MASK
        if not i % _TURN:
            await asyncio.sleep_ms(0)
    return words


async def _compress(state: list, block: bytes, constants) -> list:
    words = await _words(block)
    a, b, c, d, e, f, g, h = state
    for i in range(80):
        big = _rotated(e, 14) ^ _rotated(e, 18) ^ _rotated(e, 41)
        first = h + big + (e & f ^ (_MASK ^ e) & g) + constants[i] + words[i]
        big = _rotated(a, 28) ^ _rotated(a, 34) ^ _rotated(a, 39)
        second = big + (a & b ^ a & c ^ b & c)
        h, g, f, e, d, c, b, a = g, f, e, (d + first) & _MASK, c, b, a, (first + second) & _MASK
        if not i % _TURN:
            await asyncio.sleep_ms(0)
    return [(old + new) & _MASK for old, new in zip(state, (a, b, c, d, e, f, g, h))]


async def digest(data: bytes, size: int) -> bytes:
    """The digest of data; size: 48 bytes for SHA-384, 64 for SHA-512."""
    primes = _primes(80)
    constants = array("Q", [0] * 80)
    for i in range(80):
        constants[i] = _root_bits(primes[i], 3)
        await asyncio.sleep_ms(0)
    first = 8 if size == 48 else 0
    state = [_root_bits(prime, 2) for prime in primes[first : first + 8]]
    padding = b"\x80" + bytes(-(len(data) + 17) % _BLOCK_BYTES)
    padded = data + padding + (8 * len(data)).to_bytes(16, "big")
    for place in range(0, len(padded), _BLOCK_BYTES):
        state = await _compress(state, padded[place : place + _BLOCK_BYTES], constants)
    return b"".join([word.to_bytes(8, "big") for word in state])[:size]
