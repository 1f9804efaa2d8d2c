"""One connector's charging: samples the pilot, steps the state machine, drives the outputs, keeps the session."""

import asyncio

from core import clock, log
from core.clock import ticks_diff, ticks_ms
from evse import fault_checks, faults, status
from evse.outbox import Outbox
from evse.pilot_levels import HYSTERESIS_MV, MIN_MA, classify, duty_x10, offered_ma
from evse.session import Session
from evse.state_machine import STEADY_X10, Inputs, StateMachine
from micropython import const

_ENERGISED_MS = const(16)  # two samples and the coil's release well within 100 ms
_IDLE_MS = const(40)
_FULL_PASS_MS = const(100)  # what changes without the pilot waits at most this long
_BLIND_SAMPLES = const(4)
_SIMPLIFIED_MA = const(10000)  # what a car with a simplified pilot may draw
_DRAWS_MA = const(1000)


class Charger:
    """The facade that the web, the back office and the card reader use.

    pilot: drivers.pilot.Pilot; feedback(): 1 while the contactor's contacts are closed;
    limits: evse.limits.Limits; session_log: evse.session.SessionLog; circuit: config.json's
    board.pilot. `meter`, a meter.poller.Meter, and `connector`, an evse.connector.Connector, are set
    from outside where there are such.
    """

    def __init__(self, pilot, the_guard, feedback, limits, session_log, circuit: dict) -> None:
        self.pilot = pilot
        self.guard = the_guard
        self.limits = limits
        self.meter = None
        self.connector = None
        self.session: "Session | None" = None
        self.available = True
        self.book = faults.FaultBook()
        self.finished = False  # a session ended and the plug is still in
        self.has_charged = False
        self.plugged = False  # a car is connected; a pilot fault does not change that
        self.temperature_dc = None
        self.ventilated = True
        self.stop_on_unplug = True
        self.plug_timeout_s = 60  # for the plug after a card; 0: no end
        self.reservation = None  # auth.reservation.Reservation while it is kept for somebody
        self.resumes = False  # a session that a power cut left open goes on
        self.waking = False  # the offer is interrupted to wake the car
        self.held_low = None  # the task that keeps state F on the pilot to have it measured
        self._told_bits = 0
        self.status = "Available"
        self.reason = "Starting"
        self.condition = status.Condition()
        self.session_log = session_log
        self._take_circuit(circuit)
        self._car_bounds = 0
        self._machine = StateMachine(ticks_ms(), circuit)
        self._inputs = Inputs()
        self._checks = fault_checks.FaultChecks(
            self.book, the_guard, self._machine, self._inputs, feedback
        )
        self._outbox = Outbox()
        self._pending_tag = ""
        self._pending_s = 0
        self._passed_ms = ticks_ms()
        self._blind = 0  # samples in a row that told nothing
        self.began_plugged = None  # the plug was in at the start
        self._counted = False  # … and so was counted before it
        self.beat = None  # called in each full pass: the supervisor's proof of life

    def _take_circuit(self, circuit: dict) -> None:
        self._levels_mv = circuit["levels_mv"]
        self._hysteresis_mv = circuit.get("hysteresis_mv", HYSTERESIS_MV)
        self._diode_mv = circuit["diode_mv"]
        self._bounds_simplified = circuit.get("simplified_limit_10a", False)

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
        return offered_ma(self._machine.offered_x10)

    @property
    def fault_bits(self) -> int:
        """The faults that keep it from charging; worn parts let a session end."""
        worn = 0 if self.session else faults.BLOCKING
        return self.book.bits & (faults.STOPPING | worn)

    @property
    def faults(self) -> list:
        """Names of active faults."""
        return self.book.names()

    @property
    def active_faults(self) -> list:
        """(name, line for people, raised at uptime s) of each."""
        return list(self.book.told())

    @property
    def error_code(self) -> str:
        """OCPP 1.6 ChargePointErrorCode."""
        return self.book.code()[0]

    @property
    def vendor_error(self) -> str:
        """The fault's own name, for OCPP's vendorErrorCode."""
        return self.book.code()[1]

    @property
    def contactor_cycles(self) -> int:
        """Closings of the contactor in its life."""
        return self.session_log.contactor_cycles

    @property
    def plug_cycles(self) -> int:
        """Insertions of the plug in its life."""
        return self.session_log.plug_cycles

    def listen(self, callback) -> None:
        """Have callback(event, session) called: "status", "plugged", "start", "stop"."""
        self._outbox.listen(callback)

    # What others ask for.

    def start(self, id_tag: str) -> str:
        """Begin a session, or wait `plug_timeout_s` for the plug; returns why not, or ""."""
        self.recover()
        if self.fault_bits:
            return "faulted"
        if self.session:
            return "a session is running"
        if not self.available:
            return "out of service"
        if self.reservation and not self.reservation.admits(id_tag):
            return "reserved"
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
        """Put the connector in or out of service; a session that runs is not cut short."""
        self.available = available
        if not available:
            self._pending_tag = ""
        self._tell_status()  # who asks at once shall not hear of the former one

    # The loop.

    async def run(self) -> None:
        """Charge for ever. Whatever ends this opens the contactor."""
        try:
            while True:
                self.step_once()
                if not self.settled:
                    await asyncio.sleep_ms(0)
                    self._outbox.send_next()
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
        inputs.level = classify(pilot.high_mv, self._levels_mv, self._hysteresis_mv, inputs.level)
        inputs.diode_ok = pilot.low_mv <= self._diode_mv
        inputs.torn = pilot.torn
        if self.began_plugged is None:
            self.began_plugged = self._counted = inputs.level != "A"
        quiet = inputs.level == machine.vehicle == machine.candidate
        quiet = quiet and not (self.guard.trips or self.book.fresh)
        if quiet and ticks_diff(now_ms, self._passed_ms) < _FULL_PASS_MS:
            return
        self._passed_ms = now_ms
        self._checks.step(now_ms, self.plugged)
        self._fill_inputs()
        machine.step(inputs, now_ms)
        if self._checks.check_line() or self._limit_by_car():
            self._fill_inputs()
            machine.step(inputs, now_ms)
        self.waking = machine.waking
        if self.book.fresh:
            self._outbox.put(fault_checks.report, *self._checks.snapshot(self))
        self._drive(now_ms)
        if machine.vehicle != "E" and self.plugged != (machine.vehicle != "A"):
            self.plugged = not self.plugged
            self._plug_moved()
        self._keep_session()
        self._tell_status()
        if self.beat:
            self.beat()

    @property
    def settled(self) -> bool:
        """All that happened has been told and kept."""
        return self._outbox.empty

    def _fill_inputs(self) -> None:
        inputs = self._inputs
        bits = self.fault_bits
        inputs.offer_x10 = duty_x10(self.limits.ma) if self.limits.ma >= MIN_MA else 0
        if bits and self._machine.contactor and not bits & ~faults.GENTLE:
            inputs.offer_x10 = bits = 0  # the pilot stops the car, then the contactor opens
        inputs.faults = bits
        inputs.lasting = bits & faults.LASTING or self.held_low
        inputs.authorized = self.session is not None
        inputs.available = self.available or self.session is not None
        inputs.ventilated = self.ventilated
        if self._machine.contactor and not self._machine.offered_x10:
            inputs.draws = self._draws()
        inputs.permitted = self.guard.permits
        connector = self.connector
        if connector and inputs.permitted:
            inputs.permitted = connector.alive if self._machine.contactor else connector.ready

    def _draws(self) -> bool:
        """Current flows, as far as anybody knows."""
        meter = self.meter
        known = [ma for ma in meter.current_ma if ma is not None] if meter and meter.ok else ()
        return not known or max(known) > _DRAWS_MA

    def _limit_by_car(self) -> bool:
        """A car that needs ventilation that there is not, or has no S2, brings limits; True when new."""
        refused = self._machine.refused
        simplified = self._machine.simplified and self._bounds_simplified
        bounds = refused + 2 * simplified
        if bounds == self._car_bounds:
            return False
        self._car_bounds = bounds
        self.limits.set("no ventilation", 0 if refused else None)
        self.limits.set("simplified pilot", _SIMPLIFIED_MA if simplified else None)
        return True

    def _drive(self, now_ms: int) -> None:
        machine = self._machine
        if self.pilot.set_duty(machine.duty_x10):
            self.guard.duty_changed(machine.changed_ms)
        asked = self.guard.asked
        if machine.contactor != asked:
            self._checks.switched(now_ms)
        if machine.contactor and not asked:
            if self.guard.close():
                self.session_log.contactor_cycles += 1
                self.has_charged = True
            else:
                machine.reopen(now_ms)
        elif asked and not machine.contactor:
            self.guard.open()
        if not machine.contactor:
            self.guard.clear()

    # The session.

    def _begin(self, id_tag: str) -> None:
        self._pending_tag = ""
        self.finished = False
        self.has_charged = False
        if self.meter:
            self.meter.hold_count()
        self.session = self.session_log.begin(id_tag, self._meter_wh())
        if self.reservation:
            self.session.reservation_id, self.reservation = self.reservation.number, None
        log.info("charger", "session %d begins" % self.session.number)
        self._outbox.put(self.session_log.start, self.session)
        self._outbox.put(self._outbox.tell, "start", self.session)

    def _close(self, session) -> None:
        """Tell, then note on flash: a power cut in between only has it told twice."""
        log.info(
            "charger",
            "session %d: %s, %d Wh" % (session.number, session.reason, session.energy_wh),
        )
        self._outbox.put(self._outbox.tell, "stop", session)
        self._outbox.put(self.session_log.stop, session)
        self._outbox.put(self.session_log.close, session)

    def _meter_wh(self) -> int:
        return self.meter.energy_wh or 0 if self.meter else 0

    def _read_meter(self, session) -> None:
        session.meter_stop_wh = max(session.meter_stop_wh, self._meter_wh())

    def _plug_moved(self) -> None:
        if self.plugged:
            self.session_log.plug_cycles += not self._counted
            self._counted = False
            if self._pending_tag:
                self._begin(self._pending_tag)
            else:
                self._outbox.tell("plugged", self.session)
        else:
            self.finished = False
            if self.session and self.stop_on_unplug:
                self.stop("EVDisconnected")

    def _keep_session(self) -> None:
        now_s = clock.uptime_s()
        timeout_s = self.plug_timeout_s
        if self._pending_tag and timeout_s and now_s - self._pending_s > timeout_s:
            self._pending_tag = ""
            log.info("charger", "no plug after the card")
        session = self.session
        if session and self.book.bits & faults.ENDING:
            self.stop("Other")
        elif session:
            self._read_meter(session)
        if self.session_log.is_due(self.session, now_s):
            self._outbox.put(self.session_log.keep, self.session)

    @property
    def interrupted(self) -> bool:
        """A session that a restart cut short waits for `recover`."""
        return self.session_log.unfinished is not None

    def recover(self, reason: str = "PowerLoss") -> None:
        """Go on with the session that a restart cut short, or end it; once all who listen are there."""
        session = self.session_log.unfinished
        self.session_log.unfinished = None
        if session and self.resumes and self.plugged:
            log.info("charger", "session %d goes on" % session.number)
            self.session = session
        elif session:
            self._read_meter(session)
            session.end(reason, unix_s=self.session_log.kept_unix_s)
            self._close(session)

    def _tell_status(self) -> None:
        now = status.ocpp_status(self)
        bits = self.book.bits
        changed = now != self.status or bits != self._told_bits
        self._told_bits = bits
        self.status = now
        self.reason = self.condition.update(self)
        if changed:
            log.info("charger", "%s, %s" % (now, self.state))
            self._outbox.tell("status", self.session)
