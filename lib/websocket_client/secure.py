"""Who is believed on a line through TLS, and what its end means. Loaded to open one, and when it fails."""

import tls
from core import clock
from websocket_client.frames import WebSocketError

# .code of a WebSocketError that ends a handshake
BAD_CERTIFICATE = 1
BAD_VERSION = 2
BAD_CIPHER = 3

# Those of OCPP's security whitepaper and the like with RSA; and what the newer protocol has, where a build
# knows it. Without DHE: its numbers of 2048 bits would hold the loop for long.
_SUITES = (
    "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384",
    "TLS-RSA-WITH-AES-128-GCM-SHA256",
    "TLS-RSA-WITH-AES-256-GCM-SHA384",
)
_SUITES_1_3 = ("TLS1-3-AES-128-GCM-SHA256", "TLS1-3-AES-256-GCM-SHA384")
# Of mbedtls/ssl.h; the texts that come with them are left out of a board's build
_REASONS = {
    -0x6E00: ("no common cipher suite", BAD_CIPHER),
    -0x6E80: ("no common TLS version", BAD_VERSION),
    -0x7200: ("the answer is not TLS", 0),
    -0x7780: ("the other side refuses this handshake", 0),
}


class Trust:
    """Who is believed, and who one is: DER or PEM in files.

    roots: paths of certificates that a server's leads to; pair: paths of the own certificate's chain
    and of its key, or None. on_begin: for a chip that does not know the time; told, in seconds since 1970,
    when a server's certificate begins to be valid. By the clock set so the next handshake succeeds, if
    all but the time proves the server.
    """

    def __init__(self, roots: list, pair: "tuple | None" = None, on_begin=None) -> None:
        self.roots = roots
        self.pair = pair
        self._on_begin = on_begin

    def context(self):
        """What mbedtls makes of it. OSError or ValueError for a file that it cannot take."""
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED  # type: ignore[attr-defined]
        try:
            context.set_ciphers(_SUITES_1_3 + _SUITES)
        except OSError:  # a build without TLS 1.3
            context.set_ciphers(_SUITES)
        for path in self.roots:
            context.load_verify_locations(_content(path))
        if self._on_begin:
            context.verify_callback = self._note_begin  # type: ignore[attr-defined]
        if self.pair:
            chain, key = self.pair
            context.load_cert_chain(_content(chain), _content(key))
        return context

    def _note_begin(self, certificate, depth: int) -> int:
        """Called by mbedtls for each certificate that leads to the server's own, depth 0."""
        begin_s = _begin_s(bytes(certificate))
        if depth == 0 and begin_s:
            self._on_begin(begin_s + 1)
        return 0


def _begin_s(certificate: bytes) -> int:
    """When a DER certificate begins to be valid; 0 for none such before 2050 (RFC 5280 section 4.1.2.5)."""
    at = certificate.find(b"\x17\x0d") + 2  # UTCTime, YYMMDDHHMMSSZ; the first one is notBefore
    try:
        text = [certificate[place : place + 2].decode() for place in range(at, at + 12, 2)]
        return clock.parse_iso8601("20%s-%s-%sT%s:%s:%sZ" % tuple(text))
    except ValueError:
        return 0


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def explained(error) -> Exception:
    """What a handshake is ended with, for what mbedtls said: a WebSocketError, or the socket's own error."""
    if isinstance(error, ValueError):
        text = str(error).strip().replace("\n", ", ")
        return WebSocketError("server's certificate: " + text, BAD_CERTIFICATE)
    if error.args[0] > 0:
        return error
    text, code = _REASONS.get(error.args[0], (str(error), 0))
    return WebSocketError("TLS: " + text, code)
