"""What happened on the bench, in order: every edge with its time and board."""

from bisect import bisect_right
from threading import Lock

KEPT = 20_000


class EventLog:
    """The last events. Times rise strictly, so that `since` neither loses nor repeats one."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._events: list[dict] = []
        self._last_ms = 0.0
        self._lock = Lock()

    def add(self, now_s: float, board: int, what: str, value: object) -> None:
        """Note that something changed at a time of the bench's monotonic clock."""
        with self._lock:
            self._last_ms = round(max(now_s * 1000, self._last_ms + 0.001), 3)
            self._events.append(
                {"t_ms": self._last_ms, "board": board, "what": what, "value": value}
            )
            if len(self._events) > 2 * self._kept:
                del self._events[: -self._kept]

    def since(self, t_ms: float) -> list[dict]:
        """Events later than t_ms, oldest first."""
        with self._lock:
            first = bisect_right(self._events, t_ms, key=lambda event: event["t_ms"])
            return self._events[max(first, len(self._events) - self._kept) :]
