"""The control pilot's state machine: a pure step from what is measured to what is driven.

States A … F with x1 (steady +12 V, no energy on offer) and x2 (PWM, energy on offer) as in
IEC 61851-1:2017 annex A; sequence numbers in comments are those of its table A.6.
"""

from core.clock import ticks_diff
from micropython import const

STEADY_X10 = const(10000)
STATE_F_X10 = const(0)

_CLOSE_SETTLE_MS = const(500)  # longer than a BCB pulse of 200 … 400 ms (sequence 11)
_SETTLE_MS = const(60)  # plugging bounces
_OPEN_SETTLE_MS = const(8)  # two samples while energised: open in 100 ms (sequences 2, 7, 8)
_RELEASE_MS = const(6000)  # a car gets 6 s to stop drawing before the load is broken (sequence 10.2)
_HOLD_F_MS = const(300)


class Inputs:
    """What the step sees. Filled anew before each step."""

    def __init__(self) -> None:
        self.level = "A"  # vehicle state of the last pilot sample, A … E
        self.diode_ok = False  # the last sample's negative level reached -12 V
        self.authorized = False
        self.available = True  # in service: nobody has made it inoperative
        self.faults = 0
        self.offer_x10 = 0  # duty for the effective limit; 0: the limit is below 6 A
        self.ventilated = True  # state D may charge
        self.permitted = False  # the guard agrees to a closed contactor


class StateMachine:
    """Keeps the state; its outputs are .duty_x10, .contactor and .state."""

    def __init__(self, now_ms: int) -> None:
        self.vehicle = "A"  # debounced vehicle state
        self.duty_x10 = STEADY_X10
        self.contactor = False
        self.ignored_stop = False  # the car drew on for 6 s after the PWM had stopped
        self._candidate = "A"
        self._candidate_ms = now_ms
        self._diode_seen = False
        self._stopped_ms = now_ms
        self._stopping = False
        self._fault_ms = now_ms
        self._was_faulty = False

    @property
    def state(self) -> str:
        """A, B1, B2, C1, C2, D1, D2, E or F."""
        if self.duty_x10 == STATE_F_X10:
            return "F"
        if self.vehicle in "AE":
            return self.vehicle
        return self.vehicle + ("1" if self.duty_x10 == STEADY_X10 else "2")

    @property
    def offering(self) -> bool:
        """True while PWM offers energy."""
        return self.duty_x10 not in (STEADY_X10, STATE_F_X10)

    @property
    def is_settled(self) -> bool:
        """No other vehicle state is under way."""
        return self._candidate == self.vehicle

    def step(self, inputs: Inputs, now_ms: int) -> None:
        """Advance to now and set the outputs."""
        self._follow_vehicle(inputs, now_ms)
        self._drive_pilot(inputs, now_ms)
        self._drive_contactor(inputs, now_ms)

    def reopen(self, now_ms: int) -> None:
        """The contactor was opened from outside: state C must settle anew before it closes."""
        self.contactor = False
        self._stopping = False
        if self.vehicle in "CD":
            self.vehicle = "B"
        self._candidate = self.vehicle
        self._candidate_ms = now_ms

    def _settle_ms(self, level: str) -> int:
        if level in "CD" and self.vehicle not in "CD":
            return _CLOSE_SETTLE_MS
        return _OPEN_SETTLE_MS if self.contactor else _SETTLE_MS

    def _follow_vehicle(self, inputs: Inputs, now_ms: int) -> None:
        level = inputs.level
        if self.duty_x10 == STATE_F_X10:  # -12 V tells nothing of the car
            self._candidate = self.vehicle
            return
        if level != self._candidate:
            self._candidate = level
            self._candidate_ms = now_ms
        elif level != self.vehicle and (
            ticks_diff(now_ms, self._candidate_ms) >= self._settle_ms(level)
        ):
            self.vehicle = level
            if level in "AE":
                self._diode_seen = False
                self.ignored_stop = False

    def _drive_pilot(self, inputs: Inputs, now_ms: int) -> None:
        if inputs.faults and not self._was_faulty:
            self._fault_ms = now_ms
        self._was_faulty = bool(inputs.faults)
        if inputs.faults and ticks_diff(now_ms, self._fault_ms) < _HOLD_F_MS:
            self.duty_x10 = STATE_F_X10
        elif self._may_offer(inputs):
            self.duty_x10 = inputs.offer_x10
        else:
            self.duty_x10 = STEADY_X10
        if inputs.diode_ok and self.offering:
            self._diode_seen = True

    def _may_offer(self, inputs: Inputs) -> bool:
        if inputs.faults or not inputs.available or not inputs.authorized or not inputs.offer_x10:
            return False
        if self.vehicle == "D" and not inputs.ventilated:
            return False
        return self.vehicle in "BCD"

    def _drive_contactor(self, inputs: Inputs, now_ms: int) -> None:
        asks = self.vehicle in "CD" and not inputs.faults
        if asks and self.offering:
            self._stopping = False
            closing = self._diode_seen and inputs.level in "CD"
            self.contactor = inputs.permitted and (self.contactor or closing)
        elif asks and self.contactor and inputs.permitted:
            self._wait_for_release(now_ms)
        else:
            self._stopping = False
            self.contactor = False

    def _wait_for_release(self, now_ms: int) -> None:
        if not self._stopping:
            self._stopping = True
            self._stopped_ms = now_ms
        elif ticks_diff(now_ms, self._stopped_ms) >= _RELEASE_MS:
            self.contactor = False
            self._stopping = False
            self.ignored_stop = True
