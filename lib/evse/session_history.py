"""Sessions that have ended: a ring of records of one size, found by their numbers. Loaded when needed.

Each of the files holds 64 records and fills a block of the flash. A record is
number u32, start u32, stop u32 (unix time), duration u32, meter at the start u64, energy u32, reason u8,
tag 31 bytes, crc32 u32 (little endian) of all before it.
"""

import struct
from binascii import crc32

from core import storage
from core.journal import make_durable
from evse.session import Session
from micropython import const

_RECORD = "<IIIIQIB31s"
_TAG_BYTES = const(31)
_RECORD_BYTES = const(64)
_FILE_RECORDS = const(64)
_FILES = const(16)
_MOST_MISSING = const(16)  # in a row; further back there may be nothing at all

# OCPP 1.6, section 7.36; by number on flash.
REASONS = (
    "Other",
    "DeAuthorized",
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
)


def _place(path: str, number: int) -> tuple:
    """The file of a session, and where it is in there."""
    name = "%s.%d" % (path, number // _FILE_RECORDS % _FILES)
    return name, number % _FILE_RECORDS * _RECORD_BYTES


def _packed(session: Session) -> bytes:
    tag = session.id_tag
    while len(tag.encode()) > _TAG_BYTES:
        tag = tag[:-1]
    reason = REASONS.index(session.reason) if session.reason in REASONS else 0
    data = struct.pack(
        _RECORD,
        session.number,
        session.start_unix_s,
        session.stop_unix_s,
        session.duration_s(),
        session.meter_start_wh,
        session.energy_wh,
        reason,
        tag.encode(),
    )
    return data + struct.pack("<I", crc32(data))


def append(path: str, session: Session) -> None:
    """Keep a session that has ended, in the place of the one 1024 before it."""
    name, place = _place(path, session.number)
    with open(name, "r+b" if storage.exists(name) else "wb") as file:
        file.seek(place)
        file.write(_packed(session))
        make_durable(file)


def _find(path: str, number: int) -> "Session | None":
    """A session by its number; None where its place is empty, damaged or another's."""
    name, place = _place(path, number)
    try:
        with open(name, "rb") as file:
            file.seek(place)
            data = file.read(_RECORD_BYTES)
    except OSError:
        return None
    body = data[:-4]
    if len(data) < _RECORD_BYTES or crc32(body) != struct.unpack("<I", data[-4:])[0]:
        return None
    fields = struct.unpack(_RECORD, body)
    if fields[0] != number:
        return None
    session = Session(number, str(fields[7].rstrip(b"\0"), "utf-8"), fields[4])
    session.start_unix_s, session.stop_unix_s = fields[1:3]
    session.start_s, session.stop_s = 0, fields[3]
    session.meter_stop_wh = session.meter_start_wh + fields[5]
    session.reason = REASONS[fields[6]] if fields[6] < len(REASONS) else REASONS[0]
    return session


def stop_wh(path: str, number: int) -> "int | None":
    """Where the meter stood at a session's end; None when its end is not there."""
    session = _find(path, number)
    return session.meter_stop_wh if session else None


def read(path: str, last: int, limit: int):
    """Generate at most limit sessions, newest first, from a number on."""
    oldest = max(0, last - _FILES * _FILE_RECORDS)
    missing = 0
    while last > oldest and limit > 0 and missing < _MOST_MISSING:
        session = _find(path, last)
        last -= 1
        missing += 1
        if session:
            missing = 0
            limit -= 1
            yield session
