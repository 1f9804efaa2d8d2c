"""Makes CPython look like MicroPython on a board, once for the test run."""

import asyncio
import builtins
import os
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class ThreadSafeFlag:
    """asyncio.ThreadSafeFlag over an event."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the waiter."""
        self._event.set()

    def clear(self) -> None:
        """Forget a set."""
        self._event.clear()

    async def wait(self) -> None:
        """Wait for a set, and forget it."""
        await self._event.wait()
        self._event.clear()


def ilistdir(path: str):
    """os.ilistdir as LittleFS answers: name, type, inode, size."""
    for entry in os.scandir(path):
        kind = 0x4000 if entry.is_dir() else 0x8000
        yield entry.name, kind, 0, entry.stat().st_size


async def sleep_ms(ms: int) -> None:
    """asyncio.sleep_ms; 0 only gives way."""
    await asyncio.sleep(max(0, ms) / 1000)


async def wait_for_ms(awaitable, ms: int):
    """asyncio.wait_for_ms."""
    return await asyncio.wait_for(awaitable, ms / 1000)


_registers = None  # the register file of the board that ptr32 reaches


def use_registers(registers) -> None:
    """Let the shim's machine module reach these registers (sim.registers.Registers)."""
    global _registers
    _registers = registers


def _pointer(view_name: str):
    def pointer(target):
        from sim.shim.registers import BASE, WORDS

        if isinstance(target, int) and BASE <= target < BASE + 4 * WORDS:
            view = getattr(_registers, view_name)
            offset = target - BASE
            return view[offset if view_name == "bytes" else offset // 4 :]
        return target

    return pointer


def install(clock=None) -> None:
    """Put the shim in place: paths, built-in names, time, asyncio.

    clock has ticks_us, ticks_ms and sleep_us; without one time is virtual.
    """
    import virtual_time
    from virtual_time import ticks_add, ticks_diff

    clock = clock or virtual_time.clock
    for path in (ROOT / "sim" / "shim", ROOT / "lib", ROOT):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    builtins.ptr32 = _pointer("words")
    builtins.ptr8 = _pointer("bytes")
    builtins.ptr16 = lambda target: target
    builtins.const = lambda value: value
    time.ticks_us = lambda: clock.ticks_us()
    time.ticks_ms = lambda: clock.ticks_ms()
    time.ticks_add = ticks_add
    time.ticks_diff = ticks_diff
    time.sleep_ms = lambda ms: clock.sleep_us(ms * 1000)
    time.sleep_us = lambda us: clock.sleep_us(us)
    os.ilistdir = ilistdir
    asyncio.sleep_ms = sleep_ms
    asyncio.wait_for_ms = wait_for_ms
    asyncio.ThreadSafeFlag = ThreadSafeFlag
    sys.print_exception = lambda error, file=sys.stderr: traceback.print_exception(
        error, file=file
    )
