"""One connector's charging: samples the pilot, steps the state machine, drives the outputs, keeps the session."""

import asyncio

from core import clock, log
from core.clock import ticks_diff, ticks_ms
from evse import faults, guard, status
from evse.pilot_levels import MIN_MA, classify, duty_x10
from evse.session import Session
from evse.state_machine import STEADY_X10, Inputs, StateMachine
from micropython import const

_ENERGISED_MS = const(16)  # two samples and the coil's release well within 100 ms
_IDLE_MS = const(40)
_FULL_PASS_MS = const(100)  # what changes without the pilot waits at most this long
_CLOSE_CHECK_MS = const(500)
_WELD_CHECK_MS = const(1000)
_PLUG_TIMEOUT_S = const(60)  # a card without a plug is forgotten (OCPP ConnectionTimeOut)
_PROGRESS_S = const(60)
_DIODE_SAMPLES = const(5)
_BLIND_SAMPLES = const(4)


class Charger:
    """The facade that the web, the back office and the card reader use.

    pilot: drivers.pilot.Pilot; feedback(): 1 while the contactor's contacts are closed;
    limits: evse.limits.Limits; session_log: evse.session.SessionLog; circuit: config.json's
    board.pilot. `meter`, a meter.poller.Meter, is set from outside where there is one.
    """

    def __init__(self, pilot, the_guard, feedback, limits, session_log, circuit: dict) -> None:
        self.pilot = pilot
        self.guard = the_guard
        self.limits = limits
        self.meter = None
        self.session: "Session | None" = None
        self.available = True
        self.fault_bits = 0
        self.finished = False  # a session ended and the plug is still in
        self.has_charged = False
        self.plugged = False  # a car is connected; a pilot fault does not change that
        self.temperature_dc = None
        self.ventilated = True
        self.stop_on_unplug = True
        self.status = "Available"
        self.reason = "Starting"
        self._feedback = feedback
        self._log = session_log
        self._levels_mv = circuit["levels_mv"]
        self._diode_mv = circuit["diode_mv"]
        self._machine = StateMachine(ticks_ms())
        self._inputs = Inputs()
        self._listeners = []
        self._outbox = []  # (function, arguments): events to tell and records to keep, in order
        self._pending_tag = ""
        self._pending_s = 0
        self._switched_ms = ticks_ms()
        self._passed_ms = ticks_ms()
        self._diode_misses = 0
        self._blind = 0  # samples in a row that told nothing
        self._progress_s = 0
        self._progress_wh = 0
        self.beat = None  # called in each full pass: the supervisor's proof of life

    # What others read.

    @property
    def state(self) -> str:
        """Pilot state A, B1 … D2, E or F."""
        return self._machine.state

    @property
    def vehicle(self) -> str:
        """The car's part of it, A … E."""
        return self._machine.vehicle

    @property
    def contactor_closed(self) -> bool:
        """The contactor is asked to be closed."""
        return self._machine.contactor

    @property
    def awaits_plug(self) -> bool:
        """A card was accepted and no car is there yet."""
        return bool(self._pending_tag)

    @property
    def limit_ma(self) -> int:
        """Effective limit."""
        return self.limits.ma

    @property
    def limit_reason(self) -> str:
        """Whose limit that is."""
        return self.limits.reason

    @property
    def signaled_ma(self) -> int:
        """Current that the pilot offers; 0 without PWM."""
        return max(MIN_MA, self.limits.ma) if self._machine.offering else 0

    @property
    def faults(self) -> list:
        """Names of active faults."""
        return faults.names(self.fault_bits)

    @property
    def error_code(self) -> str:
        """OCPP 1.6 ChargePointErrorCode."""
        fault = faults.first(self.fault_bits)
        return fault[1] if fault else "NoError"

    @property
    def vendor_error(self) -> str:
        """The fault's own name, for OCPP's vendorErrorCode."""
        fault = faults.first(self.fault_bits)
        return fault[0] if fault else ""

    @property
    def contactor_cycles(self) -> int:
        """Closings of the contactor in its life."""
        return self._log.contactor_cycles

    @property
    def plug_cycles(self) -> int:
        """Insertions of the plug in its life."""
        return self._log.plug_cycles

    def listen(self, callback) -> None:
        """Have callback(event, session) called: "status", "plugged", "start", "stop"."""
        self._listeners.append(callback)

    # What others ask for.

    def start(self, id_tag: str) -> str:
        """Begin a session, or wait 60 s for the plug; returns why not, or ""."""
        if self.fault_bits:
            return "faulted"
        if self.session:
            return "a session is running"
        if not self.available:
            return "out of service"
        if self.plugged:
            self._begin(id_tag)
        else:
            self._pending_tag = id_tag
            self._pending_s = clock.uptime_s()
        return ""

    def stop(self, reason: str, id_tag: str = "") -> bool:
        """End the session; the contactor opens when the car has let go, after 6 s at the latest."""
        self._pending_tag = ""
        session = self.session
        if not session:
            return False
        self._read_meter(session)
        session.end(reason, id_tag)
        self.session = None
        self.finished = self.plugged
        self._close(session)
        return True

    def set_available(self, available: bool) -> None:
        """Put the connector in or out of service."""
        self.available = available

    # The loop.

    async def run(self) -> None:
        """Charge for ever. Whatever ends this opens the contactor."""
        try:
            while True:
                self.step_once()
                if self._outbox:
                    await asyncio.sleep_ms(0)
                    self._send_next()
                await asyncio.sleep_ms(_ENERGISED_MS if self._machine.contactor else _IDLE_MS)
        finally:
            self.guard.open()
            self._machine.reopen(ticks_ms())
            self.pilot.set_duty(STEADY_X10)

    def step_once(self) -> None:
        """One round: sample, and a full pass when something moves or it is time."""
        pilot = self.pilot
        pilot.measure()
        self.guard.beat()
        inputs = self._inputs
        machine = self._machine
        now_ms = pilot.sampled_ms
        if pilot.is_blind and self._blind < _BLIND_SAMPLES:
            self._blind += 1
            return
        self._blind = 0
        inputs.level = classify(pilot.high_mv, self._levels_mv, inputs.level)
        inputs.diode_ok = pilot.low_mv <= self._diode_mv
        quiet = inputs.level == machine.vehicle and machine.is_settled and not self.guard.trips
        if quiet and ticks_diff(now_ms, self._passed_ms) < _FULL_PASS_MS:
            return
        self._passed_ms = now_ms
        self._check(now_ms)
        self._fill_inputs()
        machine.step(inputs, now_ms)
        if machine.vehicle == "E" and not self.fault_bits & faults.CP_SHORT:
            self._raise(faults.CP_SHORT)  # nobody shall see an open contactor without its reason
            inputs.faults = self.fault_bits
            machine.step(inputs, now_ms)
        self._drive(now_ms)
        if machine.vehicle != "E" and self.plugged != (machine.vehicle != "A"):
            self.plugged = not self.plugged
            self._plug_moved()
        self._keep_session()
        self._tell_status()
        if self.beat:
            self.beat()

    def _send_next(self) -> None:
        """One thing that takes its time: each has a turn of the loop to itself."""
        action, arguments = self._outbox.pop(0)
        action(*arguments)

    @property
    def settled(self) -> bool:
        """All that happened has been told and kept."""
        return not self._outbox

    def _fill_inputs(self) -> None:
        inputs = self._inputs
        inputs.authorized = self.session is not None
        inputs.available = self.available or self.session is not None
        inputs.faults = self.fault_bits
        inputs.offer_x10 = duty_x10(self.limits.ma) if self.limits.ma >= MIN_MA else 0
        inputs.ventilated = self.ventilated
        inputs.permitted = self.guard.permits

    def _drive(self, now_ms: int) -> None:
        machine = self._machine
        self.pilot.set_duty(machine.duty_x10)
        asked = self.guard.asked
        if machine.contactor and not asked:
            self._switched_ms = now_ms
            if self.guard.close():
                self._log.contactor_cycles += 1
                self.has_charged = True
            else:
                machine.reopen(now_ms)
        elif asked and not machine.contactor:
            self._switched_ms = now_ms
            self.guard.open()
        if not machine.contactor:
            self.guard.clear()

    # Faults.

    def _check(self, now_ms: int) -> None:
        trips = self.guard.trips
        if trips:
            log.warning("guard", "opened the contactor, trip %d" % trips)
            self._switched_ms = now_ms
            self._machine.reopen(now_ms)
        bits = 0
        if trips & guard.TRIP_RESIDUAL or self.guard.residual:
            bits |= faults.RESIDUAL_CURRENT
        bits |= self.fault_bits & faults.CP_SHORT if self.vehicle == "E" else 0
        if not self.guard.alive:
            bits |= faults.GUARD_STALLED
        if self._machine.ignored_stop:
            bits |= faults.NOT_OBEYING
        bits |= self._check_contactor(now_ms) | self._check_diode()
        self._raise(bits)
        if self.vehicle == "A":
            self.fault_bits &= ~faults.CLEARED_BY_UNPLUG | bits

    def _raise(self, bits: int) -> None:
        fresh = bits & ~self.fault_bits
        if fresh:
            self.fault_bits |= bits
            log.error("charger", "fault: " + ", ".join(faults.names(fresh)))

    def _check_contactor(self, now_ms: int) -> int:
        """Compare the auxiliary contact with what was asked, when it has had time to follow."""
        since_ms = ticks_diff(now_ms, self._switched_ms)
        closed = bool(self._feedback())
        if self._machine.contactor and not closed and since_ms > _CLOSE_CHECK_MS:
            return faults.CONTACTOR_FAILS_TO_CLOSE
        if not self._machine.contactor and closed and since_ms > _WELD_CHECK_MS:
            return faults.WELDED_CONTACTOR
        return 0

    def _check_diode(self) -> int:
        """The negative level must reach -12 V while PWM is on a connected car."""
        if self._machine.offering and not self._inputs.diode_ok and self.plugged:
            self._diode_misses += 1
        else:
            self._diode_misses = 0
        return faults.DIODE_SHORT if self._diode_misses >= _DIODE_SAMPLES else 0

    # The session.

    def _begin(self, id_tag: str) -> None:
        self.recover()
        self._pending_tag = ""
        self.finished = False
        self.has_charged = False
        self.session = self._log.begin(id_tag, self._meter_wh())
        self._progress_s = clock.uptime_s()
        self._progress_wh = self.session.meter_start_wh
        log.info("charger", "session %d begins" % self.session.number)
        self._outbox.append((self._log.start, (self.session,)))
        self._outbox.append((self._emit, ("start", self.session)))

    def _close(self, session) -> None:
        """Tell, then note on flash: a power cut in between only has it told twice."""
        log.info(
            "charger",
            "session %d: %s, %d Wh" % (session.number, session.reason, session.energy_wh),
        )
        self._outbox.append((self._emit, ("stop", session)))
        self._outbox.append((self._log.stop, (session,)))
        self._outbox.append((self._log.save_counters, ()))

    def _meter_wh(self) -> int:
        return self.meter.energy_wh or 0 if self.meter else 0

    def _read_meter(self, session) -> None:
        session.meter_stop_wh = max(session.meter_stop_wh, self._meter_wh())

    def _plug_moved(self) -> None:
        if self.plugged:
            self._log.plug_cycles += 1
            if self._pending_tag:
                self._begin(self._pending_tag)
            else:
                self._emit("plugged", self.session)
        else:
            self.finished = False
            if self.session and self.stop_on_unplug:
                self.stop("EVDisconnected")

    def _keep_session(self) -> None:
        now_s = clock.uptime_s()
        if self._pending_tag and now_s - self._pending_s > _PLUG_TIMEOUT_S:
            self._pending_tag = ""
            log.info("charger", "no plug after the card")
        session = self.session
        if session:
            self._read_meter(session)
            if now_s - self._progress_s >= _PROGRESS_S:
                self._progress_s = now_s
                if session.meter_stop_wh != self._progress_wh:
                    self._progress_wh = session.meter_stop_wh
                    self._outbox.append((self._log.progress, (session,)))

    def recover(self) -> None:
        """End the session that a power cut left open; to be called once all who listen are there."""
        session = self._log.unfinished
        if session:
            self._log.unfinished = None
            session.end("PowerLoss")
            self._close(session)

    def _tell_status(self) -> None:
        now = status.ocpp_status(self)
        changed = now != self.status
        self.status = now
        self.reason = status.reason(self)
        if changed:
            log.info("charger", "%s, %s" % (now, self.state))
            self._emit("status", self.session)

    def _emit(self, event: str, session) -> None:
        for callback in self._listeners:
            try:
                callback(event, session)
            except Exception as error:  # a listener's failure is its own
                log.error("charger", "%s listener: %s %s" % (event, type(error).__name__, error))
