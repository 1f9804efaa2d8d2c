"""The residual-current monitor's self-test. Loaded where the setting rcmu is on."""

from core.clock import ticks_diff
from micropython import const

_TRIP_MS = const(500)
_RELEASE_MS = const(2000)


class RcmTest:
    """Test output on, until the monitor trips; off, until it has let go.

    drive(on) is the test output, False when it did not get there; tripped() the monitor's output.
    """

    def __init__(self, drive, tripped, now_ms: int) -> None:
        self._drive = drive
        self._tripped = tripped
        self._since_ms = now_ms
        self._testing = drive(True)
        self._has_tripped = False
        self._quiet = 0  # looks in a row without a trip after the test

    def step(self, now_ms: int):
        """Go on; True or False when it has passed or failed, None before. Each 20 ms."""
        tripped = self._tripped()
        age_ms = ticks_diff(now_ms, self._since_ms)
        if self._testing:
            if tripped or age_ms >= _TRIP_MS:
                self._has_tripped = bool(tripped)
                self._testing = False
                self._since_ms = now_ms
                self._drive(False)
            return None
        self._quiet = 0 if tripped else self._quiet + 1
        if self._quiet >= 2:
            return self._has_tripped
        return False if age_ms >= _RELEASE_MS else None
