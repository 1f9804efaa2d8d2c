"""Stories around the connector: earth, wear, and what fails beside it."""

import asyncio

import pytest
from rig import Rig, charging
from test_connector import SOCKET


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, settings=SOCKET)


# Earth


def test_a_lost_earth_is_a_fault_that_clears_5_s_after_it_is_back(tmp_path):
    async def story(rig):
        await charging(rig)
        lost_ms = rig.car()
        rig.world.change("faults", {"pe_open"})
        await asyncio.sleep(1)
        assert rig.when("coil", False, lost_ms) - lost_ms <= 100  # the pilot goes with the earth
        assert "ground_lost" in rig.charger.faults
        assert rig.charger.error_code == "GroundFailure"
        rig.world.change("faults", set())
        await asyncio.sleep(4)
        assert rig.charger.start("CARD") == "faulted"
        await asyncio.sleep(2)
        assert rig.charger.faults == []
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"

    Rig(tmp_path, settings={}).play(story)


def test_an_earth_that_only_the_monitor_misses_opens_the_contactor(tmp_path):
    """Given a pilot that finds another way back, when the monitor reports, then it opens in 0.4 s."""

    async def story(rig):
        await charging(rig)
        lost_ms = rig.car()
        earthed = rig.expander.earthed
        rig.expander.earthed = lambda: False
        await asyncio.sleep(1)
        assert 100 < rig.when("coil", False, lost_ms) - lost_ms <= 400
        assert rig.charger.faults == ["ground_lost"]
        rig.expander.earthed = earthed
        await asyncio.sleep(10)
        assert rig.charger.status == "Charging"

    Rig(tmp_path, settings={}).play(story)


def test_a_single_look_without_earth_is_none(tmp_path):
    async def story(rig):
        await charging(rig)
        begun_ms = rig.car()
        earthed, looks = rig.expander.earthed, []

        def disturbed():
            looks.append(1)
            return len(looks) % 5 != 0 and earthed()

        rig.expander.earthed = disturbed
        await asyncio.sleep(5)
        assert len(looks) > 40
        assert not rig.saw("coil", False, begun_ms)

    Rig(tmp_path, settings={}).play(story)


# Failures around it


def test_a_connector_s_task_that_ends_opens_the_contactor_in_3_s(rig):
    async def story(rig):
        await charging(rig)
        ended_ms = rig.car()
        rig.connector_task.cancel()
        await asyncio.sleep(4)
        assert 2800 <= rig.when("coil", False, ended_ms) - ended_ms <= 3200

    rig.play(story)


def test_without_its_expander_nothing_closes(rig):
    async def story(rig):
        rig.car(plugged=True, ready=False)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(3)
        assert rig.world.lock.closed
        rig.bus.missing = True
        await asyncio.sleep(2)
        asked_ms = rig.car(ready=True)
        await asyncio.sleep(5)
        assert rig.charger.vehicle == "C"
        assert not rig.saw("coil", True)
        rig.bus.missing = False
        await asyncio.sleep(1)
        assert rig.when("coil", True, asked_ms)

    rig.play(story)


def test_a_session_that_begins_while_the_car_asks_waits_for_the_lock(rig):
    """Given a car in state C without an offer, when its card comes, then the lock closes first."""

    async def story(rig):
        rig.car(plugged=True, ready=True, obeys_pilot=False)
        rig.world.vehicle.s2_closed = True
        await asyncio.sleep(2)
        assert rig.charger.vehicle == "C"
        begun_ms = rig.car()
        rig.charger.start("CARD")
        await asyncio.sleep(4)
        assert rig.when("lock", True, begun_ms) < rig.when("coil", True, begun_ms)

    rig.play(story)


def test_a_board_that_does_not_say_how_its_lock_moves_does_not_charge(tmp_path):
    async def story(rig):
        def without_lock(expander):
            raise KeyError("lock")

        rig.connector._outlet_parts = without_lock
        rig.settings.change(SOCKET)
        await asyncio.sleep(1)
        assert rig.charger.faults == ["config_damaged"]
        assert rig.charger.start("CARD") == "faulted"

    Rig(tmp_path, settings={}).play(story)


def test_a_new_lock_or_none_while_it_runs(rig):
    async def story(rig):
        await charging(rig)
        rig.charger.stop("Local")
        await asyncio.sleep(6)
        rig.car(plugged=False)
        await asyncio.sleep(2)
        rig.settings.change({"cable_or_socket": "Cable"})
        assert rig.connector.outlet is None
        rig.world.change("faults", {"pp_open"})
        await charging(rig)
        assert rig.charger.book.bits == 0

    rig.play(story)


# Wear


@pytest.mark.parametrize(
    "limit, name", [("contactor_lifetime", "contactor_worn"), ("plug_lifetime", "plug_worn")]
)
def test_the_last_session_of_a_worn_part_ends_and_no_other_begins(tmp_path, limit, name):
    async def story(rig):
        await charging(rig)
        rig.car(plugged=False)
        await asyncio.sleep(1)
        await charging(rig)  # the second and last of its life
        assert rig.charger.status == "Charging"
        rig.car(plugged=False)
        await asyncio.sleep(1)
        rig.car(plugged=True)
        await asyncio.sleep(1)
        assert rig.charger.faults == [name]
        assert rig.charger.start("CARD") == "faulted"
        rig.settings.change({limit: 3})
        await asyncio.sleep(1)
        assert rig.charger.faults == []
        await charging(rig)

    Rig(tmp_path, settings={limit: 2}).play(story)


def test_looks_are_few_when_nothing_is_there_and_more_when_a_car_is(rig):
    async def story(rig):
        await asyncio.sleep(1)
        before = rig.bus.reads
        await asyncio.sleep(10)
        assert 35 <= rig.bus.reads - before <= 45
        await charging(rig)
        before = rig.bus.reads
        await asyncio.sleep(10)
        assert 90 <= rig.bus.reads - before <= 105

    rig.play(story)
