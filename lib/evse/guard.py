"""The second hand on the contactor: a thread that can only open it.

The loop closes the contactor through `close` and must keep it alive: fresh pilot samples, a heartbeat.
The guard thread wakes every 5 ms, whatever the loop does. It opens when the residual-current monitor
trips, when the pilot has left states C and D (it samples itself when the loop's last sample is old; B
alone is passed over for 550 ms after a new duty), or when the loop's heartbeat stays away. Its path is
viper over preallocated arrays and allocates nothing.
"""

import _thread
import time
from array import array

import micropython
from core.clock import ticks_diff, ticks_ms
from evse.pilot_levels import HYSTERESIS_MV
from micropython import const

TRIP_PILOT = const(1)
TRIP_RESIDUAL = const(2)
TRIP_HEARTBEAT = const(4)

WAKE_MS = const(5)
_BLIND_MV = -6000
_STALLED_MS = 1000  # the guard's own heartbeat: it wakes 200 times in that
_STALLED_ROUNDS = const(10)  # and the loop went round meanwhile: both may have been held at once

# Cells of the array that loop and guard share.
_ASKED = const(0)  # 1 while the loop asks for a closed contactor
_TRIPS = const(1)  # TRIP_ bits; the guard sets, the loop clears while it does not ask
_SAMPLED_MS = const(2)  # when the loop sampled the pilot last
_BEAT_MS = const(3)  # the loop's heartbeat
_GUARD_MS = const(4)  # the guard's heartbeat
_LOWEST_UV = const(5)  # the converter's window for a pilot in C or D
_HIGHEST_UV = const(6)
_OUTSIDE = const(7)  # the guard's own samples outside that window in a row, 4 each, blind ones 1
_SPAN_US = const(8)  # how long to sample at the present duty
_BLIND_UV = const(9)  # below it a sample has met only the low part of the PWM
_CHANGED_MS = const(10)  # when the loop changed the duty last
_GLITCH_UV = const(11)  # the window's upper end for 550 ms from then on: B belongs to it
_CELLS = const(12)


@micropython.viper
def watch(shared, coil, residual, sample, read_uv, scratch):
    """One look of the guard. shared, scratch: array("i"); the others are called."""
    cells = ptr32(shared)
    now_ms = int(ticks_ms())
    cells[_GUARD_MS] = now_ms
    if cells[_ASKED] == 0:
        cells[_OUTSIDE] = 0
        return
    if int(residual()):
        cells[_TRIPS] = cells[_TRIPS] | 2
    # Ages beyond half the ticks' period are the future: the loop ran on since now_ms was taken.
    age_ms = (now_ms - cells[_BEAT_MS]) & 0x3FFFFFFF
    if 3000 < age_ms < 0x20000000:
        cells[_TRIPS] = cells[_TRIPS] | 4
    age_ms = (now_ms - cells[_SAMPLED_MS]) & 0x3FFFFFFF
    if 30 < age_ms < 0x20000000:
        sample(read_uv, scratch, cells[_SPAN_US])
        level_uv = ptr32(scratch)[0]
        highest_uv = cells[_HIGHEST_UV]
        if (now_ms - cells[_CHANGED_MS]) & 0x3FFFFFFF < 550:
            highest_uv = cells[_GLITCH_UV]
        if cells[_LOWEST_UV] <= level_uv <= highest_uv:
            cells[_OUTSIDE] = 0
        else:
            cells[_OUTSIDE] = cells[_OUTSIDE] + (1 if level_uv < cells[_BLIND_UV] else 4)
            if cells[_OUTSIDE] >= 8:
                cells[_TRIPS] = cells[_TRIPS] | 1
    if cells[_TRIPS]:
        coil(0)


class Guard:
    """Owns the coil: the loop's `close` and `open`, and the thread that opens.

    coil(level) drives the contactor; residual() is 1 while the residual-current monitor is tripped;
    pilot: drivers.pilot.Pilot; circuit: config.json's board.pilot, for its levels.
    """

    def __init__(self, coil, residual, pilot, circuit: dict) -> None:
        self._coil = coil
        self._pilot = pilot
        levels_mv = circuit["levels_mv"]
        hysteresis_mv = circuit.get("hysteresis_mv", HYSTERESIS_MV)
        self._cells = array("i", [0] * _CELLS)
        self._cells[_LOWEST_UV] = pilot.threshold_uv(levels_mv[3] - hysteresis_mv)
        self._cells[_HIGHEST_UV] = pilot.threshold_uv(levels_mv[1] + hysteresis_mv)
        self._cells[_GLITCH_UV] = pilot.threshold_uv(levels_mv[0])
        self._cells[_BLIND_UV] = pilot.threshold_uv(_BLIND_MV)
        scratch = array("i", [0, 0])
        self._watch = (self._cells, coil, residual, pilot.sample, pilot.read_uv, scratch)
        self._residual = residual
        self.testing = (
            False  # the monitor tests itself, with the contactor open: its trip is no fault
        )
        self._running = False
        self._still = 0  # rounds of the loop since the guard went round
        self._seen_ms = 0

    def start(self) -> None:
        """Start the thread."""
        self._running = True
        self._cells[_GUARD_MS] = ticks_ms()
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        shared, coil, residual, sample, read_uv, scratch = self._watch
        look, sleep_ms = watch, time.sleep_ms  # 200 times a second: no search by name
        while self._running:
            look(shared, coil, residual, sample, read_uv, scratch)
            sleep_ms(WAKE_MS)

    def look(self) -> None:
        """One look, for tests that have no thread."""
        watch(*self._watch)

    def end(self) -> None:
        """End the thread, with the contactor open."""
        self.open()
        self._running = False

    def beat(self) -> None:
        """The loop's heartbeat, with the time and span of its last pilot sample."""
        cells = self._cells
        cells[_SAMPLED_MS] = self._pilot.sampled_ms
        cells[_SPAN_US] = self._pilot.span_us
        cells[_BEAT_MS] = ticks_ms()
        self._still = self._still + 1 if cells[_GUARD_MS] == self._seen_ms else 0
        self._seen_ms = cells[_GUARD_MS]

    def duty_changed(self, changed_ms: int) -> None:
        """The duty is a new one; changed_ms: when it last changed under a closed contactor."""
        self._cells[_CHANGED_MS] = changed_ms
        self._cells[_SPAN_US] = self._pilot.span_us

    @property
    def alive(self) -> bool:
        """True while the thread goes round, as far as the loop can tell."""
        return self._is_fresh or self._still < _STALLED_ROUNDS

    @property
    def _is_fresh(self) -> bool:
        return ticks_diff(ticks_ms(), self._cells[_GUARD_MS]) < _STALLED_MS

    @property
    def trips(self) -> int:
        """TRIP_ bits since the contactor was asked for."""
        return self._cells[_TRIPS]

    @property
    def asked(self) -> bool:
        """True while the loop asks for a closed contactor."""
        return bool(self._cells[_ASKED])

    @property
    def residual(self) -> bool:
        """True while the residual-current monitor's output is tripped."""
        return bool(self._residual()) and not self.testing

    @property
    def permits(self) -> bool:
        """True when the contactor may be closed, or stay so."""
        return self.alive and not (self._cells[_TRIPS] or self._residual() or self.testing)

    def close(self) -> bool:
        """Close the contactor if the guard agrees; tells whether it did."""
        if not (self.permits and self._is_fresh):
            self.open()
            return False
        self.beat()
        self._cells[_ASKED] = 1
        self._coil(1)
        if self._cells[_TRIPS]:  # the guard tripped between the check and the coil
            self.open()
            return False
        return True

    def open(self) -> None:
        """Open the contactor."""
        self._coil(0)
        self._cells[_ASKED] = 0

    def clear(self) -> None:
        """Forget the trips; only while the contactor is not asked for."""
        if not self._cells[_ASKED]:
            self._cells[_TRIPS] = 0
