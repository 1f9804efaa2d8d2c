"""Charging within a window of local time, and after a random delay: the session waits and people see why."""

import asyncio
import datetime

import pytest
from core import clock
from evse import charging_window, start_times
from fault_rig import FaultRig

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
NIGHT = {"charging_reservation": 1, "start_time": "22:00", "stop_time": "06:00"}


def unix(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


@pytest.fixture(autouse=True)
def unset_clock(monkeypatch):
    """Nobody has told the time yet."""
    monkeypatch.setattr(clock, "_boot_unix_s", 0)


class Values(dict):
    """Settings of cardboard."""

    def get(self, key):
        return self[key]


@pytest.mark.parametrize(
    ("start", "stop", "now", "is_open", "change"),
    [
        ("22:00", "06:00", "2026-11-20T21:59:59", False, "2026-11-20T22:00:00"),
        ("22:00", "06:00", "2026-11-20T22:00:00", True, "2026-11-21T06:00:00"),
        ("22:00", "06:00", "2026-11-21T00:00:00", True, "2026-11-21T06:00:00"),
        ("22:00", "06:00", "2026-11-21T05:59:59", True, "2026-11-21T06:00:00"),
        ("22:00", "06:00", "2026-11-21T06:00:00", False, "2026-11-21T22:00:00"),
        ("13:14", "14:13", "2026-11-20T13:13:59", False, "2026-11-20T13:14:00"),
        ("13:14", "14:13", "2026-11-20T13:14:00", True, "2026-11-20T14:13:00"),
        ("13:14", "14:13", "2026-11-20T14:13:00", False, "2026-11-21T13:14:00"),
        ("00:00", "23:59", "2026-11-20T23:59:30", False, "2026-11-21T00:00:00"),
        ("07:00", "07:00", "2026-11-20T12:00:00", True, "2026-11-21T12:00:00"),
    ],
)
def test_the_window(start, stop, now, is_open, change):
    settings = Values(start_time=start, stop_time=stop, time_zone="0")
    assert charging_window.look(settings, unix(now)) == (is_open, unix(change))


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-20T20:59:59", False),
        ("2026-11-20T21:00:00", True),  # 22:00 in winter
        ("2026-07-20T19:59:59", False),
        ("2026-07-20T20:00:00", True),  # 22:00 in summer
    ],
)
def test_the_window_is_in_local_time(now, is_open):
    settings = Values(start_time="22:00", stop_time="06:00", time_zone=BERLIN)
    assert charging_window.look(settings, unix(now))[0] is is_open


async def authorize(rig, **car) -> None:
    rig.car(plugged=True, ready=True, **car)
    await asyncio.sleep(1.5)
    assert rig.charger.start("CARD") == ""


def test_outside_the_window_the_session_waits_and_says_until_when(tmp_path):
    rig = FaultRig(tmp_path, **NIGHT)

    async def story(rig):
        clock.set_unix_s(unix("2026-11-20T21:58:00"))
        await asyncio.sleep(2)
        await authorize(rig)
        await asyncio.sleep(11)
        assert (rig.charger.status, rig.coil(), rig.limits.slots()["start time"]) == (
            "SuspendedEVSE",
            0,
            0,
        )
        left = rig.charger.limits.left_s
        assert 100 < left < 108
        assert rig.api["limit_reason"] == "start time"
        assert rig.charger.reason == f"Waiting for the start time: {left} s left"
        assert rig.shown.lcd[0] == "Start time"
        assert not rig.saw("coil", True)
        assert {duty for _, what, duty in rig.events if what == "duty"} <= {0, 1000}
        await asyncio.sleep(120)
        assert (rig.charger.status, rig.coil()) == ("Charging", 1)
        assert rig.charger.session.number == 1

    rig.play(story)


def test_hours_are_told_as_such(tmp_path):
    rig = FaultRig(tmp_path, **NIGHT)

    async def story(rig):
        clock.set_unix_s(unix("2026-11-20T09:29:00"))
        await authorize(rig)
        await asyncio.sleep(12)
        assert rig.charger.reason == "Waiting for the start time: 12 h 30 min left"
        assert rig.shown.lcd == ("Start time", "12 h 30 min left")

    rig.play(story)


def test_at_the_stop_time_the_car_is_stopped_by_the_pilot_and_the_session_waits(tmp_path):
    rig = FaultRig(tmp_path, **NIGHT)

    async def story(rig):
        clock.set_unix_s(unix("2026-11-21T05:59:30"))
        await rig.charge()
        await asyncio.sleep(30)
        assert (rig.charger.status, rig.coil()) == ("SuspendedEVSE", 0)
        assert rig.charger.session.number == 1
        assert not rig.charger.faults

    rig.play(story)


def test_without_a_clock_it_charges_and_says_so_once(tmp_path, capsys):
    rig = FaultRig(tmp_path, **NIGHT)

    async def story(rig):
        await rig.charge()
        await asyncio.sleep(30)
        assert rig.charger.status == "Charging"
        assert capsys.readouterr().out.count("the clock is not set") == 1
        clock.set_unix_s(unix("2026-11-20T12:00:00"))  # the back office tells it
        await asyncio.sleep(10)
        assert rig.charger.status == "SuspendedEVSE"
        clock.set_unix_s(unix("2026-11-20T23:00:00"))  # … and corrects it
        await asyncio.sleep(10)
        assert rig.charger.status == "Charging"

    rig.play(story)


@pytest.mark.parametrize(
    "changes",
    [
        {"charging_reservation": False},
        {"start_time": "06:00"},  # equal: no window
        {"start_time": "11:00", "stop_time": "13:00"},
        {"time_zone": "-12"},
    ],
)
def test_a_changed_setting_counts_at_once(tmp_path, changes):
    rig = FaultRig(tmp_path, **NIGHT)

    async def story(rig):
        clock.set_unix_s(unix("2026-11-20T12:00:00"))
        await authorize(rig)
        await asyncio.sleep(5)
        assert rig.coil() == 0
        rig.settings.change(changes)
        await asyncio.sleep(8)
        assert rig.charger.status == "Charging"
        assert "start time" not in rig.limits.slots()

    rig.play(story)


# --- the random delay


def fix_random(monkeypatch, two: bytes) -> None:
    monkeypatch.setattr(start_times.os, "urandom", lambda count: two)


DELAY = {"start_delay": 1, "start_delay_max": 600}


def test_a_start_is_delayed_at_random_and_the_rest_is_shown(tmp_path, monkeypatch):
    fix_random(monkeypatch, b"\x00\x3c")
    rig = FaultRig(tmp_path, **DELAY)

    async def story(rig):
        await asyncio.sleep(1)
        await authorize(rig)
        await asyncio.sleep(20)
        assert (rig.charger.status, rig.coil()) == ("SuspendedEVSE", 0)
        assert rig.api["limit_reason"] == "start delay"
        left = rig.charger.limits.left_s
        assert 37 <= left <= 41
        assert rig.charger.reason == f"Start is delayed at random: {left} s left"
        assert {duty for _, what, duty in rig.events if what == "duty"} <= {0, 1000}
        await asyncio.sleep(50)
        assert rig.charger.status == "Charging"
        rig.limits.set("operator", 0)  # a pause for another reason …
        await asyncio.sleep(5)
        rig.limits.set("operator", 32000)
        await asyncio.sleep(8)
        assert rig.charger.status == "Charging"  # … brings no second delay
        rig.charger.stop("Local")
        await asyncio.sleep(3)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(20)
        assert rig.coil() == 0  # but another session does

    rig.play(story)


@pytest.mark.parametrize(
    ("two", "most_s", "delay_s"),
    [(b"\x00\x00", 600, 0), (b"\x02\x58", 600, 600), (b"\x02\x59", 600, 0), (b"\xff\xff", 0, 0)],
)
def test_the_delay_is_from_0_to_the_setting(tmp_path, monkeypatch, two, most_s, delay_s):
    fix_random(monkeypatch, two)
    rig = FaultRig(tmp_path, start_delay=1, start_delay_max=most_s)

    async def story(rig):
        await asyncio.sleep(1)
        await authorize(rig)
        await asyncio.sleep(1.1)
        left = rig.charger.limits.left_s if "start delay" in rig.limits.slots() else 0
        assert delay_s - 2 <= left <= delay_s

    rig.play(story)


def test_when_the_window_opens_the_delay_begins(tmp_path, monkeypatch):
    """Else all the stations of a street would begin at the same second."""
    fix_random(monkeypatch, b"\x00\x3c")
    rig = FaultRig(tmp_path, **NIGHT, **DELAY)

    async def story(rig):
        clock.set_unix_s(unix("2026-11-20T21:58:00"))
        await authorize(rig)
        await asyncio.sleep(15)
        assert rig.charger.limit_reason == "start time"
        await asyncio.sleep(120)
        assert rig.charger.limit_reason == "start delay"
        assert not rig.saw("coil", True)
        await asyncio.sleep(55)
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_a_delay_switched_on_while_a_car_charges_is_for_the_next_one(tmp_path):
    rig = FaultRig(tmp_path)

    async def story(rig):
        await rig.charge()
        rig.settings.change({"start_delay": True})
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"
        assert "start delay" not in rig.limits.slots()

    rig.play(story)


def test_a_delay_that_is_switched_off_ends(tmp_path, monkeypatch):
    fix_random(monkeypatch, b"\x02\x00")
    rig = FaultRig(tmp_path, **DELAY)

    async def story(rig):
        await authorize(rig)
        await asyncio.sleep(10)
        assert rig.coil() == 0
        rig.settings.change({"start_delay": False})
        await asyncio.sleep(8)
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_a_session_that_goes_on_after_a_power_cut_has_no_second_delay(tmp_path, monkeypatch):
    fix_random(monkeypatch, b"\x00\x00")
    rig = FaultRig(tmp_path, resume_after_power_loss=1, **DELAY)

    async def charge_and_cut(rig):
        await rig.charge()
        await asyncio.sleep(62)

    rig.play(charge_and_cut)
    fix_random(monkeypatch, b"\x02\x00")

    async def story(rig):
        await asyncio.sleep(1)
        rig.charger.recover()
        await asyncio.sleep(8)
        assert (rig.charger.status, rig.charger.session.number) == ("Charging", 1)

    rig.make_firmware()
    rig.play(story)


# --- who could stop a charge


@pytest.mark.parametrize(
    ("settings", "goes_on"),
    [
        ({"stop_mode": "IC Card"}, True),
        ({"stop_mode": "IC Card/Pull Charging Plug"}, False),
        ({"stop_mode": "IC Card", "rfid_reader": 0}, False),  # no card could ever stop it
        ({"stop_mode": "IC Card", "plug_and_charge_id": "PLUG-ID-1"}, False),
    ],
)
def test_stop_mode(tmp_path, settings, goes_on):
    rig = FaultRig(tmp_path, **settings)

    async def story(rig):
        await rig.charge()
        rig.car(plugged=False)
        await asyncio.sleep(2)
        assert bool(rig.charger.session) is goes_on
        assert rig.coil() == 0

    rig.play(story)
