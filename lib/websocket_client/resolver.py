"""Host names to IPv4 addresses, remembered. A thread asks: getaddrinfo would hold the loop for seconds."""

import _thread
import asyncio
import socket

from micropython import const

_KEPT = const(4)
_LOOK_MS = const(50)
_known: dict = {}
_asked: dict = {}  # by host that a thread is asking for: its answer, once there is one


def _lookup(host: str) -> str:
    for family, _, _, _, address in socket.getaddrinfo(host, 80):
        if family == socket.AF_INET:
            if isinstance(address, tuple):
                return address[0]
            return ".".join([str(byte) for byte in address[4:8]])  # unix port: a raw sockaddr_in
    raise OSError("it has no IPv4 address")


lookup = _lookup  # what asks the name server; may be replaced


def is_address(host: str) -> bool:
    """True for a dotted IPv4 address."""
    parts = host.split(".")
    return len(parts) == 4 and all([part.isdigit() and int(part) < 256 for part in parts])


def _ask(host: str, answer: list) -> None:
    """What the thread does."""
    try:
        answer.append(lookup(host))
    except Exception as error:  # whatever it is, the loop waits for it
        answer.append(error)


async def resolve(host: str) -> str:
    """The IPv4 address of a host, from memory when it is known. OSError when there is none."""
    if is_address(host):
        return host
    if host not in _known:
        address = await _answer(host)
        if not isinstance(address, str):
            raise OSError("name %s is not known: %s" % (host, address))
        while len(_known) >= _KEPT:
            _known.pop(next(iter(_known)))
        _known[host] = address
    return _known[host]


async def _answer(host: str):
    """What the name server says of a host: its address, or an error."""
    if host not in _asked:  # else one who has given up waiting had asked already
        _asked[host] = []
        _thread.start_new_thread(_ask, (host, _asked[host]))
    answer = _asked[host]
    while not answer:
        await asyncio.sleep_ms(_LOOK_MS)
    _asked.pop(host, None)
    return answer[0]


def forget(host: str) -> None:
    """Ask again next time: what was known of a host did not lead to it."""
    _known.pop(host, None)
