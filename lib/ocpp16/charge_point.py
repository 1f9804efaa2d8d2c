"""The charge point: registers at the back office, sends what is due, answers what it asks."""

import asyncio

from core import clock, loading, log
from micropython import const
from ocpp16 import dispatch
from ocpp16.adapter import Adapter
from ocpp16.line import Line
from ocpp16.queue import TransactionQueue
from ocpp16.rpc import CallError

_BACK_OFF_MS = (2000, 60000)  # between attempts to connect
_TICK_MS = const(200)
_MAX_JOBS = const(8)
_TIME_EVENT_S = const(10)  # a clock that runs a little wrong is no security event
_SECURITY_EVENTS = "ocpp16.security_events"
_NEW_LINE_KEYS = (
    "backend_chargepoint_id",
    "backend_url",
    "basic_auth_id",
    "basic_auth_password",
    "chargepoint_type",
    "model",
    "security_profile",
    "serial_number",
    "vendor",
)


class ChargePoint:
    """An OCPP 1.6 charge point with one connector, and those of its slaves where it has a group.

    charger: evse.charger.Charger; journal: core.journal.Journal for the transaction messages;
    version: of the firmware; backoff_ms: shortest and longest wait before connecting again; path: the
    directory of the files of all profiles.
    """

    decides = False  # cards are decided on by the settings here, and by its answers

    def __init__(
        self,
        settings,
        charger,
        journal,
        version: str = "",
        serial: str = "",
        backoff_ms=_BACK_OFF_MS,
        path: str = "/data",
    ) -> None:
        self.settings = settings
        self.path = path  # the directory of what the profiles keep on flash
        self.queue = TransactionQueue(journal, settings)
        self.adapter = Adapter(settings, charger, self.queue, path)
        self.accepted = False  # by BootNotification; holds over lost lines (OCPP-J section 5.4)
        self.online = False
        self.line = Line(self, backoff_ms)
        self.heartbeat_s = settings.get("heartbeat_interval")
        self.on_reset = None  # called with Hard or Soft, once messages are safe
        self.on_clear_cache = None  # returns True when the cache was cleared
        self.authorizer = (
            None  # auth.authorizer.Authorizer: has the back office's list and reservation
        )
        self.on_tag_info = None  # called with a CALL's payload and the idTagInfo of its answer
        self.on_time = None  # called with seconds since 1970 before TLS looks at the chip's clock
        self.through = None  # awaited for the connection where another leads to the back office
        self.on_unlock = None  # awaited, True when the plug is free
        self.remote_authorize = self.authorize  # what a remote start asks: may be local lists too
        self.resetting = None  # the task that ends in on_reset
        self.updater = None  # the port that ocpp16.firmware describes; None: there is no update
        self.works: dict = {}  # what goes on beside the messages: "log", "update", "certificate"
        self._security_due_s = 0  # uptime at which to look for security events to be sent
        self.version = version
        self.serial = serial  # the chip's, for when the settings name none
        self._ignoring = False  # rejected: requests must not be answered (section 4.2)
        self._boot_now = False
        self._beat_at_s = 0
        self._jobs: list = []
        self._sampler: asyncio.Task = None  # type: ignore[assignment]
        settings.listen(self._on_settings)

    def _on_settings(self, keys: set) -> None:
        if "heartbeat_interval" in keys:
            self.heartbeat_s = self.settings.get("heartbeat_interval")
            self._beat_at_s = clock.uptime_s() + self.heartbeat_s
        changed = [key for key in _NEW_LINE_KEYS if key in keys]
        if changed:
            self.accepted = False
            self.line.renew("settings changed")
            self.security_event("ReconfigurationOfSecurityParameters", ", ".join(changed))

    @property
    def state(self) -> str:
        """How the line is, for people."""
        return self.line.state

    # --- the line

    async def run(self) -> None:
        """Keep the line up for ever."""
        self._sampler = asyncio.create_task(self.adapter.run())
        try:
            while True:
                self._check_sampler()
                if self._is_set_up():
                    await self.line.hold()
                    await self.line.back_off()
                else:
                    await asyncio.sleep_ms(_TICK_MS)
        finally:
            self._sampler.cancel()

    def _check_sampler(self) -> None:
        if self._sampler.done():
            raise RuntimeError("meter sampling has failed")

    def _is_set_up(self) -> bool:
        if not self.adapter.enabled:
            self.line.set_state("Off")
        elif not self.line.identity:
            self.line.set_state("Off", "no Chargepoint ID")
        else:
            return True
        return False

    async def use_line(self) -> None:
        """Work on a new line until it is lost."""
        try:
            await self._work()
        finally:
            self.online = False
            self.adapter.went_offline()
            self._jobs = []  # what a line asked for ends with it

    def _check_line(self) -> None:
        """OSError when the line is lost."""
        self._check_sampler()
        self.line.check()

    # --- messages

    async def call(self, action: str, payload, unique_id: str = "") -> dict:
        """Send a CALL and return its answer; payload and unique_id as in rpc.Rpc.call.

        CallError: refused. asyncio.TimeoutError: not answered although the line lives.
        OSError: the line is lost.
        """
        try:
            answer = await self.line.call(action, payload, unique_id)
        except CallError as error:
            if error.code == "SecurityError":  # sent before acceptance: the other side forgot ours
                self.accepted = False
            raise
        if self.on_tag_info and "idTagInfo" in answer and isinstance(payload, (dict, str)):
            self.on_tag_info(payload, answer["idTagInfo"])
        return answer

    async def tell(self, action: str, payload: "dict | str | list") -> "dict | None":
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

    async def serve(self, action: str, payload: dict) -> "tuple | None":
        """Answer a CALL, see rpc.Rpc."""
        return None if self._ignoring else await dispatch.serve(self, action, payload)

    # --- what is sent when

    async def _work(self) -> None:
        while True:
            self._check_line()
            if not self.accepted:
                self.online = False
                await self._register()
            self.online = True
            self.line.set_state("Connected")
            self.adapter.came_online()
            self._security_due_s = 0
            self._beat_at_s = clock.uptime_s() + self.heartbeat_s
            while self.accepted:
                await self._do_next(self._next_when_accepted())

    async def _do_next(self, job) -> None:
        """Await job() if there is one, else give way for a while."""
        self._check_sampler()
        await self.line.watch()
        if job:
            await job()
        else:
            await asyncio.sleep_ms(_TICK_MS)

    def _next(self):
        """What may always be sent, as a coroutine function; None when nothing is due."""
        return self._jobs.pop(0) if self._jobs else None

    def _next_when_accepted(self):
        job = self._boot if self._boot_now else self._next()
        if job:
            return job
        if self.adapter.statuses:
            return self._send_status
        if clock.uptime_s() >= self._security_due_s:
            return self._send_security
        if self.queue.needs_compaction():
            return self.queue.compact
        if self.queue.due():
            return self._deliver
        if self.heartbeat_s and clock.uptime_s() >= self._beat_at_s:
            return self.beat
        return None

    async def _send_status(self) -> None:
        await self.tell("StatusNotification", self.adapter.next_status())

    async def _send_security(self) -> None:
        self._security_due_s = 1 << 29  # unless an event comes meanwhile
        try:
            wait_s = await loading.once(_SECURITY_EVENTS, "send", self)
        except MemoryError:
            wait_s = 60
        self._security_due_s = min(self._security_due_s, clock.uptime_s() + wait_s)

    def security_event(self, kind: str, info: str = "", again: bool = False) -> None:
        """Note an event of the security whitepaper; the critical ones go to the back office.

        Where the memory does not suffice it is noted once more, when that is free which made the event.
        """
        try:
            loading.once(_SECURITY_EVENTS, "note", kind, info, self.path)
        except MemoryError as error:
            log.error("ocpp", "%s not noted: %s" % (kind, error))
            if not again:
                self.later(lambda: self._note_again(kind, info))
        self._security_due_s = 0

    async def _note_again(self, kind: str, info: str) -> None:
        await asyncio.sleep_ms(_TICK_MS)
        self.security_event(kind, info, True)

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
        serial = self.settings.get("serial_number") or self.serial
        if serial:
            payload["chargePointSerialNumber"] = serial[:25]
        if self.version:
            payload["firmwareVersion"] = self.version[:50]
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
        if not self._ignoring:
            self._set_clock(answer)
        if not self.accepted:
            self.line.set_state("Connecting", "registration %s" % status)
            return interval_s or self.settings.get("boot_interval")
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
        was_s = clock.unix_s()
        if abs(now_s - was_s) > 1:  # less is the line's delay
            clock.set_unix_s(now_s)
        if abs(now_s - was_s) > _TIME_EVENT_S:
            former = clock.iso8601(was_s) if was_s else "not known"
            self.security_event("SettingSystemTime", "was " + former)

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
