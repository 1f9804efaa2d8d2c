"""Runs on MicroPython: calls of a whitelist of 1,000 tags on LittleFS. Prints how long they take, in ms:
the least, which is what the chip takes, and the mean, which a busy computer makes longer.

micropython32 -X heapsize=160k tag_lookup.py FLASH ROM      FLASH: a file system's image, filled up if it is empty
micropython32-slow …                                        ROM: a ROMFS image with the modules
"""

import gc
import sys
import time

import vfs

BLOCK = 4096
COUNT = 1000


class Flash:
    """A flash chip on a file."""

    def __init__(self, path):
        self._file = open(path, "r+b", buffering=0)
        self._count = self._file.seek(0, 2) // BLOCK

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.write(buf)

    def ioctl(self, request, argument):
        return {4: self._count, 5: BLOCK}.get(request, 0)


flash = Flash(sys.argv[1])
vfs.umount("/")
vfs.mount(vfs.VfsPosix("/"), "/host")
vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/")
with open("/host" + sys.argv[2], "rb") as rom:
    vfs.mount(vfs.VfsRom(rom.read()), "/rom")
sys.path[:] = ["/rom/lib"]

from core import loading  # noqa: E402


def tag(number):
    """A UID of seven bytes."""
    return "04%08X5E80" % (number * 2654435761 % (1 << 32))


def call(function, *arguments):
    """As the firmware does: loaded for the call. (answer, ms)."""
    gc.collect()
    begun = time.ticks_us()
    answer = loading.once("auth.whitelist", function, *arguments)
    return answer, time.ticks_diff(time.ticks_us(), begun) / 1000


if call("count")[0] == 0:
    whitelist = loading.load("auth.whitelist")
    for number in range(COUNT):
        whitelist.insert(tag(number))
    sys.exit()
assert call("count")[0] == COUNT
for name, first in (("hit", 0), ("miss", COUNT)):
    times = []
    for number in range(first, first + 200, 10):
        found, ms = call("contains", tag(number))
        assert found == (name == "hit"), number
        times.append(ms)
    print(name, min(times), sum(times) / len(times))
call("delete", tag(7))
for name, arguments in (("insert", (tag(7),)), ("page", (500, 50)), ("count", ())):
    ms = call(name, *arguments)[1]
    print(name, ms, ms)
