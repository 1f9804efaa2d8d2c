"""The HTTP server under Microdot: a few connections at a time, each with limits and a deadline.

Microdot's own server reads lines of any length, waits for ever and sends each header apart. Here
a connection reads ahead in blocks and gathers what it sends, so that a request costs few turns of
the asyncio loop; a client that is silent, slow or sends nonsense is dropped with a 4xx answer.
"""

import asyncio
import gc

from microdot import Request, Response
from microdot.microdot import NoCaseDict
from micropython import const

from core import clock, log

_CONNECTIONS = const(6)
_TURNED_AWAY = const(2)  # more that wait for a place in vain are told to come back, others closed
_ROOM_LOOK_MS = const(50)
_ROOM_LOOKS = const(40)  # two seconds
_HEAD_BYTES = const(4096)
_HEAD_BLOCK_BYTES = const(128)
_BLOCK_BYTES = const(256)
_SEND_BYTES = const(256)  # gathered at most, unless a piece is larger
_SENDS_A_TURN = const(3)  # as long as the socket takes them at once
_REQUEST_MS = const(10000)  # a request is complete by then
# A client that takes nothing of its answer, or sends nothing of a long body, is gone after this.
_STALL_MS = const(10000)
_PATIENCE_MS = const(1000)  # so long a silent client may keep its place when others wait
_LINGER_MS = const(2000)
_LINGER_BYTES = const(131072)
_TRIES = const(4)  # at a request for whose answer the heap has no room, …
_ROOM_MS = const(300)  # … so far apart
_QUIET_S = 0.5  # period of the watch: nobody is connected …
_BUSY_S = 0.1  # … and somebody is

Request.max_content_length = 32768  # a configuration with a full whitelist
Request.max_body_length = 2048
Request.max_readline = 2048
Response.send_file_buffer_size = 256  # a nearly full heap has many small gaps and no large one

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    411: "Length Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Refused(Exception):
    """A request that never reaches the application; args[0] is its status."""


class Head:
    """A request's head, taken in line by line: as a whole it would need a large piece of the heap."""

    def __init__(self) -> None:
        self.method = self.target = self.version = ""
        self.headers = NoCaseDict()

    def take(self, line: bytes) -> None:
        """Take the next line; ValueError when it is malformed."""
        if self.method:
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
            return
        self.method, self.target, version = line.decode().split(" ")
        target = self.target
        if not (version.startswith("HTTP/1.") and target.startswith("/") and min(target) > " "):
            raise ValueError("not HTTP/1")
        self.version = version[5:]


def body_length(headers) -> int:
    """Bytes of a request's body."""
    if "transfer-encoding" in headers:
        raise Refused(411)
    text = headers.get("content-length", "0")
    if not text.isdigit() or len(text) > 9:
        raise Refused(400)
    return int(text)


def address_of(peer) -> str:
    """IP address of a peer as the socket module names it: a tuple, or on unix ports a sockaddr."""
    if isinstance(peer, tuple):
        return peer[0]
    return ".".join([str(byte) for byte in bytes(peer or b"")[4:8]])


class Connection:
    """One client: a bounded reader and a gathering writer, as Microdot uses them."""

    def __init__(self, reader, writer) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""  # read, and not yet taken
        self._out = bytearray()
        self._sends = 0
        self._unread = 0  # bytes of the body still to come
        self.address = address_of(writer.get_extra_info("peername"))
        self.task = asyncio.current_task()
        self.answering = False
        self.has_sent = False  # a part of an answer: what follows belongs to it
        self.deadline = 0
        self.extend(_REQUEST_MS)

    def extend(self, ms: int) -> None:
        """Give the client this much time from now."""
        self.deadline = clock.ticks_add(clock.ticks_ms(), ms)

    async def read_head(self) -> "Head | None":
        """The request's head; None when nothing comes. ValueError or Refused for a wrong one."""
        head = Head()
        rest = b""  # of a line
        seen = 0
        while True:
            block = await self._reader.read(_HEAD_BLOCK_BYTES)
            if not block:
                if seen:
                    raise Refused(400)
                return None
            seen += len(block)
            rest += block
            end = rest.find(b"\r\n")
            while end >= 0:
                line, rest = rest[:end], rest[end + 2 :]
                if not line:
                    self._ahead = rest
                    return head
                head.take(line)
                end = rest.find(b"\r\n")
            if seen > _HEAD_BYTES:
                raise Refused(431)
            if not head.method and b"\n" in rest:
                raise Refused(400)

    def expect_body(self, length: int) -> None:
        """So many bytes of body follow the head."""
        self._unread = length

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes of the body; b"" at its end."""
        n = min(n if n >= 0 else _BLOCK_BYTES, self._unread)
        if n == 0:
            return b""
        if self._ahead:
            data, self._ahead = self._ahead[:n], self._ahead[n:]
        else:
            data = await self._reader.read(n)
        if not data:
            raise EOFError
        self._unread -= len(data)
        if self.answering:  # a streamed body may be long, as long as it moves
            self.extend(_STALL_MS)
        return data

    async def readexactly(self, n: int) -> bytes:
        """Exactly n bytes of the body; EOFError when it ends before."""
        parts = []
        while n > 0:
            part = await self.read(n)
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    async def awrite(self, data: bytes) -> None:
        """Send, in good-sized pieces."""
        if len(self._out) + len(data) > _SEND_BYTES:
            await self.flush()
        self._out.extend(data)

    async def flush(self) -> None:
        """Send now what has been gathered."""
        if not self._out:
            return
        data, self._out = self._out, bytearray()
        self.has_sent = True
        self._writer.write(data)
        self._sends += 1
        # MicroPython's stream keeps in out_buf what the socket did not take; to drain always costs a turn
        if self._sends % _SENDS_A_TURN == 0 or getattr(self._writer, "out_buf", True):
            await self._writer.drain()
        self.extend(_STALL_MS)

    def forget(self) -> None:
        """Drop what has been gathered and not sent."""
        self._out = bytearray()

    def refuse(self, status: int) -> None:
        """Answer with an error, without waiting for the client."""
        text = b'{"error":"%s"}' % _REASONS[status].lower().encode()
        self._writer.write(
            b"HTTP/1.0 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, _REASONS[status].encode(), len(text), text)
        )

    @property
    def unread(self) -> int:
        """Bytes of the body that the application has not taken."""
        return self._unread

    async def linger(self) -> None:
        """Swallow what a refused client still sends: closing first would destroy the answer."""
        self.extend(_LINGER_MS)
        left = _LINGER_BYTES
        while left > 0:
            data = await self._reader.read(_BLOCK_BYTES)
            if not data:
                return
            left -= len(data)

    async def close(self) -> None:
        """Close the socket."""
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:
            pass  # the client was faster


class WebServer:
    """Serves an application on a port until its task is cancelled."""

    def __init__(self, app, port: int, host: str = "0.0.0.0") -> None:
        self._app = app
        self._port = port
        self._host = host
        self._connections = []
        self._waiting = 0  # connections without a place yet

    async def run(self) -> None:
        """Listen, and watch over the connections and the live pages."""
        server = await asyncio.start_server(self._serve, self._host, self._port)
        log.info("web", "listening on port %d" % self._port)
        try:
            while True:
                await asyncio.sleep(_BUSY_S if self._connections else _QUIET_S)
                self._drop_late()
                self._app.live.tick()
        finally:
            server.close()
            for connection in self._connections:
                connection.task.cancel()

    def _drop_late(self) -> None:
        now = clock.ticks_ms()
        for connection in list(self._connections):
            if clock.ticks_diff(now, connection.deadline) >= 0:
                connection.task.cancel()

    def _make_room(self) -> bool:
        """Tell whether one more connection can be; a silent one may have to go for it.

        Browsers open connections that they may need later, and then say nothing.
        """
        if len(self._connections) < _CONNECTIONS:
            return True
        patience = clock.ticks_add(clock.ticks_ms(), _REQUEST_MS - _PATIENCE_MS)
        for connection in self._connections:  # the oldest comes first
            if not connection.answering and clock.ticks_diff(connection.deadline, patience) <= 0:
                connection.task.cancel()
                return True
        return False

    async def _wait_for_room(self) -> bool:
        """Tell whether one more connection can be; wait a little for one to end.

        A browser fetches a page's modules by six connections, beside the live stream that another
        browser has, or that the same one has just left; a module that is refused is a dead page.
        """
        self._waiting += 1
        try:
            for _ in range(_ROOM_LOOKS):
                if self._make_room():
                    return True
                await asyncio.sleep_ms(_ROOM_LOOK_MS)
        finally:
            self._waiting -= 1
        return False

    async def _serve(self, reader, writer) -> None:
        connection = Connection(reader, writer)
        if len(self._connections) + self._waiting >= _CONNECTIONS + _TURNED_AWAY:
            await connection.close()
            return
        has_room = await self._wait_for_room()
        self._connections.append(connection)
        try:
            if has_room:
                await self._answer(connection)
            else:
                connection.answering = True
                connection.refuse(503)
                await connection.linger()
        except asyncio.CancelledError:  # by the watch, or at the end of run()
            if not connection.answering:
                connection.refuse(408)
        except (OSError, EOFError, asyncio.TimeoutError):
            pass  # the client has gone
        except MemoryError as error:
            gc.collect()
            log.error("web", "no memory for a request: %s" % error)
            if not connection.has_sent:
                connection.refuse(503)  # browsers and the pages ask again
        finally:
            self._connections.remove(connection)
            await connection.close()

    async def _answer(self, connection: Connection) -> None:
        try:
            head = await connection.read_head()
            if head is None:
                return
            request = await self._read_request(connection, head)
        except Refused as refusal:
            connection.refuse(refusal.args[0])
            await connection.linger()
            return
        except (ValueError, IndexError):  # what parsing raises, here and in Request
            connection.refuse(400)
            await connection.linger()
            return
        connection.answering = True
        connection.extend(_STALL_MS)
        await self._respond_patiently(connection, request)
        if connection.unread:
            await connection.linger()

    async def _respond_patiently(self, connection: Connection, request: Request) -> None:
        """Answer; what only asks is tried again when the heap has no room: others give theirs back soon."""
        for _ in range(_TRIES - 1 if request.method == "GET" else 0):
            try:
                await self._respond(connection, request)
                return
            except MemoryError as error:
                if connection.has_sent:
                    raise
                log.warning("web", "no room yet for %s: %s" % (request.path, error))
            connection.forget()
            gc.collect()
            await asyncio.sleep_ms(_ROOM_MS)
        await self._respond(connection, request)

    async def _respond(self, connection: Connection, request: Request) -> None:
        request.g.no_room = ""
        await asyncio.sleep_ms(0)  # others have their turn between reading, handling and sending
        response = await self._app.dispatch_request(request)
        if request.g.no_room:
            raise MemoryError(request.g.no_room)
        await asyncio.sleep_ms(0)
        try:
            await response.write(connection)
            await connection.flush()
        finally:
            if hasattr(response.body, "aclose"):
                await response.body.aclose()

    async def _read_request(self, connection: Connection, head: Head) -> Request:
        length = body_length(head.headers)
        connection.expect_body(length)
        body = b""
        if length <= Request.max_body_length:
            body = await connection.readexactly(length)
        return Request(
            self._app,
            (connection.address, 0),
            head.method,
            head.target,
            head.version,
            head.headers,
            body=body,
            stream=None if length <= Request.max_body_length else connection,
            sock=(connection, connection),
        )
