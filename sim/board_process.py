"""A board's MicroPython as a process: power, resets, crashes and the watchdog."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable

from sim.registers import Registers
from sim.shim import registers as layout

POWER_ON, HARD_RESET, WATCHDOG_RESET, SOFT_RESET = 1, 2, 3, 5  # machine.reset_cause()
EXIT_RESET, EXIT_SOFT_RESET = 3, 5  # how the launcher ends after machine.reset() and soft_reset()
CRASH_PAUSE_S = 1.0
CONSOLE_BYTES = 1 << 20  # a longer console log starts anew with the next boot
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_the_bench() -> None:
    """Call it in a child before exec: it ends with the thread that started it."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class BoardProcess:
    """Runs `command` while the power is on; on_reset(soft) clears what the chip drove.

    Call poll() every few milliseconds from a thread that lives as long as the bench: the kernel
    ends the process together with the thread that started it.
    """

    def __init__(
        self,
        command: list[str],
        registers: Registers,
        console: Path,
        on_reset: Callable[[bool], None],
        tell: "Callable[[str, object], None]" = lambda what, value: None,
    ) -> None:
        self.restarts = 0
        self.powered = False
        self._command = command
        self._registers = registers
        self._console = console
        self._on_reset = on_reset
        self._tell = tell
        self._process: "subprocess.Popen | None" = None
        self._cause = POWER_ON
        self._start_at_s = 0.0
        self._feeds = 0
        self._fed_at_s = 0.0
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """True while the firmware runs."""
        return self._process is not None

    def power(self, on: bool) -> None:
        """Cut the supply at this instant, or bring it back: the next poll boots the board."""
        with self._lock:
            if on == self.powered:
                return
            self.powered = on
            if not on:
                self._kill()
            self._cause = POWER_ON
            self._start_at_s = 0.0
            self._on_reset(False)
            self._tell("power", on)

    def poll(self, now_s: float) -> None:
        """Start what is due, notice ends and a watchdog that is not fed."""
        with self._lock:
            if not self.powered:
                return
            if self._process is None:
                if now_s >= self._start_at_s:
                    self._start(now_s)
                return
            code = self._process.poll()
            if code is not None:
                self._ended(code, now_s)
            elif self._watchdog_expired(now_s):
                self._kill()
                self._restart(WATCHDOG_RESET, now_s)

    def close(self) -> None:
        """End the process for good."""
        with self._lock:
            self.powered = False
            self._kill()

    def _start(self, now_s: float) -> None:
        self._registers[layout.RESET_CAUSE] = self._cause
        self._registers[layout.UNIX_S] = int(time.time())
        self._feeds = 0
        self._fed_at_s = now_s
        fresh = not self._console.exists() or self._console.stat().st_size > CONSOLE_BYTES
        with open(self._console, "wb" if fresh else "ab") as console:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_the_bench,
                start_new_session=True,
            )

    def _kill(self) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None

    def _ended(self, code: int, now_s: float) -> None:
        self._process = None
        if code == EXIT_SOFT_RESET:
            self._restart(SOFT_RESET, now_s)
        elif code == EXIT_RESET:
            self._restart(HARD_RESET, now_s)
        else:
            self._restart(HARD_RESET, now_s + CRASH_PAUSE_S)

    def _restart(self, cause: int, at_s: float) -> None:
        self.restarts += 1
        self._cause = cause
        self._start_at_s = at_s
        self._on_reset(cause == SOFT_RESET)

    def _watchdog_expired(self, now_s: float) -> bool:
        feeds = self._registers[layout.WDT_FEEDS]
        if feeds != self._feeds:
            self._feeds = feeds
            self._fed_at_s = now_s
        timeout_ms = self._registers[layout.WDT_TIMEOUT_MS]
        return bool(timeout_ms) and now_s - self._fed_at_s > timeout_ms / 1000
