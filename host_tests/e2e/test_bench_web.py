"""The controller's page under strangers: nothing without a login, and no input disturbs a charge."""

import gzip
import json
import re
import socket
import time

import pytest
from bench_process import until
from station import Page, Station

pytestmark = pytest.mark.slow


def test_only_the_login_page_is_open_to_strangers(station):
    page = Page(station.page.port)
    assert page.request("GET", "/")[0] == 200
    for path in ("/api/state", "/api/session", "/api/live", "/metrics"):
        assert page.request("GET", path)[0] == 401
    assert page.request("POST", "/api/logout", {})[0] == 401


def test_a_session_lasts_until_logout(station):
    page = Page(station.page.port)
    assert page.login("operator", "88888888") == 401  # the operator's login is another
    assert page.login("etec", "88888888") == 204
    assert page.state["status"] == "Available"
    status, _, _ = page.request("POST", "/api/logout", headers={"X-CSRF-Token": "guessed"})
    assert status == 403
    assert page.request("POST", "/api/logout")[0] == 204
    assert page.request("GET", "/api/state")[0] == 401


def test_the_factory_password_only_opens_the_way_to_an_own_one(start_bench):
    # Given a station as it comes from the factory
    station = Station(start_bench(csms="none"))
    page = station.page
    assert page.login("WLQ01", "40000003") == 204
    # then its state is there to see, and nothing else
    assert page.state["status"] == "Available"
    for method, path, body in (
        ("GET", "/api/settings", None),
        ("GET", "/metrics", None),
        ("PUT", "/api/settings", {"output_current_limit": 16}),
        ("POST", "/api/actions/restart", {}),
    ):
        status, _, answer = page.request(method, path, body)
        assert (status, json.loads(answer)["password_is_factory"]) == (403, True), path
    # when the manufacturer sets a password, then everything is open
    own = {"manufacturer_password": "correct horse"}
    assert page.request("PUT", "/api/settings", own)[0] == 200
    status, _, answer = page.request("GET", "/api/settings?page=MANUFACTURER")
    assert status == 200
    assert len(json.loads(answer)["settings"]) > 30
    change = {"output_current_limit": 16}
    assert page.request("PUT", "/api/settings", change)[0] == 200
    # and both last through a power cut, the old password being of no use
    station.power(False)
    station.power(True)
    page.forget()
    until(lambda: _answers(page), "the page answers")
    assert page.login("WLQ01", "40000003") == 401
    assert page.login("WLQ01", "correct horse") == 204
    _, _, answer = page.request("GET", "/api/settings?page=INSTALLATION")
    values = {row["key"]: row["value"] for row in json.loads(answer)["settings"]}
    assert values["output_current_limit"] == 16


def test_a_wrong_value_is_refused_at_its_key_and_changes_nothing(start_bench):
    station = Station(start_bench(csms="none", config={"allow_factory_passwords": True}))
    page = station.page
    assert page.login("etec", "88888888") == 204
    change = {"output_current_limit": 5.9, "start_time": "25:00", "stop_limit": 110}
    status, _, answer = page.request("PUT", "/api/settings", change)
    errors = json.loads(answer)["errors"]
    assert (status, set(errors)) == (422, {"output_current_limit", "start_time"})
    assert "5.9" in errors["output_current_limit"]
    assert "6 to 80" in errors["output_current_limit"]
    status, _, answer = page.request("PUT", "/api/settings", {"vendor": "mine"})
    assert (status, list(json.loads(answer)["errors"])) == (403, ["vendor"])
    _, _, answer = page.request("GET", "/api/settings")
    values = {row["key"]: row["value"] for row in json.loads(answer)["settings"]}
    assert (values["output_current_limit"], values["stop_limit"]) == (32, 120)


def test_the_pages_files_are_kept_by_their_hash(station):
    status, headers, body = station.page.request("GET", "/")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    script = re.search(r'src="(/static/[0-9a-f]{8}/app.js)"', gzip.decompress(body).decode())
    status, headers, _ = station.page.request("GET", script[1])
    assert status == 200
    assert "immutable" in headers["Cache-Control"]
    same = {"If-None-Match": station.page.request("GET", "/")[1]["ETag"]}
    assert station.page.request("GET", "/", headers=same)[0] == 304


def test_guessing_passwords_is_slowed_down(station):
    page = Page(station.page.port)
    statuses = [page.login("user", f"guess-{n}") for n in range(8)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    status, headers, _ = page.request(
        "POST", "/api/login", {"user": "user", "password": "88888888"}
    )
    assert status == 429
    until(lambda: page.login() == 204, "the wait is over", int(headers["Retry-After"]) + 5)


def speak(port: int, text: bytes, patience_s: float = 1) -> bytes:
    """Send bytes to a page; the beginning of its answer, if there is one before patience_s."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as line:
        try:
            line.sendall(text)
            return line.recv(4096)
        except OSError:
            return b""  # it has had enough


NONSENSE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET " + b"/a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X-Filler: y\r\n" * 2000 + b"\r\n",
    b"POST /api/login HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
    b"POST /api/login HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /api/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n[[[[[",
    b"POST /api/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull",
    b"POST /api/login HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
    b"GET /static/../../data/settings.json HTTP/1.1\r\n\r\n",
    b"GET /static/%2e%2e%2fconfig.json HTTP/1.1\r\n\r\n",
]


def test_bad_input_never_disturbs_a_charge(station):
    # Given a charge
    station.charge()
    before_ms = station.now_ms()
    restarts = station.state["firmware"]["restarts"]
    # when nonsense arrives, then each gets a 4xx or is dropped
    for text in NONSENSE:
        answer = speak(station.page.port, text)
        assert not answer or answer[:10] in (b"HTTP/1.0 4", b"HTTP/1.1 4"), (text[:60], answer)
    # when a hundred come at once and say nothing
    lines = [socket.socket() for _ in range(100)]
    for line in lines:
        line.setblocking(False)
        line.connect_ex(("127.0.0.1", station.page.port))
    station.full_load()
    for line in lines:
        line.close()
    # then the page answers again, and the charge has gone on through all that
    until(lambda: _answers(station.page), "the page answers")
    assert station.state["coil"]
    assert not station.events("coil", before_ms)
    assert station.state["firmware"]["restarts"] == restarts
    assert "MemoryError" not in station.bench.console()
    station.assert_opens(station.unplug())


def _answers(page: Page) -> bool:
    try:
        return page.request("GET", "/")[0] == 200
    except (OSError, ValueError):
        time.sleep(0.2)
        return False
