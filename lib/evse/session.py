"""A charging session, and the log on flash that lets it survive a power cut."""

import json

from core import clock, log
from core.journal import Journal, JournalFull
from micropython import const

_START = const(1)
_PROGRESS = const(2)
_STOP = const(3)
_COUNTERS = const(4)
_LIMIT_BYTES = const(24576)
_COMPACT_BYTES = const(16384)


class Session:
    """One session: from the plug and the authorization to its end."""

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
        """Time since the start, or until the end."""
        return (self.stop_s if self.reason else clock.uptime_s()) - self.start_s

    def end(self, reason: str, id_tag: str = "") -> None:
        """End it, with an OCPP 1.6 reason of StopTransaction."""
        self.reason = reason
        self.stop_id_tag = id_tag
        self.stop_unix_s = clock.unix_s()
        self.stop_s = clock.uptime_s()


class SessionLog:
    """Sessions and life counters on flash. What a call wrote is there after a power cut."""

    def __init__(self, path: str) -> None:
        self._journal = Journal(path, _LIMIT_BYTES)
        self.contactor_cycles = 0
        self.plug_cycles = 0
        self._last_number = 0
        self.unfinished = self._read()

    def _read(self):
        """Read the log; returns the session that a power cut left open, or None."""
        open_session = None
        for _, kind, payload in self._journal.records():
            record = json.loads(payload)
            if kind == _COUNTERS:
                self.contactor_cycles, self.plug_cycles = record["contactor"], record["plug"]
                self._last_number = max(self._last_number, record.get("n", 0))
            elif kind == _START:
                open_session = Session(record["n"], record["tag"], record["wh"])
                open_session.start_unix_s = record["t"]
                self._last_number = record["n"]
            elif kind == _PROGRESS and open_session:
                open_session.meter_stop_wh = record["wh"]
            elif kind == _STOP:
                open_session = None
        return open_session

    def begin(self, id_tag: str, meter_wh: int) -> Session:
        """A new session with the next number; keep it with `start`."""
        self._last_number += 1
        return Session(self._last_number, id_tag, meter_wh)

    def start(self, session: Session) -> None:
        """Keep the start of a session."""
        record = {"n": session.number, "tag": session.id_tag, "t": session.start_unix_s}
        record["wh"] = session.meter_start_wh
        self._append(_START, record)

    def progress(self, session: Session) -> None:
        """Keep the energy so far."""
        self._append(_PROGRESS, {"n": session.number, "wh": session.meter_stop_wh})

    def stop(self, session: Session) -> None:
        """Keep the end of a session."""
        record = {"n": session.number, "wh": session.meter_stop_wh, "t": session.stop_unix_s}
        record["reason"] = session.reason
        self._append(_STOP, record)

    def save_counters(self) -> None:
        """Keep the life counters."""
        self._append(_COUNTERS, self._counters())

    def _counters(self) -> dict:
        return {
            "contactor": self.contactor_cycles,
            "plug": self.plug_cycles,
            "n": self._last_number,
        }

    def _append(self, kind: int, record: dict) -> None:
        """Write a record. Charging goes on where the flash fails: the log line tells."""
        try:
            if self._journal.size > _COMPACT_BYTES and kind == _COUNTERS:
                self._compact()
            self._journal.append(kind, json.dumps(record).encode())
        except (OSError, JournalFull) as error:
            log.error("session", "not kept: %s" % error)

    def _compact(self) -> None:
        """Drop the older half of the records; called while no session is open."""
        count = sum(1 for _ in self._journal.records())
        self._journal.rewrite(self._newest(count // 2))

    def _newest(self, count: int):
        skip = sum(1 for _ in self._journal.records()) - count
        for index, (_, kind, payload) in enumerate(self._journal.records()):
            if index >= skip:
                yield kind, payload
        yield _COUNTERS, json.dumps(self._counters()).encode()
