"""TLS over a stream. Loaded for wss:// only.

mbedtls reckons inside one call for as long as it has bytes to go on, and everything else on the chip stands
still meanwhile. So it gets one TLS record at a time: between the messages of a handshake others have
their turn, for as long as they had to wait.
"""

import asyncio
import io

from core import clock, loading
from micropython import const

_HEAD_BYTES = const(5)  # of a TLS record: kind, version, length (RFC 8446 section 5.1)
_PIECE_BYTES = const(512)
_SHORT_MS = const(20)


class _Inlet(io.IOBase):
    """The socket as mbedtls sees it: holds what came, passes on what goes."""

    def __init__(self, writer) -> None:
        self.waiting = b""
        self._writer = writer

    def readinto(self, buffer) -> "int | None":
        """At most what waits; None when there is nothing yet."""
        count = min(len(buffer), len(self.waiting))
        if not count:
            return None
        buffer[:count] = self.waiting[:count]
        self.waiting = self.waiting[count:]
        return count

    def write(self, data) -> int:
        """Pass everything on."""
        self._writer.write(bytes(data))
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        """Nothing to be done: the stream below is closed by itself."""
        return 0


class SecureStream:
    """TLS over (reader, writer), for reading and writing. The first write shakes hands.

    context: a tls.SSLContext; host: the name that the server has to prove.
    """

    def __init__(self, reader, writer, context, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._inlet = _Inlet(writer)
        self._left = 0  # bytes of the present record still to come
        self._held_ms = 0  # how long mbedtls held the loop last
        self._unsent = b""  # while hands are being shaken
        self._tls = context.wrap_socket(
            self._inlet, server_hostname=host, do_handshake_on_connect=False
        )

    @property
    def out_buf(self):
        """What the socket did not take yet, as asyncio.Stream has it."""
        return self._unsent or getattr(self._writer, "out_buf", True)

    def _step(self, act, argument):
        """A call of mbedtls; WebSocketError when it gives up."""
        begun_ms = clock.ticks_ms()
        try:
            return act(argument)
        except (ValueError, OSError) as error:
            raise loading.once("websocket_client.secure", "explained", error)
        finally:
            self._held_ms = clock.ticks_diff(clock.ticks_ms(), begun_ms)

    async def _take_in(self) -> None:
        """Have mbedtls get some bytes of one record. EOFError: the line is closed."""
        if self._held_ms > _SHORT_MS:
            await asyncio.sleep_ms(self._held_ms)
        count = min(self._left or _HEAD_BYTES, _PIECE_BYTES)
        piece = await self._reader.read(count)
        if not piece:
            raise EOFError("line closed" + (" while TLS shook hands" if self._unsent else ""))
        if self._left:
            self._left -= len(piece)
        else:
            if len(piece) < count:
                piece += await self._reader.readexactly(count - len(piece))
            self._left = piece[3] << 8 | piece[4]
        self._inlet.waiting = piece

    async def read(self, count: int) -> bytes:
        """1 to count bytes, none at the end. WebSocketError when mbedtls gives up."""
        while True:
            data = self._step(self._tls.read, count)
            if data is not None:
                return data
            await self._take_in()

    def write(self, data) -> None:
        """Encrypt and send; or, while hands are not shaken, keep until drain."""
        data = self._unsent + bytes(data)
        taken = self._step(self._tls.write, data)
        self._unsent = data[taken or 0 :]

    async def drain(self) -> None:
        """Wait until all has gone, which includes the handshake. WebSocketError when that fails."""
        while self._unsent:
            await self._writer.drain()
            await self._take_in()
            self.write(b"")
        await self._writer.drain()

    def close(self) -> None:
        """Say goodbye, and close the stream below."""
        try:
            self._tls.close()
        except (OSError, ValueError):
            pass  # it would only have been a courtesy
        self._writer.close()

    async def wait_closed(self) -> None:
        """Wait until the stream below is closed."""
        await self._writer.wait_closed()
