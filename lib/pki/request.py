"""A key on P-256 and the request for its certificate (PKCS #10, RFC 2986). Loaded to make one."""

import hashlib

from pki import der
from pki.curve import P256

_EC_KEY = der.encode(
    der.SEQUENCE,
    der.encode(der.OBJECT_ID, b"\x2a\x86\x48\xce\x3d\x02\x01"),
    der.encode(der.OBJECT_ID, P256.name),
)
_ECDSA_SHA256 = der.encode(
    der.SEQUENCE, der.encode(der.OBJECT_ID, b"\x2a\x86\x48\xce\x3d\x04\x03\x02")
)
_ORGANIZATION = b"\x55\x04\x0a"
_COMMON_NAME = b"\x55\x04\x03"


def key_der(private: int, public: tuple) -> bytes:
    """An ECPrivateKey (RFC 5915)."""
    return der.encode(
        der.SEQUENCE,
        der.integer(1),
        der.encode(der.OCTET_STRING, private.to_bytes(32, "big")),
        der.encode(0xA0, der.encode(der.OBJECT_ID, P256.name)),
        der.encode(0xA1, der.encode(der.BIT_STRING, b"\0", P256.encoded(public))),
    )


def public_bits(key: bytes) -> bytes:
    """The public key's bits, as a certificate has them, of what key_der made."""
    return key[-65:]


def _name(kind: bytes, text: str) -> bytes:
    value = der.encode(der.UTF8_STRING, text.encode())
    return der.encode(der.SET, der.encode(der.SEQUENCE, der.encode(der.OBJECT_ID, kind), value))


async def make(common_name: str, organization: str) -> tuple:
    """(key as DER, request as PEM) for a new key. organization may be empty."""
    private = P256.new_key()
    public = await P256.public_key(private)
    names = [_name(_ORGANIZATION, organization)] if organization else []
    subject = der.encode(der.SEQUENCE, *names, _name(_COMMON_NAME, common_name))
    bits = der.encode(der.BIT_STRING, b"\0", P256.encoded(public))
    key = der.encode(der.SEQUENCE, _EC_KEY, bits)
    body = der.encode(der.SEQUENCE, der.integer(0), subject, key, der.encode(0xA0))
    r, s = await P256.sign(private, hashlib.sha256(body).digest())
    signature = der.encode(der.SEQUENCE, der.integer(r), der.integer(s))
    signature = der.encode(der.BIT_STRING, b"\0", signature)
    request = der.encode(der.SEQUENCE, body, _ECDSA_SHA256, signature)
    return key_der(private, public), der.to_pem(request, "CERTIFICATE REQUEST")
