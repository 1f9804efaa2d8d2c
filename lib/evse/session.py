"""A charging session, and the log on flash that lets it survive a power cut.

The log has two parts. A small journal says how things stand: the session that runs, its energy so far,
the life counters. The sessions that have ended are in files of their own (evse.session_history).
"""

import struct

from core import clock, loading, log
from core.journal import Journal, JournalFull
from micropython import const

# Kinds of records in the journal. All begin with _HEAD; that of a start goes on with the tag.
_START = const(11)
_PROGRESS = const(12)
_IDLE = const(13)
_HEAD = "<IIIQII"  # contactor cycles, plug cycles, session number, meter Wh, unix time, duration
_HEAD_BYTES = const(28)

_LIMIT_BYTES = const(32768)
_COMPACT_BYTES = const(1024)
_PROGRESS_S = const(60)  # of energy that a power cut may cost, if the meter's count is lost too
_IDLE_S = const(10)
_HISTORY = "evse.session_history"


class Session:
    """One session: from the plug and the authorization to its end."""

    reservation_id: "int | None" = None  # of the reservation that it used

    def __init__(self, number: int, id_tag: str, meter_start_wh: int) -> None:
        self.number = number
        self.id_tag = id_tag
        self.meter_start_wh = meter_start_wh
        self.meter_stop_wh = meter_start_wh
        self.start_unix_s = clock.unix_s()
        self.start_s = clock.uptime_s()
        self.stop_unix_s = 0
        self.stop_s = 0
        self.reason = ""
        self.stop_id_tag = ""

    @property
    def energy_wh(self) -> int:
        """Energy since the start."""
        return self.meter_stop_wh - self.meter_start_wh

    def duration_s(self) -> int:
        """Time since the start, or until the end; without the time that the station was off."""
        return (self.stop_s if self.reason else clock.uptime_s()) - self.start_s

    def end(self, reason: str, id_tag: str = "", unix_s: int = 0) -> None:
        """End it, with an OCPP 1.6 reason of StopTransaction; unix_s: when, if that is not now."""
        self.reason = reason
        self.stop_id_tag = id_tag
        self.stop_s = clock.uptime_s()
        self.stop_unix_s = unix_s or clock.unix_s()
        if self.stop_unix_s and not self.start_unix_s:  # nobody knew the time then
            self.start_unix_s = self.stop_unix_s - self.duration_s()


class SessionLog:
    """Sessions and life counters on flash. What a call wrote is there after a power cut.

    unfinished: the session that a restart cut short, with its number, tag and energy so far, until
    somebody goes on with it or ends it; kept_unix_s: when it was last noted. meter_wh: where the
    meter's count stood then; None in a new log. last_number: of the newest session.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.contactor_cycles = 0
        self.plug_cycles = 0
        self.meter_wh = None
        self.kept_unix_s = 0
        self.last_number = 0
        self._open: "Session | None" = None  # what the journal says is running
        self._kept = (0, 0, 0)  # cycles and energy as they are on flash
        self._due_s = 0
        self._history = None  # the module, while a session ends
        self._journal = Journal(path, _LIMIT_BYTES, self._take)
        self.unfinished = self._found_open()

    def _take(self, kind: int, payload: bytes) -> None:
        if not _START <= kind <= _IDLE:
            return
        head = struct.unpack(_HEAD, payload[:_HEAD_BYTES])
        self.contactor_cycles, self.plug_cycles, number, meter_wh, unix_s, elapsed_s = head
        self.last_number = max(self.last_number, number)
        self.meter_wh = meter_wh
        self._kept = (self.contactor_cycles, self.plug_cycles, meter_wh)
        self.kept_unix_s = unix_s
        if kind == _START:
            session = self._open = Session(number, str(payload[_HEAD_BYTES:], "utf-8"), meter_wh)
            session.start_unix_s = unix_s
        elif kind == _IDLE:
            self._open = None
        elif self._open:
            self._open.meter_stop_wh = meter_wh
            self._open.start_s = clock.uptime_s() - elapsed_s

    def _found_open(self) -> "Session | None":
        """The session that is open, unless its end got into the history, and no further."""
        if self._open:
            stop_wh = loading.once(_HISTORY, "stop_wh", self._path, self._open.number)
            if stop_wh is not None:
                self._open = None
                self.meter_wh = max(self.meter_wh, stop_wh)
        return self._open

    def begin(self, id_tag: str, meter_wh: int) -> Session:
        """A new session with the next number; keep it with `start`."""
        self.last_number += 1
        return Session(self.last_number, id_tag, meter_wh)

    def start(self, session: Session) -> None:
        """Keep the start of a session."""
        self._open = session
        self._append(_START, session)

    def is_due(self, session: "Session | None", now_s: int) -> bool:
        """True when there is something that `keep` shall put on flash now: at most each 10 s."""
        meter_wh = session.meter_stop_wh if session else self._kept[2]
        kept = self._kept
        same = kept[0] == self.contactor_cycles and kept[1] == self.plug_cycles
        if same and kept[2] == meter_wh:
            self._due_s = now_s + (_PROGRESS_S if session else _IDLE_S)
        if now_s < self._due_s:
            return False
        self._due_s = now_s + _PROGRESS_S
        return True

    def keep(self, session: "Session | None" = None) -> None:
        """Keep the life counters, and a running session's energy so far."""
        if session and session is self._open:
            self._append(_PROGRESS, session)
        elif not self._open:
            self._append(_IDLE, None)

    def stop(self, session: Session) -> None:
        """Load what `close` needs to keep the end of a session, in a turn of its own."""
        try:
            self._history = loading.load(_HISTORY)
        except (ImportError, MemoryError, OSError) as error:
            log.error("session", "history does not load: %s" % error)

    def close(self, session: Session) -> None:
        """Keep the end of a session. Charging goes on where the flash fails: the log line tells."""
        try:
            if self._history:
                self._history.append(self._path, session)
        except OSError as error:
            log.error("session", "not kept: %s" % error)
        self._history = None
        loading.unload(_HISTORY)
        self.meter_wh = session.meter_stop_wh
        if self._open is session:
            self._open = None
        self.keep()

    def read(self, first: int = 0, limit: int = 20):
        """Generate sessions that have ended, newest first, from the first-th on."""
        return loading.once(_HISTORY, "read", self._path, self.last_number - first, limit)

    def _record(self, kind: int, session: "Session | None") -> bytes:
        cycles = (self.contactor_cycles, self.plug_cycles)
        if not session:
            rest = (self.last_number, self.meter_wh or 0, clock.unix_s(), 0)
            return struct.pack(_HEAD, *(cycles + rest))
        if kind == _START:
            rest = (session.number, session.meter_start_wh, session.start_unix_s, 0)
            return struct.pack(_HEAD, *(cycles + rest)) + session.id_tag.encode()
        rest = (session.number, session.meter_stop_wh, clock.unix_s(), session.duration_s())
        return struct.pack(_HEAD, *(cycles + rest))

    def _append(self, kind: int, session: "Session | None") -> None:
        """Write a record."""
        if session:
            self.meter_wh = session.meter_stop_wh
        try:
            if self._journal.size > _COMPACT_BYTES:
                self._journal.rewrite(self._present(kind, session))
            else:
                self._journal.append(kind, self._record(kind, session))
            self._kept = (self.contactor_cycles, self.plug_cycles, self.meter_wh or 0)
        except (OSError, JournalFull) as error:
            log.error("session", "not kept: %s" % error)
        self._due_s = clock.uptime_s() + _PROGRESS_S

    def _present(self, kind: int, session: "Session | None"):
        """The records that say how things stand."""
        if kind == _PROGRESS:
            yield _START, self._record(_START, session)
        yield kind, self._record(kind, session)
