"""The motor that locks the plug in a socket outlet, on the I/O expander; its feedback tells where it is.

A movement is a pulse, a break for the motor, and another pulse where the feedback does not follow.
"""

from core.clock import ticks_diff, ticks_ms
from drivers.io_expander import LOCK_CLOSE, LOCK_OPEN
from micropython import const

_CLOSED_STABLE_MS = const(75)  # contacts bounce while the motor runs
_OPEN_STABLE_MS = const(50)


class Lock:
    """`step` moves it; call that each 20 ms while it is `driving`.

    circuit: config.json's board.lock: pulse_ms 300 … 600, break_ms 1000 or more, tries before it
    has `failed`, retry_ms from then on.
    """

    def __init__(self, expander, circuit: dict) -> None:
        self._expander = expander
        self._pulse_ms = min(max(circuit["pulse_ms"], 300), 600)
        self._break_ms = max(circuit["break_ms"], 1000)
        self._retry_ms = max(circuit["retry_ms"], 1000)
        self._tries = circuit["tries"]
        self.closed = None  # by a feedback that has stood still; None before there was one
        self.driving = False
        self.failed = False  # all tries were in vain; it goes on trying
        self._seen = None
        self._seen_ms = ticks_ms()
        self._target = None
        self._pulses = 0
        self._turned_ms = ticks_ms()  # when the motor was switched on or off last
        self._in_break = False

    def step(self, close, now_ms: int) -> None:
        """Look at the feedback and move towards locked or unlocked; None: stay. OSError: no feedback."""
        if self.driving and ticks_diff(now_ms, self._turned_ms) >= self._pulse_ms:
            self.rest()
        self._look(now_ms)
        if close != self._target:
            self._target = close
            self._pulses = 0
            self.failed = False
        if self.driving:
            return
        if self._in_break:
            break_ms = self._retry_ms if self.failed else self._break_ms
            self._in_break = ticks_diff(now_ms, self._turned_ms) < break_ms
        if self.closed == close:
            self._pulses = 0
            self.failed = False
        elif close is not None and self.closed is not None and not self._in_break:
            self._try_again(now_ms)

    def rest(self) -> None:
        """Switch the motor off."""
        self._expander.drive(LOCK_CLOSE, False)
        self._expander.drive(LOCK_OPEN, False)
        self.driving = False
        self._in_break = True
        self._turned_ms = ticks_ms()

    def _try_again(self, now_ms: int) -> None:
        if self._pulses == self._tries and not self.failed:
            self.failed = self._in_break = True
            return
        self._pulses = min(self._pulses + 1, self._tries)
        self._turned_ms = now_ms
        self.driving = self._expander.drive(LOCK_CLOSE if self._target else LOCK_OPEN, True)
        if not self.driving:
            self.rest()

    def _look(self, now_ms: int) -> None:
        seen = self._expander.lock_closed()
        if seen != self._seen:
            self._seen = seen
            self._seen_ms = now_ms
        elif seen != self.closed:
            stable_ms = _CLOSED_STABLE_MS if seen else _OPEN_STABLE_MS
            if ticks_diff(now_ms, self._seen_ms) >= stable_ms:
                self.closed = seen
