"""A virtual bench for one measurement: a process of its own, driven over the HTTP API."""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable

from sim.bench.chip import Chip

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
BENCH_PORT, WEB_PORT, CSMS_OFFSET = 8840, 8140, 100
PORTS = 60
START_S = 60
END_S = 15
ANSWER_S = 40
LOOK_S = 0.01
CONSOLE_TAIL = 2000
CARD = "04A1B2C3D4E5F6"
PLUG_CHARGES = {  # a plug charges without card or back office (mode A.1), which still hears of it
    "free_charging": True,
    "free_charging_mode": "Without ocpp",
    "rfid_reader": False,
}
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_taken: set[int] = set()
_ports_lock = threading.Lock()
_running: "set[Stand]" = set()
_ending = threading.Event()


class StandError(Exception):
    """The bench refused a call, or did not show in time what it should."""


class StartError(Exception):
    """The bench did not start; that tells nothing of the board."""


def _end_with_the_caller() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def end_all() -> None:
    """End the benches that other threads use, and let no more start."""
    _ending.set()
    for stand in list(_running):
        stand.end()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _take_ports() -> int:
    """An offset from the first ports at which all three are free."""
    with _ports_lock:
        for offset in range(PORTS):
            ports = (BENCH_PORT, WEB_PORT, BENCH_PORT + CSMS_OFFSET)
            if offset not in _taken and all(_is_free(port + offset) for port in ports):
                _taken.add(offset)
                return offset
    raise StartError(f"no free ports from {BENCH_PORT} on")


def until(check: Callable, what: str, timeout_s: float = 20):
    """The first true value of check(); StandError after timeout_s."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline_s:
            raise StandError(f"not within {timeout_s:g} s: {what}")
        time.sleep(LOOK_S)


class Stand:
    """A bench with one board; use it in a with statement. Options are those of sim.run."""

    def __init__(self, settings: "dict | None" = None, **options: object) -> None:
        self._settings = settings or {}
        self._options = options
        self._offset = -1
        self._directory = Path()
        self._process: "subprocess.Popen | None" = None

    @property
    def directory(self) -> Path:
        """Where what belongs to it is kept."""
        return self._directory

    @property
    def csms_port(self) -> int:
        """Port of the demo back office."""
        return BENCH_PORT + self._offset + CSMS_OFFSET

    @property
    def web_port(self) -> int:
        """Port of the controller's page."""
        return WEB_PORT + self._offset

    def heap_used(self) -> int:
        """Bytes of the firmware's heap in use, garbage collected."""
        answer = self.ask("GET", "/api/boards/1/heap")
        assert isinstance(answer, dict)
        return answer["used"]

    def __enter__(self) -> "Stand":
        if _ending.is_set():
            raise StartError("interrupted")
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._directory = Path(tempfile.mkdtemp(prefix="mpevse-bench-", dir=memory))
        try:
            self._offset = _take_ports()
            _running.add(self)
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, kind: object = None, error: object = None, trace: object = None) -> None:
        try:
            self.end()
            if isinstance(error, Exception):
                error.add_note(self.console[-CONSOLE_TAIL:])
        finally:
            _running.discard(self)
            _taken.discard(self._offset)
            shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> None:
        settings = self._directory / "settings.json"
        settings.write_text(json.dumps(self._settings))
        config = self._directory / "config.json"
        config.write_text(
            json.dumps({"allow_factory_passwords": True})
        )  # the bench logs in again and again
        command = [
            sys.executable,
            "-m",
            "sim.run",
            "--settings",
            str(settings),
            "--config",
            str(config),
        ]
        command += ["--bench", str(BENCH_PORT + self._offset), "--web", str(self.web_port)]
        command += ["--data", str(self._directory / "data")]
        for name, value in self._options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        with open(self._directory / "output.txt", "wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_the_caller,
            )
        until(self._is_ready, "the bench starts", START_S)

    def _is_ready(self) -> bool:
        output = (self._directory / "output.txt").read_text(errors="replace")
        if self._process is None or self._process.poll() is not None:
            raise StartError("the bench ended: " + " ".join(output.split())[-300:])
        return "Ctrl-C ends it all" in output

    def end(self) -> None:
        """End its processes, by force if need be."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def chip(self) -> Chip:
        """The board's running process and its registers; another one after each boot."""
        assert self._process
        return Chip(self._process.pid)

    @property
    def console(self) -> str:
        """What the firmware has written."""
        path = self._directory / "data" / "board-1" / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- the bench's API

    def ask(self, method: str, path: str, body: "dict | None" = None) -> "dict | list":
        """The answer of a call to the bench's API."""
        connection = http.client.HTTPConnection(HOST, BENCH_PORT + self._offset, timeout=ANSWER_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise StandError(f"{method} {path}: {answer.status} {text[:200].decode()}")
        return json.loads(text)

    def put(self, what: str, **values: object) -> None:
        """Change something around the board."""
        self.ask("PUT", f"/api/boards/1/{what}", values)

    def card(self, uid: str = CARD, hold_ms: int = 500) -> None:
        """Hold a card to the reader."""
        self.ask("POST", "/api/boards/1/card", {"uid": uid, "hold_ms": hold_ms})

    @property
    def state(self) -> dict:
        """What the bench tells of the board."""
        return dict(self.ask("GET", "/api/boards/1"))

    @staticmethod
    def now_ms() -> float:
        """The bench's clock: the system's monotonic one."""
        return round(time.monotonic() * 1000, 3)

    def event(self, what: str, match: Callable, since_ms: float, timeout_s: float = 20) -> float:
        """Time of the first event later than since_ms whose value matches; waits for it."""

        def first() -> "float | None":
            for event in self.ask("GET", f"/api/events?since={since_ms}"):
                if event["what"] == what and match(event["value"]):
                    return event["t_ms"]
            return None

        return until(first, f"event {what}", timeout_s)

    # --- the vehicle

    def plug(self, ready: bool = True) -> float:
        """A vehicle comes; the time of that."""
        before_ms = self.now_ms()
        self.put("vehicle", plugged=True, ready=ready)
        return before_ms

    def offered(self, since_ms: float, timeout_s: float = 20) -> float:
        """Time at which the pilot offers energy: the session has begun."""
        return self.event("duty", lambda duty: 0 < duty < 1000, since_ms, timeout_s)

    def closed(self, since_ms: float, timeout_s: float = 20) -> float:
        """Time at which the coil goes on."""
        return self.event("coil", lambda on: on, since_ms, timeout_s)

    def unplug(self) -> float:
        """The vehicle leaves; the time of that."""
        before_ms = self.now_ms()
        self.put("vehicle", plugged=False)
        return self.event("vehicle", lambda v: v.get("plugged") is False, before_ms)

    def opened(self, since_ms: float, timeout_s: float = 20) -> float:
        """Time at which the coil goes off."""
        return self.event("coil", lambda on: not on, since_ms, timeout_s)

    def idle(self, since_ms: float, timeout_s: float = 20) -> float:
        """Time at which the pilot offers nothing any more: the session has ended."""
        return self.event("duty", lambda duty: duty == 1000, since_ms, timeout_s)

    # --- the back office

    @property
    def identity(self) -> str:
        """The board's id in the back office."""
        return "MPEVSE-" + self.state["serial"]

    @property
    def record(self) -> dict:
        """What the back office knows of the board."""
        nothing = {"connected": False, "status": {}, "transactions": [], "messages": []}
        return dict(self.ask("GET", "/api/csms")).get(self.identity, nothing)

    def back_office(self, on: bool) -> None:
        """Switch the back office off or on."""
        self.ask("PUT", "/api/csms", {"on": on})

    def call(self, action: str, **payload: object) -> dict:
        """Have the back office send a call; its answer."""
        body = {"action": action, "payload": payload}
        return dict(self.ask("POST", f"/api/csms/{self.identity}/call", body))

    def connected(self, timeout_s: float = 30) -> None:
        """Wait until the board is registered and has told its status."""

        def told() -> bool:
            record = self.record
            return record["connected"] and "1" in record["status"]

        until(told, "the board is in touch with the back office", timeout_s)
