"""Which slave's sessions the transaction queue has had already. Loaded when that may have changed.

The queue knows a session of a slave by its connector (ocpp16.queue.SESSION_BITS), by a count of the chargers
that have been at that connector, so that none is taken for one of another's, and by its number there.
"""

import struct

from core import clock, log, storage
from micropython import const
from ocpp16.queue import CLOSED, SESSION_BITS, with_newest

_MEMBERS = "/ocpp_members"  # serial numbers by connectors
_ONE_CHARGER = const(1 << 20)
_CHARGERS = const(15)


def _read(path: str) -> dict:
    try:
        kept = storage.read_json(path + _MEMBERS, {})
    except ValueError:
        log.error("ocpp", "list of the slaves is damaged")
        kept = {}
    return kept if isinstance(kept, dict) else {}


def is_another(path: str, connector: int, serial: str) -> bool:
    """Tell whether the slave at a connector was another one before."""
    return _read(path).get(str(connector), serial) != serial


def note(path: str, connector: int, serial: str) -> None:
    """Keep which slave is at a connector."""
    kept = _read(path)
    if kept.get(str(connector)) != serial:
        kept[str(connector)] = serial
        storage.write_json(path + _MEMBERS, kept)


def pass_over(queue, session: int) -> None:
    """Have a connector's sessions up to this one count as told. OSError, JournalFull: not kept."""
    queue.journal.append(CLOSED, struct.pack("<I", session))
    connector = session >> SESSION_BITS
    queue.stopped = with_newest(queue.stopped, session)
    queue.started = tuple([known for known in queue.started if known >> SESSION_BITS != connector])


def begin(queue, connector: int, told: "int | None", charger) -> None:
    """Begin with the session that a slave, or another one than before, has now.

    told: the last session of that connector; charger: its dlm.slave_charger.SlaveCharger.
    """
    count = 0 if told is None else (told // _ONE_CHARGER + 1) & _CHARGERS
    first = (connector - 1 << SESSION_BITS) + count * _ONE_CHARGER
    pass_over(queue, first + (charger.running or charger.newest + 1) - 1)
    charger.first_key = first


class _LostSession:
    """What is told of a session that its slave does not know any more."""

    reservation_id = None
    start_unix_s = stop_unix_s = 0
    id_tag = stop_id_tag = ""
    reason = "Other"

    def __init__(self, number: int, energy_wh: int) -> None:
        self.number = number
        self.start_s = clock.uptime_s()
        self.meter_start_wh = self.meter_stop_wh = energy_wh


def lost_session(charger, number: int) -> _LostSession:
    """Such a session, with the energy that is known now."""
    log.error("ocpp", "session %d is unknown to its charger" % number)
    return _LostSession(number, charger.energy_wh or 0)
