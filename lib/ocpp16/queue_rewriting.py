"""What a rewrite of the transaction queue's journal keeps. Loaded for that."""

from micropython import const
from ocpp16.queue import ACTIONS, VALUES
from ocpp16.sampling import CLOCK, PERIODIC

_CONTEXT = const(10)  # where a sample's context is in a message's record
_SESSION_BYTES = const(4)
_MOST_SESSIONS = const(8)  # that samples come from in turns


class Rewriting:
    """Goes through the messages that are not done.

    dated(payload) gives a message its date; None where all have theirs. thin_from: so many of the
    oldest messages stay as they are, then every second sample of each transaction goes until enough
    room is made; -1 where there is room. The first sample of each stays, and what is not one of a row.

    thinned: so many messages have been thinned out, 0 after the last of them. dropped, dropped_bytes:
    what went.
    """

    def __init__(self, journal, head: int, dated, thin_from: int) -> None:
        self._journal = journal
        self._head = head
        self._dated = dated
        self._thin_from = thin_from
        self._goal_bytes = journal.limit_bytes // 8
        self._goes_next: dict = {}  # session: whether its next sample goes
        self.dropped = 0
        self.dropped_bytes = 0
        self.thinned = 0

    def records(self, state):
        """Generate (kind, payload): of `state`, then of the messages, also those that come meanwhile."""
        for record in state:
            yield record
        count = 0
        record = self._journal.read(self._head)
        while record:
            offset, kind, payload = record
            if kind in ACTIONS:
                if kind == VALUES and count >= self._thin_from and self._goes(payload):
                    self._drop(offset - self._head, count)
                else:
                    count += 1
                    yield kind, self._dated(payload) if self._dated else payload
            self._head = offset
            record = self._journal.read(offset)

    def _drop(self, size: int, count: int) -> None:
        self.dropped += 1
        self.dropped_bytes += size
        if self.dropped_bytes >= self._goal_bytes:
            self.thinned = count

    def _goes(self, payload: bytes) -> bool:
        """Whether a sample is dropped."""
        if self._thin_from < 0 or self.thinned or payload[_CONTEXT] not in (PERIODIC, CLOCK):
            return False
        session = payload[:_SESSION_BYTES]
        if session not in self._goes_next and len(self._goes_next) >= _MOST_SESSIONS:
            self._goes_next.clear()
        goes = self._goes_next.get(session, False)
        self._goes_next[session] = not goes
        return goes
