"""Indicator lamps on PWM pins, and the patterns that they show."""

import asyncio

from core.clock import ticks_diff, ticks_ms

OFF = "off"
ON = "on"
SLOW = "flashing slow"
FAST = "flashing fast"
BREATHING = "breathing"

_TICK_MS = 75
_CALM_MS = 250
_PERIOD_MS = {SLOW: 1000, FAST: 300, BREATHING: 3000}
_FULL = 65535


def brightness_u16(pattern: str, elapsed_ms: int) -> int:
    """Duty of a lamp that has shown a pattern for a time."""
    if pattern in (OFF, ON):
        return _FULL if pattern == ON else 0
    period_ms = _PERIOD_MS[pattern]
    phase_ms = elapsed_ms % period_ms
    if pattern != BREATHING:
        return _FULL if phase_ms * 2 < period_ms else 0
    ramp = min(phase_ms, period_ms - phase_ms) * 2 * 255 // period_ms
    return ramp * ramp  # the eye sees the square root


class Lamps:
    """Lamps by colour; `show` sets patterns, `run` draws them."""

    def __init__(self, pwms: dict) -> None:
        self._pwms = pwms
        self._shown = {colour: OFF for colour in pwms}
        self._duties = {colour: -1 for colour in pwms}
        self._since_ms = ticks_ms()

    def show(self, patterns: dict) -> None:
        """Show these patterns by colour; a lamp that is not named goes off."""
        for colour in self._shown:
            pattern = patterns.get(colour, OFF)
            if pattern != self._shown[colour]:
                self._shown[colour] = pattern
                self._since_ms = ticks_ms()

    def _draw(self) -> bool:
        moving = False
        elapsed_ms = ticks_diff(ticks_ms(), self._since_ms)
        for colour, pattern in self._shown.items():
            moving = moving or pattern in _PERIOD_MS
            duty = brightness_u16(pattern, elapsed_ms)
            if duty != self._duties[colour]:
                self._duties[colour] = duty
                self._pwms[colour].duty_u16(duty)
        return moving

    async def run(self) -> None:
        """Draw for ever; seldom while nothing flashes."""
        while True:
            await asyncio.sleep_ms(_TICK_MS if self._draw() else _CALM_MS)
