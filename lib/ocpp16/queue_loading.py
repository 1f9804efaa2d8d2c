"""What the transaction queue finds in its journal after a start. Loaded for that."""

import struct

from core.journal import RECORD_BYTES, scan
from ocpp16.queue import (
    ACTIONS,
    CLOSED,
    DONE,
    MAPPING,
    MESSAGE,
    MESSAGE_BYTES,
    SESSION_BITS,
    START,
    STOP,
    TRANSACTION,
    UPTIME,
    with_newest,
)


class Found:
    """head: offset of the oldest message that waits; waiting: how many do; transactions: transactionId
    by session; started, stopped: each connector's newest session of which these were queued; closed: those
    whose stop was delivered; line_s: after the newest undated message on their time line, 0 without one.
    """

    def __init__(self) -> None:
        self.head = 0
        self.waiting = 0
        self.transactions: dict = {}
        self.started: tuple = ()
        self.stopped: tuple = ()
        self.closed: list = []
        self.line_s = 0

    def count(self, path: str) -> int:
        """Take in all records; how many messages are done."""
        messages = done = 0
        for kind, payload in scan(path):
            if kind in ACTIONS:
                messages += 1
                session, base, time_s = struct.unpack(MESSAGE, payload[:MESSAGE_BYTES])
                if kind == START:
                    self.started = with_newest(self.started, session)
                elif kind == STOP:
                    self.stopped = with_newest(self.stopped, session)
                if base == UPTIME:
                    self.line_s = max(self.line_s, time_s + 1)
            elif kind == DONE:
                done += 1
            if kind in (DONE, TRANSACTION) and len(payload) > 1:
                session, transaction = struct.unpack(MAPPING, payload)
                self.transactions[session] = transaction
                if kind == TRANSACTION:  # those of a connector are in no order
                    self._note_open(session)
            elif kind == CLOSED:
                self._note_closed(struct.unpack("<I", payload)[0])
        done = min(done, messages)
        self.waiting = messages - done
        return done

    def _note_open(self, session: int) -> None:
        former = self._newest_of(session)
        if former is None or former < session:
            self.started = with_newest(self.started, session)

    def _note_closed(self, session: int) -> None:
        """What came before is of no account: another charger may be at that connector now."""
        self.stopped = with_newest(self.stopped, session)
        former = self._newest_of(session)
        self.started = tuple([known for known in self.started if known != former])

    def _newest_of(self, session: int) -> "int | None":
        connector = session >> SESSION_BITS
        found = [known for known in self.started if known >> SESSION_BITS == connector]
        return found[0] if found else None

    def skip(self, path: str, done: int) -> None:
        """Go past what is done."""
        records = scan(path)
        while done:
            kind, payload = next(records)
            self.head += RECORD_BYTES + len(payload)
            if kind in ACTIONS:
                done -= 1
            if kind == STOP:
                session = struct.unpack(MESSAGE, payload[:MESSAGE_BYTES])[0]
                self.transactions.pop(session, None)
                self.closed.append(session)
        records.close()


def read(path: str) -> Found:
    """Read a journal."""
    found = Found()
    found.skip(path, found.count(path))
    return found
