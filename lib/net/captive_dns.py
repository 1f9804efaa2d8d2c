"""The hotspot's name server: every name leads to the controller, so that phones open its page.

Loaded while the hotspot is open. RFC 1035 section 4.1.
"""

import socket

from micropython import const

_PORTION = const(4)  # answers a turn
_LONGEST = const(512)
_HEAD = const(12)
_LONGEST_LABEL = const(63)
_LONGEST_NAME = const(255)
_TTL_S = const(1)  # a phone that leaves the hotspot soon asks a real name server again


def _question_end(packet) -> int:
    """Where the only question of a query ends; 0 when the packet is none."""
    if len(packet) > _LONGEST or len(packet) < _HEAD + 5:
        return 0
    # Opcode 0 and no answer; one question, neither answers nor authorities.
    if packet[2] & 0xF8 or bytes(packet[4:10]) != b"\0\1\0\0\0\0":
        return 0
    place = _HEAD
    while packet[place]:
        if packet[place] > _LONGEST_LABEL:  # compressed, or of a kind that nobody uses
            return 0
        place += 1 + packet[place]
        if place >= len(packet) or place - _HEAD >= _LONGEST_NAME:
            return 0
    end = place + 5
    return end if end <= len(packet) else 0


def answer(packet, ip: str):
    """The answer to a query: this address for IPv4's, nothing for others; None to what is no query."""
    end = _question_end(packet)
    if not end:
        return None
    kind, group = bytes(packet[end - 4 : end - 2]), bytes(packet[end - 2 : end])
    known = kind in (b"\0\1", b"\0\xff") and group in (b"\0\1", b"\0\xff")
    head = bytes(packet[:2]) + bytes((0x84 | packet[2] & 1, 0x80, 0, 1, 0, known, 0, 0, 0, 0))
    text = head + bytes(packet[_HEAD:end])
    if known:
        address = bytes([int(part) for part in ip.split(".")])
        text += b"\xc0\x0c\0\1\0\1\0\0\0" + bytes((_TTL_S, 0, 4)) + address
    return text


class NameServer:
    """Answers at an address and UDP port; OSError when that can't be had."""

    def __init__(self, host: str, port: int, ip: str) -> None:
        self._ip = ip
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(socket.getaddrinfo(host, port)[0][-1])
        except OSError:
            self._socket.close()
            raise

    def serve(self) -> None:
        """Answer what has come, a few at a time."""
        for _ in range(_PORTION):
            try:
                packet, peer = self._socket.recvfrom(_LONGEST + 1)
                found = answer(packet, self._ip)
                if found:
                    self._socket.sendto(found, peer)
            except OSError:  # nothing there, or nobody to answer any more
                return

    def close(self) -> None:
        """Stop."""
        self._socket.close()
