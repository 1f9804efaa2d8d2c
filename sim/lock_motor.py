"""The motor that locks the plug in a socket outlet, with its feedback contact."""

TRAVEL_S = 0.3  # a pulse of 300 … 600 ms moves it


class LockMotor:
    """Moves to the end it is driven to, unless it jams."""

    def __init__(self) -> None:
        self.closed = False
        self._drive = 0
        self._since_s = 0.0

    def step(self, now_s: float, close: bool, open_: bool, jams: bool) -> None:
        """Follow the two halves of the bridge; both or none is a brake."""
        drive = close - open_
        if drive != self._drive or jams:
            self._drive = drive
            self._since_s = now_s
        elif drive and now_s - self._since_s >= TRAVEL_S:
            self.closed = drive > 0
