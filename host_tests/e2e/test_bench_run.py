"""`make run`: how it starts and ends, where the code runs from, at which speed."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from bench_process import ROOT, BenchProcess, free_ports, is_free, until
from station import Station

pytestmark = pytest.mark.slow


def descendants(pid: int) -> list:
    """Processes that a process has started, and theirs."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            children.append(int(path.parent.name))
    return children + [deeper for child in children for deeper in descendants(child)]


def runs(pid: int) -> bool:
    """True while there is such a process and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def bench(tmp_path):
    bench = BenchProcess(tmp_path, boards=2)
    yield bench
    bench.end()


def test_ctrl_c_ends_everything(bench):
    bench.start()
    started = descendants(bench.pid)
    assert len(started) == 2
    before = set(Path("/dev/shm").glob("mpevse-*"))
    assert bench.interrupt() == 0
    assert not [pid for pid in started if runs(pid)]
    assert len(set(Path("/dev/shm").glob("mpevse-*"))) == len(before) - 1
    assert all(map(is_free, (bench.port, bench.web_port, bench.web_port + 1)))
    assert "Traceback" not in bench.output()


def test_ctrl_c_during_the_start_ends_everything(bench):
    process = subprocess.Popen(
        bench.command(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        started = until(lambda: descendants(process.pid), "a board's process")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, errors) == (0, "")
    assert not [pid for pid in started if runs(pid)]


def test_a_bench_that_is_killed_takes_its_boards_along(bench):
    bench.start()
    started = descendants(bench.pid)
    os.kill(bench.pid, signal.SIGKILL)
    until(lambda: not [pid for pid in started if runs(pid)], "the end of the boards")


def test_a_port_in_use_is_told_in_one_line():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        taken = listener.getsockname()[1]
        command = [sys.executable, "-m", "sim.run", "--web", str(taken), "--csms", "none"]
        command += ["--bench", str(free_ports(1))]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == (
        f"sim.run: port {taken} for board 1's page is not free\n"
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [{"code": "heap", "heap": "512k"}, {"speed": "esp32"}])
def test_it_charges_wherever_the_code_is_and_at_a_small_chips_speed(start_bench, options):
    station = Station(start_bench(**options))
    station.connected(120)
    station.shows(lambda state: state["hotspot"]["on"], 120)  # all has started
    station.plug()
    station.reports("Preparing", 120)
    station.card(hold_ms=20_000)
    station.charging(180)
    station.event("coil", False, station.unplug(), 120)
    ended = station.stopped(station.last_number, 120)
    assert ended["reason"] == "EVDisconnected"
    assert "MemoryError" not in station.bench.console()
    station.bench.end()


def test_what_a_board_knows_lasts_from_one_run_to_the_next(tmp_path):
    bench = BenchProcess(tmp_path, {"meter_value_sample_interval": 77}, heap="160k")
    try:
        bench.start()
        station = Station(bench)
        station.connected()
        station.charge()
        bench.end()
        bench.start()
        station = Station(bench)
        station.connected()
        told = station.call("GetConfiguration", key=["MeterValueSampleInterval"])
        assert told["configurationKey"][0]["value"] == "77"
        assert not station.state["coil"]
        until(lambda: station.messages("StopTransaction"), "the end of the charge that was cut")
        assert station.messages("StopTransaction")[0]["reason"] == "PowerLoss"
    finally:
        bench.end()
