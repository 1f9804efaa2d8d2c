"""A server's end of a WebSocket line, and what a client makes of its bytes."""

import asyncio

import ocpp_rig
from websocket_client import client
from websocket_client.frames import WebSocketError


class Wire:
    """A server's end of the line as reader and writer: serves bytes in chosen chunks, keeps what comes."""

    def __init__(self, incoming: bytes = b"", chunk: int = 1 << 20) -> None:
        self.incoming = incoming
        self.sent = bytearray()
        self.closed = False
        self._chunk = chunk

    async def read(self, count: int) -> bytes:
        piece = self.incoming[: min(count, self._chunk)]
        self.incoming = self.incoming[len(piece) :]
        return piece

    def write(self, data) -> None:
        self.sent += data

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self.closed = True

    async def wait_closed(self) -> None:
        pass


def frame(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """A server's frame."""
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return head + b"\x7f" + len(payload).to_bytes(8, "big") + payload


def sent_frames(data: bytes) -> list:
    """The client's frames as (opcode, payload), unmasked; all final."""
    found = fragments(data)
    assert all(final for final, _, _ in found)
    return [(opcode, payload) for _, opcode, payload in found]


def fragments(data: bytes) -> list:
    """The client's frames as (final, opcode, payload), unmasked."""
    found = []
    while data:
        assert data[0] & 0x70 == 0
        assert data[1] & 0x80, "a client masks"
        length, at = data[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(data[2:4], "big"), 4
        key, body = data[at : at + 4], data[at + 4 : at + 4 + length]
        assert len(body) == length
        text = bytes(b ^ key[i % 4] for i, b in enumerate(body))
        found.append((bool(data[0] & 0x80), data[0] & 0x0F, text))
        data = data[at + 4 + length :]
    return found


def received(incoming: bytes, chunk: int = 1 << 20) -> tuple:
    """Everything a client gets out of the server's bytes, what ended it, and what it sent."""

    async def story():
        wire = Wire(incoming, chunk)
        socket = client.WebSocket(wire, wire)
        texts = []
        try:
            while True:
                message = await socket.receive()
                texts.append(message if isinstance(message, str) else b"".join(message).decode())
        except (WebSocketError, EOFError) as error:
            return texts, error, sent_frames(bytes(wire.sent))

    return ocpp_rig.run(story())
