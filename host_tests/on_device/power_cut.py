"""Runs on MicroPython: cuts the power at each flash operation of saving settings, on LittleFS. Prints what came of it.

micropython32 -X heapsize=1m power_cut.py ROOT SAVES
"""

import random
import sys

import vfs

ROOT, SAVES = "/host" + sys.argv[1], int(sys.argv[2])
BLOCK_BYTES, BLOCKS = 4096, 16
OTHER = "what else is on the flash" * 40

random.seed(5)


class PowerCut(Exception):
    """The supply is gone: nothing that would follow happens."""


class Flash:
    """Flash that works for `left` operations more; the one after that is torn, and it is dead from then on.

    Programming makes ones to zeros and never the other way.
    """

    def __init__(self, content=None):
        self.content = bytearray(content or b"\xff" * (BLOCK_BYTES * BLOCKS))
        self.left = 1 << 29
        self.operations = 0
        self.dead = False

    def readblocks(self, block, buf, offset=0):
        if self.dead:  # asked while files that the cut has left open are collected
            return -5
        start = block * BLOCK_BYTES + offset
        buf[:] = self.content[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        if self.dead:
            return -5
        start = block * BLOCK_BYTES + offset
        old = int.from_bytes(self.content[start : start + len(buf)], "little")
        new = old & int.from_bytes(bytes(buf), "little")
        self._change(start, new.to_bytes(len(buf), "little"))

    def ioctl(self, op, arg):
        if self.dead:
            return -5
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK_BYTES
        if op == 6:
            self._change(arg * BLOCK_BYTES, b"\xff" * BLOCK_BYTES)
        return 0

    def _change(self, start, data):
        if self.left == 0:
            torn = random.randrange(len(data) + 1)
            self.content[start : start + torn] = data[:torn]
            self.dead = True
            raise PowerCut
        self.left -= 1
        self.operations += 1
        self.content[start : start + len(data)] = data


def start(flash):
    """Power on: mount the flash and load the settings from it."""
    vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/flash")
    return Settings("/flash/settings.json")


def change_of(number):
    """What the n-th save changes: long and short files in turn, and back to the factory's."""
    if number % 7 == 6:
        return None
    return {
        "output_current_limit": 6 + number % 26,
        "ssid": "n" * (number * 11 % 33),
        "backend_url": "ws://" + "x" * (1 + number * 37 % 290),
        "user_password": ("$pbkdf2-sha256$300$%044d$" % number).encode(),
    }


def save(settings, change):
    if change is None:
        settings.reset()
    else:
        settings.change(change)


def run_cut(content, change, after):
    """Save with the power cut after so many operations; (what is on the flash then, whether it was cut)."""
    flash = Flash(content)
    settings = start(flash)
    flash.left = after
    try:
        save(settings, change)
    except (PowerCut, OSError):  # a file that is closed on the way finds the flash dead
        pass
    vfs.umount("/flash")
    return bytes(flash.content), flash.dead


def seen_on(content, change):
    """What a start finds, and whether the next save works and is found as well."""
    flash = Flash(content)
    settings = start(flash)
    found = settings.stored
    with open("/flash/other") as file:
        if file.read() != OTHER:
            raise AssertionError("another file has changed")
    save(settings, change)
    after = settings.stored
    vfs.umount("/flash")
    if start(flash).stored != after:
        raise AssertionError("the save after the cut is lost")
    vfs.umount("/flash")
    return found


vfs.umount("/")
vfs.mount(vfs.VfsPosix("/"), "/host")
sys.path[:] = [ROOT + "/lib", ".frozen"]
from core import log  # noqa: E402
from core.settings import Settings  # noqa: E402

log.level = 100
first = Flash()
vfs.VfsLfs2.mkfs(first, readsize=32, progsize=32, lookahead=32)
start(first)
with open("/flash/other", "w") as file:
    file.write(OTHER)
vfs.umount("/flash")
content, cuts, olds, news = bytes(first.content), 0, 0, 0
for number in range(SAVES):
    flash = Flash(content)
    settings = start(flash)
    old = dict(settings.stored)
    change = change_of(number)
    flash.operations = 0
    save(settings, change)
    new = dict(settings.stored)
    operations = flash.operations
    vfs.umount("/flash")
    for after in range(operations):
        torn, was_cut = run_cut(content, change, after)
        if not was_cut:
            raise AssertionError("the power was not cut")
        found = seen_on(torn, change)
        if found != old and found != new:
            raise AssertionError(
                "save %d cut after %d operations leaves %s" % (number, after, found)
            )
        cuts += 1
        olds += found == old
        news += found == new
    content = bytes(flash.content)
print(SAVES, cuts, olds, news)
