"""A client's end of a WebSocket: connects, receives text, sends text in masked pieces."""

import asyncio
import os

from core import clock, loading
from micropython import const
from websocket_client import frames
from websocket_client.frames import WebSocketError
from websocket_client.stream import open_host

_HANDSHAKE = "websocket_client.handshake"  # 3 kB that are needed once a connection
_MAX_MESSAGE_BYTES = const(16384)
_MAX_RESPONSE_BYTES = const(2048)
_PIECE_BYTES = const(512)  # sent at once: an ordinary message is one TCP segment
_FRAGMENT_BYTES = const(504)  # of text in one fragment: the rest of a piece is its head
_MASK_BYTES = const(160)  # masked in one go: some 3 ms on a small chip
_READ_BYTES = const(256)
_WHOLE_BYTES = const(1024)
_KEPT_BYTES = const(
    160
)  # of a message in one piece: a heap in use has no room for a long one in one
_SEND_MS = const(15000)
_CLOSE_MS = const(1000)


async def connect(
    url: str,
    segment: str,
    protocol: str,
    credentials: bytes,
    timeout_ms: int,
    trust=None,
    through=None,
) -> "WebSocket":
    """Open a WebSocket at url/segment. Credentials are user:password, or empty.

    trust: a secure.Trust, needed for wss://; through: see stream.open_host. Name, connection and handshake may take timeout_ms each.
    ValueError for a malformed address; OSError, EOFError or asyncio.TimeoutError when it fails:
    .code of a WebSocketError is then an HTTP status or one of secure's.
    """
    try:
        tls, host, port, path = loading.load(_HANDSHAKE).parse_url(url, segment)
        reader, writer = await open_host(host, port, timeout_ms, trust if tls else None, through)
        socket = WebSocket(reader, writer)
        name = host if port == (443 if tls else 80) else "%s:%d" % (host, port)
        opening = socket.open(name, path, protocol, credentials)
        try:
            await asyncio.wait_for_ms(opening, timeout_ms)
        except BaseException:
            await socket.drop()
            raise
        return socket
    finally:
        loading.unload(_HANDSHAKE)


class WebSocket:
    """An open line. One task receives; any may send."""

    def __init__(self, reader, writer) -> None:
        self._reader = reader
        self._writer = writer
        self._early = b""  # frames that came together with the handshake's response
        self._buffer = bytearray(_PIECE_BYTES)
        self._message: list = []  # what has come of it, in pieces
        self._length = 0  # … and how many bytes that is
        self._fragmented = False
        self._turn = asyncio.Lock()
        self._usable = True
        self._close_sent = False
        self.heard_ms = clock.ticks_ms()  # when the other side was last heard

    async def open(self, host: str, path: str, protocol: str, credentials: bytes) -> None:
        """Shake hands, RFC 6455 section 4."""
        handshake = loading.load(_HANDSHAKE)
        key = handshake.new_key()
        self._writer.write(handshake.request(host, path, key, protocol, credentials))
        await self._writer.drain()
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > _MAX_RESPONSE_BYTES:
                raise WebSocketError("answer's head is too long")
            piece = await self._reader.read(_READ_BYTES)
            if not piece:
                raise EOFError("line closed during the handshake")
            head += piece
        end = head.find(b"\r\n\r\n")
        self._early = head[end + 4 :]
        handshake.check_response(head[:end], key, protocol)

    async def _read(self, count: int) -> bytes:
        """1 to count bytes."""
        if self._early:
            data = self._early[:count]
            self._early = self._early[count:]
            return data
        data = await self._reader.read(count)
        if not data:
            raise EOFError("line closed")
        return data

    async def _read_exactly(self, count: int) -> bytes:
        data = await self._read(count)
        while len(data) < count:
            data += await self._read(count - len(data))
        return data

    async def receive(self) -> "str | list":
        """The next text message, one over 1 kB as a list of its bytes in pieces.

        Waits as long as it takes: the caller watches heard_ms.
        OSError or EOFError when the line is closed or breaks RFC 6455; the other side is told why.
        """
        try:
            while True:
                if await self._receive_frame():
                    return self._take_message()
        except WebSocketError as error:
            if error.code:
                await self._send_close(error.code)
            self._usable = False
            raise

    def _take_message(self) -> "str | list":
        pieces, length = self._message, self._length
        self._message = []
        self._length = 0
        if length > _WHOLE_BYTES:
            frames.check_text(pieces)
            return pieces
        return frames.decode(b"".join(pieces))

    async def _receive_frame(self) -> bool:
        """Take one frame in; True when it completes a message."""
        head = await self._read_exactly(2)
        final, opcode, length = frames.parse_head(head[0], head[1])
        self.heard_ms = clock.ticks_ms()
        if frames.is_control(opcode):
            payload = await self._read_exactly(length) if length else b""
            await self._take_control(opcode, payload)
            return False
        if opcode == frames.BINARY:
            raise WebSocketError("binary message", frames.UNSUPPORTED_DATA)
        if (opcode == frames.CONTINUATION) != self._fragmented:
            raise WebSocketError("fragments out of order", frames.PROTOCOL_ERROR)
        self._fragmented = not final
        await self._append_payload(await self._read_length(length))
        return final

    async def _read_length(self, length: int) -> int:
        extra = {126: 2, 127: 8}.get(length, 0)
        if not extra:
            return length
        extended = int.from_bytes(await self._read_exactly(extra), "big")
        if extended < (126 if extra == 2 else 65536) or extended >> 63:
            raise WebSocketError("length is not the shortest", frames.PROTOCOL_ERROR)
        return extended

    async def _append_payload(self, length: int) -> None:
        if self._length + length > _MAX_MESSAGE_BYTES:
            raise WebSocketError("message is over 16 kB", frames.TOO_BIG)
        self._length += length
        while length:
            room = _KEPT_BYTES - len(self._message[-1]) if self._message else 0
            piece = await self._read(min(length, room or _KEPT_BYTES))
            if room:
                self._message[-1] += piece
            else:
                self._message.append(piece)
            length -= len(piece)
            self.heard_ms = clock.ticks_ms()

    async def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == frames.PING:
            await self._send(frames.PONG, (payload,))
        elif opcode == frames.CLOSE:
            code, reason = frames.parse_close(payload)
            await self._send_close(frames.NORMAL if code == frames.NO_STATUS else code)
            raise WebSocketError("closed by the other side (%d %s)" % (code, reason))

    async def send(self, parts) -> None:
        """Send a text given in parts of UTF-8. OSError or asyncio.TimeoutError: the line is lost.

        A tuple goes out as one frame; what any other iterable yields, in fragments: it need never be
        in memory as a whole. Where it yields an empty part, others have their turn.
        """
        await self._send(frames.TEXT, parts)

    async def ping(self) -> None:
        """Ask for a sign of life; heard_ms shows it."""
        await self._send(frames.PING, ())

    async def _send(self, opcode: int, parts) -> None:
        async with self._turn:
            if not self._usable or self._close_sent:
                raise WebSocketError("line is closed")
            self._usable = False  # half a frame cannot be mended: so until the whole is out
            self._close_sent = opcode == frames.CLOSE
            if isinstance(parts, tuple):
                await self._write_frame(opcode, parts)
            else:
                await self._write_fragments(opcode, parts)
            self._usable = True

    async def _write_frame(self, opcode: int, parts: "tuple[bytes, ...]") -> None:
        buffer = self._buffer
        key = os.urandom(4)
        filled = frames.write_head(buffer, opcode, sum([len(part) for part in parts]), key)
        phase = 0
        for part in parts:
            rest = memoryview(part)
            while rest:
                piece = rest[: min(_MASK_BYTES, _PIECE_BYTES - filled)]
                frames.mask_into(buffer, filled, piece, key, phase)
                phase += len(piece)
                filled += len(piece)
                rest = rest[len(piece) :]
                if filled == _PIECE_BYTES:
                    await self._flush(filled)
                    filled = 0
                elif rest:
                    await asyncio.sleep_ms(0)
        if filled:
            await self._flush(filled)

    async def _write_fragments(self, opcode: int, parts) -> None:
        key = os.urandom(4)
        filled = 0
        for part in parts:
            if not part:
                await asyncio.sleep_ms(0)
            rest = memoryview(part)
            while rest:
                if filled == _FRAGMENT_BYTES:
                    await self._flush_fragment(opcode, filled, key, False)
                    opcode, filled, key = frames.CONTINUATION, 0, os.urandom(4)
                piece = rest[: min(_MASK_BYTES, _FRAGMENT_BYTES - filled)]
                frames.mask_into(self._buffer, frames.MAX_HEAD_BYTES + filled, piece, key, filled)
                filled += len(piece)
                rest = rest[len(piece) :]
                if rest:
                    await asyncio.sleep_ms(0)
        await self._flush_fragment(opcode, filled, key, True)

    async def _flush_fragment(self, opcode: int, length: int, key: bytes, final: bool) -> None:
        """Send the fragment whose text stands behind the room for its head."""
        start = 0 if length > 125 else 2  # a short one's head is shorter by its length's two bytes
        head = memoryview(self._buffer)[start:]
        await self._flush(frames.write_head(head, opcode, length, key, final) + length, start)

    async def _flush(self, count: int, start: int = 0) -> None:
        self._writer.write(memoryview(self._buffer)[start : start + count])
        # MicroPython's stream keeps in out_buf what the socket did not take; a wait costs two tasks
        if getattr(self._writer, "out_buf", True):
            await asyncio.wait_for_ms(self._writer.drain(), _SEND_MS)
        else:
            await asyncio.sleep_ms(0)

    async def _send_close(self, code: int) -> None:
        try:
            await self._send(frames.CLOSE, (bytes((code >> 8, code & 0xFF)),))
        except (OSError, asyncio.TimeoutError):
            pass  # it would only have been a courtesy

    async def close(self, code: int = frames.NORMAL) -> None:
        """Say goodbye if that is still possible, and hang up. Nobody may be receiving."""
        if self._usable and not self._close_sent:
            await self._send_close(code)
            try:
                await asyncio.wait_for_ms(self._await_close(), _CLOSE_MS)
            except (OSError, EOFError, asyncio.TimeoutError):
                pass  # the expected end
        await self.drop()

    async def _await_close(self) -> None:
        while True:
            await self._receive_frame()
            self._message = []
            self._length = 0

    async def drop(self) -> None:
        """Hang up at once."""
        self._usable = False
        self._close_sent = (
            True  # also for a frame that is on its way: its end must not reopen the line
        )
        self._writer.close()
        try:
            await asyncio.wait_for_ms(self._writer.wait_closed(), _CLOSE_MS)
        except (OSError, asyncio.TimeoutError):
            pass
