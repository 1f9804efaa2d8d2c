"""A Client's side of dlm.relay: asks its Gateway for a line. Loaded for the opening of one."""

import os

from dlm.group_auth import SEAL_BYTES
from dlm.ip_messages import NONCE_BYTES, fits, padded, sealed
from micropython import const
from websocket_client.stream import open_host

_CONNECT_MS = const(5000)
_REASONS = (  # by the status in the answer, dlm.relay; 0: open
    "",
    "the gateway has no room for another client's line",
    "the gateway does not reach the back office",
    "the gateway does not know this client yet",
)


async def open_line(address: str, port: int, seal, serial: str) -> tuple:
    """(reader, writer, address of the back office) through the Gateway at an address and TCP port.

    OSError says why there is none; EOFError, asyncio.TimeoutError: the Gateway is gone. To be bounded
    in time by the caller.
    """
    reader, writer = await open_host(address, port, _CONNECT_MS)
    try:
        status, url = await _ask(reader, writer, seal, serial)
        if status:
            raise OSError(_REASONS[status] if status < len(_REASONS) else "the gateway refuses")
    except BaseException:
        writer.close()
        await writer.wait_closed()
        raise
    return reader, writer, url


async def _ask(reader, writer, seal, serial: str) -> tuple:
    """(status, address of the back office) that the Gateway answers."""
    nonce = await reader.readexactly(NONCE_BYTES)
    own = os.urandom(NONCE_BYTES)
    writer.write(sealed(seal, padded(serial) + own, nonce))
    await writer.drain()
    answer = await reader.readexactly(2)
    answer += await reader.readexactly(answer[1] + SEAL_BYTES)
    if not fits(seal, answer, nonce + own):
        raise OSError("that is not the group's gateway")
    return answer[0], answer[2:-SEAL_BYTES].decode()
