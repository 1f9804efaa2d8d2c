"""OCPP's local authorization list (OCPP 1.6, 3.5.2): tags that the back office has sent. Loaded when asked.

They are in 16 files by a hash of the tag, each of which has editions a and b. An index names the list's
version and the edition of each file that holds; "-": there is none. auth.local_list_update writes the other
editions, then the index: a power cut at any instant leaves the old list or the new.
"""

from auth.tag_files import FILES, TagFiles, checked, key, number_of
from auth.tag_info import RECORD_BYTES, has_ended, unpack
from core import loading, storage

PATH = "/data/auth_list"
MOST = 500  # tags in all: LocalAuthListMaxLength
MOST_SENT = 50  # in one SendLocalList, which has to fit into memory: SendLocalListMaxLength

loading.unload("auth.tag_info")  # these go when this module goes
loading.unload("auth.tag_files")


class ListFiles(TagFiles):
    """The files of the editions that are named by a letter each."""

    def __init__(self, path: str, editions: str) -> None:
        super().__init__(path, RECORD_BYTES)
        self._path = path
        self._editions = editions

    def file_of(self, start: bytes) -> str:
        """The path of the file that a tag's key belongs into."""
        return self.file(number_of(start))

    def file(self, number: int) -> str:
        """The path of a file."""
        return "%s/%x%s" % (self._path, number, self._editions[number])


def index_path(path: str) -> str:
    """Where the index is."""
    return path + "/index"


def index(path: str) -> list:
    """[version, number of tags, editions]; those of an empty list where there is none, or it is damaged."""
    try:
        version, count, editions = storage.read_json(index_path(path), ())
        if len(editions) == FILES:
            return [version, count, editions]
    except (TypeError, ValueError):
        pass
    return [0, 0, "-" * FILES]


def version(path: str = PATH) -> int:
    """The list's version; 0 while it is empty."""
    number, count, _ = index(path)
    return number if count else 0


def find(tag: str, path: str = PATH):
    """(AuthorizationStatus, expiry as unix time or 0, parent's tag) of a tag; None when it is not listed."""
    try:
        start = key(checked(tag))
    except ValueError:
        return None
    if not storage.exists(index_path(path)):
        return None
    record = ListFiles(path, index(path)[2]).find(start)
    return unpack(record) if record else None


def status_of(tag: str, path: str = PATH) -> str:
    """AuthorizationStatus of a tag at this moment; empty when it is not listed.

    While nobody has told the time, an entry serves whatever its date: the list is there for that case.
    """
    entry = find(tag, path)
    if not entry:
        return ""
    return "Expired" if entry[0] == "Accepted" and has_ended(entry[1]) else entry[0]


def clear(path: str = PATH) -> None:
    """Forget the list, at one stroke."""
    TagFiles(path, RECORD_BYTES).clear()
