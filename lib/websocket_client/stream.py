"""TCP streams: asyncio's own on a host, and on MicroPython one that closes on failure."""

import asyncio
import errno
import socket
import sys


def _until_writable(sock):
    yield asyncio.core._io_queue.queue_write(sock)  # type: ignore[attr-defined]


async def _open_on_device(address: str, port: int) -> tuple:
    # asyncio.open_connection leaves the socket open when connecting fails or is cancelled
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        try:
            sock.connect(socket.getaddrinfo(address, port)[0][-1])
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        await _until_writable(sock)
        stream = asyncio.StreamReader(sock)
    except BaseException:
        sock.close()
        raise
    return stream, stream


async def open_stream(address: str, port: int) -> tuple:
    """(reader, writer) connected to an IPv4 address; the caller sets the time limit."""
    if sys.implementation.name == "micropython":
        return await _open_on_device(address, port)
    return await asyncio.open_connection(address, port)
