"""What proves that a group's frame comes from somebody with the group's key, and is not an old one.

A seal is the first 48 bits of HMAC-SHA256 (RFC 2104) over a context, which is not sent, and the data:

    epoch (4 bytes)  counter (4)  member's number (1)  direction (1)

The epoch is drawn by the master at its start and given to each member against a nonce of the member's.
The counter rises with each frame of the master; answers are sealed under the one that the member took last.
"""

from hashlib import sha256

from micropython import const

SEAL_BYTES = const(6)
_BLOCK_BYTES = const(64)

# Directions: what a frame says can't be taken for another one's.
GRANTS = const(1)
CALL = const(2)
HELLO = const(3)
STATUS = const(4)
INFO = const(5)
REPLY = const(6)


class Seal:
    """Seals with a key of at most 64 bytes; an empty one proves nothing, but keeps errors out."""

    def __init__(self, key: bytes) -> None:
        self._inner = bytes([byte ^ 0x36 for byte in key]) + b"\x36" * (_BLOCK_BYTES - len(key))
        self._outer = bytes([byte ^ 0x5C for byte in key]) + b"\x5c" * (_BLOCK_BYTES - len(key))

    def sign(self, buffer, start: int, end: int, context) -> int:
        """Write the seal of buffer[start:end] behind it; returns where it ends."""
        buffer[end : end + SEAL_BYTES] = self._code(buffer, start, end, context)
        return end + SEAL_BYTES

    def fits(self, buffer, start: int, end: int, context) -> bool:
        """True when what follows buffer[start:end] is its seal."""
        code = self._code(buffer, start, end, context)
        different = 0
        for place in range(SEAL_BYTES):
            different |= code[place] ^ buffer[end + place]
        return not different

    def _code(self, buffer, start: int, end: int, context) -> bytes:
        inner = sha256(self._inner)
        inner.update(context)
        inner.update(memoryview(buffer)[start:end])
        outer = sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()[:SEAL_BYTES]
