"""Append-only records on flash that survive a power cut at any instant.

A record is kind u8, length u16, payload, crc32 u32 (little endian) of all before it. Appending can
only tear the last record, which opening cuts off; replacing the content goes through a second file
and a rename.
"""

import os
import struct
from binascii import crc32

from core import storage

_HEAD = "<BH"
_HEAD_BYTES = 3
_CRC_BYTES = 4
_COPY_BYTES = 256
_READ_BYTES = 512
RECORD_BYTES = _HEAD_BYTES + _CRC_BYTES  # a record's size besides its payload


class JournalFull(Exception):
    """The record does not fit into the journal's size limit; nothing was written."""


def _record(kind: int, payload: bytes) -> bytes:
    text = struct.pack(_HEAD, kind, len(payload)) + payload
    return text + struct.pack("<I", crc32(text))


def _read_record(file):
    """The next intact (kind, payload) of an open file, or None."""
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return None
    kind, length = struct.unpack(_HEAD, head)
    payload = file.read(length)
    crc = file.read(_CRC_BYTES)
    if len(payload) < length or len(crc) < _CRC_BYTES:
        return None
    if crc32(payload, crc32(head)) != struct.unpack("<I", crc)[0]:
        return None
    return kind, payload


def scan(path: str):
    """Yield (kind, payload) of the records that are in a journal now, oldest first, from one reading."""
    left = os.stat(path)[6]
    data = b""
    start = 0
    with open(path, "rb") as file:
        while True:
            have = len(data) - start
            need = RECORD_BYTES
            if have >= _HEAD_BYTES:
                kind, length = struct.unpack_from(_HEAD, data, start)
                need += length
            if need > have:
                if need > have + left:  # it is torn, or its length is no length
                    return
                more = file.read(max(_READ_BYTES, need - have))
                left -= len(more)
                data = data[start:] + more
                start = 0
                continue
            end = start + _HEAD_BYTES + length
            if crc32(data[start:end]) != struct.unpack_from("<I", data, end)[0]:
                return
            yield kind, data[start + _HEAD_BYTES : end]
            start = end + _CRC_BYTES


def make_durable(file) -> None:
    """Have what was written to a file on flash."""
    file.flush()  # on LittleFS this is the whole of it
    if hasattr(os, "fsync"):
        os.fsync(file.fileno())
    elif hasattr(os, "sync"):
        os.sync()


class Journal:
    """Records in one file of at most limit_bytes. Kinds are 1 … 255, payloads up to 65535 B.

    on_record(kind, payload) is called for each that is there already.
    """

    def __init__(self, path: str, limit_bytes: int, on_record=None) -> None:
        self.path = path
        self._temporary = path + ".new"
        self.limit_bytes = limit_bytes
        self.size = 0
        self._torn = False
        if storage.exists(self._temporary):  # a rewrite was cut short: the old content counts
            os.remove(self._temporary)
        self._open(on_record)

    def _open(self, on_record) -> None:
        if not storage.exists(self.path):
            return
        for kind, payload in scan(self.path):
            self.size += RECORD_BYTES + len(payload)
            if on_record:
                on_record(kind, payload)
        if os.stat(self.path)[6] != self.size:
            self._cut_tail()

    def _cut_tail(self) -> None:
        """Keep the first `size` bytes: copied, since MicroPython cannot truncate a file."""
        if not storage.exists(self.path):
            return
        with open(self.path, "rb") as old, open(self._temporary, "wb") as new:
            left = self.size
            while left:
                piece = old.read(min(left, _COPY_BYTES))
                new.write(piece)
                left -= len(piece)
            make_durable(new)
        os.rename(self._temporary, self.path)
        self._torn = False

    def append(self, kind: int, payload: bytes) -> None:
        """Add a record; it is durable on return. JournalFull when there is no room."""
        if self.size + RECORD_BYTES + len(payload) > self.limit_bytes:
            raise JournalFull("%s is at its limit of %d bytes" % (self.path, self.limit_bytes))
        if self._torn:
            self._cut_tail()
        record = _record(kind, payload)
        self._torn = True  # until it is known to be whole
        with open(self.path, "ab") as file:
            file.write(record)
            make_durable(file)
        self._torn = False
        self.size += len(record)

    def read(self, offset: int):
        """The record at an offset as (offset of the next, kind, payload); None at the end."""
        if offset >= self.size:
            return None
        with open(self.path, "rb") as file:
            file.seek(offset)
            record = _read_record(file)
        if record is None:
            raise OSError("%s is damaged at %d" % (self.path, offset))
        return offset + RECORD_BYTES + len(record[1]), record[0], record[1]

    def rewrite(self, records) -> None:
        """Replace the content by (kind, payload) pairs; a cut leaves the old or the new."""
        for _ in self.rewrite_steps(records):
            pass

    def rewrite_steps(self, records):
        """As rewrite, yielding after each record so that others can run in between.

        `records` may follow this journal while it grows: the exchange takes place in the step in
        which it ends. A generator that is not run to its end changes nothing; then close it.
        """
        size = 0
        with open(self._temporary, "wb") as file:
            for kind, payload in records:
                record = _record(kind, payload)
                if size + len(record) > self.limit_bytes:
                    raise JournalFull("%s would pass %d bytes" % (self.path, self.limit_bytes))
                file.write(record)
                size += len(record)
                yield size
            make_durable(file)
        os.rename(self._temporary, self.path)
        self.size = size
        self._torn = False
