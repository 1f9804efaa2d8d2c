"""A browser at a controller's page, and the load that keeps a controller busy."""

import gzip
import json
import random
import re
import socket
import threading
import time
from contextlib import suppress
from typing import Callable

from sim.bench.stand import ANSWER_S, HOST, Stand, StandError

LOGIN = {"user": "WLQ01", "password": "40000003"}
# What is loaded when the first page shows, beside static imports; the rest waits for a click.
_FIRST = {
    "app.js": ("page_state.js",),
    "dom.js": ("lang_en.js",),
    "page_state.js": ("chart.js", "sessions.js"),
    "state_sheet.js": ("state.css",),
}
SECTIONS = (
    "STATE NETWORK INSTALLATION SYSTEM BACKEND WHITELIST MANUFACTURER LOADMANAGEMENT AUTHORIZATION"
)
_SETTING_S = 2.0  # between changes of a setting
_PAUSE_S = 0.1  # after a call that failed: a held loop turns callers away
_LINKS = re.compile(r"""(?:href|src)="(/static/[^"]+)"|(?:from|import) '\./([^']+)'""")
_BLOCK_BYTES = 65536


class Browser:
    """Requests one after the other, each on a connection of its own as the controller wants it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = self._csrf = ""
        self.received_bytes = 0

    def open(self, method: str, path: str, body: "dict | None" = None) -> socket.socket:
        """Send a request; the socket that its answer comes on."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\n"
        if self._cookie:
            head += f"Cookie: {self._cookie}\r\nX-CSRF-Token: {self._csrf}\r\n"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        line = socket.create_connection((HOST, self._port), ANSWER_S)
        line.sendall(head.encode() + b"\r\n" + content)
        return line

    def request(
        self, method: str, path: str, body: "dict | None" = None
    ) -> tuple[int, str, bytes]:
        """(status, head, body) of a request."""
        answer = b""
        with self.open(method, path, body) as line:
            while block := line.recv(_BLOCK_BYTES):
                answer += block
        self.received_bytes += len(answer)
        head, _, content = answer.partition(b"\r\n\r\n")
        if not head:
            raise StandError(f"{method} {path}: no answer")
        return int(head.split(b" ", 2)[1]), head.decode(), content

    def get(self, path: str) -> bytes:
        """The body of an answer with status 200."""
        status, _, content = self.request("GET", path)
        if status != 200:
            raise StandError(f"GET {path}: {status}")
        return content

    def login(self) -> None:
        """Log in."""
        status, head, _ = self.request("POST", "/api/login", LOGIN)
        if status != 204:
            raise StandError(f"login: {status}")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        self._cookie = headers["set-cookie"].split(";")[0]
        self._csrf = headers["x-csrf-token"]

    def files(self) -> list[str]:
        """What the first page loads, in the order in which it is found; they have been fetched."""
        names = ["/"]
        for name in names:
            folder, _, leaf = name.rpartition("/")
            text = _unpacked(self.get(name))
            found = [
                absolute or f"{folder}/{imported}" for absolute, imported in _LINKS.findall(text)
            ]
            found += [f"{folder}/{first}" for first in _FIRST.get(leaf, ())]
            names += [path for path in dict.fromkeys(found) if path not in names]
        return names

    def pages(self) -> None:
        """Look at each section, and at what the first page asks for later; change a setting."""
        for section in SECTIONS.split():
            self.get("/api/settings?page=" + section)
        for path in (
            "/api/group",
            "/api/history",
            "/api/sessions?limit=20",
            "/api/whitelist",
            "/api/export",
        ):
            self.get(path)
        status, _, answer = self.request("PUT", "/api/settings", {"stop_limit": 130})
        if status != 200:
            raise StandError(f"PUT /api/settings: {status} {answer!r}")

    def first_visit(self) -> list[str]:
        """All that a browser asks for to show the login page and then the state page."""
        names = self.files()
        self.request("GET", "/api/session")  # 401: the page shows the login
        self.login()
        self.get("/api/session")
        with self.open("GET", "/api/live") as line:
            self.received_bytes += len(_first_event(line))
        self.get("/api/history")
        self.get("/api/sessions?limit=20")
        return [*names, "/api/session", "/api/login", "/api/session", "/api/live"]


def _unpacked(content: bytes) -> str:
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()


def _first_event(line: socket.socket) -> bytes:
    text = b""
    while not text.partition(b"\r\n\r\n")[2].endswith(b"\n\n"):
        block = line.recv(_BLOCK_BYTES)
        if not block:
            raise StandError("/api/live ended")
        text += block
    return text


class Load:
    """Keeps a controller's web, back office and flash busy from threads, in a with statement.

    Two clients ask for /api/state without a pause, one page is live, one visitor fetches the pages'
    files, and the back office reads the configuration, triggers messages and, if wanted, changes a
    setting every two seconds, which is written to flash.
    """

    def __init__(self, stand: Stand, writes_settings: bool = True) -> None:
        self._stand = stand
        self._writes_settings = writes_settings
        self._ends = threading.Event()
        self.calls = {"state": 0, "live": 0, "files": 0, "ocpp": 0, "settings": 0}
        self.failures = 0
        self._set_at_s = 0.0
        jobs = (
            self._ask_state,
            self._ask_state,
            self._stay_live,
            self._visit,
            self._be_back_office,
        )
        self._threads = [threading.Thread(target=self._repeat, args=[job]) for job in jobs]
        self._browser = Browser(stand.web_port)
        self._files: list[str] = []

    def __enter__(self) -> "Load":
        self._browser.login()
        self._files = self._browser.files()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        did = self.calls
        return (
            f"busy with {did['state']} /api/state, {did['files']} files, {did['live']} live events, "
            f"{did['ocpp']} OCPP calls, {did['settings']} settings written, meter read every second"
        )

    def _repeat(self, job: Callable) -> None:
        while not self._ends.is_set():
            try:
                job()
            except (OSError, StandError, ValueError):
                self.failures += 1
                self._ends.wait(_PAUSE_S)

    def _ask_state(self) -> None:
        self._browser.get("/api/state")
        self.calls["state"] += 1

    def _visit(self) -> None:
        for name in self._files:
            if self._ends.is_set():
                return
            self._browser.get(name)
            self.calls["files"] += 1

    def _stay_live(self) -> None:
        with self._browser.open("GET", "/api/live") as line:
            line.settimeout(1)
            while not self._ends.is_set():
                with suppress(TimeoutError):
                    block = line.recv(_BLOCK_BYTES)
                    if not block:
                        raise StandError("/api/live ended")
                    self.calls["live"] += block.count(b"event: ")

    def _be_back_office(self) -> None:
        self._stand.call("GetConfiguration")
        message = random.choice(("StatusNotification", "MeterValues", "Heartbeat"))
        self._stand.call("TriggerMessage", requestedMessage=message)
        self.calls["ocpp"] += 2
        if self._writes_settings and time.monotonic() >= self._set_at_s:
            self._set_at_s = time.monotonic() + _SETTING_S
            seconds = str(random.randint(300, 900))
            self._stand.call("ChangeConfiguration", key="HeartbeatInterval", value=seconds)
            self.calls["settings"] += 1
