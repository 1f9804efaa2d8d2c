"""Certificates as a back office and its charge points have them, with keys of their own."""

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCAL_ADDRESS = "127.0.0.1"


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Holder:
    """Somebody with a key (kind "ec" or "rsa") and a certificate, valid between two days from now.

    Without an issuer it is a root. Hosts are known by their name; localhost by its address too.
    """

    def __init__(
        self,
        name: str,
        issuer: "Holder | None" = None,
        kind: str = "ec",
        is_authority: bool = False,
        days: tuple[int, int] = (-1, 30),
    ) -> None:
        self.key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if kind == "ec":
            self.key = ec.generate_private_key(ec.SECP256R1())
        else:
            self.key = rsa.generate_private_key(65537, 2048)
        self.issuer = issuer
        now = datetime.datetime.now(datetime.UTC)
        first, last = (now + datetime.timedelta(days=day) for day in days)
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address(LOCAL_ADDRESS)))
        self.certificate: x509.Certificate = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(issuer.certificate.subject if issuer else _named(name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(first)
            .not_valid_after(last)
            .add_extension(x509.BasicConstraints(is_authority or not issuer, None), True)
            .add_extension(x509.SubjectAlternativeName(names), False)
            .sign(issuer.key if issuer else self.key, hashes.SHA256())
        )

    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def chain(self) -> bytes:
        """In PEM the certificate and those between it and its root."""
        if not self.issuer:
            return b""
        return self.certificate.public_bytes(Encoding.PEM) + self.issuer.chain()

    def private(self, encoding: Encoding = Encoding.DER) -> bytes:
        """The key, as RFC 5915 or PKCS #1 has it."""
        return self.key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def server_context(self, believes: "Holder | None" = None) -> ssl.SSLContext:
        """What a server with this certificate uses; believes: the root of whom it takes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "server.pem"
            path.write_bytes(self.private(Encoding.PEM) + self.chain())
            context.load_cert_chain(path)
        if believes:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=believes.der())
        return context
