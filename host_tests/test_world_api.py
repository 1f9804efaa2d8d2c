"""The bench's API: what contract it keeps, and that wrong input changes nothing."""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sim.api import create_app
from sim.board import Board, board_directory
from sim.events import EventLog
from sim.world import World

CONFIG = json.loads((Path(__file__).parent.parent / "config.json").read_text())["board"]
HOME = {"ssid": "Zuhause ☂", "rssi_dbm": -60, "security": "WPA2-PSK", "password": "right horse"}
COMMAND = [sys.executable, "-c", "import time; time.sleep(60)"]


class FakeCsms:
    """A back office with one charge point."""

    port = 1

    def __init__(self):
        self.on = True

    async def start(self, host, port):
        self.on = True

    async def stop(self):
        self.on = False

    def state(self):
        return {"MPEVSE-1": {"connected": self.on}}

    def is_connected(self, identity):
        return self.on and identity == "MPEVSE-1"

    async def call(self, identity, action, payload):
        if action == "Nothing":
            return {"error": "no answer within 30 s"}
        return {"result": {"action": action, "payload": payload}}


class Caller:
    """Calls the API of a world of two boards whose time only passes when told."""

    def __init__(self, root, csms=None):
        self.world = World()
        self.csms = csms
        self.now_s = self.world.now_s
        for number in (1, 2):
            tell = partial(self.world.tell, number)
            directory = board_directory(root, number)
            board = Board(number, directory, CONFIG, COMMAND, 8079 + number, tell, self.world.lock)
            self.world.add(board)
            board.power(True)
        self.run(0.05)

    def run(self, seconds):
        for _ in range(round(seconds * 1000)):
            self.now_s += 0.001
            self.world.step(self.now_s)

    def ask(self, method, path, body=None, raw=None):
        return asyncio.run(self._ask(method, path, body, raw))

    def board(self, number=1):
        return self.ask("GET", f"/api/boards/{number}")[1]

    async def _ask(self, method, path, body, raw):
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        async with TestClient(TestServer(create_app(self.world, self.csms))) as client:
            response = await client.request(method, path, data=data)
            return response.status, await response.json()


@pytest.fixture
def caller(tmp_path):
    caller = Caller(tmp_path, FakeCsms())
    yield caller
    caller.world.close()


def test_the_boards_of_a_bench_are_told_apart(caller):
    status, boards = caller.ask("GET", "/api/boards")
    assert status == 200
    assert [board["id"] for board in boards] == [1, 2]
    assert boards[0]["web"] == "http://127.0.0.1:8080"
    assert boards[0]["serial"] != boards[1]["serial"]


def test_a_board_s_answer_has_what_the_contract_names(caller):
    board = caller.board()
    named = "coil contactor_closed pilot signaled_a lock leds lcd buzzer vehicle meter house_a"
    assert set(named.split()) | {"temperature_c", "firmware", "faults"} <= set(board)
    assert set(board["pilot"]) == {"vehicle_state", "duty_permille", "high_mv", "low_mv"}
    assert set(board["leds"]) == {"blue", "green", "red", "yellow"}
    assert set(board["meter"]) == {"v", "a", "w", "kwh"}
    assert set(board["firmware"]) == {"running", "restarts", "heap_free", "heap_low", "version"}


def test_an_unknown_board_or_path_is_a_404_in_json(caller):
    for path in ("/api/boards/3", "/api/boards/x", "/api/nothing"):
        status, answer = caller.ask("GET", path)
        assert status == 404
        assert answer["error"]


def test_plugging_reaches_the_vehicle_and_the_events(caller):
    status, vehicle = caller.ask("PUT", "/api/boards/1/vehicle", {"plugged": True, "max_a": 16})
    assert (status, vehicle["plugged"], vehicle["max_a"]) == (200, True, 16)
    events = caller.ask("GET", "/api/events?since=0")[1]
    assert events[-1]["what"] == "vehicle"
    assert events[-1]["value"] == {"plugged": True, "max_a": 16}
    since = events[-1]["t_ms"]
    assert caller.ask("GET", f"/api/events?since={since}")[1] == []
    assert caller.board(2)["vehicle"]["plugged"] is False


def test_everything_around_a_board_can_be_set(caller):
    for path, body in (
        ("mains", {"v": [230, 0, 0], "hz": 50}),
        ("house", {"a": [10, 10, 10]}),
        ("temperature", {"c": 71.5}),
        ("meter", {"preset": "ABB B23/B24"}),
        ("faults", {"welded_contactor": True, "meter_silent": True}),
        ("dip", {"max_a": 16, "factory_reset": True}),
        ("network", {"wlan": False}),
        ("hang", {"ms": 2000}),
    ):
        assert caller.ask("PUT", "/api/boards/1/" + path, body)[0] == 200
    caller.run(0.1)
    board = caller.board()
    assert board["meter"]["v"] == [230, 0, 0]
    assert board["building"]["a"] == [10, 10, 10]
    assert board["temperature_c"] == 71.5
    assert board["meter_preset"] == "ABB B23/B24"
    assert board["faults"] == ["meter_silent", "welded_contactor"]
    assert board["contactor_closed"] is True
    assert board["dip"] == {"max_a": 16, "factory_reset": True}
    assert board["network"] == {"wlan": False, "lan": True, "cellular": True}


def test_the_air_around_a_board_can_be_set(caller):
    body = {"networks": [HOME], "hotspot_guests": 2}
    answer = caller.ask("PUT", "/api/boards/1/network", body)
    assert answer == (200, {"wlan": True, "lan": True, "cellular": True, **body})
    board = caller.board()
    assert board["radio"] == {"joined": "", "networks": [HOME]}
    assert (board["hotspot"]["on"], board["hotspot"]["guests"]) == (False, 2)
    assert caller.ask("PUT", "/api/boards/1/network", {"networks": []})[0] == 200
    assert caller.board()["radio"]["networks"] == []
    assert len(caller.board(2)["radio"]["networks"]) > 3


def test_a_card_lies_in_the_field_for_its_time(caller):
    body = {"uid": "04a1b2c3d4e5f6", "hold_ms": 300}
    assert caller.ask("POST", "/api/boards/1/card", body)[0] == 200
    assert caller.board()["cards"] == ["04A1B2C3D4E5F6"]
    caller.run(0.31)
    assert caller.board()["cards"] == []


def test_power_off_is_an_event_and_kills_the_pilot(caller):
    assert caller.ask("PUT", "/api/boards/1/power", {"on": False})[0] == 200
    caller.run(0.05)
    board = caller.board()
    assert (board["pilot"]["high_mv"], board["firmware"]["running"]) == (0, False)
    events = caller.ask("GET", "/api/events")[1]
    assert [e["value"] for e in events if e["what"] == "power" and e["board"] == 1] == [
        True,
        False,
    ]


def test_the_bus_can_be_cut_and_disturbed(caller):
    status, answer = caller.ask("PUT", "/api/bus", {"cut": [2], "noise": 0.1, "echo": [1]})
    assert (status, answer) == (200, {"cut": [2], "noise": 0.1, "echo": [1]})
    assert caller.ask("PUT", "/api/bus", {"cut": [3]})[0] == 400
    assert caller.ask("GET", "/api/bus")[1] == answer


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("PUT", "vehicle", {"pluged": True}),
        ("PUT", "vehicle", {"plugged": 1}),
        ("PUT", "vehicle", {"plugged": True, "max_a": -1}),
        ("PUT", "vehicle", {"plugged": True, "max_a": "16"}),
        ("PUT", "vehicle", {"plugged": True, "cable_a": 25}),
        ("PUT", "vehicle", {"plugged": True, "phases": True}),
        ("PUT", "vehicle", {"bcb": 1}),
        ("PUT", "vehicle", {}),
        ("PUT", "vehicle", []),
        ("POST", "card", {"uid": "04A1"}),
        ("POST", "card", {"uid": "04 A1 B2 C3"}),
        ("POST", "card", {"uid": 4}),
        ("POST", "card", {"hold_ms": 500}),
        ("POST", "card", {"uid": "04A1B2C3", "hold_ms": 0}),
        ("PUT", "mains", {"v": [230, 230]}),
        ("PUT", "mains", {"v": [230, 230, None]}),
        ("PUT", "mains", {"v": [1e9, 230, 230]}),
        ("PUT", "house", {"a": 10}),
        ("PUT", "temperature", {"c": "warm"}),
        ("PUT", "meter", {"preset": "ABB"}),
        ("PUT", "faults", {"bent_pin": True}),
        ("PUT", "faults", {"rcm_trip": "yes"}),
        ("PUT", "dip", {"max_a": 17}),
        ("POST", "button", {"hold_ms": -5}),
        ("PUT", "power", {}),
        ("PUT", "hang", {"ms": 1e9}),
        ("PUT", "network", {"wlan": None}),
        ("PUT", "network", {"hotspot_guests": 11}),
        ("PUT", "network", {"wlan": False, "networks": [{"ssid": "Home"}]}),
        ("PUT", "network", {"networks": [{**HOME, "ssid": "x" * 33}]}),
        ("PUT", "network", {"networks": [{**HOME, "ssid": "\ud800"}]}),
        ("PUT", "network", {"networks": [{**HOME, "security": "WPA9"}]}),
        ("PUT", "network", {"networks": [HOME] * 21}),
    ],
)
def test_wrong_input_is_refused_with_a_reason_and_changes_nothing(caller, method, path, body):
    before = caller.board()
    status, answer = caller.ask(method, "/api/boards/1/" + path, body)
    assert status == 400
    assert answer["error"]
    assert caller.board() == before


@pytest.mark.parametrize(
    "raw", ["", "{", "NaN", '{"c": NaN}', '{"c": 1e999}', "[" * 50_000, '{"c":' + "9" * 5000 + "}"]
)
def test_bodies_that_are_no_json_or_no_numbers_are_refused(caller, raw):
    assert caller.ask("PUT", "/api/boards/1/temperature", raw=raw)[0] == 400
    assert caller.board()["temperature_c"] == 25


def test_a_body_beyond_the_bound_is_refused(caller):
    assert caller.ask("PUT", "/api/boards/1/house", raw=" " * 70_000 + "{}")[0] == 400


@pytest.mark.parametrize("since", ["soon", "nan"])
def test_events_want_a_time(caller, since):
    assert caller.ask("GET", f"/api/events?since={since}")[0] == 400


def test_the_back_office_can_be_seen_called_and_taken_away(caller):
    assert caller.ask("GET", "/api/csms")[1] == {"MPEVSE-1": {"connected": True}}
    call = {"action": "Reset", "payload": {"type": "Soft"}}
    assert caller.ask("POST", "/api/csms/MPEVSE-1/call", call) == (200, call)
    assert caller.ask("POST", "/api/csms/MPEVSE-9/call", call)[0] == 404
    assert caller.ask("POST", "/api/csms/MPEVSE-1/call", {"payload": {}})[0] == 400
    assert caller.ask("POST", "/api/csms/MPEVSE-1/call", {"action": "Nothing"})[0] == 502
    assert caller.ask("PUT", "/api/csms", {"on": False})[0] == 200
    assert caller.csms.on is False


def test_a_bench_without_a_back_office_says_so(caller):
    caller.csms = None
    status, answer = caller.ask("GET", "/api/csms")
    assert status == 404
    assert "back office" in answer["error"]


def test_a_firmware_that_does_not_count_its_heap_is_told(caller, monkeypatch):
    monkeypatch.setattr("sim.api.HEAP_TRIES", 2)
    status, answer = caller.ask("GET", "/api/boards/1/heap")
    assert status == 503
    assert "heap" in answer["error"]


def test_events_keep_their_order_where_the_clock_does_not_move():
    log = EventLog(kept=3)
    for n in range(10):
        log.add(1.0, 1, "coil", n)
    times = [event["t_ms"] for event in log.since(0)]
    assert times == sorted(set(times))
    assert [event["value"] for event in log.since(0)] == [7, 8, 9]
    assert log.since(times[1])[0]["value"] == 9
