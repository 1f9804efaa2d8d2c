"""The local whitelist (ETEK's manual, 5.8.1.7): up to 1,000 tags on flash. Loaded when it is asked."""

from auth.tag_files import TAG_BYTES, TagFiles, checked, key
from core import loading
from micropython import const

MOST = const(1000)
PATH = "/data/whitelist"

loading.unload("auth.tag_files")  # it goes when this module goes


def _files(path: str) -> TagFiles:
    return TagFiles(path, TAG_BYTES + 1)


def insert(tag: str, path: str = PATH) -> bool:
    """Add a tag in any of its spellings; False when it was there. ValueError: no tag, or the list is full."""
    start = key(checked(tag))
    files = _files(path)
    if files.find(start):
        return False
    if sum(files.counts()) >= MOST:
        raise ValueError("the whitelist is full: it takes %d tags" % MOST)
    files.append(start + b"\n")
    return True


def contains(tag: str, path: str = PATH) -> bool:
    """Tell whether a tag is on the list. ValueError when it is no tag."""
    return bool(_files(path).find(key(checked(tag))))


def delete(tag: str, path: str = PATH) -> bool:
    """Take a tag off; False when it was not there. ValueError when it is no tag."""
    start = key(checked(tag))
    files = _files(path)
    if not files.find(start):
        return False
    files.replace(start, b"")
    return True


def delete_all(path: str = PATH) -> int:
    """Take all off, at one stroke; returns how many there were."""
    return _files(path).clear()


def page(first: int, limit: int, path: str = PATH) -> list:
    """Canonical tags from the first-th on, so many at most; the order is the flash's own."""
    return [str(record, "utf-8").rstrip() for record in _files(path).records(first, limit)]


def count(path: str = PATH) -> int:
    """How many tags there are."""
    return sum(_files(path).counts())
