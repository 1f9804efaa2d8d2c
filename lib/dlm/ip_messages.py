"""Datagrams of an IP group, docs/load-management.md: how they look, are sealed, sent and received.

The group's ID is part of its key, so what another group on the same network says does not fit.
"""

import hashlib
import socket

from dlm.group_auth import SEAL_BYTES, Seal
from dlm.group_records import SERIAL_BYTES
from micropython import const

SEEK = const(83)  # "S" nonce, "C" or "G", serial: who is there? to everybody
HERE = const(
    72
)  # "H" the seeker's nonce, an own one, "F" full or "-", serial, back office's address
JOIN = const(74)  # "J" both nonces, an info record of dlm.group_records
POLL = const(80)  # "P" counter, grant word
STATUS = const(65)  # "A" the poll's counter, a status record
CALL = const(67)  # "C" counter, number of the call, message
REPLY = const(82)  # "R" the call's counter and number, its reply

NONCE_BYTES = const(8)
TO_EVERYBODY = b""  # contexts of seals: nobody's session …
LONGEST_BYTES = const(320)
DEFAULT_PORT = const(4715)  # UDP, where a Gateway is found; TCP, its relay
TO_CLIENT = b">"  # … or the end of a session's, whose beginning are both nonces
TO_GATEWAY = b"<"


def group_seal(settings) -> "Seal | None":
    """The seal of the group's ID and key; None while one of them is not set."""
    group_id, key = settings.get("llm_group_id"), settings.get("group_key")
    if not group_id or not key:
        return None
    text = key if isinstance(key, bytes) else key.encode()
    return Seal(hashlib.sha256(group_id.encode() + b"\0" + text).digest())


def padded(serial: str) -> bytes:
    """A serial number as messages have it."""
    raw = serial.encode()[:SERIAL_BYTES]
    return raw + bytes(SERIAL_BYTES - len(raw))


def serial_in(raw) -> str:
    """The serial number in a message; ValueError when it is no text."""
    return bytes(raw).rstrip(b"\0").decode()


def sealed(seal, message: "bytes | bytearray", context: bytes = TO_EVERYBODY) -> bytearray:
    """A message with its seal."""
    buffer = bytearray(len(message) + SEAL_BYTES)
    buffer[: len(message)] = message
    seal.sign(buffer, 0, len(message), context)
    return buffer


def fits(seal, message, context: bytes = TO_EVERYBODY) -> bool:
    """Tell whether a message bears the seal."""
    end = len(message) - SEAL_BYTES
    return end > 0 and seal.fits(message, 0, end, context)


def broadcast_address(address: str, mask: str) -> str:
    """Where everybody in a network of IPv4 is reached (RFC 922)."""
    own, bits = address.split("."), mask.split(".")
    return ".".join([str(int(own[n]) | 255 ^ int(bits[n])) for n in range(4)])


class Port:
    """A UDP socket at an address of the controller, port 0 for any. OSError when that can't be had."""

    def __init__(self, address: str, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.bind(peer_at(address, port))
        except OSError:
            self._socket.close()
            raise

    def send(self, message, peer) -> None:
        """Send; what the network does not take is lost, as it may be further on."""
        try:
            self._socket.sendto(message, peer)
        except OSError:
            pass

    def receive(self) -> tuple:
        """(message, peer), or (b"", None) when nothing is there."""
        try:
            return self._socket.recvfrom(LONGEST_BYTES)
        except OSError:
            return b"", None

    def close(self) -> None:
        """Give it up."""
        self._socket.close()


def peer_at(address: str, port: int):
    """An address as the sockets want it."""
    return socket.getaddrinfo(address, port)[0][-1]


def own_address(links) -> tuple:
    """(address, mask) in the owner's network, Ethernet's first; ("", "") without one."""
    if links.lan_ip:
        return links.lan_ip, links.lan.mask()
    if links.wlan_ip:
        return links.wlan_ip, links.wifi.do("mask")
    return "", ""


def ip_of(peer) -> str:
    """The IPv4 address of a peer as the sockets name it: a tuple, on unix ports a sockaddr_in."""
    if isinstance(peer, tuple):
        return peer[0]
    return ".".join([str(byte) for byte in bytes(peer)[4:8]])
