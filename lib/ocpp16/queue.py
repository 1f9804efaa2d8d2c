"""Transaction messages on their way to the back office: in order, over any outage or power cut.

The journal holds each message and a mark for each that was delivered (or given up), so that the
marks count how many of the oldest messages are done. A message's body is JSON text with two gaps,
filled when it is sent: the time and the transaction's id, which may both still be unknown when it
is queued. A power cut between an answer and its mark has one message sent twice, with the same
time; one within two seconds of taking meter values may cost these.
"""

import asyncio
import struct

from core import clock, log
from core.journal import Journal, JournalFull
from micropython import const
from ocpp16.rpc import CallError

# Kinds of journal records
_START = const(1)
_VALUES = const(2)
_STOP = const(3)
_DONE = const(4)  # the oldest message is done; after a _START with its session and transactionId
_TRANSACTION = const(5)  # a rewrite keeps what an open transaction needs: session, transactionId
_CLOSED = const(6)  # … and the session that was stopped last

_ACTIONS = {_START: "StartTransaction", _VALUES: "MeterValues", _STOP: "StopTransaction"}
_MESSAGE = "<IBI"  # session number, time base, time; then the body
_MESSAGE_BYTES = const(9)
_MAPPING = "<Iq"
_UNIX = const(0)
_UPTIME = const(1)  # the wall clock was not known: seconds since this start of the controller

TIME_GAP = "\x01"  # cannot occur in JSON text
TRANSACTION_GAP = "\x02"
NO_TRANSACTION = -1  # for messages of a transaction whose start was never accepted (errata 3.18)

ATTEMPTS = 3  # TransactionMessageAttempts
RETRY_INTERVAL_S = 60  # TransactionMessageRetryInterval, times the attempts so far
_RESERVE_BYTES = const(8192)  # for starts and stops, when meter values have filled the rest
_SETTLE_MS = const(2000)


class TransactionQueue:
    """Start, stop and meter values of transactions, delivered one by one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._head = 0  # offset of the oldest message in the journal
        self._in_journal = 0
        self._former = 0  # how many of these were queued before this start of the controller
        self._fresh: tuple = ()  # values that may get by without flash: (payload, ticks_ms)
        self._transactions: dict = {}  # session number: transactionId
        self._started = 0  # sessions last seen to start and stop
        self._stopped = 0
        self._attempts = 0
        self._retry_ms = 0
        self.on_started = None  # called with (session number, idTagInfo) of a start's answer
        self._load()

    def _load(self) -> None:
        done = 0
        for _, kind, payload in self._journal.records():
            if kind in _ACTIONS:
                self._in_journal += 1
                self._note(kind, struct.unpack(_MESSAGE, payload[:_MESSAGE_BYTES])[0])
            elif kind == _DONE:
                done += 1
            if kind in (_DONE, _TRANSACTION) and len(payload) > 1:
                session, transaction = struct.unpack(_MAPPING, payload)
                self._transactions[session] = transaction
                self._started = max(self._started, session)
            elif kind == _CLOSED:
                self._stopped = struct.unpack("<I", payload)[0]
        done = min(done, self._in_journal)
        self._in_journal -= done
        while done:
            kind, payload = self._pop_record()
            if kind == _STOP:
                self._transactions.pop(struct.unpack(_MESSAGE, payload[:_MESSAGE_BYTES])[0], None)
            done -= 1
        self._former = self._in_journal

    def _note(self, kind: int, session: int) -> None:
        if kind == _START:
            self._started = session
        elif kind == _STOP:
            self._stopped = session

    def _pop_record(self) -> tuple:
        """Move the head past the next message; returns that."""
        record = self._journal.read(self._head)
        while record[1] not in _ACTIONS:
            record = self._journal.read(record[0])
        self._head = record[0]
        return record[1], record[2]

    @property
    def pending(self) -> int:
        """Messages not yet delivered."""
        return self._in_journal + (1 if self._fresh else 0)

    @property
    def full(self) -> bool:
        """True when there is no room left for another transaction's messages."""
        return self._journal.limit_bytes - self._journal.size < 1024

    def transaction_of(self, session: int) -> "int | None":
        """The transactionId of a running session; None while the back office has not given it."""
        return self._transactions.get(session)

    def session_of(self, transaction: int) -> "int | None":
        """The session number behind a transactionId."""
        for session, known in self._transactions.items():
            if known == transaction:
                return session
        return None

    def put_start(self, session: int, body: str, unix_s: int) -> None:
        """Queue a session's StartTransaction, once."""
        if session != self._started:
            self._put(_START, session, body, unix_s)
            self._started = session

    def has_started(self, session: int) -> bool:
        """True when a session's StartTransaction was queued."""
        return session == self._started or session in self._transactions

    def put_stop(self, session: int, body: str, unix_s: int) -> None:
        """Queue a session's StopTransaction, once: recovering from a power cut may repeat it."""
        if session != self._stopped:
            self._put(_STOP, session, body, unix_s)
            self._stopped = session

    def put_values(self, session: int, body: str, online: bool) -> None:
        """Queue a session's MeterValues of this moment.

        Online and with nothing queued before them they stay off the flash, unless delivery fails.
        """
        payload = self._pack(session, body, clock.unix_s())
        if online and not self.pending:
            self._fresh = (payload, clock.ticks_ms())
            return
        self._settle_fresh()
        if self._journal.size + len(payload) > self._journal.limit_bytes - _RESERVE_BYTES:
            log.warning("ocpp", "queue is full: meter values dropped")
            return
        self._append(_VALUES, payload)

    def settle(self, now: bool = False) -> None:
        """Put meter values that are not delivered soon onto flash; call it every second or so."""
        fresh = self._fresh
        if fresh and (now or clock.ticks_diff(clock.ticks_ms(), fresh[1]) > _SETTLE_MS):
            self._settle_fresh()

    def _settle_fresh(self) -> None:
        if self._fresh:
            payload = self._fresh[0]
            self._fresh = ()
            self._append(_VALUES, payload)

    def _pack(self, session: int, body: str, unix_s: int) -> bytes:
        base, time_s = (_UNIX, unix_s) if unix_s else (_UPTIME, clock.uptime_s())
        return struct.pack(_MESSAGE, session, base, time_s) + body.encode()

    def _put(self, kind: int, session: int, body: str, unix_s: int) -> None:
        self._settle_fresh()
        self._append(kind, self._pack(session, body, unix_s))

    def _append(self, kind: int, payload: bytes) -> None:
        try:
            self._journal.append(kind, payload)
            self._in_journal += 1
        except (JournalFull, OSError) as error:
            log.error("ocpp", "%s lost: %s" % (_ACTIONS[kind], error))

    def _oldest(self) -> tuple:
        """(kind, payload) of the message to deliver next; the head stays."""
        if not self._in_journal:
            return _VALUES, self._fresh[0]
        head = self._head
        record = self._pop_record()
        self._head = head
        return record

    def _fill(self, kind: int, payload: bytes) -> tuple:
        """(session, body) with the gaps filled."""
        session, base, time_s = struct.unpack(_MESSAGE, payload[:_MESSAGE_BYTES])
        if base == _UPTIME:
            # before this start nothing ties an uptime to a date: then the start is the best guess
            time_s = clock.boot_unix_s() + (0 if self._former else time_s)
        body = str(payload[_MESSAGE_BYTES:], "utf-8").replace(TIME_GAP, clock.iso8601(time_s))
        if kind != _START:
            transaction = self._transactions.get(session, NO_TRANSACTION)
            body = body.replace(TRANSACTION_GAP, str(transaction))
        return session, body

    def due(self) -> bool:
        """True when there is a message to deliver and no retry to wait for."""
        if not self.pending:
            return False
        return not self._attempts or clock.ticks_diff(clock.ticks_ms(), self._retry_ms) >= 0

    async def deliver(self, call) -> None:
        """Deliver the oldest message by `await call(action, body)`.

        A refusal, or no answer on a living line, counts as an attempt; after ATTEMPTS the message is
        given up. When the line is lost the OSError passes through and the message waits.
        """
        kind, payload = self._oldest()
        session, body = self._fill(kind, payload)
        try:
            answer = await call(_ACTIONS[kind], body)
        except (CallError, asyncio.TimeoutError) as error:
            self._failed(kind, session, error)
            return
        except OSError:
            self._settle_fresh()
            raise
        info = answer.get("idTagInfo")
        transaction = answer.get("transactionId")
        if not isinstance(transaction, int):
            transaction = NO_TRANSACTION
        self._finish(kind, session, transaction)
        if kind == _START and self.on_started and isinstance(info, dict):
            self.on_started(session, info)

    def _failed(self, kind: int, session: int, error: Exception) -> None:
        self._settle_fresh()
        self._attempts += 1
        why = str(error) or "no answer"
        why = "%s, attempt %d: %s" % (_ACTIONS[kind], self._attempts, why)
        if self._attempts >= ATTEMPTS:
            log.error("ocpp", why + ", given up")
            self._finish(kind, session, NO_TRANSACTION)
            return
        log.warning("ocpp", why)
        wait_ms = RETRY_INTERVAL_S * 1000 * self._attempts
        self._retry_ms = clock.ticks_add(clock.ticks_ms(), wait_ms)

    def _finish(self, kind: int, session: int, transaction: int) -> None:
        """The oldest message is done. A start's mark keeps its transactionId in the same write."""
        self._attempts = 0
        if self._fresh and not self._in_journal:
            self._fresh = ()
            return
        if kind == _START:
            self._transactions[session] = transaction
        elif kind == _STOP:
            self._transactions.pop(session, None)
        mark = struct.pack(_MAPPING, session, transaction) if kind == _START else b""
        self._pop_record()
        self._in_journal -= 1
        self._former = max(0, self._former - 1)
        try:
            self._journal.append(_DONE, mark)
        except (JournalFull, OSError) as error:  # it would be sent again after a restart
            log.error("ocpp", "delivery not noted: %s" % error)

    def needs_compaction(self) -> bool:
        """True when what is done takes so much of the journal that it pays to drop it."""
        floor = self._journal.limit_bytes // (4 if self._in_journal else 8)
        return self._head > floor

    async def compact(self) -> None:
        """Drop from the journal what is done, letting others run after each record."""
        steps = self._journal.rewrite_steps(self._live_records())
        try:
            for _ in steps:
                await asyncio.sleep_ms(0)
        finally:
            steps.close()
        self._head = 0

    def _live_records(self):
        for session, transaction in self._transactions.items():
            yield _TRANSACTION, struct.pack(_MAPPING, session, transaction)
        if self._stopped:
            yield _CLOSED, struct.pack("<I", self._stopped)
        offset = self._head
        copied = 0
        while copied < self._in_journal:  # which grows when a message is queued meanwhile
            offset, kind, payload = self._journal.read(offset)
            if kind in _ACTIONS:
                copied += 1
                yield kind, payload
