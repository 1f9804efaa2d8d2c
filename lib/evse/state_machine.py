"""The control pilot's state machine: a pure step from what is measured to what is driven.

States A … F with x1 (steady +12 V, no energy on offer) and x2 (PWM, energy on offer) as in
IEC 61851-1:2017 annex A; sequence numbers in comments are those of its table A.6. docs/charging.md
tells each sequence with its figures.
"""

from core.clock import ticks_diff
from micropython import const

STEADY_X10 = const(10000)
STATE_F_X10 = const(0)

_CLOSE_SETTLE_MS = const(500)  # longer than a BCB pulse of 200 … 400 ms (sequence 11)
_SETTLE_MS = const(60)  # plugging bounces
_OPEN_SETTLE_MS = const(8)  # two samples while energised: open in 100 ms (sequences 2, 7, 8)

# Cells of ._left_ms. They count down, so that no wrap of the ticks starts one anew.
_OFFER_REST = const(0)  # until the offer may grow
_COIL_REST = const(1)  # until the contactor may close again
_F_HOLD = const(2)  # of state F after a fault
_GLITCH = const(3)  # while a reading of B is taken for a car's reaction to a new duty
_RELEASE = const(4)  # until the contactor opens under load
_WAKE = const(5)  # of the wake-up's present part
_TIMERS = const(6)

_OFFER_REST_MS = const(5000)  # a duty may change every 5 s (sequence 6); x1 lasts as long
_COIL_REST_MS = const(2000)  # no chatter, and sequence 4 still closes in 3 s
_F_HOLD_MS = const(300)  # table A.5
_GLITCH_MS = const(550)  # some hybrids fall back to B for up to 500 ms
_RELEASE_MS = const(6000)  # then the load is broken (sequence 10.2)
_WAKE_F_MS = const(4000)  # A.5.3, T_step_EF
_WAKE_X1_MS = const(750)

# Parts of the wake-up.
_AWAKE = const(0)
_SLEEPS = const(1)  # B2 stands
_SHAKEN = const(2)  # state F
_PAUSED = const(3)  # x1
_DONE = const(4)  # woken once since the plug went in, or it has charged


class Inputs:
    """What the step sees. Filled anew before each step."""

    def __init__(self) -> None:
        self.level = "A"  # vehicle state of the last pilot sample, A … E
        self.diode_ok = False  # the last sample's negative level reached -12 V
        self.torn = 0  # 1: that sample may have missed it
        self.authorized = False
        self.available = True  # in service: nobody has made it inoperative
        self.faults = 0
        self.lasting = 0  # those of them that last until a restart: state F is held
        self.offer_x10 = 0  # duty for the effective limit; 0: the limit is below 6 A
        self.ventilated = True  # state D may charge
        self.permitted = False  # the guard agrees to a closed contactor
        self.draws = True  # current flows, as far as anybody knows


class StateMachine:
    """Keeps the state; its outputs are .duty_x10, .contactor and .state.

    circuit: config.json's board.pilot, of which fault_hold_ms and wake_up_s are used.
    """

    def __init__(self, now_ms: int, circuit: dict) -> None:
        self.vehicle = "A"  # debounced vehicle state
        self.candidate = "A"  # what it may become; the same while nothing moves
        self.duty_x10 = STEADY_X10
        self.offered_x10 = 0  # the same while it is a PWM, which offers energy; else 0
        self.contactor = False
        self.ignored_stop = False  # the car drew on for 6 s after the PWM had stopped
        self.simplified = False  # it came to C without B: a simplified pilot has no S2
        self.refused = False  # it asked for ventilation that there is not, and has not left since
        self.waking = False  # the offer is interrupted to wake the car
        self.changed_ms = now_ms  # when the duty last changed under a closed contactor
        self._candidate_ms = now_ms
        self._stepped_ms = now_ms
        self._diode_seen = False  # since the PWM came
        self._stopping = False
        self._was_faulty = False
        self._wake = _AWAKE
        self._f_hold_ms = circuit.get("fault_hold_ms", _F_HOLD_MS)
        self._wake_up_ms = circuit.get("wake_up_s", 30) * 1000
        self._left_ms = [0] * _TIMERS

    @property
    def state(self) -> str:
        """A, B1, B2, C1, C2, D1, D2, E or F."""
        if self.duty_x10 == STATE_F_X10:
            return "F"
        if self.vehicle in "AE":
            return self.vehicle
        return self.vehicle + ("1" if self.duty_x10 == STEADY_X10 else "2")

    def step(self, inputs: Inputs, now_ms: int) -> None:
        """Advance to now and set the outputs."""
        elapsed_ms = ticks_diff(now_ms, self._stepped_ms)
        self._stepped_ms = now_ms
        left_ms = self._left_ms
        if any(left_ms):
            for timer in range(_TIMERS):
                left_ms[timer] = max(0, left_ms[timer] - elapsed_ms)
        self._follow_vehicle(inputs, now_ms)
        self._drive_pilot(inputs, now_ms)
        self._drive_contactor(inputs)
        if self.vehicle == "A":  # the next car waits for nothing
            left_ms[_OFFER_REST] = left_ms[_COIL_REST] = 0

    def reopen(self, now_ms: int) -> None:
        """The contactor was opened from outside: state C must settle anew before it closes."""
        self._open()
        if self.vehicle in "CD":
            self.vehicle = "B"
        self.candidate = self.vehicle
        self._candidate_ms = now_ms

    # The car.

    def _follow_vehicle(self, inputs: Inputs, now_ms: int) -> None:
        level = inputs.level
        if self.duty_x10 == STATE_F_X10:  # -12 V tells nothing of the car
            level = self.candidate = self.vehicle
        elif level == "B" and self.contactor and self._left_ms[_GLITCH]:
            level = self.vehicle
        if level != self.candidate:
            self.candidate = level
            self._candidate_ms = now_ms
        elif level != self.vehicle and (
            ticks_diff(now_ms, self._candidate_ms) >= self._settle_ms(level)
        ):
            self._enter(level)
        self.refused = not inputs.ventilated and (
            self.vehicle == "D" or (self.refused and self.vehicle != "A")
        )

    def _settle_ms(self, level: str) -> int:
        if level in "CD":
            return _CLOSE_SETTLE_MS
        return _OPEN_SETTLE_MS if self.contactor else _SETTLE_MS

    def _enter(self, level: str) -> None:
        if self.vehicle == "A":
            self.simplified = level in "CD"
        elif level in "AB":
            self.simplified = False
        self.vehicle = level
        if level == "A":
            self.ignored_stop = False
            self._wake = _AWAKE

    # The pilot.

    def _drive_pilot(self, inputs: Inputs, now_ms: int) -> None:
        before_x10 = self.offered_x10
        left_ms = self._left_ms
        if inputs.faults and not self._was_faulty:
            left_ms[_F_HOLD] = self._f_hold_ms
        self._was_faulty = bool(inputs.faults)
        offered_x10 = 0
        held = inputs.lasting or left_ms[_F_HOLD]
        if not held and self._may_offer(inputs):
            if self._wake != _DONE:
                self._wake_up(before_x10)
            self.waking = self._wake in (_SHAKEN, _PAUSED)
            if not self.waking:
                offered_x10 = self._next_offer(before_x10, inputs.offer_x10)
            held = self._wake == _SHAKEN
        else:
            self._wake = _DONE if self._wake > _SLEEPS else _AWAKE
            self.waking = False
        self.duty_x10 = STATE_F_X10 if held else offered_x10 or STEADY_X10
        self.offered_x10 = offered_x10
        if offered_x10 != before_x10:
            self._see_change(inputs, now_ms)
        # At least once before closing (table A.4), by a sample that was taken at this PWM.
        seen = self._diode_seen or (before_x10 and inputs.diode_ok)
        self._diode_seen = bool(offered_x10 and seen)

    def _may_offer(self, inputs: Inputs) -> bool:
        if inputs.faults or not inputs.available or not inputs.authorized or not inputs.offer_x10:
            return False
        return self.vehicle in "BCD" and not self.refused

    def _next_offer(self, before_x10: int, wanted_x10: int) -> int:
        """A smaller offer goes out at once, a larger one 5 s after the last change (sequence 6)."""
        if wanted_x10 <= before_x10 or not self._left_ms[_OFFER_REST]:
            return wanted_x10
        return before_x10

    def _see_change(self, inputs: Inputs, now_ms: int) -> None:
        self._left_ms[_OFFER_REST] = _OFFER_REST_MS
        # Not while B is read: what began before the change is no reaction to it.
        if self.offered_x10 and self.contactor and inputs.level in "CD":
            self._left_ms[_GLITCH] = _GLITCH_MS
            self.changed_ms = now_ms

    def _wake_up(self, before_x10: int) -> None:
        """A car that stays in B2 is shown state F and x1, once for each plug-in (A.5.3)."""
        left_ms = self._left_ms
        if not self._wake_up_ms:
            return
        if self._wake <= _SLEEPS and not (before_x10 and self.vehicle == "B"):
            self._wake = _AWAKE
        elif self._wake == _AWAKE or not left_ms[_WAKE]:
            self._wake += 1
            left_ms[_WAKE] = (0, self._wake_up_ms, _WAKE_F_MS, _WAKE_X1_MS, 0)[self._wake]
            if self._wake == _DONE:
                left_ms[_OFFER_REST] = 0

    # The contactor.

    def _drive_contactor(self, inputs: Inputs) -> None:
        asks = self.vehicle in "CD" and inputs.permitted and not inputs.faults
        if asks and self.offered_x10:
            self._stopping = False
            ready = self._diode_seen and inputs.level in "CD" and not self._left_ms[_COIL_REST]
            self.contactor = self.contactor or ready
        elif not (asks and self.contactor and self._waits_for_release(inputs)):
            self._open()
        if self.contactor:
            self._wake = _DONE

    def _waits_for_release(self, inputs: Inputs) -> bool:
        """The PWM has gone: True while the car has time to stop drawing (sequence 10)."""
        left_ms = self._left_ms
        if not self._stopping:
            self._stopping = True
            left_ms[_RELEASE] = _RELEASE_MS
        if left_ms[_RELEASE]:
            return True
        self.ignored_stop = inputs.draws and not self.simplified
        return False

    def _open(self) -> None:
        if self.contactor:
            self._left_ms[_COIL_REST] = _COIL_REST_MS
        self.contactor = False
        self._stopping = False
