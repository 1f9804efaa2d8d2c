"""Transaction messages on their way to the back office: in order, over any outage or power cut.

The journal holds each message and a mark for each that was delivered (or given up), so that the
marks count how many of the oldest messages are done. What is not known yet when a message is queued
is added when it is sent: the transaction's id and, before anybody has told the time, its date.

A power cut between an answer and its mark has one message sent twice: with the same message id, time
and content, by which the back office can tell. One within two seconds of taking meter values may
cost these.
"""

import asyncio
import os
import struct

from core import clock, loading, log
from core.journal import RECORD_BYTES, Journal, JournalFull
from micropython import const
from ocpp16.rpc import CallError

# Kinds of journal records
START = const(1)
STOP = const(3)
DONE = const(4)  # the oldest message is done; after a START with its session and transactionId
TRANSACTION = const(5)  # a rewrite keeps what an open transaction needs: session, transactionId
CLOSED = const(6)  # … and the session of a connector that was stopped last
VALUES = const(7)

ACTIONS = {START: "StartTransaction", VALUES: "MeterValues", STOP: "StopTransaction"}
MESSAGE = "<IBI"  # session number, time base, time; then members of JSON, or a sample
MESSAGE_BYTES = const(9)
MAPPING = "<Iq"
_UNIX = const(0)
UPTIME = const(1)  # nobody had told the time: seconds on a time line of the queue's own

SESSION_BITS = const(24)  # a session's number; above them which of the connectors, 0 for the first

NO_TRANSACTION = -1  # for messages of a transaction whose start was never accepted (errata 3.18)

# Free bytes below which …
_THIN_BYTES = const(10240)  # … meter values are thinned out
_VALUES_BYTES = const(8192)  # … none are taken any more, so that starts and stops have room
_FULL_BYTES = const(2048)  # … the queue counts as full
_START_BYTES = const(1024)  # … no start is taken: what runs can still be stopped,
_STOP_BYTES = const(512)  # … and what was delivered be marked
_SETTLE_MS = const(2000)
_PAUSE_S = const(60)  # after the flash has refused a rewrite
_LOADING_MODULE = "ocpp16.queue_loading"
_MESSAGES_MODULE = "ocpp16.transaction_messages"
_VALUES_MODULE = "ocpp16.meter_values"  # which that one loads
_REWRITING_MODULE = "ocpp16.queue_rewriting"


def with_newest(sessions: tuple, session: int) -> tuple:
    """The newest session of each connector, with another one."""
    connector = session >> SESSION_BITS
    others = [known for known in sessions if known >> SESSION_BITS != connector]
    return tuple(others + [session])


class TransactionQueue:
    """Start, stop and meter values of transactions, delivered one by one.

    settings: TransactionMessageAttempts, TransactionMessageRetryInterval, ConnectorPhaseRotation.
    """

    def __init__(self, journal: Journal, settings) -> None:
        self.journal = journal
        self.settings = settings
        self._head = 0  # offset of the oldest message in the journal
        self._in_journal = 0
        self._fresh: tuple = ()  # values that may get by without flash: (payload, ticks_ms)
        self._transactions: dict = {}  # session number: transactionId
        self.started: tuple = ()  # sessions last seen to start and stop, one of each connector
        self.stopped: tuple = ()
        self._line_s = 0  # the uptime's 0 on the time line of undated messages
        self._undated = False
        self._thinned = 0  # this many of the oldest messages were thinned out last
        self._dense_bytes = 0  # what was left when there was nothing more to thin out
        self._rests_until_s = 0
        self._busy = False  # delivering or rewriting: never both
        self.held = 0  # so many ends of transactions have something that is still being written
        self._attempts = 0
        self._retry_ms = 0
        self.on_started = None  # called with (session number, idTagInfo) of a start's answer
        if journal.size:
            self._take(loading.once(_LOADING_MODULE, "read", journal.path))

    def _take(self, found) -> None:
        """Go on from what is in the journal."""
        self._head, self._in_journal = found.head, found.waiting
        self._transactions = found.transactions
        self.started, self.stopped = found.started, found.stopped
        self._undated, self._line_s = found.line_s > 0, found.line_s
        for session in found.closed:  # the power may have been cut before that was done
            self._close(session)

    def _close(self, session: int) -> None:
        """A transaction is over, and the back office knows."""
        self._transactions.pop(session, None)
        try:
            os.remove(self.data_path(session))
        except OSError:
            pass  # it had none

    def _pop_record(self) -> tuple:
        """Move the head past the next message; returns that."""
        record = self.journal.read(self._head)
        while record[1] not in ACTIONS:
            record = self.journal.read(record[0])
        self._head = record[0]
        return record[1], record[2]

    @property
    def pending(self) -> int:
        """Messages not yet delivered."""
        return self._in_journal + (1 if self._fresh else 0)

    @property
    def _free(self) -> int:
        return self.journal.limit_bytes - self.journal.size

    @property
    def full(self) -> bool:
        """True when there is no room left for another transaction's messages."""
        return self._free < _FULL_BYTES

    def transaction_of(self, session: int) -> "int | None":
        """The transactionId of a running session; None while the back office has not given it."""
        return self._transactions.get(session)

    def data_path(self, session: int) -> str:
        """The file with a session's samples for its StopTransaction; see transaction_data."""
        return "%s.%d" % (self.journal.path, session)

    # --- time

    def stamp(self, unix_s: int, uptime_s: int) -> tuple:
        """(time base, time) of an event: unix_s, or while that is 0 and nobody told the time uptime_s.

        What is undated is on one time line, over restarts too: a restart is taken to last no time.
        """
        boot_s = clock.boot_unix_s()
        if unix_s or boot_s:
            return _UNIX, unix_s or boot_s + uptime_s
        return UPTIME, max(0, self._line_s + uptime_s)

    def line_start_s(self) -> int:
        """Unix time where the time line of undated messages begins, once the time is known."""
        return clock.boot_unix_s() - self._line_s

    def _dated(self, payload: bytes) -> bytes:
        """A message with its date, if it had none."""
        session, base, time_s = struct.unpack(MESSAGE, payload[:MESSAGE_BYTES])
        if base == _UNIX:
            return payload
        time_s += self.line_start_s()
        return struct.pack(MESSAGE, session, _UNIX, time_s) + payload[MESSAGE_BYTES:]

    # --- what is queued

    def put_start(self, session: int, members: str, unix_s: int, uptime_s: int) -> None:
        """Queue a session's StartTransaction, once: its members but for the timestamp."""
        if session not in self.started:
            payload = self._pack(session, unix_s, uptime_s, members.encode())
            if self._put(START, payload, _START_BYTES):
                self.started = with_newest(self.started, session)

    def has_started(self, session: int) -> bool:
        """True when a session's StartTransaction was queued."""
        return session in self.started or session in self._transactions

    def has_stopped(self, session: int) -> bool:
        """True when a session's StopTransaction was queued."""
        return session in self.stopped

    def put_stop(self, session: int, members: str, unix_s: int) -> None:
        """Queue a session's StopTransaction, once: recovering from a power cut may repeat it.

        members: but for the transactionId, the timestamp and the transactionData.
        """
        if session not in self.stopped:
            payload = self._pack(session, unix_s, clock.uptime_s(), members.encode())
            if self._put(STOP, payload, _STOP_BYTES):
                self.stopped = with_newest(self.stopped, session)

    def put_values(self, session: int, sample: bytes, unix_s: int, online: bool) -> None:
        """Queue a sample as MeterValues of a session, 0: of none.

        Online and with nothing queued before them they stay off the flash, unless delivery fails.
        """
        payload = self._pack(session, unix_s, clock.uptime_s(), sample)
        if online and not self.pending:
            self._fresh = (payload, clock.ticks_ms())
        else:
            self._put(VALUES, payload, _VALUES_BYTES)

    def settle(self, now: bool = False) -> None:
        """Put meter values that are not delivered soon onto flash; call it every second or so."""
        fresh = self._fresh
        if fresh and (now or clock.ticks_diff(clock.ticks_ms(), fresh[1]) > _SETTLE_MS):
            self._settle_fresh()

    def _settle_fresh(self) -> None:
        if self._fresh:
            payload = self._fresh[0]
            self._fresh = ()
            self._put(VALUES, payload, _VALUES_BYTES)

    def _pack(self, session: int, unix_s: int, uptime_s: int, rest: bytes) -> bytes:
        base, time_s = self.stamp(unix_s, uptime_s)
        self._undated = self._undated or base == UPTIME
        return struct.pack(MESSAGE, session, base, time_s) + rest

    def _put(self, kind: int, payload: bytes, reserve_bytes: int) -> bool:
        """Append a message, unless that would leave less than a reserve; tells whether it is kept."""
        self._settle_fresh()
        try:
            if self._free - RECORD_BYTES - len(payload) < reserve_bytes:
                raise JournalFull("the queue is full")
            self.journal.append(kind, payload)
        except (JournalFull, OSError) as error:
            log.error("ocpp", "%s lost: %s" % (ACTIONS[kind], error))
            return False
        self._in_journal += 1
        return True

    # --- delivery

    def due(self) -> bool:
        """True when there is a message to deliver and no retry to wait for."""
        if self._busy or self.held or not self.pending:
            return False
        return not self._attempts or clock.ticks_diff(clock.ticks_ms(), self._retry_ms) >= 0

    async def deliver(self, call) -> None:
        """Deliver the oldest message by `await call(action, payload, message id)`, if it is due.

        A refusal, or no answer on a living line, counts as an attempt; after the last one the message
        is given up. When the line is lost the OSError passes through and the message waits.
        """
        if not self.due():
            return
        self._busy = True
        try:
            await self._deliver(call)
        finally:
            self._busy = False
            if not self.pending:
                loading.unload(_MESSAGES_MODULE)
                loading.unload(_VALUES_MODULE)

    def _oldest(self) -> tuple:
        """(kind, payload) of the message to deliver next; the head stays."""
        if not self._in_journal:
            return VALUES, self._fresh[0]
        head = self._head
        record = self._pop_record()
        self._head = head
        return record

    async def _deliver(self, call) -> None:
        kind, payload = self._oldest()
        payload = self._dated(payload)
        session, _, unix_s = struct.unpack(MESSAGE, payload[:MESSAGE_BYTES])
        module = loading.load(_MESSAGES_MODULE)
        await asyncio.sleep_ms(0)  # loading was a turn of its own
        message = await module.build(self, kind, session, unix_s, payload[MESSAGE_BYTES:])
        try:
            answer = await call(ACTIONS[kind], message, self._message_id(kind, session))
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
        if kind == START and self.on_started and isinstance(info, dict):
            self.on_started(session, info)

    def _message_id(self, kind: int, session: int) -> str:
        """The same over restarts, for what must not count twice; a line sees each but once."""
        if kind == VALUES:
            return ""
        return "%s-%d-%d" % (ACTIONS[kind], session, self._attempts)

    def _failed(self, kind: int, session: int, error: Exception) -> None:
        self._settle_fresh()
        self._attempts += 1
        why = str(error) or "no answer"
        why = "%s, attempt %d: %s" % (ACTIONS[kind], self._attempts, why)
        if self._attempts >= self.settings.get("transaction_attempts"):
            log.error("ocpp", why + ", given up")
            self._finish(kind, session, NO_TRANSACTION)
            return
        log.warning("ocpp", why)
        wait_ms = self.settings.get("transaction_retry_interval") * 1000 * self._attempts
        self._retry_ms = clock.ticks_add(clock.ticks_ms(), wait_ms)

    def _finish(self, kind: int, session: int, transaction: int) -> None:
        """The oldest message is done. A start's mark keeps its transactionId in the same write."""
        self._attempts = 0
        if self._fresh and not self._in_journal:
            self._fresh = ()
            return
        if kind == START:
            self._transactions[session] = transaction
        mark = struct.pack(MAPPING, session, transaction) if kind == START else b""
        self._pop_record()
        self._in_journal -= 1
        self._thinned = max(0, self._thinned - 1)
        try:
            self.journal.append(DONE, mark)
        except (JournalFull, OSError) as error:  # it would be sent again after a restart
            log.error("ocpp", "delivery not noted: %s" % error)
        if kind == STOP:
            self._close(session)

    # --- rewriting the journal

    def needs_compaction(self) -> bool:
        """True when the journal should be rewritten: to date messages, or to make room."""
        if self._busy or clock.uptime_s() < self._rests_until_s:
            return False
        if self._undated and clock.boot_unix_s():
            return True
        floor = self.journal.limit_bytes // (4 if self._in_journal else 8)
        if self._free < _THIN_BYTES:
            floor = _START_BYTES
        return self._head > floor or self._is_tight

    @property
    def _is_tight(self) -> bool:
        """Messages leave little room, and there are more to thin out than when that was tried last."""
        tried = self._dense_bytes and self.journal.size < self._dense_bytes + _START_BYTES
        return self._free + self._head < _THIN_BYTES and not tried

    async def compact(self) -> None:
        """Rewrite the journal, letting others run after each record.

        Drops what is done and dates what is undated. When room is scarce every second sample goes,
        of the oldest transactions first.
        """
        if self._busy:
            return
        self._busy = True
        try:
            await self._rewrite(loading.load(_REWRITING_MODULE))
        except (JournalFull, OSError) as error:
            log.error("ocpp", "queue not rewritten: %s" % error)
            self._rests_until_s = clock.uptime_s() + _PAUSE_S
        finally:
            self._busy = False
            loading.unload(_REWRITING_MODULE)

    async def _rewrite(self, module) -> None:
        dates = self._undated and clock.boot_unix_s()
        begin = self._thinned if self._is_tight else -1
        kept = module.Rewriting(self.journal, self._head, self._dated if dates else None, begin)
        steps = self.journal.rewrite_steps(kept.records(self._state()))
        try:
            for _ in steps:
                await asyncio.sleep_ms(0)
        finally:
            steps.close()
        self._head = 0
        self._in_journal -= kept.dropped
        self._undated = self._undated and not dates
        if begin >= 0:
            self._thinned = kept.thinned
            hopeless = not begin and kept.dropped_bytes < _START_BYTES
            self._dense_bytes = self.journal.size if hopeless else 0

    def _state(self):
        """What has to be known besides the messages."""
        for session in self.stopped:
            yield CLOSED, struct.pack("<I", session)
        for session, transaction in self._transactions.items():
            yield TRANSACTION, struct.pack(MAPPING, session, transaction)
