"""The Gateway's relay: Clients reach the back office through it, each by a line of its own.

A Client opens its own WebSocket, with its own identity, password and, where the back office wants it, TLS,
over a TCP connection to its Gateway; the Gateway opens one to the back office beside it and passes on what
comes, in pieces. So subprotocol, pings and closing are the back office's and the Client's own, its
commands can't go to another, and what TLS protects stays closed to the Gateway.

Before that the two prove that they know the group's key, and the Client learns the address of the back
office: docs/load-management.md. Beyond the back office's host the relay leads nowhere.
"""

import asyncio
import gc
import os

from core import loading, log
from dlm.group_auth import SEAL_BYTES
from dlm.group_records import SERIAL_BYTES
from dlm.ip_messages import NONCE_BYTES, fits, sealed, serial_in
from micropython import const
from websocket_client.stream import open_host

OPEN = const(0)  # answers to a Client
NO_ROOM = const(1)
NOT_REACHED = const(2)
NO_MEMBER = const(3)
HELLO_BYTES = SERIAL_BYTES + NONCE_BYTES + SEAL_BYTES

_PIECE_BYTES = const(256)
_HELLO_MS = const(5000)
_CONNECT_MS = const(15000)
_STALL_MS = const(30000)  # who takes nothing for so long is gone
_STRANGERS = const(4)  # connections that have not proved anything yet
_RESERVE_BYTES = const(8192)  # of the heap, for what else the charger does meanwhile


class Relay:
    """A Gateway's lines for its Clients.

    most: lines at a time; gateway: dlm.ip_gateway.Gateway, which puts itself here.
    """

    def __init__(self, settings, most: int, gateway=None) -> None:
        self.lines: dict = {}  # the tasks of each line, by the Client's serial number
        self.gateway = gateway
        self._settings = settings
        self._most = most
        self._strangers = 0

    async def serve(self, reader, writer) -> None:
        """A connection to the relay's port, from its greeting to its end."""
        if self._strangers >= _STRANGERS:
            return await _hang_up(writer)
        self._strangers += 1
        serial = ""
        try:
            greeted = asyncio.wait_for_ms(self._greet(reader, writer), _HELLO_MS)
            serial, context = await greeted
        except (OSError, EOFError, ValueError, MemoryError, asyncio.TimeoutError):
            pass  # nobody of the group, or no room even to find out
        finally:
            self._strangers -= 1
            if not serial:
                await _hang_up(writer)
        if serial:
            await self._open(serial, context, reader, writer)

    async def _greet(self, reader, writer) -> tuple:
        """(serial number, context) of a Client that has proved to be one. ValueError for others."""
        nonce = os.urandom(NONCE_BYTES)
        writer.write(nonce)
        await writer.drain()
        hello = await reader.readexactly(HELLO_BYTES)
        if not fits(self.gateway.seal, hello, nonce):
            raise ValueError("not of this group")
        return serial_in(hello[:SERIAL_BYTES]), nonce + hello[SERIAL_BYTES:-SEAL_BYTES]

    async def _open(self, serial: str, context: bytes, reader, writer) -> None:
        """Connect a Client with the back office, or tell it why not."""
        self.end(serial)  # a Client that comes anew has lost the line that it had
        line = self.lines[serial] = [asyncio.current_task()]
        upstream = None
        try:
            status = self._refusal(serial)
            if status == OPEN:
                status, upstream = await self._connect(serial)
            url = self._settings.get("backend_url").encode()
            writer.write(sealed(self.gateway.seal, bytes((status, len(url))) + url, context))
            await writer.drain()
            if upstream:
                log.info("relay", "%s: open, %d of %d" % (serial, len(self.lines), self._most))
                up_reader, up_writer = upstream
                downward = self._pass(serial, line, up_reader, writer)
                upward = self._pass(serial, line, reader, up_writer)
                line[:] = [asyncio.create_task(downward), asyncio.create_task(upward)]
                await asyncio.sleep_ms(0)  # from now on they close what they were given
                if self.lines.get(serial) is line:
                    return
        except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
            pass  # the Client is gone, or comes anew
        except MemoryError as error:
            log.error("relay", "%s: lost, no memory: %s" % (serial, error))
        self._forget(serial, line)
        await _hang_up(writer)
        if upstream:
            await _hang_up(upstream[1])

    def _refusal(self, serial: str) -> int:
        """Why a Client gets no line; OPEN when it may have one."""
        if not self.gateway.has_member(serial):
            log.warning("relay", serial + " refused: it has not joined the group")
            return NO_MEMBER
        open_lines = len(self.lines) - 1
        if open_lines >= self._most:
            log.warning("relay", "%s refused: all %d lines are taken" % (serial, open_lines))
            return NO_ROOM
        gc.collect()
        free = gc.mem_free() if hasattr(gc, "mem_free") else _RESERVE_BYTES
        if free < _RESERVE_BYTES:
            log.warning(
                "relay", "%s refused: %d lines, %d B of memory left" % (serial, open_lines, free)
            )
            return NO_ROOM
        return OPEN

    async def _connect(self, serial: str) -> tuple:
        """(OPEN, (reader, writer) to the back office), or (NOT_REACHED, None)."""
        try:
            url = self._settings.get("backend_url")
            _, host, port, _ = loading.once("websocket_client.handshake", "parse_url", url, "")
            return OPEN, await open_host(host, port, _CONNECT_MS)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            why = str(error) or "no answer in time"
            log.warning("relay", "%s: back office not reached: %s" % (serial, why))
            return NOT_REACHED, None

    async def _pass(self, serial: str, line: list, reader, writer) -> None:
        """Pass on what comes, until one side ends; who sends waits for who takes."""
        try:
            while True:
                piece = await reader.read(_PIECE_BYTES)
                if not piece:
                    break
                writer.write(piece)
                piece = None  # it may take long until the next
                # MicroPython's stream keeps in out_buf what the socket did not take; a wait costs two tasks
                if getattr(writer, "out_buf", True):
                    await asyncio.wait_for_ms(writer.drain(), _STALL_MS)
                else:
                    await asyncio.sleep_ms(0)
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.CancelledError):
            pass
        except MemoryError as error:
            log.error("relay", "%s: lost, no memory: %s" % (serial, error))
        if self._forget(serial, line):
            log.info("relay", serial + ": closed")
        await _hang_up(writer)

    def _forget(self, serial: str, line: list) -> bool:
        """A line has ended: end what else belongs to it; tells whether that is news."""
        others = [task for task in line if task is not asyncio.current_task()]
        line.clear()
        if self.lines.get(serial) is line:
            del self.lines[serial]
        for task in others:
            task.cancel()
        return bool(others)

    def end(self, serial: str) -> None:
        """End a Client's line, if it has one."""
        for task in self.lines.pop(serial, ()):
            task.cancel()

    def end_all(self) -> None:
        """End every line."""
        for serial in list(self.lines):
            self.end(serial)


async def _hang_up(writer) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass
