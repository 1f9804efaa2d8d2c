"""Puts a file to an HTTP server (RFC 9110).

PUT is what takes a file at an address: object stores with signed addresses, WebDAV, what `curl -T` does.
A server that has no PUT gets the form that a browser would send (RFC 7578), with the field "file".
"""

import os
from binascii import b2a_base64

from file_transfer import pieces
from file_transfer.address import NOT_ALLOWED, TransferError
from websocket_client.stream import open_host

_BOUNDARY = "----mpevse-%08x"
_NO_PUT = (404, 405, 501)
_MOST_LINES = 64


async def upload(address, path: str, name: str, trust=None) -> None:
    """Send the file at a path. TransferError, OSError or asyncio.TimeoutError when it fails.

    address: Address; name: what the file is called there; trust: a websocket_client.secure.Trust for https.
    """
    target = address.for_file(name)
    status = await _send(address, "PUT " + target, path, "", "", trust)
    if status in _NO_PUT:
        boundary = _BOUNDARY % int.from_bytes(os.urandom(4), "big")
        head = '--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n' % (
            boundary,
            name,
        )
        head += "Content-Type: text/plain\r\n\r\n"
        tail = "\r\n--%s--\r\n" % boundary
        status = await _send(address, "POST " + (address.path or "/"), path, head, tail, trust)
    if 200 <= status < 300:
        return
    if status in (401, 403):
        raise TransferError("HTTP %d: not allowed" % status, NOT_ALLOWED)
    if 300 <= status < 400:
        raise TransferError("HTTP %d: redirects are not followed" % status)
    raise TransferError("HTTP %d" % status)


def _head(address, request: str, length: int, form: str) -> bytes:
    host = address.host
    if address.port != (443 if address.scheme == "https" else 80):
        host += ":%d" % address.port
    kind = "text/plain"
    if form:
        kind = "multipart/form-data; boundary=" + form[2 : form.find("\r\n")]
    lines = [
        request + " HTTP/1.1",
        "Host: " + host,
        "Content-Type: " + kind,
        "Content-Length: %d" % length,
        "Connection: close",
    ]
    if address.user:
        login = "%s:%s" % (address.user, address.password)
        lines.append("Authorization: Basic " + b2a_base64(login.encode()).decode().strip())
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _send(address, request: str, path: str, head: str, tail: str, trust) -> int:
    """Send a request with a file between head and tail; returns the answer's status."""
    length = len(head) + os.stat(path)[6] + len(tail)
    reader, writer = await open_host(address.host, address.port, pieces.WAIT_MS, trust)
    try:
        failed = None
        try:
            await pieces.send(writer, _head(address, request, length, head) + head.encode())
            await pieces.send_file(writer, path)
            await pieces.send(writer, tail.encode())
        except OSError as error:  # who refuses it may say so, and hang up before it is through
            failed = error
        try:
            return await _status(pieces.Lines(reader))
        except OSError as error:
            raise failed or error
    finally:
        await pieces.close(writer)


async def _status(lines) -> int:
    """The status of an answer; those of 100 and above until the final one are passed over."""
    for _ in range(_MOST_LINES):
        parts = (await lines.next()).split(" ")
        if parts[0][:7] == "HTTP/1." and len(parts) > 1 and parts[1].isdigit():
            if int(parts[1]) >= 200:
                return int(parts[1])
        elif parts[0][:5] == "HTTP/":
            break
    raise TransferError("the answer is not HTTP")
