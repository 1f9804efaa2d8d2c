"""The charge point: keeps the line to the back office, registers there, sends what is due."""

import asyncio
import random

from core import clock, log
from micropython import const
from ocpp16 import dispatch
from ocpp16.adapter import Adapter
from ocpp16.queue import TransactionQueue
from ocpp16.rpc import CallError, Rpc
from websocket_client.client import WebSocket, connect

_PROTOCOL = "ocpp1.6"
_CONNECT_MS = const(10000)
_BACK_OFF_MS = (2000, 60000)  # between attempts to connect
_TICK_MS = const(200)
_PING_MS = const(60000)  # a line that has been silent for so long is asked for a sign of life
_PONG_MS = const(20000)
_PROOF_MS = const(5000)
_MAX_JOBS = const(8)
_NEW_LINE_KEYS = (
    "backend_chargepoint_id",
    "backend_url",
    "basic_auth_id",
    "basic_auth_password",
    "chargepoint_type",
    "serial_number",
)


class ChargePoint:
    """An OCPP 1.6 charge point with one connector.

    charger: evse.charger.Charger; journal: core.journal.Journal for the transaction messages;
    version: of the firmware; backoff_ms: shortest and longest wait before connecting again.
    """

    def __init__(
        self,
        settings,
        charger,
        journal,
        version: str = "",
        serial: str = "",
        backoff_ms=_BACK_OFF_MS,
    ) -> None:
        self.settings = settings
        self.queue = TransactionQueue(journal)
        self.adapter = Adapter(settings, charger, self.queue)
        self.accepted = False  # by BootNotification; holds over lost lines (OCPP-J section 5.4)
        self.online = False
        self.state = "Off"
        self.heartbeat_s = settings.get("heartbeat_interval")
        self.on_reset = None  # called with Hard or Soft, once messages are safe
        self.on_clear_cache = None  # returns True when the cache was cleared
        self.on_tag_info = None  # called with a CALL's payload and the idTagInfo of its answer
        self.on_unlock = None  # awaited, True when the plug is free
        self.remote_authorize = self.authorize  # what a remote start asks: may be local lists too
        self.resetting = None  # the task that ends in on_reset
        self._version = version
        self._serial = serial  # the chip's, for when the settings name none
        self._backoff_ms = backoff_ms
        self._failures = 0
        self._ignoring = False  # rejected: requests must not be answered (section 4.2)
        self._boot_now = False
        self._lost = ""  # why the line has to be given up
        self._pinged = False
        self._beat_at_s = 0
        self._jobs: list = []
        self._sampler: asyncio.Task = None  # type: ignore[assignment]
        self._socket: WebSocket = None  # type: ignore[assignment]
        self._rpc: Rpc = None  # type: ignore[assignment]
        settings.listen(self._on_settings)

    def _on_settings(self, keys: set) -> None:
        if "heartbeat_interval" in keys:
            self.heartbeat_s = self.settings.get("heartbeat_interval")
            self._beat_at_s = clock.uptime_s() + self.heartbeat_s
        if [key for key in _NEW_LINE_KEYS if key in keys]:
            self.accepted = False
            self._failures = 0
            self._lost = "settings changed"

    def _set_state(self, state: str, reason: str = "") -> None:
        text = "%s: %s" % (state, reason) if reason else state
        if text != self.state:
            log.info("ocpp", text)
        self.state = text

    # --- the line

    async def run(self) -> None:
        """Keep the line up for ever."""
        self._sampler = asyncio.create_task(self.adapter.run())
        try:
            while True:
                self._check_sampler()
                self._lost = ""
                if self._is_set_up():
                    await self._hold_line()
                    await self._back_off()
                else:
                    await asyncio.sleep_ms(_TICK_MS)
        finally:
            self._sampler.cancel()

    def _check_sampler(self) -> None:
        if self._sampler.done():
            raise RuntimeError("meter sampling has failed")

    @property
    def _identity(self) -> str:
        return self.settings.get("backend_chargepoint_id") or self.settings.get("serial_number")

    def _is_set_up(self) -> bool:
        if not self.adapter.enabled:
            self._set_state("Off")
        elif not self._identity:
            self._set_state("Off", "no Chargepoint ID")
        else:
            return True
        return False

    async def _connect(self):
        settings = self.settings
        password = settings.get("basic_auth_password")
        credentials = b""
        if password:
            user = settings.get("basic_auth_id") or self._identity
            credentials = ("%s:%s" % (user, password)).encode()
        url = settings.get("backend_url")
        return await connect(url, self._identity, _PROTOCOL, credentials, _CONNECT_MS)

    async def _hold_line(self) -> None:
        """Connect, and use the line until it is lost."""
        self._set_state("Connecting")
        try:
            self._socket = await self._connect()
            await self._use_line()
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            self._set_state("Not connected", str(error) or "no answer in time")

    async def _use_line(self) -> None:
        socket = self._socket
        self._pinged = False
        self._rpc = Rpc(socket.send, self._serve)
        reader = asyncio.create_task(self._read(socket, self._rpc))
        try:
            await self._work()
        finally:
            self.online = False
            self.adapter.went_offline()
            self._rpc.lose("line lost")
            self._rpc = self._socket = None  # type: ignore[assignment]
            self._jobs = []  # what a line asked for ends with it
            reader.cancel()
            while not reader.done():
                await asyncio.sleep_ms(0)
            await socket.close()

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

    async def _back_off(self) -> None:
        """Wait at random, twice as long each time: a whole fleet must not come at once."""
        shortest_ms, longest_ms = self._backoff_ms
        wait_ms = min(longest_ms, shortest_ms << min(self._failures, 10))
        self._failures += 1
        wait_ms = random.randint(max(shortest_ms, wait_ms // 2), wait_ms)
        until = clock.ticks_add(clock.ticks_ms(), wait_ms)
        self._lost = ""
        while clock.ticks_diff(until, clock.ticks_ms()) > 0 and not self._lost:
            await asyncio.sleep_ms(min(_TICK_MS, shortest_ms))

    def _check_line(self) -> None:
        """OSError when the line is lost, or silent although a sign of life was asked for."""
        self._check_sampler()
        if self._lost:
            raise OSError(self._lost)
        if self._silent_ms() > _PING_MS + _PONG_MS:
            raise OSError("the back office has gone silent")

    def _silent_ms(self) -> int:
        return clock.ticks_diff(clock.ticks_ms(), self._socket.heard_ms)

    async def _ping(self) -> None:
        self._pinged = True
        await self._socket.ping()

    async def _prove_line(self, socket, since_ms: int) -> None:
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

    # --- messages

    async def call(self, action: str, payload: "dict | str") -> dict:
        """Send a CALL and return its answer.

        CallError: refused. asyncio.TimeoutError: not answered although the line lives.
        OSError: the line is lost.
        """
        if self._rpc is None:
            raise OSError("not connected")
        socket = self._socket
        since_ms = clock.ticks_ms()
        try:
            answer = await self._rpc.call(action, payload, self.settings.get("pdu_timeout") * 1000)
        except CallError as error:
            if error.code == "SecurityError":  # sent before acceptance: the other side forgot ours
                self.accepted = False
            raise
        except asyncio.TimeoutError:
            log.warning("ocpp", action + " was not answered")
            await self._prove_line(socket, since_ms)
            raise
        self._failures = 0
        if self.on_tag_info and "idTagInfo" in answer:
            self.on_tag_info(payload, answer["idTagInfo"])
        return answer

    async def tell(self, action: str, payload: "dict | str") -> "dict | None":
        """A CALL whose refusal is only logged; None then."""
        try:
            return await self.call(action, payload)
        except (CallError, asyncio.TimeoutError) as error:
            log.warning("ocpp", "%s: %s" % (action, str(error) or "no answer"))
            return None

    async def authorize_info(self, id_tag: str) -> "dict | None":
        """idTagInfo of a tag from the back office; None when it cannot be asked in time."""
        if not self.online:
            return None
        limit_ms = self.settings.get("pdu_timeout") * 1000
        try:
            asking = self.call("Authorize", {"idTag": id_tag})
            answer = await asyncio.wait_for_ms(asking, limit_ms)
        except (CallError, OSError, asyncio.TimeoutError) as error:
            log.warning("ocpp", "Authorize: %s" % (str(error) or "no answer"))
            return None
        info = answer.get("idTagInfo")
        return info if isinstance(info, dict) and isinstance(info.get("status"), str) else None

    async def authorize(self, id_tag: str) -> "str | None":
        """AuthorizationStatus of a tag; None when the back office cannot be asked in time."""
        info = await self.authorize_info(id_tag)
        return info["status"] if info else None

    async def _serve(self, action: str, payload: dict) -> "tuple | None":
        return None if self._ignoring else await dispatch.serve(self, action, payload)

    # --- what is sent when

    async def _work(self) -> None:
        while True:
            self._check_line()
            if not self.accepted:
                self.online = False
                await self._register()
            self.online = True
            self._set_state("Connected")
            self.adapter.came_online()
            self._beat_at_s = clock.uptime_s() + self.heartbeat_s
            while self.accepted:
                await self._do_next(self._next_when_accepted())

    async def _do_next(self, job) -> None:
        """Await job() if there is one, else give way for a while."""
        self._check_line()
        if job:
            await job()
        else:
            await asyncio.sleep_ms(_TICK_MS)

    def _next(self):
        """What may always be sent, as a coroutine function; None when nothing is due."""
        if self._silent_ms() < _PING_MS:
            self._pinged = False
        elif not self._pinged:
            return self._ping
        return self._jobs.pop(0) if self._jobs else None

    def _next_when_accepted(self):
        job = self._boot if self._boot_now else self._next()
        if job:
            return job
        if self.adapter.statuses:
            return self._send_status
        if self.queue.needs_compaction():
            return self.queue.compact
        if self.queue.due():
            return self._deliver
        if self.heartbeat_s and clock.uptime_s() >= self._beat_at_s:
            return self.beat
        return None

    async def _send_status(self) -> None:
        await self.tell("StatusNotification", self.adapter.next_status())

    async def _deliver(self) -> None:
        await self.queue.deliver(self.call)

    async def _register(self) -> None:
        """Send BootNotification until it is accepted; section 4.2: nothing else unasked."""
        unanswered = 0
        while True:
            wait_s = await self._boot()
            if self.accepted:
                return
            if wait_s is None:
                unanswered += 1
                retries = self.settings.get("boot_retries")
                wait_s = self.settings.get("boot_interval")
                if 0 <= retries < unanswered:
                    wait_s = 1 << 28  # until a new line, or until it is triggered
            until_s = clock.uptime_s() + wait_s
            while clock.uptime_s() < until_s and not self._boot_now:
                await self._do_next(self._next())

    def _boot_payload(self) -> dict:
        payload = {
            "chargePointVendor": self.settings.get("vendor")[:20],
            "chargePointModel": self.settings.get("model")[:20],
        }
        serial = self.settings.get("serial_number") or self._serial
        if serial:
            payload["chargePointSerialNumber"] = serial[:25]
        if self._version:
            payload["firmwareVersion"] = self._version[:50]
        return payload

    async def _boot(self) -> "int | None":
        """BootNotification; seconds to the next when not accepted, None when not answered."""
        self._boot_now = False
        answer = await self.tell("BootNotification", self._boot_payload())
        self._check_line()  # the answer of a line that was given up meanwhile does not count
        if answer is None:
            return None
        status = answer.get("status")
        interval_s = answer.get("interval")
        interval_s = interval_s if isinstance(interval_s, int) and interval_s > 0 else 0
        self.accepted = status == "Accepted"
        self._ignoring = status == "Rejected"
        if not self.accepted:
            self._set_state("Connecting", "registration %s" % status)
            return interval_s or self.settings.get("boot_interval")
        self._set_clock(answer)
        if interval_s:
            self.heartbeat_s = interval_s
        return 0

    async def beat(self) -> None:
        """Heartbeat, which also tells the time."""
        self._beat_at_s = clock.uptime_s() + self.heartbeat_s
        answer = await self.tell("Heartbeat", {})
        if answer:
            self._set_clock(answer)

    def _set_clock(self, answer: dict) -> None:
        try:
            now_s = clock.parse_iso8601(answer["currentTime"])
        except (AttributeError, KeyError, ValueError):
            log.warning("ocpp", "the back office tells no valid time")
            return
        if abs(now_s - clock.unix_s()) > 1:  # less is the line's delay
            clock.set_unix_s(now_s)

    # --- jobs that a request asked for, done after its answer

    def later(self, job) -> None:
        """Have `await job()` done by the sending task."""
        if len(self._jobs) < _MAX_JOBS:
            self._jobs.append(job)
        else:
            log.warning("ocpp", "too many requests at once: one dropped")

    def boot_again(self) -> None:
        """Send a BootNotification now."""
        self._boot_now = True
