"""Addresses of files: ftp://user:password@host:port/path and the like (RFC 3986)."""

PORTS = {"http": 80, "https": 443, "ftp": 21}
# .kind of a TransferError: what another attempt does not mend
BAD_ADDRESS = 1
NOT_SUPPORTED = 2
NOT_ALLOWED = 3


class TransferError(OSError):
    """A transfer failed. kind: 0 when another attempt may succeed."""

    def __init__(self, text: str, kind: int = 0) -> None:
        super().__init__(text)
        self.kind = kind


def percent_decode(text: str) -> str:
    """A part of an address as it is meant. TransferError when it is wrong, or has control characters."""
    parts = text.split("%")
    try:
        data = parts[0].encode()
        for part in parts[1:]:
            if len(part) < 2:
                raise ValueError
            data += bytes((int(part[:2], 16),)) + part[2:].encode()
        decoded = str(data, "utf-8")
    except ValueError:  # UnicodeError is one
        raise TransferError("address is wrong at %", BAD_ADDRESS)
    if [character for character in decoded if character < " "]:
        raise TransferError("address has a control character", BAD_ADDRESS)
    return decoded


class Address:
    """Parts of an address: scheme, user, password, host, port, path (with its query, still encoded)."""

    def __init__(self, url: str) -> None:
        scheme, mark, rest = url.partition("://")
        self.scheme = scheme.lower()
        if not mark or [c for c in url if not "!" <= c <= "~"]:
            raise TransferError("that is no address", BAD_ADDRESS)
        if self.scheme not in PORTS:
            raise TransferError(scheme[:10] + ":// is not known here", NOT_SUPPORTED)
        server, slash, path = rest.partition("/")
        self.path = slash + path.partition("#")[0]
        login, mark, server = server.rpartition("@")
        user, _, password = login.partition(":")
        self.user = percent_decode(user)
        self.password = percent_decode(password)
        self.host, _, port = server.partition(":")
        if not self.host or (port and not port.isdigit()):
            raise TransferError("address has no valid host", BAD_ADDRESS)
        self.port = int(port) if port else PORTS[self.scheme]
        if not 0 < self.port < 65536:
            raise TransferError("no such port", BAD_ADDRESS)

    def for_file(self, name: str) -> str:
        """The path at which a file of this name belongs: an address names a directory, or a file.

        It is that of a file when it has a query, or a point in its last segment.
        """
        path, mark, _ = self.path.partition("?")
        if mark or "." in path.rsplit("/", 1)[-1]:
            return self.path
        return path.rstrip("/") + "/" + name
