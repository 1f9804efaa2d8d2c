"""An HTTP and an FTP server that take files, on loopback, for stories in virtual time."""

import asyncio
import base64


class HttpServer:
    """Takes what is put; keeps (method, path, headers, body) of each request."""

    def __init__(self, *statuses: int) -> None:
        self.requests: list = []
        self._statuses = list(statuses)  # of the first answers; then 201

    async def __aenter__(self) -> "HttpServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = "http://127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()

    async def _serve(self, reader, writer) -> None:
        method, path, _ = (await reader.readline()).decode().split()
        headers = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((method, path, headers, body))
        status = self._statuses.pop(0) if self._statuses else 201
        writer.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status)
        await writer.drain()
        writer.close()


def basic(user: str, password: str) -> str:
    """The Authorization header of a login."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class FtpServer:
    """Takes files into directories; knows one login."""

    def __init__(self, user: str = "anonymous", password: str = "", directories=("logs",)) -> None:
        self.files: dict = {}
        self.commands: list = []
        self.refuses_store = False
        self._login = (user, password)
        self._directories = directories

    async def __aenter__(self) -> "FtpServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()

    async def _serve(self, reader, writer) -> None:
        line = _FtpLine(self)
        writer.write(b"220-Welcome\r\n220 to the files\r\n")
        while command := (await reader.readline()).decode().rstrip("\r\n"):
            self.commands.append(command)
            async for reply in line.replies(*command.partition(" ")[::2]):
                writer.write(reply.encode() + b"\r\n")
                await writer.drain()
        writer.close()

    def knows(self, user: str, password: str) -> bool:
        """Tell whether a login is right; anybody's password will do for the anonymous one."""
        return user == self._login[0] and (user == "anonymous" or password == self._login[1])

    def has(self, directory: str) -> bool:
        """Tell whether there is such a directory."""
        return directory in self._directories


class _FtpLine:
    """One client's state."""

    def __init__(self, server: FtpServer) -> None:
        self._server = server
        self._user = self._directory = ""

    async def replies(self, verb: str, argument: str):
        if verb == "USER":
            self._user = argument
            yield "331 Password?"
        elif verb == "PASS":
            yield "230 In" if self._server.knows(self._user, argument) else "530 No"
        elif verb == "CWD" and not self._server.has(argument):
            yield "550 No such directory"
        elif verb == "CWD":
            self._directory = argument
            yield "250 There"
        elif verb == "PASV":
            self._data = asyncio.get_running_loop().create_future()
            self._taker = await asyncio.start_server(self._take, "127.0.0.1", 0)
            port = self._taker.sockets[0].getsockname()[1]
            yield "227 Passive (10,0,0,9,%d,%d)." % divmod(port, 256)  # an address behind a router
        elif verb == "STOR" and self._server.refuses_store:
            yield "552 No room"
        elif verb == "STOR":
            yield "150 Send it"
            self._server.files[self._directory + "/" + argument] = await self._data
            self._taker.close()
            yield "226 Got it"
        else:
            yield "200 Fine"

    async def _take(self, reader, writer) -> None:
        self._data.set_result(await reader.read())
        writer.close()
