"""ECDSA (FIPS 186-5) on P-256 and P-384, in steps that let other tasks run in between.

A controller makes one key in years, and signs one request with it: neither is measurable from outside
often enough to learn a key from the time it takes, so the time does depend on the numbers.
"""

import asyncio
import hashlib
import os

_INVERSE_TURN = 16  # steps of Euclid's algorithm before others have their turn


class Curve:
    """y² = x³ - 3x + b modulo p, with a point `base` of prime order."""

    def __init__(self, name: bytes, size: int, p: int, b: int, order: int, base: tuple) -> None:
        self.name = name  # content of its OBJECT IDENTIFIER
        self.size = size  # bytes of a coordinate
        self.p = p
        self.b = b
        self.order = order
        self.base = base

    def point(self, data: bytes) -> tuple:
        """A public key's (x, y). ValueError when it is not uncompressed, or not on the curve."""
        if len(data) != 2 * self.size + 1 or data[0] != 4:
            raise ValueError("has a public key in a strange form")
        x = int.from_bytes(data[1 : self.size + 1], "big")
        y = int.from_bytes(data[self.size + 1 :], "big")
        if max(x, y) >= self.p or (y * y - x * x * x + 3 * x - self.b) % self.p:
            raise ValueError("has a public key that is not on its curve")
        return x, y

    def encoded(self, point: tuple) -> bytes:
        """A public key as an uncompressed point (SEC 1, 2.3.3)."""
        return b"\x04" + point[0].to_bytes(self.size, "big") + point[1].to_bytes(self.size, "big")

    def _double(self, point: tuple) -> tuple:
        """Twice a point in Jacobian coordinates (x/z², y/z³); z is 0 at infinity."""
        x, y, z = point
        p = self.p
        zz = z * z % p
        yy = y * y % p
        xyy = x * yy % p
        slope = 3 * (x - zz) * (x + zz) % p
        x = (slope * slope - 8 * xyy) % p
        return x, (slope * (4 * xyy - x) - 8 * (yy * yy % p)) % p, 2 * y * z % p

    def _add(self, point: tuple, affine: tuple) -> tuple:
        """The sum of a point in Jacobian coordinates and one as (x, y)."""
        x, y, z = point
        if not z:
            return affine[0], affine[1], 1
        p = self.p
        zz = z * z % p
        dx = (affine[0] * zz - x) % p
        dy = (affine[1] * z % p * zz - y) % p
        if not dx:
            return (0, 1, 0) if dy else self._double(point)
        dxx = dx * dx % p
        dxxx = dx * dxx % p
        v = x * dxx % p
        x = (dy * dy - dxxx - 2 * v) % p
        return x, (dy * (v - x) - y * dxxx) % p, z * dx % p

    async def _to_affine(self, point: tuple) -> tuple:
        """(x, y) of a point in Jacobian coordinates; empty at infinity."""
        if not point[2]:
            return ()
        inverse = await _inverse(point[2], self.p)
        square = inverse * inverse % self.p
        return point[0] * square % self.p, point[1] * square % self.p * inverse % self.p

    async def times(self, first: int, point: tuple, second: int = 0, other: tuple = ()) -> tuple:
        """first · point + second · other as (x, y); empty at infinity."""
        both = await self._to_affine(self._add((point[0], point[1], 1), other)) if other else ()
        addends = (None, point, other, both)
        total = (0, 1, 0)
        for place in range(8 * self.size - 1, -1, -1):
            total = self._double(total)
            await asyncio.sleep_ms(0)
            addend = addends[(first >> place & 1) + 2 * (second >> place & 1)]
            if addend:
                total = self._add(total, addend)
                await asyncio.sleep_ms(0)
        return await self._to_affine(total)

    def new_key(self) -> int:
        """A random private key."""
        while True:
            number = int.from_bytes(os.urandom(self.size), "big")
            if 0 < number < self.order:
                return number

    async def public_key(self, private: int) -> tuple:
        """The public key of a private one."""
        return await self.times(private, self.base)

    async def sign(self, private: int, digest: bytes) -> tuple:
        """Signature (r, s) of a SHA-256 digest, with the nonce of RFC 6979. For P-256."""
        nonces = _nonces(private, digest, self.order)
        while True:
            nonce = next(nonces)
            r = (await self.times(nonce, self.base))[0] % self.order
            hashed = int.from_bytes(digest, "big")
            s = (hashed + r * private) * await _inverse(nonce, self.order) % self.order
            if r and s:
                return r, s

    async def is_signature(self, key: tuple, digest: bytes, r: int, s: int) -> bool:
        """Tell whether (r, s) signs a digest; key as `point` returns it."""
        order = self.order
        if not (0 < r < order and 0 < s < order):
            return False
        hashed = int.from_bytes(digest[: self.size], "big")
        inverse = await _inverse(s, order)
        found = await self.times(hashed * inverse % order, self.base, r * inverse % order, key)
        return bool(found) and found[0] % order == r


async def _inverse(number: int, modulus: int) -> int:
    """1 / number modulo a prime: Euclid's extended algorithm."""
    a, b, x, y = modulus, number % modulus, 0, 1
    steps = 0
    while b:
        quotient = a // b
        a, b = b, a - quotient * b
        x, y = y, x - quotient * y
        steps += 1
        if not steps % _INVERSE_TURN:
            await asyncio.sleep_ms(0)
    return x % modulus


def _hmac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) by a key of 32 bytes."""
    inner, outer = [bytes([byte ^ pad for byte in key + bytes(32)]) for pad in (0x36, 0x5C)]
    digest = hashlib.sha256(inner)
    for part in parts:
        digest.update(part)
    return hashlib.sha256(outer + digest.digest()).digest()


def _nonces(private: int, digest: bytes, order: int):
    """RFC 6979, 3.2: candidates for a nonce, of which the first nearly always serves."""
    known = private.to_bytes(32, "big")
    known += (int.from_bytes(digest, "big") % order).to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for mark in (b"\0", b"\1"):
        key = _hmac(key, value, mark, known)
        value = _hmac(key, value)
    while True:
        value = _hmac(key, value)
        nonce = int.from_bytes(value, "big")
        if 0 < nonce < order:
            yield nonce
        key = _hmac(key, value, b"\0")
        value = _hmac(key, value)


P256 = Curve(
    b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
    32,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    b"\x2b\x81\x04\x00\x22",
    48,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    (
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
)
