"""A whitelist that takes the place of the present one, gathered beside it. Loaded for an import.

Its tags go into one file as they come, marked with the file of the whitelist that each belongs into; at the
end these files are written one after the other. Tag by tag, each would be written a thousand times.
"""

import asyncio
import os
from binascii import crc32

from auth.tag_files import TAG_BYTES, TagFiles, checked, key
from auth.whitelist import MOST
from core import loading, storage
from core.clock import ticks_diff, ticks_ms
from micropython import const

_PATH = "/data/whitelist"
_NEW = "/data/whitelist.import"
_TAGS = "/data/whitelist.tags"
_RECORD_BYTES = const(22)  # which file, tag, line feed
_BLOCK_BYTES = const(242)
_TURN_MS = const(6)  # other tasks have their turn after that

loading.unload("auth.whitelist")  # these go when this module goes
loading.unload("auth.tag_files")


class NewWhitelist:
    """keeps: false while the tags are only to be checked and counted."""

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._files = TagFiles(_NEW, TAG_BYTES + 1)
        self._paths: list = []
        self._gathered = None  # the open file of tags
        self.count = 0

    def add(self, tag) -> None:
        """Check a tag, and keep it. ValueError says what is wrong with it."""
        if not isinstance(tag, str):
            raise ValueError("whitelist: %s is no tag" % str(tag)[:40])
        try:
            start = key(checked(tag))
        except ValueError as error:
            raise ValueError("whitelist, %s: %s" % (tag[:40], error))
        if self.count >= MOST:
            raise ValueError("whitelist: there is room for %d tags" % MOST)
        self.count += 1
        if not self._keeps:
            return
        gathered = self._gathered
        if gathered is None:
            gathered = self._gathered = open(_TAGS, "wb")
        path = self._files.file_of(start)
        if path not in self._paths:
            self._paths.append(path)
        gathered.write(bytes([self._paths.index(path)]) + start + b"\n")

    async def put_into_force(self) -> None:
        """Let it take the place of the present list; one without tags leaves that alone."""
        if self._gathered is None:
            return
        self._gathered.close()
        self._files.clear()  # what an import that was cut short has left
        storage.make_directory(_NEW)
        for number in range(len(self._paths)):
            await self._write(number)
        TagFiles(_PATH, TAG_BYTES + 1).clear()
        os.rename(_NEW, _PATH)

    async def _write(self, number: int) -> None:
        """Write one file, each tag once."""
        seen = set()
        turn_ms = ticks_ms()
        with open(_TAGS, "rb") as gathered, open(self._paths[number], "wb") as file:
            block = gathered.read(_BLOCK_BYTES)
            while block:
                for place in range(0, len(block), _RECORD_BYTES):
                    if block[place] == number:
                        self._write_record(file, block[place + 1 : place + _RECORD_BYTES], seen)
                if ticks_diff(ticks_ms(), turn_ms) >= _TURN_MS:
                    await asyncio.sleep_ms(0)
                    turn_ms = ticks_ms()
                block = gathered.read(_BLOCK_BYTES)

    def _write_record(self, file, record: bytes, seen: set) -> None:
        check = crc32(record) & 0x3FFFFFFF
        if check in seen:  # the same tag, or in a thousand years another one
            file.flush()
            if self._files.find(record[:-1]):
                return
        seen.add(check)
        file.write(record)

    def give_up(self) -> None:
        """Remove what was not put into force."""
        if self._gathered is None:
            return
        self._gathered.close()
        os.remove(_TAGS)
        if storage.exists(_NEW):
            self._files.clear()
