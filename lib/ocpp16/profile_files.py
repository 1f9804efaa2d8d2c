"""Charging profiles on flash, a small file each. Loaded when needed.

A file is named by what makes a new profile replace it: purpose, connector and stack level (OCPP 1.6 section
3.13.2), as in D1-3. It is written beside the old one and renamed, and ends with a checksum: after a power cut
there is the old profile or the new one, and a damaged one is dropped.
"""

import asyncio
import os
import struct
from binascii import crc32

from core import log, storage
from core.journal import make_durable
from micropython import const

PATH = "/data/profiles"
_LETTERS = "TDM"  # of the purposes, in names

_FIELDS = (  # of Profile, in the order of a file's head
    "purpose",
    "connector",
    "in_watts",
    "least_tenths",
    "id",
    "level",
    "session",
    "sequence",
    "valid_from_s",
    "valid_to_s",
    "start_s",
    "cycle_s",
    "duration_s",
    "installed_s",
    "tag_crc",
)
_HEAD = "<BBBIiIIIIIIIIII"
_HEAD_BYTES = const(51)
_CRC_BYTES = const(4)
_PERIOD = "<II"  # second of the schedule; tenths of A or W, with the phases in the upper two bits
_PERIOD_BYTES = const(8)
_LIMIT_BITS = const(30)
_MOST_TENTHS = const(0x3FFFFFFF)
_MOST_LOADED = const(3)

_loaded: list = []  # profiles whose periods are in memory: those of all would fill it


class Profile:
    """A charging profile with its schedule. Times are seconds since 1970, of 32 bits."""

    purpose = 0  # 0 TxProfile, 1 TxDefaultProfile, 2 ChargePointMaxProfile
    connector = 0
    in_watts = 0
    least_tenths = 0  # minChargingRate; 0: none
    id = 0
    level = 0
    session = 0  # number of the session that a TxProfile is for
    sequence = 0  # grows with each profile that comes
    valid_from_s = 0
    valid_to_s = 0  # 0: for ever
    start_s = 0  # of the schedule; 0: it begins with the transaction
    cycle_s = 0  # after which it recurs; 0: it does not
    duration_s = 0  # 0: it has no end
    installed_s = 0
    tag_crc = (
        0  # of the tag that the session has, where a remote start brought the profile; 0: any
    )
    periods = 0  # how many its schedule has
    path = ""  # of its file, while the periods are only there
    _packed = b""

    @property
    def rank(self) -> int:
        """0 of a transaction, 1 default of a connector, 2 default of all, 3 of the whole station."""
        return self.purpose + (1 if self.purpose and not self.connector else 0)

    @property
    def name(self) -> str:
        """Of its file."""
        return "%s%d-%d" % (_LETTERS[self.purpose], self.connector, self.level)

    def period(self, number: int) -> tuple:
        """(second of the schedule at which it begins, limit in tenths of A or W, phases or 0).

        OSError when the file has become another.
        """
        if not self._packed:
            self._load()
        start_s, packed = struct.unpack_from(_PERIOD, self._packed, number * _PERIOD_BYTES)
        return start_s, packed & _MOST_TENTHS, packed >> _LIMIT_BITS

    def _load(self) -> None:
        content = _content(self.path)
        if not content or struct.unpack_from(_HEAD, content)[7] != self.sequence:
            raise OSError("charging profile was replaced: " + self.path)
        self._packed = content[_HEAD_BYTES:-_CRC_BYTES]
        _loaded.append(self)
        if len(_loaded) > _MOST_LOADED:
            _loaded.pop(0)._packed = b""

    def set_periods(self, periods: list) -> None:
        """Take (second, tenths, phases) of each period, in the order of time."""
        self.periods = len(periods)
        packed = bytearray(self.periods * _PERIOD_BYTES)
        place = 0
        for start_s, tenths, phases in periods:
            limit = min(tenths, _MOST_TENTHS) | phases << _LIMIT_BITS
            struct.pack_into(_PERIOD, packed, place, start_s, limit)
            place += _PERIOD_BYTES
        self._packed = bytes(packed)

    def content(self) -> bytes:
        """Of its file."""
        record = struct.pack(_HEAD, *[getattr(self, name) for name in _FIELDS]) + self._packed
        return record + struct.pack("<I", crc32(record))


def _content(path: str) -> bytes:
    """Of a file with a profile; empty when it has gone meanwhile, or is damaged: then it is deleted."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return b""
    if len(content) >= _HEAD_BYTES + _PERIOD_BYTES + _CRC_BYTES:
        end = len(content) - _CRC_BYTES
        if struct.unpack_from("<I", content, end)[0] == crc32(memoryview(content)[:end]):
            return content
    log.error("ocpp", "charging profile dropped, it is damaged: " + path)
    os.remove(path)
    return b""


def _read(path: str) -> "Profile | None":
    content = _content(path)
    if not content:
        return None
    profile = Profile()
    profile.path = path
    profile.periods = (len(content) - _HEAD_BYTES - _CRC_BYTES) // _PERIOD_BYTES
    for name, value in zip(_FIELDS, struct.unpack_from(_HEAD, content)):
        if value:  # what is 0 needs no room
            setattr(profile, name, value)
    return profile


def _names(path: str) -> list:
    """Of the files; what was being written when power failed is none."""
    return [name for name in os.listdir(path) if "." not in name] if storage.exists(path) else []


def count(path: str) -> int:
    """How many profiles there are."""
    return len(_names(path))


async def visit(path: str, look) -> int:
    """Call look(profile) for each, and delete those for which it answers True; tells how many.

    Gives way after each file.
    """
    deleted = 0
    for name in _names(path):
        profile = _read(path + "/" + name)
        if profile and look(profile):
            os.remove(path + "/" + name)
            deleted += 1
        await asyncio.sleep_ms(0)
    return deleted


async def read(path: str, connector: int, session: int, tag: "str | None") -> list:
    """The profiles that bound a connector, by rank, those of the highest level first.

    session: number of the one that runs or waits for its plug, 0 without; tag: its tag, None while that
    is not certain. TxProfiles of others are over and are deleted.
    """
    found = []

    def look(profile) -> bool:
        if not profile.purpose and profile.connector == connector:
            others = tag is not None and profile.tag_crc not in (0, crc32(tag.encode()))
            if others or profile.session != session:
                return True
        if profile.connector in (0, connector):
            found.append(profile)
        return False

    await visit(path, look)
    found.sort(key=lambda profile: (profile.rank, -profile.level))
    return found


async def put(path: str, profile: Profile, most: int) -> bool:
    """Keep a profile in place of those with its id or its name; False when there are so many others.

    It is on flash on return. A power cut may leave one with the same id beside it: see `tidy`.
    """
    names = set()
    replaced = []

    def look(known) -> bool:
        names.add(known.name)
        if known.id == profile.id and known.name != profile.name:
            replaced.append(known.name)
        profile.sequence = max(profile.sequence, known.sequence + 1)
        return False

    await visit(path, look)
    if len(names) - len(replaced) >= most and profile.name not in names:
        return False
    storage.make_directory(path)
    place = path + "/" + profile.name
    with open(place + ".new", "wb") as file:
        file.write(profile.content())
        make_durable(file)
    os.rename(place + ".new", place)
    for name in replaced:
        os.remove(path + "/" + name)
    return True


async def tidy(path: str) -> None:
    """After a start: of two profiles with one id the older goes, which a power cut had left."""
    newest: dict = {}

    def note(profile) -> bool:
        newest[profile.id] = max(profile.sequence, newest.get(profile.id, 0))
        return False

    await visit(path, note)
    await visit(path, lambda profile: profile.sequence < newest.get(profile.id, 0))


def delete_all(path: str = PATH) -> None:
    """Delete all, as a factory reset does."""
    for name in os.listdir(path) if storage.exists(path) else ():
        os.remove(path + "/" + name)
