"""Time that jumps from event to event: an asyncio loop and MicroPython's ticks on one virtual clock."""

import asyncio
import selectors

PERIOD = 1 << 30
START_MS = PERIOD - 5000  # five seconds before the ticks wrap
BUSY_US = 20  # what a look at the clock costs, so that busy waits end


class Clock:
    """Microseconds since the test began."""

    def __init__(self) -> None:
        self.now_us = 0

    def ticks_us(self) -> int:
        """Like time.ticks_us, and a little later each time."""
        self.now_us += BUSY_US
        return (START_MS * 1000 + self.now_us) & (PERIOD - 1)

    def ticks_ms(self) -> int:
        """Like time.ticks_ms."""
        self.now_us += 1
        return (START_MS + self.now_us // 1000) & (PERIOD - 1)

    def sleep_us(self, us: int) -> None:
        """Pass time without giving way."""
        self.now_us += us


clock = Clock()


def ticks_add(ticks: int, delta: int) -> int:
    """Like time.ticks_add."""
    return (ticks + delta) & (PERIOD - 1)


def ticks_diff(end: int, start: int) -> int:
    """Like time.ticks_diff."""
    difference = (end - start) & (PERIOD - 1)
    return difference - PERIOD if difference >= PERIOD // 2 else difference


class JumpingSelector(selectors.DefaultSelector):
    """Never waits: moves the clock to when the loop wanted to wake."""

    def select(self, timeout=None):
        """Report what is ready now; without it the wait has passed."""
        ready = super().select(0)
        if not ready and timeout:
            clock.now_us += int(timeout * 1e6) + 1
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on the virtual clock."""

    def __init__(self) -> None:
        super().__init__(JumpingSelector())

    def time(self) -> float:
        """Seconds of the virtual clock."""
        return clock.now_us / 1e6


def run(coroutine, loop_class=VirtualLoop):
    """Run a coroutine to its end in virtual time; leftover tasks are cancelled."""
    loop = loop_class()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.close()
