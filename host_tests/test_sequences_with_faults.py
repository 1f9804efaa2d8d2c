"""Short circuits, states F and D in the sequences of IEC 61851-1:2017 table A.6, in virtual time."""

import asyncio

import pytest
from rig import Rig
from sequence_rig import A32, STATE_F, STEADY, after, booted, charging, duties, plugged


@pytest.fixture
def rig(tmp_path):
    return booted(Rig(tmp_path))


# Faults


@pytest.mark.parametrize("ventilation", [False, True])
def test_12_a_short_circuit_opens_within_100_ms(rig, ventilation):
    async def story(rig):
        await charging(rig, ventilation=ventilation)
        short_ms = rig.car()
        rig.world.change("faults", {"cp_short"})
        await asyncio.sleep(1)
        assert after(rig, "coil", False, short_ms) <= 100
        assert rig.charger.faults == ["cp_short"]

    rig.play(story)


def fault_story(low_ms, high_ms):
    async def story(rig):
        await charging(rig)
        tripped_ms = rig.car()
        rig.world.change("faults", {"rcm_trip"})
        await asyncio.sleep(2)
        assert after(rig, "coil", False, tripped_ms) <= 40
        f_ms = rig.when("duty", STATE_F, tripped_ms)
        assert low_ms <= after(rig, "duty", STEADY, f_ms) <= high_ms

    return story


def test_a_fault_shows_state_f_for_300_ms_and_then_x1(rig):
    rig.play(fault_story(300, 450))


def test_the_time_in_state_f_is_the_boards(rig):
    rig.circuit["fault_hold_ms"] = 1000
    rig.make_firmware()
    rig.play(fault_story(1000, 1150))


def test_a_board_without_state_f_goes_straight_to_x1(rig):
    """Some old hybrids latch a fault of their own when they see F."""
    rig.circuit["fault_hold_ms"] = 0
    rig.make_firmware()

    async def story(rig):
        await charging(rig)
        tripped_ms = rig.car()
        rig.world.change("faults", {"rcm_trip"})
        await asyncio.sleep(2)
        assert not rig.saw("duty", STATE_F)
        assert after(rig, "duty", STEADY, tripped_ms) <= 150

    rig.play(story)


def test_a_lasting_fault_holds_state_f(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"welded_contactor"})
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(10)
        assert rig.charger.state == "F"
        assert rig.when("duty", STATE_F, left_ms)
        assert rig.pilot.duty_permille == STATE_F

    rig.play(story)


# State D


def test_a_car_that_needs_ventilation_charges_where_there_is_some(rig):
    async def story(rig):
        await charging(rig, ventilation=True)
        assert rig.charger.state == "D2"

    rig.play(story)


def test_without_ventilation_state_d_gets_no_energy_and_the_page_says_why(rig):
    async def story(rig):
        rig.charger.ventilated = False
        await plugged(rig, ready=True, ventilation=True)
        rig.charger.start("CARD")
        await asyncio.sleep(20)
        assert not rig.saw("coil", True)
        assert (rig.charger.status, rig.charger.state) == ("SuspendedEVSE", "B1")
        assert (rig.charger.limit_reason, rig.charger.limit_ma) == ("no ventilation", 0)
        assert len([v for _, v in duties(rig, 0) if v == A32]) == 1  # asked once, not for ever
        rig.car(plugged=False, ventilation=False)
        await asyncio.sleep(1)
        assert rig.charger.limit_reason == "operator"

    rig.play(story)


def test_a_change_to_state_d_without_ventilation_stops_the_charge_by_the_pilot(rig):
    async def story(rig):
        rig.charger.ventilated = False
        await charging(rig)
        asked_ms = rig.car(ventilation=True)
        await asyncio.sleep(6)
        assert after(rig, "duty", STEADY, asked_ms) <= 700
        assert after(rig, "coil", False, asked_ms) <= 3700
        assert rig.charger.limit_reason == "no ventilation"
        rig.charger.ventilated = True  # the setting is changed
        await asyncio.sleep(9)
        assert (rig.charger.state, rig.charger.status) == ("D2", "Charging")

    rig.play(story)
