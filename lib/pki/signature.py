"""Checks signatures: of certificates, and of files whose SHA-256 digest is known.

ECDSA on P-256 and P-384; RSA of 2048 to 4096 bits, PKCS #1 v1.5 and PSS (RFC 8017). Loaded for a check.
"""

import asyncio
import hashlib

from core import loading
from pki import der

_EC_KEY = b"\x2a\x86\x48\xce\x3d\x02\x01"
_RSA_KEY = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
_RSA_PSS = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01"
_ECDSA = b"\x2a\x86\x48\xce\x3d\x04\x03"
_HASHES = b"\x60\x86\x48\x01\x65\x03\x04\x02"  # one byte more, as of hash_kind
_DIGEST_BYTES = (0, 32, 48, 64)  # by that byte
_RSA_BITS = (2048, 4096)
_EXPONENTS = (3, 65537)  # a check's time is bounded


def _name_and_rest(algorithm: bytes) -> tuple:
    """(content of the OBJECT IDENTIFIER, parameters) of an AlgorithmIdentifier."""
    start, end = der.inside(algorithm, 0, len(algorithm), der.SEQUENCE)
    first, stop = der.inside(algorithm, start, end, der.OBJECT_ID)
    return algorithm[first:stop], algorithm[stop:end]


def public_key(certificate):
    """(curve, point) or (0, modulus, exponent) of a certificate. ValueError when it is none of these."""
    name, rest = _name_and_rest(certificate.key_algorithm)
    if name == _EC_KEY:
        curve = _curve(rest)
        return curve, curve.point(certificate.key_bits)
    if name != _RSA_KEY:
        raise ValueError("has a key that is neither EC nor RSA")
    bits = certificate.key_bits
    start, end = der.inside(bits, 0, len(bits), der.SEQUENCE)
    numbers = [int.from_bytes(bits[a:b], "big") for _, _, a, b in der.children(bits, start, end)]
    if len(numbers) != 2 or numbers[1] not in _EXPONENTS:
        raise ValueError("has a strange RSA key")
    if not 1 << _RSA_BITS[0] - 1 <= numbers[0] < 1 << _RSA_BITS[1]:
        raise ValueError("has an RSA key that is not of 2048 to 4096 bits")
    return 0, numbers[0], numbers[1]


def _curve(parameters: bytes):
    curves = loading.load("pki.curve")
    loading.unload("pki.curve")
    for curve in (curves.P256, curves.P384):
        if parameters[2:] == curve.name:
            return curve
    raise ValueError("has a key on a curve other than P-256 and P-384")


def hash_kind(algorithm: bytes) -> int:
    """The hash of a signature algorithm: 1 SHA-256, 2 SHA-384, 3 SHA-512. ValueError for others."""
    name, rest = _name_and_rest(algorithm)
    if name == _RSA_PSS:
        place = rest.find(_HASHES) + len(_HASHES)
        kind = rest[place : place + 1] if place >= len(_HASHES) else b""
        offset = 0
    else:
        kind = name[-1:] if name[:-1] in (_RSA, _ECDSA) else b""
        offset = 1 if name[:-1] == _ECDSA else 10
    if not kind or not 1 <= kind[0] - offset <= 3:
        raise ValueError("is signed by an algorithm that is not known here")
    return kind[0] - offset


async def is_issued(certificate, issuer) -> bool:
    """Tell whether a certificate's signature is its issuer's. ValueError when it cannot be checked."""
    kind = hash_kind(certificate.algorithm)
    if kind == 1:
        digest = hashlib.sha256(certificate.signed).digest()
    else:
        sha512 = loading.load("pki.sha512")
        loading.unload("pki.sha512")
        digest = await sha512.digest(certificate.signed, _DIGEST_BYTES[kind])
    return await is_signed(public_key(issuer), certificate.signature, digest)


async def is_signed(key, signature: bytes, digest: bytes) -> bool:
    """Tell whether a signature of a digest is by a key as `public_key` returns it.

    RSA: PKCS #1 v1.5, or PSS with the digest's hash (SHA-256 only) and a salt of any length.
    """
    if not key[0]:
        return await _is_rsa(key[1], key[2], signature, digest)
    try:
        start, end = der.inside(signature, 0, len(signature), der.SEQUENCE)
        parts = der.children(signature, start, end)
        r, s = [int.from_bytes(signature[a:b], "big") for _, _, a, b in parts]
    except ValueError:
        return False
    return await key[0].is_signature(key[1], digest, r, s)


async def _is_rsa(modulus: int, exponent: int, signature: bytes, digest: bytes) -> bool:
    size = (len("%x" % modulus) + 1) // 2
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    power = number
    for _ in range(16 if exponent == 65537 else 1):
        power = power * power
        await asyncio.sleep_ms(0)
        power %= modulus
        await asyncio.sleep_ms(0)
    block = (power * number % modulus).to_bytes(size, "big")
    if block == _padded(digest, size):
        return True
    return len(digest) == 32 and _is_pss(block, digest)


def _padded(digest: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 (RFC 8017, 9.2)."""
    name = _HASHES + bytes((_DIGEST_BYTES.index(len(digest)),))
    algorithm = der.encode(der.SEQUENCE, der.encode(der.OBJECT_ID, name), b"\x05\0")
    info = der.encode(der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, digest))
    return b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def _is_pss(block: bytes, digest: bytes) -> bool:
    """EMSA-PSS-VERIFY (RFC 8017, 9.1.2) with SHA-256, for moduli of whole bytes."""
    masked, found = block[:-33], block[-33:-1]
    if block[-1] != 0xBC or masked[0] & 0x80:
        return False
    mask = b""
    while len(mask) < len(masked):  # MGF1
        counter = (len(mask) // 32).to_bytes(4, "big")
        mask += hashlib.sha256(found + counter).digest()
    clear = bytearray([a ^ b for a, b in zip(masked, mask)])
    clear[0] &= 0x7F
    salt_at = clear.find(b"\1") + 1
    if not salt_at or any(clear[: salt_at - 1]):
        return False
    return hashlib.sha256(bytes(8) + digest + clear[salt_at:]).digest() == found
