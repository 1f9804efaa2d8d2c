"""A board's running process: its CPU time and its registers, those that the API does not tell."""

import os
from pathlib import Path

from sim.registers import Registers
from sim.shim import registers as layout

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: str) -> list[str]:
    """Fields of /proc/PID/stat from the third on, those behind the command's name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:  # it has just ended
        return []


def _children(parent: int) -> list[int]:
    pids = [name for name in os.listdir("/proc") if name.isdecimal()]
    return [int(pid) for pid in pids if _stat(pid)[1:2] == [str(parent)]]


class Chip:
    """The one board of the bench whose process id is given."""

    def __init__(self, bench_pid: int) -> None:
        children = _children(bench_pid)
        if len(children) != 1:
            raise ProcessLookupError("the board does not run")
        self._pid = children[0]
        command = Path(f"/proc/{self._pid}/cmdline").read_bytes().split(b"\0")
        self._words = Registers(os.path.join(command[-2].decode(), "registers")).words

    def __getitem__(self, index: int) -> int:
        return self._words[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._words[index] = value

    def cpu_s(self) -> float:
        """CPU time of all its threads so far."""
        fields = _stat(str(self._pid))
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def steps(self) -> list[int]:
        """Histogram of asyncio steps so far: entry n counts those of n … n+1 ms."""
        return list(self._words[layout.STEP0 : layout.STEP0 + layout.STEP_BINS])
