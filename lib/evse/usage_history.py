"""Current and power of the last hour, a value a minute, in a few bytes."""

from array import array

from core import clock
from micropython import const

_MINUTES = const(60)
_UNKNOWN = const(-32768)
_MOST = const(32767)


class UsageHistory:
    """Note it each minute; noted_s is the uptime of the newest value."""

    def __init__(self) -> None:
        self.noted_s = 0
        self._next = 0
        self._rows = array("h", [_UNKNOWN] * (2 * _MINUTES))

    def note(self, meter) -> None:
        """Keep what a meter tells now: the largest phase's current and the power of all."""
        current_da = power_10w = _UNKNOWN
        if meter and meter.ok:
            known = [ma for ma in meter.current_ma if ma is not None]
            if known:
                current_da = min((max(known) + 50) // 100, _MOST)
            if meter.power_mw is not None:
                power_10w = max(-_MOST, min((meter.power_mw + 5000) // 10000, _MOST))
        self._rows[self._next] = current_da
        self._rows[self._next + _MINUTES] = power_10w
        self._next = (self._next + 1) % _MINUTES
        self.noted_s = clock.uptime_s()

    def values(self, row: int):
        """Generate a row, oldest first: 0 currents in 0.1 A, 1 powers in 10 W; None for the unknown."""
        for minute in range(_MINUTES):
            value = self._rows[row * _MINUTES + (self._next + minute) % _MINUTES]
            yield None if value == _UNKNOWN else value
