"""Host names to IPv4 addresses, remembered, because getaddrinfo blocks everything else."""

import socket

from micropython import const

_KEPT = const(4)
_known: dict = {}


def _lookup(host: str) -> str:
    for family, _, _, _, address in socket.getaddrinfo(host, 80):
        if family == socket.AF_INET:
            if isinstance(address, tuple):
                return address[0]
            return ".".join([str(byte) for byte in address[4:8]])  # unix port: a raw sockaddr_in
    raise OSError("no address for " + host)


lookup = _lookup  # what asks the name server; may be replaced


def is_address(host: str) -> bool:
    """True for a dotted IPv4 address."""
    parts = host.split(".")
    return len(parts) == 4 and all([part.isdigit() and int(part) < 256 for part in parts])


async def resolve(host: str) -> str:
    """The IPv4 address of a host, from memory when it is known. OSError when there is none."""
    if is_address(host):
        return host
    if host not in _known:
        address = lookup(host)
        while len(_known) >= _KEPT:
            _known.pop(next(iter(_known)))
        _known[host] = address
    return _known[host]


def forget(host: str) -> None:
    """Ask again next time: what was known of a host did not lead to it."""
    _known.pop(host, None)
