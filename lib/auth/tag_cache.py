"""OCPP's authorization cache (OCPP 1.6, 3.5.1): what the back office told last of a tag. Loaded when asked.

24 tags in each of 16 files by a hash of the tag: any 200 find room. In a full file one that is not
accepted, or has ended, gives way first, then the one that was used longest ago: they stand in the order of
their use. What stands where it belongs is not written again.
"""

from auth.tag_files import TAG_BYTES, TagFiles, checked, key
from auth.tag_info import RECORD_BYTES, STATUSES, has_ended, pack, unpack
from core import clock, loading
from micropython import const

PATH = "/data/tag_cache"
FOREVER_S = 0x7FFFFFFF  # 2038-01-19, the manual's date for entries without one
_MOST_IN_FILE = const(24)

loading.unload("auth.tag_info")  # these go when this module goes
loading.unload("auth.tag_files")


def _files(path: str) -> TagFiles:
    return TagFiles(path, RECORD_BYTES)


def find(tag: str, path: str = PATH):
    """(AuthorizationStatus, expiry as unix time or 0, parent's tag) as told last; None when not known."""
    try:
        record = _files(path).find(key(checked(tag)))
    except ValueError:
        return None
    return unpack(record) if record else None


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
    if status not in STATUSES:  # ConcurrentTx says nothing about the tag as such
        return False
    record = pack(start, status, expiry_s, parent)
    files = _files(path)
    known = files.find(start)
    if known == record:
        _make_youngest(files, record)
        return False
    gives_way = b"" if known else _giving_way(files, start)
    if known or gives_way:
        files.replace(start, record, gives_way)
    else:
        files.append(record)
    return True


def used(tag: str, path: str = PATH) -> None:
    """A card has charged by its entry: that gives way last. OSError: of the flash."""
    files = _files(path)
    record = files.find(key(checked(tag)))
    if record:
        _make_youngest(files, record)


def _make_youngest(files: TagFiles, record: bytes) -> None:
    start = record[:TAG_BYTES]
    youngest = b""
    for found in files.in_file(files.file_of(start)):
        youngest = found
    if youngest != record:
        files.replace(start, record)


def _giving_way(files: TagFiles, start: bytes) -> bytes:
    """The key of the record that gives way to a new one; empty while there is room."""
    count, oldest, useless = 0, b"", b""
    for record in files.in_file(files.file_of(start)):
        count += 1
        oldest = oldest or record[:TAG_BYTES]
        status, expiry_s, _ = unpack(record)
        if status != "Accepted" or has_ended(expiry_s):
            useless = useless or record[:TAG_BYTES]
    return (useless or oldest) if count >= _MOST_IN_FILE else b""


def clear(path: str = PATH) -> int:
    """Forget all; returns how many there were."""
    return _files(path).clear()
