"""The highest of the offers that a car may still be following."""

from micropython import const

_FOLLOW_MS = const(5000)  # what a car has after a change of its offer (IEC 61851-1 sequence 6)


class Recent:
    """Keeps it from what the pilot offers at each look."""

    def __init__(self) -> None:
        self.ma = 0
        self._left_ms = 0

    def note(self, signaled_ma: int, elapsed_ms: int) -> None:
        """Take what the pilot offers now."""
        self._left_ms -= elapsed_ms
        if signaled_ma >= self.ma or self._left_ms <= 0:
            self.ma = signaled_ma
            self._left_ms = _FOLLOW_MS
