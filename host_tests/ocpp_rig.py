"""An OCPP charge point with a charger of cardboard, and real sockets in virtual time."""

import asyncio
import selectors
import socket
from types import SimpleNamespace

import ocpp.messages
import virtual_time
from core import clock
from core.journal import Journal
from core.settings import Settings
from evse.faults import FaultBook
from evse.limits import Limits
from frame_checker import FrameChecker
from sim.csms import DemoCsms

IDENTITY = "CP 1/ä"
EPOCH_S = 1_795_000_000  # the back office's clock when a story begins
LATENCY_S = 0.001  # real time that a loopback socket may take before virtual time jumps on

ocpp.messages.ASYNC_VALIDATION = False  # a thread would take real time


def office_clock():
    """What tells the back office's time, from now on."""
    begun_us = virtual_time.clock.now_us
    return lambda: EPOCH_S + (virtual_time.clock.now_us - begun_us) / 1e6


def connected_settings(path: str, **settings) -> Settings:
    """Settings of a charger that has an identity and sends no values by itself, changed by some more."""
    made = Settings(path)
    quiet = {"meter_value_sample_interval": 0, "clock_aligned_interval": 0}
    made.change({"backend_chargepoint_id": IDENTITY, **quiet, **settings})
    return made


def checked_office(settings: Settings) -> DemoCsms:
    """The demo back office of a story; its watcher looks at every frame."""
    office = DemoCsms()
    office.now_s = office_clock()
    office.watcher = FrameChecker(
        lambda: virtual_time.clock.now_us / 1e6, lambda: settings.get("pdu_timeout")
    )
    return office


class PatientSelector(selectors.DefaultSelector):
    """Lets sockets deliver before the clock jumps to when the loop wanted to wake."""

    in_flight = True  # something was sent since the last wait for it
    threads = 0  # that work for the loop

    def register(self, *arguments):
        """A socket that is new may be a connection under way."""
        PatientSelector.in_flight = True
        return super().register(*arguments)

    def select(self, timeout=None):
        """Report what is ready, within a moment where something is on its way; else time passes."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.in_flight or self.threads:
            PatientSelector.in_flight = False
            ready = super().select(LATENCY_S)
        if not ready and timeout and not self.threads:
            virtual_time.clock.now_us += int(timeout * 1e6) + 1
        return ready


def _noting(send):
    """socket.send or the like, which the selectors hear of."""

    def noted(self, *arguments):
        PatientSelector.in_flight = True
        return send(self, *arguments)

    return noted


for _name in ("connect", "send", "sendall", "sendmsg", "shutdown"):
    setattr(socket.socket, _name, _noting(getattr(socket.socket, _name)))


class SocketLoop(virtual_time.VirtualLoop):
    """A virtual loop for real sockets."""

    def __init__(self) -> None:
        asyncio.SelectorEventLoop.__init__(self, PatientSelector())

    def run_in_executor(self, executor, function, *arguments):
        """Time stands still while a thread works."""
        PatientSelector.threads += 1
        future = super().run_in_executor(executor, function, *arguments)
        future.add_done_callback(self._thread_has_ended)
        return future

    @staticmethod
    def _thread_has_ended(future) -> None:
        PatientSelector.threads -= 1


def run(coroutine):
    """Run a coroutine in virtual time beside real sockets."""
    return virtual_time.run(coroutine, SocketLoop)


class CardboardCharger:
    """What evse.charger.Charger shows to OCPP; the test is its car."""

    def __init__(self, first_number: int = 1) -> None:
        self.status = "Available"
        self.error_code = "NoError"
        self.vendor_error = ""
        self.reason = "Ready"
        self.available = True
        self.session = None
        self.plugged = False
        self.awaits_plug = False
        self.reservation = None
        self.limits = Limits()
        self.settled = True
        self.book = FaultBook()
        self.signaled_ma = 16000
        self.temperature_dc = 253
        self.meter = SimpleNamespace(
            voltage_mv=[230100, 229900, 231000],
            current_ma=[16000, 15500, 0],
            power_mw=7_243_500,
            energy_wh=100_000,
            ok=True,
        )
        self._listeners = []
        self._next_number = first_number

    @property
    def limit_reason(self) -> str:
        """As evse.charger.Charger."""
        return self.limits.reason

    @property
    def session_log(self) -> SimpleNamespace:
        """What evse.session.SessionLog shows to OCPP; no session was cut short."""
        last_number = self._next_number - 1
        return SimpleNamespace(
            unfinished=None,
            last_number=last_number,
            kept_unix_s=0,
            keep=lambda session: None,
        )

    def listen(self, callback) -> None:
        """As evse.charger.Charger."""
        self._listeners.append(callback)

    def emit(self, event: str, session=None) -> None:
        """Tell the listeners."""
        for callback in self._listeners:
            callback(event, session)

    def become(self, status: str, error_code: str = "NoError", vendor_error: str = "") -> None:
        """Change the status."""
        self.status, self.error_code, self.vendor_error = status, error_code, vendor_error
        self.emit("status", self.session)

    def start(self, id_tag: str) -> str:
        """As evse.charger.Charger; the car is always there."""
        if self.session:
            return "a session is running"
        self.plugged = True
        self.session = self.make_session(id_tag)
        self.emit("start", self.session)
        self.become("Charging")
        return ""

    def make_session(self, id_tag: str) -> SimpleNamespace:
        """A session's beginning."""
        self._next_number += 1
        start_s = clock.uptime_s()
        return SimpleNamespace(
            duration_s=lambda: clock.uptime_s() - start_s,
            number=self._next_number - 1,
            id_tag=id_tag,
            start_unix_s=clock.unix_s(),
            start_s=clock.uptime_s(),
            reservation_id=None,
            meter_start_wh=self.meter.energy_wh,
            meter_stop_wh=self.meter.energy_wh,
            reason="",
            stop_unix_s=0,
            stop_id_tag="",
        )

    def stop(self, reason: str, id_tag: str = "") -> bool:
        """As evse.charger.Charger."""
        session, self.session = self.session, None
        if session is None:
            return False
        session.reason, session.stop_id_tag = reason, id_tag
        session.stop_unix_s = clock.unix_s()
        session.meter_stop_wh = self.meter.energy_wh
        self.emit("stop", session)
        self.become("Finishing" if self.available else "Unavailable")
        return True

    def set_available(self, available: bool) -> None:
        """As evse.charger.Charger."""
        self.available = available
        if not self.session:
            self.become("Available" if available else "Unavailable")


class Rig:
    """A back office and a charge point; `play` runs a story with both."""

    def __init__(self, path, **settings) -> None:
        self.path = path
        self.settings = connected_settings(
            str(path / "settings.json"), **{"serial_number": "SN-1", **settings}
        )
        self.csms = checked_office(self.settings)
        self.checker = self.csms.watcher
        self.resets: list[str] = []
        self.charger = CardboardCharger()
        self.boot()

    def boot(self) -> None:
        """Start the firmware's side anew, with what is on flash."""
        from ocpp16.charge_point import ChargePoint

        self.checker.restarted()
        journal = Journal(str(self.path / "queue"), 65536)
        self.point = ChargePoint(
            self.settings, self.charger, journal, "0.1.0", "", (200, 2000), str(self.path)
        )
        self.point.on_reset = self.resets.append
        self.task = None

    def power_cut(self, charger: CardboardCharger) -> None:
        """Everything in memory is gone; another charger wakes up."""
        if self.task:
            self.task.cancel()
        self.charger = charger
        clock._boot_unix_s = 0
        self.boot()

    def switch_on(self) -> None:
        """Start the charge point's task."""
        self.task = asyncio.create_task(self.point.run())

    @property
    def record(self):
        """What the back office knows of the charge point."""
        return self.csms.record(IDENTITY)

    @property
    def actions(self) -> list:
        """Actions that came in, oldest first."""
        return [message["action"] for message in self.record.messages]

    async def until(self, condition, limit_s: float = 60) -> None:
        """Let time pass until something holds."""
        for _ in range(int(limit_s / 0.05)):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {limit_s} s; {self.point.state}; {self.actions[-8:]}")

    async def online(self) -> None:
        """Wait until the charge point is registered and has told its status."""
        await self.until(lambda: self.point.online and not self.point.adapter.statuses)
        await asyncio.sleep(0.5)

    async def delivered(self) -> None:
        """Wait until no transaction message is left."""
        await self.until(lambda: not self.point.queue.pending, 600)

    async def call(self, action: str, **payload) -> dict:
        """The back office asks."""
        return await self.csms.call(IDENTITY, action, payload)

    def play(self, story) -> None:
        """Run a story beside the back office and the charge point."""

        async def stage():
            await self.csms.start()
            self.settings.change({"backend_url": self.csms.url + "/ocpp"})
            self.switch_on()
            try:
                await story(self)
            finally:
                self.task.cancel()
                await self.csms.stop()

        run(stage())
        assert not self.checker.complaints, self.checker.complaints
