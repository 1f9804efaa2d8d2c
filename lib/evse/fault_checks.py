"""Compares what the pilot, the contactor and the guard do with what was asked of them."""

from core import loading, log
from core.clock import ticks_diff, ticks_ms
from evse import faults, guard
from micropython import const

_CLOSE_CHECK_MS = const(500)
_WELD_CHECK_MS = const(1000)
_DIODE_SAMPLES = const(5)


class FaultChecks:
    """The checks of each pass; what they find goes into the fault book.

    feedback(): 1 while the contactor's contacts are closed.
    """

    def __init__(self, book, the_guard, machine, inputs, feedback) -> None:
        self._book = book
        self._guard = the_guard
        self._machine = machine
        self._inputs = inputs
        self._feedback = feedback
        self._switched_ms = ticks_ms()
        self._diode_misses = 0

    def switched(self, now_ms: int) -> None:
        """The contactor was told to move: it and its auxiliary contact get time for it."""
        self._switched_ms = now_ms

    def step(self, now_ms: int, plugged: bool) -> None:
        """Check before the state machine's step."""
        book, machine, trips = self._book, self._machine, self._guard.trips
        if trips:
            log.warning("guard", "opened the contactor, trip %d" % trips)
            self._switched_ms = now_ms
            machine.reopen(now_ms)
        residual = trips & guard.TRIP_RESIDUAL or self._guard.residual
        book.set(faults.RESIDUAL_CURRENT, residual)
        book.set(faults.GUARD_STALLED, not self._guard.alive)
        book.set(faults.NOT_OBEYING, machine.ignored_stop)
        self._check_contactor(now_ms)
        self._check_diode(plugged)
        self.check_line()
        book.step(now_ms)
        if machine.vehicle == "A":
            book.unplugged()

    def check_line(self) -> bool:
        """A pilot at 0 V is a short circuit; True when it is a new one.

        Asked before and after the machine's step: nobody shall see an open contactor without its reason.
        """
        before = self._book.bits
        self._book.set(faults.CP_SHORT, self._machine.vehicle == "E")
        return self._book.bits != before

    def snapshot(self, charger) -> tuple:
        """The faults that are new, and what was measured and driven when they rose."""
        book, pilot, meter = self._book, charger.pilot, charger.meter
        bits = book.fresh
        book.fresh = 0
        closed = self._feedback()
        seen = [self._machine.vehicle, pilot.duty_permille, pilot.high_mv, pilot.low_mv]
        seen += [charger.limit_ma, charger.temperature_dc, closed]
        if meter:
            seen += meter.voltage_mv
            seen += meter.current_ma
        return bits, seen

    def _check_contactor(self, now_ms: int) -> None:
        """Compare the auxiliary contact with what was asked, when it has had time to follow."""
        since_ms = ticks_diff(now_ms, self._switched_ms)
        if since_ms < 0:  # more than half the ticks' period, six days
            since_ms = _WELD_CHECK_MS + 1
        asked = self._machine.contactor
        closed = bool(self._feedback())
        book = self._book
        fails = asked and not closed and since_ms > _CLOSE_CHECK_MS
        book.set(faults.CONTACTOR_FAILS_TO_CLOSE, fails)
        book.set(faults.WELDED_CONTACTOR, not asked and closed and since_ms > _WELD_CHECK_MS)

    def _check_diode(self, plugged: bool) -> None:
        """The negative level must reach -12 V while PWM is on a connected car."""
        inputs = self._inputs
        if self._machine.offered_x10 and not inputs.diode_ok and plugged:
            self._diode_misses += not inputs.torn
        else:
            self._diode_misses = 0
        self._book.set(faults.DIODE_SHORT, self._diode_misses >= _DIODE_SAMPLES)


def report(bits: int, seen: list) -> None:
    """Log new faults with what a snapshot holds."""
    loading.once("evse.fault_log", "report", bits, seen)
