"""Frames of RFC 6455 section 5: their heads, masks and rules, without any I/O."""

import struct

from micropython import const

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

# Status codes of section 7.4.1
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003
NO_STATUS = 1005
INVALID_TEXT = 1007
TOO_BIG = 1009

MAX_HEAD_BYTES = 8  # a client's frame of up to 64 kB: 2, length 2, mask 4
_FIN = const(0x80)
_RESERVED = const(0x70)
_MASKED = const(0x80)
_CONTROL = const(0x08)
_MAX_CONTROL_BYTES = const(125)


class WebSocketError(OSError):
    """The line cannot be used (any more).

    .code is RFC 6455's status code; where no line comes about, HTTP's or one of websocket_client.secure's;
    or 0.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


def parse_head(first: int, second: int) -> tuple:
    """(final, opcode, 7-bit length) of a server's frame; WebSocketError when it is malformed."""
    opcode = first & 0x0F
    length = second & 0x7F
    if first & _RESERVED:
        raise WebSocketError("reserved bits are set", PROTOCOL_ERROR)
    if second & _MASKED:
        raise WebSocketError("server masks its frames", PROTOCOL_ERROR)
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise WebSocketError("unknown opcode %d" % opcode, PROTOCOL_ERROR)
    if opcode & _CONTROL and (length > _MAX_CONTROL_BYTES or not first & _FIN):
        raise WebSocketError("control frame is long or fragmented", PROTOCOL_ERROR)
    return bool(first & _FIN), opcode, length


def is_control(opcode: int) -> bool:
    """True for close, ping and pong."""
    return bool(opcode & _CONTROL)


def write_head(
    buffer: "bytearray | memoryview", opcode: int, length: int, key: bytes, final: bool = True
) -> int:
    """Put the head of a masked frame into buffer; returns its length."""
    buffer[0] = _FIN | opcode if final else opcode
    if length <= 125:
        buffer[1] = _MASKED | length
        at = 2
    else:
        buffer[1] = _MASKED | 126
        struct.pack_into(">H", buffer, 2, length)
        at = 4
    buffer[at : at + 4] = key
    return at + 4


def mask_into(buffer: bytearray, at: int, data: memoryview, key: bytes, phase: int) -> None:
    """Copy data to buffer[at:], masked (section 5.3); phase is data[0]'s place in the payload."""
    for byte in data:
        buffer[at] = byte ^ key[phase & 3]
        at += 1
        phase += 1


def parse_close(payload: "bytes | bytearray") -> tuple:
    """(code, reason) of a close frame's payload, section 5.5.1."""
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise WebSocketError("close frame of one byte", PROTOCOL_ERROR)
    code = payload[0] << 8 | payload[1]
    defined = NORMAL <= code < 1015 and code not in (1004, NO_STATUS, 1006)
    if not (defined or 3000 <= code < 5000):
        raise WebSocketError("close code %d" % code, PROTOCOL_ERROR)
    return code, decode(payload[2:])


def decode(payload: "bytes | bytearray") -> str:
    """Text of a payload; WebSocketError when it is not UTF-8 (section 8.1)."""
    try:
        return str(payload, "utf-8")
    except UnicodeError:
        raise WebSocketError("text is not UTF-8", INVALID_TEXT)


def check_text(pieces: list) -> None:
    """WebSocketError when a text in pieces is not UTF-8; a character may be in two of them."""
    rest = b""
    for piece in pieces:
        rest += piece
        end = len(rest)
        while end > len(rest) - 3 and end and rest[end - 1] & 0xC0 == 0x80:
            end -= 1
        if end and rest[end - 1] >= 0xC0:  # begins a character
            end -= 1
        else:
            end = len(rest)
        decode(rest[:end])
        rest = rest[end:]
    decode(rest)
