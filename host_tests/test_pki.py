"""Certificates, keys and signatures, against PyPI's `cryptography` and published vectors."""

import asyncio
import hashlib

import pytest
from authority import DAY_S, FROM_S, Authority, der, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import certificate, curve, request, sha512, signature
from pki import der as encoding

RSA_2048 = rsa.generate_private_key(65537, 2048)
RSA_3072 = rsa.generate_private_key(65537, 3072)


def test_a_request_is_signed_by_the_new_key_and_names_the_charge_point():
    key, csr = asyncio.run(request.make("SN-1", "Grüne Lade GmbH"))
    made = x509.load_pem_x509_csr(csr.encode())
    assert made.is_signature_valid
    assert made.subject.rfc4514_string() == "CN=SN-1,O=Grüne Lade GmbH"
    private = serialization.load_der_private_key(key, None)
    public = private.public_key()
    assert public == made.public_key()
    form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    assert request.public_bits(key) == public.public_bytes(*form)


def test_signatures_have_the_nonces_of_rfc_6979():
    """Section A.2.5, P-256 with SHA-256, message "sample"."""
    private = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    digest = hashlib.sha256(b"sample").digest()
    r, s = asyncio.run(curve.P256.sign(private, digest))
    assert r == 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    assert s == 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    public = asyncio.run(curve.P256.public_key(private))
    assert asyncio.run(curve.P256.is_signature(public, digest, r, s))
    assert not asyncio.run(curve.P256.is_signature(public, digest, r, s + 1))
    assert not asyncio.run(curve.P256.is_signature(public, digest, 0, s))


@pytest.mark.parametrize("length", [0, 3, 111, 112, 127, 128, 300])
def test_sha_384_and_512_are_hashlibs(length):
    data = bytes(range(256)) * 2
    for size, known in ((48, hashlib.sha384), (64, hashlib.sha512)):
        assert asyncio.run(sha512.digest(data[:length], size)) == known(data[:length]).digest()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hash": hashes.SHA384()},
        {"key": ec.generate_private_key(ec.SECP384R1()), "hash": hashes.SHA384()},
        {"key": RSA_2048},
        {"key": RSA_2048, "hash": hashes.SHA512()},
        {"key": RSA_2048, "pss": True},
        {"key": RSA_3072},
    ],
)
def test_who_issued_a_certificate_shows_in_its_signature(options):
    root = Authority(**options)
    made = root.issue("CP", Authority().key.public_key())
    leaf, issuer = (
        certificate.Certificate(der(made)),
        certificate.Certificate(der(root.certificate)),
    )
    assert issuer.is_root and issuer.is_authority and not leaf.is_root and not leaf.is_authority
    assert asyncio.run(signature.is_issued(leaf, issuer))
    leaf.signature = leaf.signature[:-1] + bytes((leaf.signature[-1] ^ 1,))
    assert not asyncio.run(signature.is_issued(leaf, issuer))


def test_what_a_certificate_says():
    root = Authority("Root")
    made = root.issue("CP", root.key.public_key(), days=10)
    read = certificate.Certificate(der(made))
    assert (read.not_before_s, read.not_after_s) == (FROM_S, FROM_S + 10 * DAY_S)
    assert read.serial == f"{made.serial_number:x}"
    assert read.issuer == made.issuer.public_bytes()
    assert read.time_fault(FROM_S - 1) == "is not valid before 2026-11-06T21:20:00Z"
    assert read.time_fault(FROM_S) == ""
    assert read.time_fault(FROM_S + 10 * DAY_S + 1) == "expired on 2026-11-16T21:20:00Z"


@pytest.mark.parametrize("salt", [0, 32, padding.PSS.MAX_LENGTH])
def test_firmware_signatures_by_pss_have_any_salt(salt):
    digest = hashlib.sha256(b"firmware").digest()
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    made = RSA_2048.sign(b"firmware", padded, hashes.SHA256())
    read = certificate.Certificate(der(Authority(key=RSA_2048).certificate))
    key = signature.public_key(read)
    assert asyncio.run(signature.is_signed(key, made, digest))
    assert not asyncio.run(signature.is_signed(key, made, hashlib.sha256(b"other").digest()))
    assert not asyncio.run(signature.is_signed(key, made[:-1], digest))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (rsa.generate_private_key(65537, 1024), "not of 2048 to 4096 bits"),
        (ec.generate_private_key(ec.SECP521R1()), "curve other than P-256 and P-384"),
    ],
)
def test_keys_that_cannot_be_checked_are_named(key, why):
    read = certificate.Certificate(der(Authority(key=key).certificate))
    with pytest.raises(ValueError, match=why):
        asyncio.run(signature.is_issued(read, read))


def test_pem_may_hold_a_chain_and_something_around_it():
    root, other = Authority().certificate, Authority().certificate
    text = "subject: …\n" + pem(root).replace("\n", "\r\n") + "\n\n" + pem(other)
    assert list(encoding.from_pem(text)) == [der(root), der(other)]
    for wrong in ("", "-----BEGIN CERTIFICATE-----\nAAAA", pem(root)[:300]):
        with pytest.raises(ValueError):
            list(encoding.from_pem(wrong))


WHOLE = der(Authority().certificate)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    st.integers(0, len(WHOLE)),
)
def test_a_damaged_certificate_is_told_and_never_anything_else(changes, length):
    data = bytearray(WHOLE)
    for place, byte in changes:
        data[place] = byte
    for damaged in (bytes(data), bytes(data[:length])):
        try:
            read = certificate.Certificate(damaged)
            signature.public_key(read)
            assert signature.hash_kind(read.algorithm) in (1, 2, 3)
        except ValueError as error:
            assert str(error)
