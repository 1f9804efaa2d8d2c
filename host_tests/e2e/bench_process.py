"""A bench of its own for end-to-end tests: started as `make run` does, and driven over its HTTP API."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
END_S = 15
ANSWER_S = 40
PATIENCE_S = 60  # with what comes in seconds, on a machine that may be busy
CSMS_OFFSET = 100  # the demo back office's port, from the bench's
PORTS_FROM, PORTS_EACH = 11000, 4000
CONSOLE_TAIL_BYTES = 3000


class BenchError(Exception):
    """The bench did not start, or refused a call."""


def is_free(port: int) -> bool:
    """True when nobody listens on a port."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", port))
        except (OSError, OverflowError):
            return False
    return True


def _port_candidates() -> Iterator[int]:
    """Below those that the system gives to whoever connects, and for each test process its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        yield from range(
            PORTS_FROM + worker * PORTS_EACH, PORTS_FROM + (worker + 1) * PORTS_EACH, 8
        )


_candidates = _port_candidates()


def free_ports(count: int, *offsets: int) -> int:
    """First of `count` free ports in a row, those at further offsets from it free as well."""
    for first in _candidates:
        if all(is_free(first + offset) for offset in (*range(count), *offsets)):
            return first
    raise AssertionError("there are always more")


def request(port: int, method: str, path: str, body=None, headers=None) -> tuple:
    """(status, headers, body's bytes) of an HTTP request; body: bytes, or what becomes JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def until(check, what: str, timeout_s: float = PATIENCE_S):
    """The first true value of check(), asked again and again; AssertionError after timeout_s."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)


class BenchProcess:
    """`python -m sim.run` on free ports; its data directory outlives a restart."""

    def __init__(
        self,
        data: Path,
        settings: "dict | None" = None,
        boards: int = 1,
        config: "dict | None" = None,
        **options,
    ):
        self.data = data
        self.port = self.web_port = 0
        self._boards = boards
        self._options = options
        self._process: "subprocess.Popen | None" = None
        data.mkdir(parents=True, exist_ok=True)
        for option, values in (("settings", settings), ("config", config)):
            if values:
                path = data / f"{option}.json"
                path.write_text(json.dumps(values))
                self._options[option] = str(path)

    def command(self) -> list:
        """The command line, on ports that are free at its first use."""
        if not self.port:
            self.port = free_ports(1, CSMS_OFFSET)
            self.web_port = free_ports(self._boards)
        command = [sys.executable, "-m", "sim.run", "--data", str(self.data)]
        command += ["--bench", str(self.port), "--web", str(self.web_port)]
        command += ["--boards", str(self._boards)]
        for name, value in self._options.items():
            command += ["--" + name, value]
        return command

    def start(self) -> None:
        """Start it and wait until it is ready; once more where somebody was faster at a port."""
        for attempts_left in (1, 0):
            if self._try_start():
                return
            if not attempts_left:
                raise BenchError("the bench did not start:\n" + self.output())
            self.end()
            self.port = 0

    def _try_start(self) -> bool:
        with open(self.data / "output.txt", "wb") as output:
            self._process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < deadline_s:
            if "Ctrl-C ends it all" in self.output():
                return True
            time.sleep(0.05)
        return False

    def output(self) -> str:
        """What it has printed."""
        return (self.data / "output.txt").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process id, which is that of its process group too."""
        assert self._process
        return self._process.pid

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status."""
        assert self._process
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(END_S)

    def end(self) -> None:
        """End it, by force if need be. Its boards' processes end with it."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def console(self, board: int = 1) -> str:
        """What a board's firmware has written to its console."""
        try:
            return (self.data / f"board-{board}" / "console.log").read_text(errors="replace")
        except OSError:
            return ""

    def report(self) -> str:
        """For a failure's message: the ends of the consoles and of the bench's own output."""
        parts = [f"-- the bench\n{self.output()[-CONSOLE_TAIL_BYTES:]}"]
        for board in range(1, self._boards + 1):
            parts.append(f"-- board {board}\n{self.console(board)[-CONSOLE_TAIL_BYTES:]}")
        return "\n".join(parts)
