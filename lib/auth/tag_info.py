"""What OCPP calls idTagInfo as a record on flash: tag, parent's tag, status, expiry. Loaded with what keeps such records."""

from auth import tag_forms
from auth.tag_files import TAG_BYTES, checked, key
from core import clock, loading
from micropython import const

STATUSES = ("Accepted", "Blocked", "Expired", "Invalid")
RECORD_BYTES = 52  # tag, parent's tag, a digit for the status, expiry in hexadecimal, line feed
_STATUS = const(40)
_ACCEPTED = const(48)  # the digit 0

loading.unload("auth.tag_files")  # it goes when this module goes


def parent_in(info: dict) -> str:
    """The parent's tag of an idTagInfo; empty without one."""
    parent = info.get("parentIdTag")
    return tag_forms.canonical(parent) if isinstance(parent, str) else ""


def expiry_in(info: dict) -> int:
    """When an idTagInfo ends, unix time; 0 without a date. ValueError when it is none."""
    expiry = info.get("expiryDate")
    return max(1, clock.parse_iso8601(expiry)) if isinstance(expiry, str) else 0


def pack(start: bytes, status: str, expiry_s: int, parent: str) -> bytes:
    """The record of a tag's key. ValueError: the status is none that lasts, or the parent no tag."""
    if status not in STATUSES:
        raise ValueError("no status of a tag that lasts: " + str(status)[:40])
    parent = checked(parent) if parent else ""
    return start + key(parent) + b"%d%010x\n" % (STATUSES.index(status), expiry_s)


def unpack(record: bytes) -> tuple:
    """(AuthorizationStatus, expiry as unix time or 0, parent's tag) of a record."""
    status = STATUSES[(record[_STATUS] - _ACCEPTED) % len(STATUSES)]
    try:
        expiry_s = int(str(record[_STATUS + 1 : -1], "utf-8"), 16)
    except ValueError:  # damaged: over long ago
        expiry_s = 1
    return status, expiry_s, str(record[TAG_BYTES:_STATUS], "utf-8").rstrip()


def has_ended(expiry_s: int) -> bool:
    """Tell whether an expiry is known to be over: it is not while nobody has told the time."""
    return 0 < expiry_s <= clock.unix_s()
