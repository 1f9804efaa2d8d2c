"""Stories of plug and lock in a socket outlet, with what the back office may ask."""

import asyncio

import pytest
from rig import Rig, charging

SOCKET = {"cable_or_socket": "Socket"}
PERMANENT = {**SOCKET, "permanent_lock": True}


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, settings=SOCKET)


def test_the_plug_is_locked_before_the_contactor_closes_and_freed_after_it_opened(rig):
    async def story(rig):
        await charging(rig)
        locked_ms, closed_ms = rig.when("lock", True), rig.when("coil", True)
        assert locked_ms < closed_ms
        stopped_ms = rig.car()
        rig.charger.stop("Local")
        await asyncio.sleep(6)
        opened_ms = rig.when("contactor", False, stopped_ms)
        assert opened_ms < rig.when("lock", False, stopped_ms) < opened_ms + 1000
        assert rig.charger.status == "Finishing"

    rig.play(story)


def test_locking_does_not_delay_a_card_that_came_first(rig):
    """The car asks 1.2 s after the offer; half a second for state C comes on top."""

    async def story(rig):
        rig.charger.start("CARD")
        await asyncio.sleep(2)
        plugged_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(5)
        assert 500 <= rig.when("lock", True) - plugged_ms - 300 <= 1000  # hand off, motor's travel
        asked_ms = rig.when("state", "C", plugged_ms)
        assert rig.when("coil", True) - asked_ms <= 700

    rig.play(story)


def test_without_a_session_the_plug_stays_free(rig):
    async def story(rig):
        begun_ms = rig.car()
        for pause_s in (10, 1.01, 1.03, 1.05, 1.07):
            rig.car(plugged=True, ready=True)
            await asyncio.sleep(pause_s)
            rig.car(plugged=False)
            await asyncio.sleep(2)
        assert not rig.saw("lock", True)
        # No fault either, although coding and pilot go together.
        assert not rig.saw("duty", 0, begun_ms)

    rig.play(story)


def test_a_car_that_leaves_frees_its_cable(rig):
    async def story(rig):
        await charging(rig)
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(0.3)
        assert rig.when("coil", False, left_ms) - left_ms <= 100
        assert rig.world.cable_in
        await asyncio.sleep(2)
        assert rig.when("lock", False, left_ms) - left_ms <= 1500
        assert not rig.world.cable_in
        assert rig.charger.status == "Available"

    rig.play(story)


def test_where_only_the_card_ends_a_session_the_cable_stays_locked(rig):
    async def story(rig):
        rig.charger.stop_on_unplug = False
        await charging(rig)
        rig.car(plugged=False)
        await asyncio.sleep(10)
        assert rig.world.lock.closed and rig.charger.session
        rig.charger.stop("Local")
        await asyncio.sleep(2)
        assert not rig.world.lock.closed

    rig.play(story)


KEEPS = {**SOCKET, "unlock_on_ev_disconnect": False}


@pytest.mark.parametrize("who", ["back office", "card"])
def test_a_cable_that_is_not_freed_by_unplugging_the_car_waits_for_its_owner(tmp_path, who):
    """OCPP's UnlockConnectorOnEVSideDisconnect false; OCTT 005_2."""
    rig = Rig(tmp_path, settings=KEEPS)

    async def story(rig):
        await charging(rig)
        rig.car(plugged=False)
        await asyncio.sleep(10)
        assert rig.charger.session is None and rig.charger.status == "Available"
        assert rig.world.lock.closed and rig.world.cable_in
        if who == "card":
            rig.charger.start("CARD")
            await asyncio.sleep(2)
        else:
            assert await rig.connector.unlock() is True
        assert not rig.world.lock.closed

    rig.play(story)


def test_only_unplugging_the_car_has_the_cable_kept(tmp_path):
    rig = Rig(tmp_path, settings=KEEPS)

    async def story(rig):
        await charging(rig)
        rig.charger.stop("Local")
        await asyncio.sleep(8)
        assert not rig.world.lock.closed
        rig.car(plugged=False)
        await asyncio.sleep(5)
        await charging(rig)
        rig.car(plugged=False)
        await asyncio.sleep(2)
        assert rig.world.lock.closed  # the next owner's
        await charging(rig)
        rig.charger.stop("Local")
        await asyncio.sleep(8)
        assert not rig.world.lock.closed  # nothing is left of that

    rig.play(story)


def test_a_jam_is_a_fault_and_charging_begins_once_the_plug_is_pushed_in(rig):
    async def story(rig):
        rig.world.change("faults", {"lock_jams"})
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(6)
        assert rig.charger.faults == []
        await asyncio.sleep(3)
        assert rig.charger.faults == ["lock_jam"]
        assert rig.charger.error_code == "ConnectorLockFailure"
        assert not rig.saw("coil", True)
        rig.world.change("faults", set())
        await asyncio.sleep(10)
        assert (rig.charger.faults, rig.charger.status) == ([], "Charging")

    rig.play(story)


def test_a_jam_is_over_when_the_car_leaves(rig):
    async def story(rig):
        rig.world.change("faults", {"lock_jams"})
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(10)
        assert rig.charger.faults == ["lock_jam"]
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert (rig.charger.faults, rig.charger.status) == ([], "Available")

    rig.play(story)


def test_a_plug_that_comes_loose_under_load_opens_the_contactor_and_is_locked_again(rig):
    async def story(rig):
        await charging(rig)
        loose_ms = rig.car()
        rig.world.lock.closed = False
        await asyncio.sleep(0.5)
        assert rig.when("coil", False, loose_ms) - loose_ms <= 400
        await asyncio.sleep(10)
        locked_ms = rig.when("lock", True, loose_ms)
        assert locked_ms < rig.when("coil", True, loose_ms)
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_an_unlock_that_jams_is_only_a_notice(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"lock_jams"})
        rig.charger.stop("Local")
        await asyncio.sleep(15)
        assert rig.charger.faults == ["unlock_jam"]
        assert rig.charger.status == "Finishing"
        assert rig.charger.error_code == "ConnectorLockFailure"
        rig.world.change("faults", set())
        await asyncio.sleep(7)
        assert not rig.world.lock.closed
        assert rig.charger.faults == []

    rig.play(story)


def test_the_motor_moves_only_with_the_contactor_open(rig):
    """Whatever is asked for while current flows, the lock stays."""

    async def story(rig):
        await charging(rig)
        begun_ms = rig.car()
        unlocking = asyncio.create_task(rig.connector.unlock())
        await asyncio.sleep(3)
        rig.connector.outlet.permanent = True
        await asyncio.sleep(3)
        assert not rig.saw("lock", False, begun_ms)
        assert rig.expander._outputs == 0xFF
        unlocking.cancel()

    rig.play(story)


def test_welded_contacts_keep_the_plug_locked_whatever_comes(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"welded_contactor"})
        rig.charger.stop("Local")
        await asyncio.sleep(10)
        assert rig.charger.faults == ["welded_contactor"]
        assert await rig.connector.unlock() is False
        rig.car(plugged=False)
        await asyncio.sleep(20)
        assert rig.world.lock.closed

    rig.play(story)


def test_state_f_for_5_s_frees_the_plug(rig):
    """Whatever holds state F so long: who is there gets his cable out, the session or not."""

    async def story(rig):
        await charging(rig)
        failed_ms = rig.car()
        fill = rig.charger._fill_inputs

        def fail():
            fill()
            rig.charger._inputs.faults = rig.charger._inputs.lasting = 1

        rig.charger._fill_inputs = fail
        await asyncio.sleep(4.9)
        assert rig.charger.state == "F" and rig.charger.session
        assert rig.when("coil", False, failed_ms)
        assert not rig.saw("lock", False, failed_ms)
        await asyncio.sleep(1.5)
        assert 5000 <= rig.when("lock", False, failed_ms) - failed_ms <= 6200

    rig.play(story)


def test_a_fault_for_good_ends_the_session_and_frees_the_plug(rig):
    async def story(rig):
        await charging(rig)
        from evse import faults

        failed_ms = rig.car()
        rig.charger.book.set(faults.CRASH_LOOP, True)
        await asyncio.sleep(2)
        opened_ms = rig.when("contactor", False, failed_ms)
        assert opened_ms < rig.when("lock", False, failed_ms) < opened_ms + 1000

    rig.play(story)


def test_a_short_state_f_does_not_free_the_plug(rig):
    async def story(rig):
        await charging(rig)
        failed_ms = rig.car()
        rig.world.change("faults", {"rcm_trip"})
        await asyncio.sleep(20)
        assert rig.charger.faults == ["residual_current"]
        assert not rig.saw("lock", False, failed_ms)

    rig.play(story)


# Permanent lock


def test_a_permanently_locked_cable_stays_in_over_sessions(tmp_path):
    async def story(rig):
        rig.car(plugged=True, ready=False)
        await asyncio.sleep(3)
        assert rig.world.lock.closed
        await charging(rig)
        rig.charger.stop("Local")
        await asyncio.sleep(8)
        rig.car(plugged=False)
        await asyncio.sleep(30)
        assert rig.charger.status == "Available"
        assert rig.world.lock.closed and rig.world.cable_in
        assert [on for _, what, on in rig.events if what == "lock"] == [False, True]
        assert await rig.connector.unlock() is True  # its owner asks
        await asyncio.sleep(1)
        assert not rig.world.cable_in

    Rig(tmp_path, settings=PERMANENT).play(story)


def test_a_cable_alone_is_locked_where_cables_stay(tmp_path):
    async def story(rig):
        rig.world.change("cable_in", True)
        rig.world.lock.closed = True  # so the simulated cable stays where it is
        await asyncio.sleep(3)
        rig.world.change("faults", {"pp_open"})  # a wire that breaks does not free it
        await asyncio.sleep(5)
        assert rig.world.lock.closed
        assert rig.charger.faults == []
        rig.settings.change({"permanent_lock": False})
        await asyncio.sleep(2)
        assert not rig.world.lock.closed

    Rig(tmp_path, settings=PERMANENT).play(story)


# Power cuts


# UnlockConnector


def test_unlock_waits_for_the_contactor_and_then_the_motor(rig):
    async def story(rig):
        await charging(rig)
        begun_ms = rig.car()
        rig.charger.stop("UnlockCommand")
        assert await rig.connector.unlock() is True
        opened_ms = rig.when("coil", False, begun_ms)
        assert opened_ms < rig.when("lock", False, begun_ms)
        assert rig.car() - begun_ms <= 5000

    rig.play(story)


def test_unlock_tells_of_a_jam(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"lock_jams"})
        rig.charger.stop("UnlockCommand")
        begun_ms = rig.car()
        assert await rig.connector.unlock() is False
        assert 9000 <= rig.car() - begun_ms <= 11000

    rig.play(story)
