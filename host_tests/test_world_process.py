"""A board's process: power, resets, crashes and the watchdog; only its time is virtual."""

import os
import sys
import time
from contextlib import contextmanager

import pytest

from sim.board_process import BoardProcess
from sim.registers import Registers
from sim.shim import registers as layout

SLEEP = "import time; time.sleep(60)"


@contextmanager
def board(tmp_path, program):
    """A powered board that runs a Python program, as (process, registers, resets)."""
    registers = Registers()
    resets = []
    command = [sys.executable, "-c", program]
    process = BoardProcess(command, registers, tmp_path / "console.log", resets.append)
    process.power(True)
    process.poll(0.0)
    yield process, registers, resets
    process.close()


def poll_until_it_ends(process, now_s):
    deadline_s = time.monotonic() + 20
    while process.running and time.monotonic() < deadline_s:
        process.poll(now_s)
        time.sleep(0.005)
    assert not process.running


def test_power_on_boots_and_a_cut_ends_it_at_once(tmp_path):
    with board(tmp_path, SLEEP) as (process, registers, resets):
        assert process.running
        assert registers[layout.RESET_CAUSE] == 1
        pid = process._process.pid
        process.power(False)
        assert not process.running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        process.poll(5.0)
        assert not process.running
        assert (process.restarts, resets) == (0, [False, False])


@pytest.mark.parametrize("code, cause, soft", [(3, 2, False), (5, 5, True)])
def test_a_reset_boots_again_at_once(tmp_path, code, cause, soft):
    with board(tmp_path, f"raise SystemExit({code})") as (process, registers, resets):
        poll_until_it_ends(process, 1.0)
        assert (process.restarts, resets[-1]) == (1, soft)
        process.poll(1.0)
        assert process.running
        assert registers[layout.RESET_CAUSE] == cause


def test_a_crash_boots_again_after_a_second_and_the_console_tells_why(tmp_path):
    with board(tmp_path, "raise OSError('broken')") as (process, registers, _):
        poll_until_it_ends(process, 1.0)
        process.poll(1.9)
        assert not process.running
        process.poll(2.0)
        assert process.running
        assert (process.restarts, registers[layout.RESET_CAUSE]) == (1, 2)
    assert "OSError: broken" in (tmp_path / "console.log").read_text()


def test_a_watchdog_that_is_not_fed_resets_the_board(tmp_path):
    with board(tmp_path, SLEEP) as (process, registers, resets):
        registers[layout.WDT_TIMEOUT_MS] = 8000
        for now_s in (4.0, 8.0, 12.0):
            registers[layout.WDT_FEEDS] += 1
            process.poll(now_s)
        assert process.restarts == 0
        process.poll(19.9)
        assert process.running
        process.poll(20.1)
        assert (process.restarts, resets[-1]) == (1, False)
        registers[layout.WDT_TIMEOUT_MS] = 0  # on_reset clears it on a bench
        process.poll(20.1)
        assert process.running
        assert registers[layout.RESET_CAUSE] == 3
