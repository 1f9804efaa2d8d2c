"""Runs on MicroPython: a WebSocket through TLS. Prints when the server's certificate begins to be valid, a second
later; then the first text that comes, or the error and its code.

micropython32 -X heapsize=1m secure_line.py LIB URL ROOT [CHAIN KEY]
"""

import asyncio
import sys

sys.path.append(sys.argv[1])

from websocket_client import client, secure  # noqa: E402


async def play(url, root, *pair):
    """Connect, and hear and say something."""
    try:
        trust = secure.Trust([root], pair or None, lambda begin_s: print("begin", begin_s))
        socket = await client.connect(url, "CP", "ocpp1.6", b"", 10000, trust)
        text = await socket.receive()
        await socket.send((b"x" * 3000,))
        await socket.close()
    except (OSError, EOFError, ValueError) as error:
        text = "%d %s" % (getattr(error, "code", 0), error)
    print(text)


asyncio.run(play(*sys.argv[2:]))
