"""Certificate authorities for tests, on PyPI's `cryptography`."""

import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

FROM_S = 1_794_000_000  # before ocpp_rig.EPOCH_S
DAY_S = 86400


def name(text: str) -> x509.Name:
    """A name of a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(*certificates: x509.Certificate) -> str:
    """The PEM text of a chain."""
    parts = [c.public_bytes(serialization.Encoding.PEM) for c in certificates]
    return b"".join(parts).decode()


def der(certificate: x509.Certificate) -> bytes:
    """The DER of a certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


class Authority:
    """A key with its certificate, of its own making or of another authority's."""

    def __init__(self, common_name: str = "Root", issuer: "Authority | None" = None, **options):
        self.key = options.pop("key", None) or ec.generate_private_key(ec.SECP256R1())
        self.hash = options.pop("hash", hashes.SHA256())
        self.pss = options.pop("pss", False)
        self.subject = name(common_name)
        self.certificate = (issuer or self).issue(
            common_name, self.key.public_key(), authority=True, **options
        )

    def issue(self, common_name, public_key, authority=False, start_s=FROM_S, days=3650):
        """Return a certificate for a public key."""
        start = datetime.fromtimestamp(start_s, UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common_name))
            .issuer_name(self.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        options = {}
        if self.pss:
            options["rsa_padding"] = padding.PSS(padding.MGF1(self.hash), self.hash.digest_size)
        return builder.sign(self.key, self.hash, **options)

    def sign_request(self, csr: str, **options) -> x509.Certificate:
        """Return a certificate for a request."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        [common_name] = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return self.issue(common_name.value, request.public_key(), **options)


def hash_data(root: x509.Certificate, algorithm: str = "SHA256") -> dict:
    """certificateHashData of a root certificate, reckoned independently (RFC 6960, 4.1.1)."""
    public = root.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        encoding = serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    else:
        encoding = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    digest = getattr(hashlib, algorithm.lower())
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": digest(root.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": digest(public.public_bytes(*encoding)).hexdigest(),
        "serialNumber": f"{root.serial_number:x}",
    }
