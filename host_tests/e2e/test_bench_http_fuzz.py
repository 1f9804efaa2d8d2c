"""Nonsense over HTTP at a controller whose car charges: the charge does not notice.

HTTP_FUZZ=100000 in the environment has it send that many requests; usually it sends fewer.
"""

import os
import socket
import time

import pytest
from bench_process import until
from http_nonsense import Nonsense

pytestmark = pytest.mark.slow

OFFLINE = True
OPTIONS = {"csms": "none"}
SETTINGS = {"free_charging": True, "free_charging_mode": "Without ocpp", "rfid_reader": False}
COUNT = int(os.environ.get("HTTP_FUZZ", "0")) or 600
PERIODS_MS = (
    100  # what no step of the loop may take while it charges: a pilot sample would be late
)
HEAP_BYTES = 1024


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


def heap_used(page) -> int:
    """Bytes in use after collections, the least of some looks."""
    found = []
    for _ in range(6):
        found.append(page.state["heap_used"])
        time.sleep(1.1)  # the state counts it each five seconds
    return min(found)


@pytest.fixture
def station(shared_station):
    yield shared_station
    shared_station.put("vehicle", plugged=False)


@pytest.mark.timeout(3600)
def test_a_charge_does_not_notice_nonsense(station):
    # Given a charge and an operator who is logged in
    page = station.page
    assert page.login("etec") == 204
    operator_password = {"operator_password": "a password of mine"}
    assert page.request("PUT", "/api/settings", operator_password)[0] == 200
    station.plug()
    station.charging()
    cookie, csrf = page._headers["Cookie"], page._headers["X-CSRF-Token"]
    nonsense = Nonsense(11, harmful=False)
    for _ in range(200):  # what is made once
        ask(page.port, nonsense.request(cookie, csrf))
    restarts = station.state["firmware"]["restarts"]
    before_ms, used = station.now_ms(), heap_used(page)
    # when thousands of requests come
    statuses: dict = {}
    late = 0
    for _ in range(COUNT):
        status = ask(page.port, nonsense.request(cookie, csrf))
        statuses[status] = statuses.get(status, 0) + 1
        if status == 401 and page.request("GET", "/api/session")[0] == 401:
            page.login("etec", "a password of mine")
            cookie, csrf = page._headers["Cookie"], page._headers["X-CSRF-Token"]
        if statuses[status] % 100 == 0:
            pilot = page.state["pilot"]
            late += pilot["age_ms"] > PERIODS_MS
    # then each got a proper answer,
    assert not [status for status in statuses if status >= 500 and status != 503], statuses
    assert statuses[200] > COUNT // 20
    # the contactor stayed closed and the pilot was sampled all the time,
    assert station.state["firmware"]["restarts"] == restarts
    assert not station.events("coil", before_ms)
    assert not late
    console = station.bench.console()
    for sign in ("MemoryError", "Traceback", "opened the contactor", "no heartbeat"):
        assert sign not in console, console[-3000:]
    # nothing of it is left in memory,
    until(lambda: heap_used(page) <= used + HEAP_BYTES, f"heap back to {used}", 60)
    # and the car may leave as ever.
    station.assert_opens(station.unplug())
