"""OCPP's authorization cache (OCPP 1.6, 3.5.1): what the back office told last of a tag. Loaded when asked.

Up to 256 tags on flash, 16 in each of 16 files by a hash of the tag. In a full file one that is not
accepted gives way first, then the one that was noted longest ago. What is known already is not written.
"""

import json

from auth import tag_forms
from auth.tag_files import TAG_BYTES, TagFiles, checked, key
from core import clock, loading
from micropython import const

PATH = "/data/tag_cache"
FOREVER_S = 0x7FFFFFFF  # 2038-01-19, the manual's date for entries without one
_MOST_IN_FILE = const(16)
_STATUSES = ("Accepted", "Blocked", "Expired", "Invalid")
_RECORD_BYTES = const(52)  # tag, parent's tag, status, expiry in hexadecimal
_STATUS = const(40)
_ACCEPTED = const(48)  # a digit, the place in _STATUSES

loading.unload("auth.tag_files")  # it goes when this module goes


def _files(path: str) -> TagFiles:
    return TagFiles(path, _RECORD_BYTES)


def find(tag: str, path: str = PATH):
    """(AuthorizationStatus, expiry as unix time or 0, parent's tag) as told last; None when not known."""
    try:
        record = _files(path).find(key(checked(tag)))
    except ValueError:
        return None
    if not record:
        return None
    status = _STATUSES[(record[_STATUS] - _ACCEPTED) % len(_STATUSES)]
    try:
        expiry_s = int(str(record[_STATUS + 1 : -1], "utf-8"), 16)
    except ValueError:  # damaged: over long ago
        expiry_s = 1
    return status, expiry_s, str(record[TAG_BYTES:_STATUS], "utf-8").rstrip()


def status_of(tag: str, lasts: bool, path: str = PATH) -> str:
    """AuthorizationStatus to go by at this moment; empty when nothing is known for sure.

    lasts: the setting cache_expire_mode, an entry that came without an expiry date lasts until 2038;
    otherwise it does not serve. While nobody has told the time, one with a date serves neither.
    """
    entry = find(tag, path)
    if entry is None or entry[0] != "Accepted":
        return entry[0] if entry else ""
    expiry_s = entry[1] or (FOREVER_S if lasts else 0)
    now_s = clock.unix_s()
    if not expiry_s or (entry[1] and not now_s):
        return ""
    return "Accepted" if now_s < expiry_s else "Expired"


def put(tag: str, status: str, expiry_s: int = 0, parent: str = "", path: str = PATH) -> bool:
    """Keep what the back office told; False when it was known, or is nothing to keep.

    expiry_s: unix time, 0 where none was given. ValueError when it is no tag.
    """
    start = key(checked(tag))
    if status not in _STATUSES:  # ConcurrentTx says nothing about the tag as such
        return False
    parent = checked(parent) if parent else ""
    record = start + key(parent)
    record += b"%d%010x\n" % (_STATUSES.index(status), expiry_s)
    files = _files(path)
    known = files.find(start)
    if known == record:
        return False
    gives_way = b"" if known else _giving_way(files, start)
    if known or gives_way:
        files.replace(start, record, gives_way)
    else:
        files.append(record)
    return True


def _giving_way(files: TagFiles, start: bytes) -> bytes:
    """The key of the record that gives way to a new one; empty while there is room."""
    count, oldest, refused = 0, b"", b""
    for record in files.same_file(start):
        count += 1
        oldest = oldest or record[:TAG_BYTES]
        if record[_STATUS] != _ACCEPTED:
            refused = refused or record[:TAG_BYTES]
    return (refused or oldest) if count >= _MOST_IN_FILE else b""


def parent_in(info: dict) -> str:
    """The parent's tag of an idTagInfo; empty without one."""
    parent = info.get("parentIdTag")
    return tag_forms.canonical(parent) if isinstance(parent, str) else ""


def note(authorizer, payload, info) -> None:
    """Keep the idTagInfo of an answer to a payload, an object or its text, where that names a tag.

    OSError: of the flash. ValueError: no tag, or no date.
    """
    if isinstance(payload, str):
        payload = json.loads(payload)
    id_tag = payload.get("idTag")
    if not id_tag or not isinstance(info, dict):
        return
    id_tag = tag_forms.canonical(id_tag)
    parent = parent_in(info)
    session = authorizer.charger.session
    if not session or tag_forms.canonical(session.id_tag) == id_tag:
        authorizer.group = id_tag, parent
    if authorizer.settings.get("authorization_cache"):
        expiry = info.get("expiryDate")
        expiry_s = clock.parse_iso8601(expiry) if isinstance(expiry, str) else 0
        put(id_tag, info.get("status"), expiry_s, parent, authorizer.path + "/tag_cache")


def clear(path: str = PATH) -> int:
    """Forget all; returns how many there were."""
    return _files(path).clear()
