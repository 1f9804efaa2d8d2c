"""Nonsense over HTTP at a controller while cars charge: the charges do not notice.

HTTP_FUZZ=100000 in the environment has it send that many requests; usually it sends fewer.
"""

import os
import socket
import threading

import pytest
from bench_process import until
from http_nonsense import HARMLESS, READ, Nonsense

pytestmark = pytest.mark.slow

OFFLINE = True
OPTIONS = {"csms": "none"}
SETTINGS = {"free_charging": True, "free_charging_mode": "Without ocpp", "rfid_reader": False}
COUNT = int(os.environ.get("HTTP_FUZZ", "0")) or 600
HEAP_BYTES = 2048  # what is loaded at one moment only; a leak of 4 bytes a request is more
PASSWORD = "a password of mine"


def ask(port: int, data: bytes) -> int:
    """Send a request and hang up; the status of the answer, 0 without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            answer = b""
            piece = line.recv(4096)
            while piece:
                answer += piece
                piece = line.recv(4096)
        except OSError:
            return 0  # it has had enough
    return int(answer.split(b" ", 2)[1]) if answer[:5] == b"HTTP/" else 0


class Stranger(threading.Thread):
    """Sends nonsense, with an operator's session, which it renews when a request has ended it."""

    def __init__(self, page) -> None:
        super().__init__(daemon=True)
        self.statuses: dict = {}
        self._page = page
        self._nonsense = Nonsense(11, harmful=False)

    def run(self) -> None:
        """All requests, one after the other."""
        for _ in range(COUNT):
            self.send()

    def send(self) -> None:
        """The next one."""
        page, headers = self._page, self._page.headers
        request = self._nonsense.request(headers["Cookie"], headers["X-CSRF-Token"])
        status = ask(page.port, request)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 401 and page.request("GET", "/api/session")[0] == 401:
            page.login("etec", PASSWORD)


def load_all_names(page) -> None:
    """Every page and action once: their names stay in memory from their first use on."""
    for path in READ:
        page.request("GET", path)
    for action in HARMLESS:
        page.request("POST", "/api/actions/" + action, {"value": ""})
    page.request("PUT", "/api/settings", {})
    page.request("POST", "/api/import", {})
    page.login("user", "wrong")


@pytest.fixture
def station(shared_station):
    yield shared_station
    shared_station.put("vehicle", plugged=False)


@pytest.mark.timeout(7200)
def test_charges_do_not_notice_nonsense(station):
    # Given a charge and an operator who is logged in
    page = station.page
    assert page.login("etec") == 204
    assert page.request("PUT", "/api/settings", {"operator_password": PASSWORD})[0] == 200
    load_all_names(page)
    stranger = Stranger(page)
    for _ in range(100):
        stranger.send()
    station.plug()
    station.charging()
    restarts = station.state["firmware"]["restarts"]
    used = station.heap_used()
    since_ms = station.now_ms()
    # when thousands of requests come while cars come and go
    stranger.start()
    while stranger.is_alive():
        stranger.join(5)
        # then each car that leaves finds the contactor open in time,
        station.assert_opens(station.unplug())
        station.plug()
        station.charging()
        # which has opened for nothing else,
        assert [closed for _, closed in station.events("coil", since_ms)] == [False, True]
        since_ms = station.now_ms()
    # each request got a proper answer,
    statuses = stranger.statuses
    assert not [status for status in statuses if status >= 500 and status != 503], statuses
    assert statuses[200] > COUNT // 20
    assert station.state["firmware"]["restarts"] == restarts
    console = station.bench.console()
    for sign in ("MemoryError", "Traceback", "opened the contactor", "no heartbeat"):
        assert sign not in console, console[-3000:]
    # and nothing of it is left in memory.
    until(lambda: station.heap_used() <= used + HEAP_BYTES, f"heap back to {used}")
