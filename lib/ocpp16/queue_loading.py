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
    START,
    STOP,
    TRANSACTION,
    UPTIME,
)


class Found:
    """head: offset of the oldest message that waits; waiting: how many do; transactions: transactionId
    by session; started, stopped: the newest sessions of which these were queued; closed: those whose stop
    was delivered; line_s: after the newest undated message on their time line, 0 without one.
    """

    def __init__(self) -> None:
        self.head = 0
        self.waiting = 0
        self.transactions: dict = {}
        self.started = 0
        self.stopped = 0
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
                    self.started = session
                elif kind == STOP:
                    self.stopped = session
                if base == UPTIME:
                    self.line_s = max(self.line_s, time_s + 1)
            elif kind == DONE:
                done += 1
            if kind in (DONE, TRANSACTION) and len(payload) > 1:
                session, transaction = struct.unpack(MAPPING, payload)
                self.transactions[session] = transaction
                self.started = max(self.started, session)
            elif kind == CLOSED:
                self.stopped = struct.unpack("<I", payload)[0]
        done = min(done, messages)
        self.waiting = messages - done
        return done

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
