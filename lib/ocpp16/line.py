"""The line to the back office: opened, watched, given up, and opened again after a random wait."""

import asyncio
import random

from core import clock, loading, log
from micropython import const
from ocpp16.rpc import Rpc
from websocket_client.client import WebSocket, connect

_PROTOCOL = "ocpp1.6"
_ACCESS = "ocpp16.access"
_CONNECT_MS = const(20000)
_SECURE_CONNECT_MS = const(60000)  # TLS makes pauses for the others
_TICK_MS = const(200)
_PONG_MS = const(20000)  # a ping is answered in this time
_SILENT_MS = const(
    90000
)  # a line on which nothing was heard for so long is asked for a sign of life
_DEAD_MS = const(300000)
_PROOF_MS = const(5000)
_ANSWER_MS = const(2000)  # what is being answered has so long before a line is given up on purpose


class Line:
    """One WebSocket at a time to the back office that the settings name.

    charge_point: its `use_line` is awaited on each new one until it raises OSError, its `serve` answers
    CALLs (see rpc.Rpc). backoff_ms: shortest and longest wait before connecting again. .state is for
    people.
    """

    def __init__(self, charge_point, backoff_ms) -> None:
        self.state = "Off"
        self._charge_point = charge_point
        self._backoff_ms = backoff_ms
        self._failures = 0  # lines without an answered CALL, in a row
        self._refusals = 0  # attempts that opened no line, in a row
        self._lost = ""  # why the line has to be given up
        self._pinged_ms = 0  # when the other side was asked for a sign of life, once on each line
        self._state_heard = ""  # the state to go back to when a silent line is heard again
        self._socket: WebSocket = None  # type: ignore[assignment]
        self._rpc: Rpc = None  # type: ignore[assignment]

    def set_state(self, state: str, reason: str = "") -> None:
        """Note a new state, and why."""
        text = "%s: %s" % (state, reason) if reason else state
        if text != self.state:
            log.info("ocpp", text)
        self.state = text

    def renew(self, why: str) -> None:
        """Give the line up, or the wait for one, and connect again at once."""
        self._failures = self._refusals = 0
        self._lost = why

    @property
    def identity(self) -> str:
        """The charge point's name at the back office; empty while there is none."""
        settings = self._charge_point.settings
        return settings.get("backend_chargepoint_id") or settings.get("serial_number")

    async def hold(self) -> None:
        """Connect, and use the line until it is lost."""
        self._lost = ""
        self.set_state("Connecting")
        try:
            if await self._connect():
                await self._hold_open()
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            self.set_state("Not connected", str(error) or "no answer in time")

    async def _connect(self) -> bool:
        """Open a WebSocket; False when that fails."""
        charge_point = self._charge_point
        try:
            url, credentials, trust = loading.once(_ACCESS, "access", charge_point, self._refusals)
            limit_ms = _SECURE_CONNECT_MS if trust else _CONNECT_MS
            await asyncio.sleep_ms(0)  # that was loaded, and so is what connects
            self._socket = await connect(
                url,
                self.identity,
                _PROTOCOL,
                credentials,
                limit_ms,
                trust,
                charge_point.through,
            )
        except (OSError, EOFError, ValueError, MemoryError, asyncio.TimeoutError) as error:
            self.set_state("Not connected", str(error) or "no answer in time")
            code = getattr(error, "code", 0)
            self._refusals += 1
            loading.once(_ACCESS, "failed", charge_point, self._refusals, code)
            return False
        self._refusals = 0
        loading.once(_ACCESS, "opened", charge_point.path)
        return True

    async def _hold_open(self) -> None:
        socket = self._socket
        self._pinged_ms = socket.heard_ms
        self._state_heard = ""
        charge_point = self._charge_point
        self._rpc = Rpc(socket.send, charge_point.serve, charge_point.security_event)
        reader = asyncio.create_task(self._read(socket, self._rpc))
        try:
            await charge_point.use_line()
        finally:
            await self._let_answer(reader)
            self._rpc.lose("line lost")
            self._rpc = self._socket = None  # type: ignore[assignment]
            reader.cancel()
            while not reader.done():
                await asyncio.sleep_ms(0)
            await socket.close()

    async def _let_answer(self, reader) -> None:
        """Have the CALL answered that asked for what ends this line."""
        until = clock.ticks_add(clock.ticks_ms(), _ANSWER_MS)
        while self._rpc.serving and not reader.done():
            if clock.ticks_diff(until, clock.ticks_ms()) <= 0:
                return
            await asyncio.sleep_ms(_TICK_MS // 4)

    async def _read(self, socket, rpc) -> None:
        why = "reading failed"
        try:
            while True:
                await rpc.receive(await socket.receive())
        except (OSError, EOFError, MemoryError, asyncio.TimeoutError) as error:
            why = str(error) or type(error).__name__
        finally:
            self._lost = self._lost or why
            rpc.lose(why)

    async def back_off(self) -> None:
        """Wait at random, twice as long each time: a whole fleet must not come at once."""
        shortest_ms, longest_ms = self._backoff_ms
        wait_ms = min(longest_ms, shortest_ms << min(self._failures, 10))
        self._failures += 1
        wait_ms = random.randint(max(shortest_ms, wait_ms // 2), wait_ms)
        until = clock.ticks_add(clock.ticks_ms(), wait_ms)
        self._lost = ""
        while clock.ticks_diff(until, clock.ticks_ms()) > 0 and not self._lost:
            await asyncio.sleep_ms(min(_TICK_MS, shortest_ms))

    def check(self) -> None:
        """OSError when the line is lost, or silent although a sign of life was asked for."""
        if self._lost:
            raise OSError(self._lost)
        now_ms = clock.ticks_ms()
        heard_ms = self._socket.heard_ms
        unanswered = clock.ticks_diff(self._pinged_ms, heard_ms) > 0
        waited_ms = clock.ticks_diff(now_ms, self._pinged_ms) if unanswered else 0
        pings = self._charge_point.settings.get("websocket_ping_interval")
        if clock.ticks_diff(now_ms, heard_ms) > _DEAD_MS or (pings and waited_ms > _PONG_MS):
            raise OSError("the back office has gone silent")
        self._show_silence(waited_ms > _PONG_MS)

    def _show_silence(self, is_silent: bool) -> None:
        if is_silent and not self._state_heard:
            self._state_heard = self.state
            self.set_state("Connecting", "the line is silent")
        elif self._state_heard and not is_silent:
            self.set_state(self._state_heard)
            self._state_heard = ""

    async def watch(self) -> None:
        """Check the line, and ask for a sign of life when that is due."""
        self.check()
        now_ms = clock.ticks_ms()
        heard_ms = self._socket.heard_ms
        if clock.ticks_diff(self._pinged_ms, heard_ms) > 0:
            return  # one question at a time
        interval_ms = self._charge_point.settings.get("websocket_ping_interval") * 1000
        since_ms = clock.ticks_diff(now_ms, self._pinged_ms)
        silent_ms = clock.ticks_diff(now_ms, heard_ms)
        if 0 < interval_ms <= since_ms or silent_ms >= _SILENT_MS:
            self._pinged_ms = now_ms
            await self._socket.ping()

    async def _prove(self, socket, since_ms: int) -> None:
        """OSError unless the other side is heard since then, if need be after a ping."""
        if clock.ticks_diff(socket.heard_ms, since_ms) > 0:
            return
        await socket.ping()
        until = clock.ticks_add(clock.ticks_ms(), _PROOF_MS)
        while clock.ticks_diff(socket.heard_ms, since_ms) <= 0:
            if self._lost or clock.ticks_diff(until, clock.ticks_ms()) <= 0:
                self._lost = self._lost or "the back office has gone silent"
                raise OSError(self._lost)
            await asyncio.sleep_ms(_TICK_MS)

    async def call(self, action: str, payload, unique_id: str = "") -> dict:
        """Send a CALL and return its answer; payload and unique_id as in rpc.Rpc.call.

        rpc.CallError: refused. asyncio.TimeoutError: not answered although the line lives.
        OSError: the line is lost.
        """
        if self._rpc is None:
            raise OSError("not connected")
        socket = self._socket
        since_ms = clock.ticks_ms()
        try:
            timeout_ms = self._charge_point.settings.get("pdu_timeout") * 1000
            answer = await self._rpc.call(action, payload, timeout_ms, unique_id)
        except asyncio.TimeoutError:
            log.warning("ocpp", action + " was not answered")
            await self._prove(socket, since_ms)
            raise
        self._failures = 0
        return answer
