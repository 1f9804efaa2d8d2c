"""Streams to a host: TCP, and TLS over it. On MicroPython they close when they fail to open."""

import asyncio
import errno
import socket
import sys

from core import loading
from websocket_client import resolver

_SECURE_STREAM = "websocket_client.secure_stream"


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


async def open_host(host: str, port: int, timeout_ms: int, trust=None, through=None) -> tuple:
    """(reader, writer) connected to a host, through TLS with a secure.Trust.

    TLS shakes hands with the first writer.drain(). Finding the name and connecting may take timeout_ms
    each. through: awaited for the (reader, writer) where another leads to the host. OSError, ValueError
    (files of certificates) or asyncio.TimeoutError when it fails.
    """
    address = "" if through else await asyncio.wait_for_ms(resolver.resolve(host), timeout_ms)
    try:
        opening = through() if through else _open(address, port)
        reader, writer = await asyncio.wait_for_ms(opening, timeout_ms)
    except (OSError, asyncio.TimeoutError):
        resolver.forget(host)
        raise
    if trust is None:
        return reader, writer
    try:
        context = trust.context()
        stream = loading.once(_SECURE_STREAM, "SecureStream", reader, writer, context, host)
    except BaseException:
        writer.close()
        raise
    return stream, stream


async def _open(address: str, port: int) -> tuple:
    if sys.implementation.name == "micropython":
        return await _open_on_device(address, port)
    return await asyncio.open_connection(address, port)
