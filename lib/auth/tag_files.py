"""Records of tags on flash, spread over a few small files by a hash of the tag: nothing is kept in memory.

A record is appended, or its file replaced as a whole, written beside the old one and renamed: a power cut
leaves the old or the new. Records have one length, end with a line feed and begin with the tag.
"""

import os

from auth import tag_forms
from core import storage
from micropython import const

TAG_BYTES = const(20)  # OCPP's CiString20Type
FILES = const(16)
_BLOCK_BYTES = const(256)


def checked(tag: str) -> str:
    """A tag in its canonical spelling. ValueError when it is none."""
    tag = tag_forms.canonical(tag)
    if not 1 <= len(tag) <= TAG_BYTES:
        raise ValueError("a tag has 1 to %d characters, not %d" % (TAG_BYTES, len(tag)))
    for character in tag:
        if not " " <= character <= "~":
            raise ValueError("a tag has letters, digits and signs of ASCII only")
    return tag


def key(tag: str) -> bytes:
    """A canonical tag as its records begin."""
    return (tag + " " * (TAG_BYTES - len(tag))).encode()


def number_of(start: bytes) -> int:
    """The number of the file that a tag's key belongs into, 0 … FILES - 1."""
    number = 0
    for byte in start:
        number = number * 31 + byte & 0xFFFF
    return number % FILES


class TagFiles:
    """The files in a directory; record_bytes: of each record, with its line feed."""

    def __init__(self, path: str, record_bytes: int) -> None:
        self._path = path
        self._record_bytes = record_bytes
        self._step = _BLOCK_BYTES // record_bytes * record_bytes

    def file_of(self, start: bytes) -> str:
        """The path of the file that a tag's key belongs into."""
        return "%s/%x" % (self._path, number_of(start))

    def _blocks(self, file: str):
        """Generate a file's content in pieces of whole records."""
        try:
            content = open(file, "rb")
        except OSError:  # no tag is in it
            return
        with content:
            block = content.read(self._step)
            while block:
                yield block
                block = content.read(self._step)

    def find(self, start: bytes) -> bytes:
        """The record of a tag's key; empty without one."""
        found = b""
        for block in self._blocks(self.file_of(start)):  # to its end: that closes the file
            place = (b"\n" + block).find(b"\n" + start)
            if place >= 0:
                found = block[place : place + self._record_bytes]
        return found

    def counts(self) -> list:
        """The number of records in each file, by one look at the directory: a look at each takes long."""
        counts = [0] * FILES
        if storage.exists(self._path):
            for name, _, _, size in os.ilistdir(self._path):  # type: ignore[misc]  # four on LittleFS
                if len(name) == 1:  # no file that is being written
                    counts[int(name, 16)] = size // self._record_bytes
        return counts

    def records(self, first: int, limit: int):
        """Generate records in the order of the files, from the first-th on, so many at most."""
        number = 0
        for count in self.counts():
            if first < count and limit > 0:
                with open("%s/%x" % (self._path, number), "rb") as file:
                    file.seek(first * self._record_bytes)
                    for _ in range(min(limit, count - first)):
                        yield file.read(self._record_bytes)
                limit -= min(limit, count - first)
                first = 0
            else:
                first -= min(first, count)
            number += 1

    def append(self, record: bytes) -> None:
        """Put a record behind those of its file; LittleFS keeps the old end until the file is closed."""
        storage.make_directory(self._path)
        path = self.file_of(record[:TAG_BYTES])
        with open(path, "r+b" if storage.exists(path) else "wb") as file:
            file.seek(0, 2)
            file.write(record)

    def replace(self, start: bytes, record: bytes, gives_way=b"") -> None:
        """Put a record in the place of those that begin with `start` or `gives_way`; empty: put none."""
        path = self.file_of(start)
        left = bool(record)
        with open(path + ".new", "wb") as file:
            for block in self._blocks(path):
                for starts in (start, gives_way):
                    place = (b"\n" + block).find(b"\n" + starts) if starts else -1
                    if place >= 0:
                        block = block[:place] + block[place + self._record_bytes :]
                left = left or bool(block)
                file.write(block)
            file.write(record)
        if left:
            os.rename(path + ".new", path)
        else:
            os.remove(path + ".new")
            os.remove(path)

    def in_file(self, file: str):
        """Generate the records of a file, oldest first."""
        for block in self._blocks(file):
            for place in range(0, len(block), self._record_bytes):
                yield block[place : place + self._record_bytes]

    def clear(self) -> int:
        """Delete all, at one stroke; returns how many there were."""
        gone = self._path + ".gone"
        _remove(gone)
        count = sum(self.counts())
        if storage.exists(self._path):
            os.rename(self._path, gone)
            _remove(gone)
        return count


def _remove(path: str) -> None:
    """Remove a directory that may be there, with its files."""
    if storage.exists(path):
        for name in os.listdir(path):
            os.remove(path + "/" + name)
        os.rmdir(path)
