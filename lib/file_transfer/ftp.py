"""Puts a file to an FTP server (RFC 959), passive: the controller is behind somebody's router."""

from file_transfer import pieces
from file_transfer.address import NOT_ALLOWED, TransferError, percent_decode
from websocket_client.stream import open_host

_MOST_LINES = 64
_NO_FILE = 550


class _Control:
    """The line for commands and replies."""

    def __init__(self, reader, writer) -> None:
        self._lines = pieces.Lines(reader)
        self._writer = writer

    async def reply(self) -> tuple:
        """(code, text) of the next reply; of one in many lines the last."""
        for _ in range(_MOST_LINES):
            line = await self._lines.next()
            if line[:3].isdigit() and line[3:4] in ("", " "):
                return int(line[:3]), line[4:]
        raise TransferError("the answer is not FTP")

    async def ask(self, command: str) -> tuple:
        """Send a command; returns its reply."""
        await pieces.send(self._writer, (command + "\r\n").encode())
        return await self.reply()

    async def need(self, command: str, *codes: int) -> tuple:
        """As ask; TransferError when the reply has none of these codes."""
        code, text = await self.ask(command)
        if code not in codes:
            verb = command.split(" ")[0]
            kind = NOT_ALLOWED if code in (530, 532, 553) else 0
            raise TransferError("FTP %s: %d %s" % (verb, code, text[:60]), kind)
        return code, text


async def upload(address, path: str, name: str) -> None:
    """Send the file at a path. TransferError, OSError or asyncio.TimeoutError when it fails.

    address: Address, of a directory or of the file to be made, relative to where the login leads;
    name: what the file is called in a directory.
    """
    target = percent_decode(address.path[1:])
    reader, writer = await open_host(address.host, address.port, pieces.WAIT_MS)
    try:
        control = _Control(reader, writer)
        code, text = await control.reply()
        if code != 220:
            raise TransferError("FTP: %d %s" % (code, text[:60]))
        await _log_in(control, address)
        await control.need("TYPE I", 200)
        name = await _enter(control, target, name)
        await _store(control, address, path, name)
        await control.ask("QUIT")
    finally:
        await pieces.close(writer)


async def _log_in(control, address) -> None:
    user, password = address.user, address.password
    if not user:
        user, password = "anonymous", "mpevse@"
    code, _ = await control.need("USER " + user, 230, 331)
    if code == 331:
        await control.need("PASS " + password, 230, 202)


async def _enter(control, path: str, name: str) -> str:
    """Go to the directory that a path is, or is in; returns the file's name there."""
    directory = path.rstrip("/")
    if not directory:
        return name
    code, _ = await control.ask("CWD " + directory)
    if code < 300:
        return name
    if code != _NO_FILE or path.endswith("/"):
        raise TransferError("FTP CWD: %d" % code)
    directory, _, name = path.rpartition("/")  # no directory: then it is the file's name
    if directory:
        await control.need("CWD " + directory, 250, 200)
    return name


async def _store(control, address, path: str, name: str) -> None:
    _, text = await control.need("PASV", 227)
    numbers = text[text.find("(") + 1 : text.rfind(")")].split(",")
    if len(numbers) != 6 or not (numbers[4].isdigit() and numbers[5].isdigit()):
        raise TransferError("FTP PASV: no port in the answer")
    port = int(numbers[4]) * 256 + int(numbers[5])
    # At the host that was asked: what the answer names may be an address behind a router, or a trick.
    _, writer = await open_host(address.host, port, pieces.WAIT_MS)
    try:
        await control.need("STOR " + name, 125, 150)
        await pieces.send_file(writer, path)
    finally:
        await pieces.close(writer)
    code, text = await control.reply()
    if code not in (226, 250):
        raise TransferError("FTP STOR: %d %s" % (code, text[:60]))
