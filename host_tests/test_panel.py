"""Lamps and display in each condition, in ETEK's colours and in Blink's."""

import asyncio
import re
from types import SimpleNamespace

import pytest
from evse import faults
from evse.panel import Panel
from evse.status import Condition, find_row
from fault_rig import FaultRig, Shown


def play(tmp_path, scheme, story, **settings):
    FaultRig(tmp_path, scheme, **settings).play(story)


@pytest.mark.parametrize(
    ("scheme", "ready", "waits", "awaited", "charges", "pauses", "done"),
    [
        (
            "etek",
            "green:on",
            "green:flashing slow",
            "green:flashing fast",
            "blue:breathing",
            "blue:flashing slow",
            "green:flashing slow",
        ),
        (
            "blink",
            "green:on",
            "green:flashing slow",
            "green:flashing fast",
            "blue:flashing slow",
            "green:flashing slow",
            "green:flashing slow",
        ),
    ],
)
def test_the_way_of_a_charge(tmp_path, scheme, ready, waits, awaited, charges, pauses, done):
    async def story(rig):
        def shows(lamp, *lcd):
            colour, pattern = lamp.split(":")
            return rig.shown.lamps == {colour: pattern} and rig.shown.lcd[: len(lcd)] == lcd

        await asyncio.sleep(1)
        assert shows(ready, "Available", "32 A        OCPP")
        rig.charger.start("CARD")
        await asyncio.sleep(1)
        assert shows(awaited, "SuspendedEV", "Plug in the car")
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(30)
        assert shows(charges, "Charging")
        assert re.fullmatch(r"0:00:(28|29|30)  0\.0[45]kWh", rig.shown.lcd[1])
        rig.limits.set("group", 0)
        await asyncio.sleep(8)
        assert shows(pauses, "Circuit overload", "DLB Mode active")
        rig.charger.stop("Local")
        await asyncio.sleep(1)
        assert shows(done, "Finishing", "Pull the plug")
        rig.car(plugged=False)
        await asyncio.sleep(1)
        rig.car(plugged=True)
        await asyncio.sleep(1)
        assert shows(waits, "Preparing", "Card, please")

    play(tmp_path, scheme, story)


def test_a_car_that_needs_ventilation_is_told_so(tmp_path):
    async def story(rig):
        rig.car(plugged=True, ready=True, ventilation=True)
        await asyncio.sleep(1.5)
        rig.charger.start("CARD")
        await asyncio.sleep(15)
        assert rig.shown.lcd[0] == "Need Ventilation"
        assert rig.shown.lamps == {"red": "flashing slow"}
        assert rig.charger.reason == "Paused: the car needs ventilation that there is not"

    play(tmp_path, "etek", story, pause_in_state_d=1)


def test_blink_tells_faults_that_go_from_those_that_stay(tmp_path):
    async def story(rig):
        book = rig.charger.book
        book.residual_policy = (1, 0)
        rig.car(plugged=True)
        await asyncio.sleep(1)
        for bit, pattern in (
            (faults.OVER_VOLTAGE, "flashing slow"),
            (faults.WELDED_CONTACTOR, "on"),
            (faults.RESIDUAL_CURRENT, "on"),  # has used its retries up
        ):
            book.bits = 0
            book.set(bit, True)
            await asyncio.sleep(0.5)
            assert rig.shown.lamps == {"red": pattern}

    play(tmp_path, "blink", story)


@pytest.mark.parametrize(
    ("link", "etek", "blink"),
    [
        ("", {"green": "on", "yellow": "on"}, {"green": "on"}),
        ("network", {"green": "on", "yellow": "flashing fast"}, {"green": "on"}),
        ("backend", {"green": "on"}, {"green": "on"}),
        ("off", {"green": "on"}, {"green": "on"}),
    ],
)
def test_the_yellow_lamp_tells_etek_users_of_the_network(tmp_path, link, etek, blink):
    async def story(rig):
        rig.panel._link = lambda: link
        await asyncio.sleep(1)
        assert rig.shown.lamps == etek
        rig.panel._column += 1
        await asyncio.sleep(0.5)
        assert rig.shown.lamps == blink

    play(tmp_path, "etek", story)


@pytest.mark.parametrize(
    ("scheme", "lamps"),
    [("etek", {"blue": "flashing slow"}), ("blink", {"yellow": "flashing slow"})],
)
def test_starting_up(tmp_path, scheme, lamps):
    async def story(rig):
        rig.panel.starting = True
        await asyncio.sleep(1)
        assert (rig.shown.lamps, rig.shown.lcd[0]) == (lamps, "Starting up...")
        rig.panel.starting = False
        await asyncio.sleep(0.5)
        assert rig.shown.lcd[0] == "Available"

    play(tmp_path, scheme, story)


def test_the_panel_shows_its_start_before_the_charger_has_gone_round():
    shown = Shown()
    charger = SimpleNamespace(fault_bits=0, condition=Condition())
    assert Panel(charger, None, shown, None, "etek")._row() == find_row("Starting")


def test_conditions_without_a_row_of_their_own_have_that_of_their_first_word():
    assert find_row("SuspendedEVSE no ventilation")[3] == "Need Ventilation"
    assert find_row("SuspendedEVSE something new") == find_row("SuspendedEVSE")
    assert find_row("Reserved")[2] == "red:on,blue:on"  # Blink's pink
    assert find_row("Nothing")[3] == "Nothing"
