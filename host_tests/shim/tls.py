"""tls on CPython as MicroPython has it, with mbedtls's errors: a context, and streams over any stream."""

import ssl
import tempfile

from cryptography.x509 import load_der_x509_certificate
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

board_s = None  # what the board's clock shows, seconds since 1970; None: the right time

PROTOCOL_TLS_CLIENT = 0
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
CERT_REQUIRED = 2
_FATAL_ALERT, _BAD_VERSION, _NOT_TLS = -0x7780, -0x6E80, -0x7200
_NUMBERS = {
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _BAD_VERSION,
}


class SSLContext:
    """tls.SSLContext of a client."""

    def __init__(self, protocol: int) -> None:
        assert protocol == PROTOCOL_TLS_CLIENT
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.verify_mode = CERT_REQUIRED
        self.verify_callback = None

    def set_ciphers(self, names: tuple) -> None:
        """Offer these; OpenSSL has names of its own for them, and those of TLS 1.3 anyhow."""
        known = []
        for name in names:
            name = name.replace("TLS-RSA-WITH-", "").replace("TLS-", "").replace("WITH-", "")
            known.append(name.replace("AES-128", "AES128").replace("AES-256", "AES256"))
        known = [name for name in known if not name.startswith("TLS1-3")]
        self._context.set_ciphers(":".join(known))

    def load_verify_locations(self, cadata: bytes) -> None:
        """Believe in a certificate, PEM or DER."""
        is_pem = b"-----BEGIN" in cadata
        try:
            self._context.load_verify_locations(cadata=cadata.decode() if is_pem else cadata)
        except ssl.SSLError:
            raise ValueError("invalid cert") from None

    def load_cert_chain(self, chain: bytes, key: bytes) -> None:
        """Show this certificate when asked; its key may be DER."""
        if b"-----BEGIN" not in key:
            private = load_der_private_key(key, None)
            key = private.private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
        with tempfile.NamedTemporaryFile() as file:
            file.write(key + chain)
            file.flush()
            self._context.load_cert_chain(file.name)

    def wrap_socket(self, sock, server_hostname: str, do_handshake_on_connect: bool):
        """A stream through TLS over another."""
        assert self.verify_mode == CERT_REQUIRED
        assert not do_handshake_on_connect
        if board_s is not None:
            self._context.verify_flags |= _NO_CHECK_TIME
        return _Stream(self, self._context, sock, server_hostname)


class _Stream:
    """What wrap_socket makes; None where it would have to wait."""

    def __init__(self, own: SSLContext, context: ssl.SSLContext, sock, host: str) -> None:
        self._own = own
        self._below = sock
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._came, self._goes, server_hostname=host)
        self._is_open = False

    def _do(self, act):
        buffer = bytearray(4096)
        while count := self._below.readinto(memoryview(buffer)):
            self._came.write(buffer[:count])
        try:
            if not self._is_open:
                self._ssl.do_handshake()
                self._judge(board_s)
                self._is_open = True
            return act()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLCertVerificationError as error:
            raise ValueError("\n" + error.verify_message + "\n") from None
        except ssl.SSLError as error:
            raise OSError(_NUMBERS.get(error.reason, _FATAL_ALERT), error.reason) from None
        finally:
            if self._goes.pending:
                self._below.write(self._goes.read())

    def _judge(self, now_s: "int | None") -> None:
        """Look at the server's certificate as the board's clock has it."""
        der = self._ssl.getpeercert(True)
        if self._own.verify_callback:
            self._own.verify_callback(memoryview(der), 0)
        certificate = load_der_x509_certificate(der)
        if now_s is not None and certificate.not_valid_before_utc.timestamp() > now_s:
            raise ValueError("\nThe certificate validity starts in the future\n")

    def read(self, count: int) -> "bytes | None":
        """Up to count bytes; none at the end."""
        return self._do(lambda: self._ssl.read(count))

    def write(self, data: bytes) -> "int | None":
        """All, once hands are shaken."""
        return self._do(lambda: self._ssl.write(data))

    def close(self) -> None:
        """Say goodbye."""
        if self._is_open:
            self._do(self._ssl.unwrap)
