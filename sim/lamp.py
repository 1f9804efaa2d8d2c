"""What a lamp seems to do to somebody who watches it: on, off, flashing or breathing."""

from collections import deque
from typing import Callable

WATCH_S = 2.5  # two periods of the slowest flashing, 1 Hz, and some
STILL_S = 1.3  # no change for that long: it is steady
FAST_HZ = 1.75
RAMP_STEPS = 4  # that many steps between partial brightnesses are a ramp, not an edge


class Lamp:
    """One LED behind a pin or a PWM; tells its edges through a callback(value)."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._brightness = 0
        self._rises: deque[float] = deque(maxlen=8)
        self._ramp: deque[float] = deque(maxlen=RAMP_STEPS)
        self._changed_s = -STILL_S
        self._breathing = False

    def see(self, now_s: float, brightness: int) -> None:
        """Take the brightness, 0 … 1000, at a time."""
        before = self._brightness
        if brightness != before:
            self._brightness = brightness
            self._changed_s = now_s
            self._step(now_s, before, brightness)
        elif self._breathing and now_s - self._changed_s > STILL_S:
            self._breathing = False
            self._tell(brightness > 0)

    def pattern(self, now_s: float) -> str:
        """In one word or two."""
        if now_s - self._changed_s > STILL_S:
            return "on" if self._brightness else "off"
        if self._breathing:
            return "breathing"
        rises = [at_s for at_s in self._rises if now_s - at_s < WATCH_S]
        if len(rises) < 2:
            return "on" if self._brightness else "off"
        hz = (len(rises) - 1) / (rises[-1] - rises[0])
        return "flashing fast" if hz >= FAST_HZ else "flashing slow"

    def _step(self, now_s: float, before: int, after: int) -> None:
        if before and after:
            self._ramp.append(now_s)
        ramping = len(self._ramp) == RAMP_STEPS and now_s - self._ramp[0] < WATCH_S
        edge = bool(before) != bool(after)
        if ramping != self._breathing:
            self._breathing = ramping
            self._tell("breathing" if ramping else after > 0)
        elif edge and not ramping:
            self._tell(after > 0)
        if edge and after:
            self._rises.append(now_s)
