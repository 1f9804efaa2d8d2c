"""Sending and receiving in pieces, each with a time limit."""

import asyncio

from file_transfer.address import TransferError
from micropython import const

WAIT_MS = const(20000)  # for connecting, for each piece and each answer
_PIECE_BYTES = const(512)
_LINE_BYTES = const(512)


async def send(writer, data: bytes) -> None:
    """Send some bytes. TransferError when they do not go."""
    writer.write(data)
    try:
        await asyncio.wait_for_ms(writer.drain(), WAIT_MS)
    except asyncio.TimeoutError:
        raise TransferError("the other side takes nothing more")


async def send_file(writer, path: str) -> None:
    """Send a file's content."""
    with open(path, "rb") as file:
        piece = file.read(_PIECE_BYTES)
        while piece:
            await send(writer, piece)
            piece = file.read(_PIECE_BYTES)


class Lines:
    """Lines that the other side sends."""

    def __init__(self, reader) -> None:
        self._reader = reader
        self._rest = b""

    async def next(self) -> str:
        """The next line without its end. TransferError when there is none."""
        while b"\n" not in self._rest:
            if len(self._rest) > _LINE_BYTES:
                raise TransferError("the other side sends no lines")
            try:
                piece = await asyncio.wait_for_ms(self._reader.read(_LINE_BYTES), WAIT_MS)
            except asyncio.TimeoutError:
                raise TransferError("no answer")
            if not piece:
                raise TransferError("line closed")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return "".join([chr(byte) for byte in line]).rstrip("\r")


async def close(writer) -> None:
    """Hang up."""
    writer.close()
    try:
        await asyncio.wait_for_ms(writer.wait_closed(), 1000)
    except (OSError, asyncio.TimeoutError):
        pass  # it is of no use any more
