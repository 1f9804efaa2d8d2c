"""The opening handshake of RFC 6455 section 4, without any I/O."""

import hashlib
import os
from binascii import b2a_base64

from micropython import const
from websocket_client.frames import WebSocketError

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SHOWN_BYTES = const(60)
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_REASONS = {
    401: "user or password refused",
    403: "access refused",
    404: "this chargepoint ID is not known there",
}


def percent_encode(text: str) -> str:
    """One path segment of a URL (RFC 3986 section 2.1)."""
    return "".join([chr(b) if b in _UNRESERVED else "%%%02X" % b for b in text.encode()])


def parse_url(url: str, segment: str) -> tuple:
    """(tls, host, port, path with the segment added) of a ws:// or wss:// address.

    ValueError when it is none.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme not in ("ws", "wss"):
        raise ValueError("address does not start with ws:// or wss://")
    host, _, path = rest.partition("/")
    host, _, port = host.partition(":")
    if not host or "@" in host or " " in rest:
        raise ValueError("address has no valid host")
    tls = scheme == "wss"
    number = int(port) if port else (443 if tls else 80)
    if not 0 < number < 65536:
        raise ValueError("no such port")
    path = "/" + path.rstrip("/") if path.rstrip("/") else ""
    return tls, host, number, path + "/" + percent_encode(segment)


def new_key() -> bytes:
    """A random Sec-WebSocket-Key."""
    return _base64(os.urandom(16))


def _base64(data: bytes) -> bytes:
    return b2a_base64(data).strip()


def request(host: str, path: str, key: bytes, protocol: str, credentials: bytes) -> bytes:
    """The request, section 4.1. Credentials are user:password for Basic, or empty."""
    lines = [
        b"GET " + path.encode() + b" HTTP/1.1",
        b"Host: " + host.encode(),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: " + protocol.encode(),
    ]
    if credentials:
        lines.append(b"Authorization: Basic " + _base64(credentials))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _fields(lines: list) -> dict:
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    return fields


def _check_status(line: bytes, fields: dict) -> None:
    parts = line.split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise WebSocketError("answer is not HTTP")
    status = int(parts[1])
    if status == 101:
        return
    reason = _REASONS.get(status, "no WebSocket there")
    if 300 <= status < 400:
        place = fields.get(b"location", b"elsewhere")[:_SHOWN_BYTES]
        place = "".join([chr(byte) for byte in place if 32 < byte < 127])
        reason = "it points to %s; redirects are not followed, set the final address" % place
    raise WebSocketError("HTTP %d: %s" % (status, reason), status)


def check_response(head: bytes, key: bytes, protocol: str) -> None:
    """WebSocketError unless a response opens the WebSocket that was asked for, section 4.1.

    Its .code is the HTTP status of a refusal.
    """
    lines = head.split(b"\r\n")
    fields = _fields(lines[1:])
    _check_status(lines[0], fields)
    accept = _base64(hashlib.sha1(key + _GUID).digest())
    if fields.get(b"upgrade", b"").lower() != b"websocket":
        raise WebSocketError("answer does not upgrade to a WebSocket")
    if b"upgrade" not in fields.get(b"connection", b"").lower():
        raise WebSocketError("answer does not upgrade the connection")
    if fields.get(b"sec-websocket-accept") != accept:
        raise WebSocketError("wrong Sec-WebSocket-Accept")
    if fields.get(b"sec-websocket-protocol") != protocol.encode():
        raise WebSocketError("the other side does not speak " + protocol)
    if fields.get(b"sec-websocket-extensions"):
        raise WebSocketError("the other side wants extensions")
