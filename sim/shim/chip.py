"""The chip below MicroPython on a simulated board: lines to other chips, flash, and a probe."""

import gc
import os
import socket
import struct
import sys
import time

import registers

_PROBE_MS = 160  # more often would count as the firmware's CPU time


class ChipBus:
    """The SPI and I2C lines: one request and one answer at a time over a socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(struct.pack("H108s", socket.AF_UNIX, path.encode()))
        self._header = bytearray(4)

    def transfer(self, kind: int, address: int, payload, answer) -> None:
        """Send a request; payload is the count for an I2C read. Fills answer."""
        length = payload if kind == 0x52 else len(payload)
        struct.pack_into("<BBH", self._header, 0, kind, address, length)
        self._socket.write(self._header)
        if kind != 0x52 and length:
            self._socket.write(payload)
        view = memoryview(answer)
        got = 0
        while got < len(answer):
            n = self._socket.readinto(view[got:])
            if not n:
                raise OSError(19)
            got += n


class FlashImage:
    """The flash chip's file-system partition as a block device over an image file."""

    SECTOR = 4096

    def __init__(self, path: str) -> None:
        self._file = open(path, "r+b", buffering=0)
        self._count = os.stat(path)[6] // self.SECTOR
        self._written = False

    def readblocks(self, block: int, buf, offset: int = 0) -> None:
        """Read from a sector."""
        self._file.seek(block * self.SECTOR + offset)
        self._file.readinto(buf)

    def writeblocks(self, block: int, buf, offset: int = 0) -> None:
        """Program a part of a sector."""
        registers.poke(registers.FLASH_PROGRAMS, registers.peek(registers.FLASH_PROGRAMS) + 1)
        self._written = True
        self._file.seek(block * self.SECTOR + offset)
        self._file.write(buf)

    def ioctl(self, op: int, arg: int):
        """Block device protocol: 3 sync, 4 count, 5 size, 6 erase."""
        if op == 3 and self._written:
            self._written = False
            registers.poke(registers.FLASH_SYNCS, registers.peek(registers.FLASH_SYNCS) + 1)
        if op == 4:
            return self._count
        if op == 5:
            return self.SECTOR
        if op == 6:
            registers.poke(registers.FLASH_ERASES, registers.peek(registers.FLASH_ERASES) + 1)
            return 0
        return 0


def version() -> str:
    """The firmware's own version, once it is loaded."""
    return getattr(sys.modules.get("firmware"), "VERSION", "")


def publish_text(index: int, text: str) -> None:
    """Put a zero-terminated text into the registers from a word on."""
    raw = text.encode() + bytes(4)
    for word in range(len(raw) // 4):
        registers.poke(index + word, struct.unpack("<i", raw[4 * word : 4 * word + 4])[0])


async def probe() -> None:
    """Publish the heap, and hold the loop when the bench asks for it."""
    import asyncio

    low = 1 << 29
    passes = 0
    while True:
        passes += 1
        if passes % 3 == 0:
            free = gc.mem_free()
            low = min(low, free)
            registers.poke(registers.HEAP_FREE, free)
            registers.poke(registers.HEAP_LOW, low)
            publish_text(registers.TEXT_VERSION, version())
        if registers.peek(registers.HEAP_ASKED):
            gc.collect()
            registers.poke(registers.HEAP_USED, gc.mem_alloc())
            registers.poke(registers.HEAP_ASKED, 0)
        hang_ms = registers.peek(registers.HANG_MS)
        if hang_ms:
            registers.poke(registers.HANG_MS, 0)
            time.sleep_ms(hang_ms)
        await asyncio.sleep_ms(_PROBE_MS)


def measure_steps() -> None:
    """Time every asyncio step: what passes between two looks of the loop at its I/O."""
    import asyncio

    queue = asyncio.core._io_queue
    wait = queue.wait_io_event
    since = time.ticks_us()

    def timed(dt):
        nonlocal since
        took_us = time.ticks_diff(time.ticks_us(), since)
        index = registers.STEP0 + min(took_us // 1000, registers.STEP_BINS - 1)
        registers.poke(index, registers.peek(index) + 1)
        if took_us > registers.peek(registers.STEP_MAX_US):
            registers.poke(registers.STEP_MAX_US, took_us)
        wait(dt)
        since = time.ticks_us()

    queue.wait_io_event = timed


def hook_loop(steps: bool) -> None:
    """Let the bench's coroutine run beside the firmware's. Not before boot.py: it loads asyncio."""
    import asyncio

    run = asyncio.run

    def run_with_probe(main):
        if steps:
            measure_steps()
        asyncio.create_task(probe())
        return run(main)

    asyncio.run = run_with_probe
