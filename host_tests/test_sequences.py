"""The sequences of IEC 61851-1:2017 table A.6, each with its figure, on the simulated board in virtual time.

docs/charging.md has the same table for people.
"""

import asyncio

import pytest
from rig import Rig
from sequence_rig import A10, A16, A32, STEADY, after, booted, charging, duties, offered, plugged


@pytest.fixture
def rig(tmp_path):
    return booted(Rig(tmp_path))


# Plugging in and unplugging


def test_1_1_plug_in_a_to_b_stays_b1_until_the_operator_is_ready(rig):
    async def story(rig):
        plugged_ms = rig.car(plugged=True, ready=True)
        while rig.charger.state == "A":
            await asyncio.sleep(0.005)
        assert rig.charger.state == "B1"
        assert rig.when("state", "B", plugged_ms) == pytest.approx(plugged_ms, abs=2)
        assert asyncio.get_running_loop().time() * 1000 - plugged_ms < 200
        await asyncio.sleep(10)
        assert rig.charger.state == "B1"
        assert not duties(rig, plugged_ms)
        assert not rig.saw("coil", True)

    rig.play(story)


def test_1_2_plug_in_a_to_c_closes_only_when_authorized(rig):
    async def story(rig):
        plugged_ms = await plugged(rig, simplified=True)
        assert (rig.charger.state, rig.charger.status) == ("C1", "Preparing")
        await asyncio.sleep(5)
        assert not duties(rig, plugged_ms)
        assert not rig.saw("coil", True)
        paid_ms = rig.car()
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        # C has stood: what is left is to see the diode at the PWM
        assert after(rig, "duty", A32, paid_ms) < after(rig, "coil", True, paid_ms) <= 300
        assert (rig.charger.state, rig.charger.status) == ("C2", "Charging")

    rig.play(story)


def test_1_2_c_has_to_stand_for_half_a_second_and_the_diode_to_be_seen(rig):
    async def story(rig):
        rig.world.change("faults", {"diode_short"})
        await plugged(rig, simplified=True)
        rig.charger.start("CARD")
        await asyncio.sleep(3)
        assert not rig.saw("coil", True)
        assert rig.charger.faults == ["diode_short"]

    rig.play(story)


@pytest.mark.parametrize("ready", [False, True])
def test_2_unplugging_from_b_or_c_opens_within_100_ms(rig, ready):
    async def story(rig):
        await charging(rig)
        if not ready:
            rig.car(ready=False)
            await asyncio.sleep(1)
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(1)
        assert (rig.charger.state, rig.coil(), rig.pilot.duty_permille) == ("A", 0, STEADY)
        if ready:
            assert after(rig, "coil", False, left_ms) <= 100
        assert after(rig, "duty", STEADY, left_ms) <= 150

    rig.play(story)


def test_2_unplugging_from_d_opens_within_100_ms(rig):
    async def story(rig):
        await charging(rig, ventilation=True)
        assert rig.charger.state == "D2"
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(1)
        assert after(rig, "coil", False, left_ms) <= 100

    rig.play(story)


# The operator and the car become ready


def test_3_the_pwm_comes_with_the_authorization(rig):
    async def story(rig):
        await plugged(rig, ready=False)
        paid_ms = rig.car()
        rig.charger.start("CARD")
        await asyncio.sleep(1)
        assert after(rig, "duty", A32, paid_ms) <= 150
        assert rig.charger.state == "B2"

    rig.play(story)


def test_4_the_contactor_closes_within_3_s_of_the_cars_asking(rig):
    async def story(rig):
        await offered(rig)
        rig.car(ready=True)
        await asyncio.sleep(3)
        asked_ms = rig.when("state", "C")
        assert 500 <= after(rig, "coil", True, asked_ms) <= 700

    rig.play(story)


def test_4_a_car_that_asks_again_waits_2_s_from_the_opening_at_most(rig):
    """The contactor does not chatter, and sequence 4 keeps its 3 s."""

    async def story(rig):
        await charging(rig)
        opened_ms = rig.car(ready=False)
        await asyncio.sleep(0.3)
        asked_ms = rig.car(ready=True)
        await asyncio.sleep(4)
        off_ms = rig.when("coil", False, opened_ms)
        assert 2000 <= after(rig, "coil", True, off_ms) <= 2150
        assert after(rig, "coil", True, asked_ms) <= 3000

    rig.play(story)


def test_a_car_that_kept_s2_closed_over_a_power_cut_charges_on(rig):
    """A to C at boot is no fault: the car has charged, the charger has not seen it come."""

    async def first(rig):
        await charging(rig, obeys_pilot=False)

    async def second(rig):
        booted_ms = rig.car()
        await asyncio.sleep(1)
        assert (rig.charger.state, rig.charger.faults) == ("C1", [])
        assert not rig.saw("coil", True, booted_ms)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(2)
        assert (rig.charger.status, rig.coil()) == ("Charging", 1)

    rig.play(first)
    rig.world.reset_outputs()
    rig.make_firmware()
    rig.play(second)


# The duty


def test_6_a_smaller_offer_goes_out_at_once(rig):
    async def story(rig):
        await charging(rig)
        for amps, permille in ((16, A16), (10, A10), (6, 100)):
            changed_ms = rig.car()
            rig.limits.set("group", amps * 1000)
            await asyncio.sleep(0.5)
            assert after(rig, "duty", permille, changed_ms) <= 150
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_6_a_larger_offer_waits_until_5_s_after_the_last_change(rig):
    async def story(rig):
        await charging(rig)
        rig.limits.set("group", 10000)
        await asyncio.sleep(1)
        lowered_ms = rig.when("duty", A10)
        for amps in (12, 14, 16):
            rig.limits.set("group", amps * 1000)
            await asyncio.sleep(1)
            assert rig.charger.signaled_ma == 10000  # as the car is told
        await asyncio.sleep(8)
        assert rig.charger.signaled_ma == 16000
        ((raised_ms, permille),) = duties(rig, lowered_ms + 1)
        assert permille == A16  # the values in between never went out
        assert 5000 <= raised_ms <= 5150

    rig.play(story)


def test_6_a_new_limit_is_on_the_wire_within_10_s(rig):
    async def story(rig):
        await charging(rig)
        rig.limits.set("group", 10000)
        await asyncio.sleep(0.2)
        raised_ms = rig.car()
        rig.limits.set("group", 20000)
        await asyncio.sleep(10)
        assert after(rig, "duty", 333, raised_ms) <= 5100

    rig.play(story)


def test_6_an_offer_taken_away_comes_back_5_s_later_at_the_earliest(rig):
    async def story(rig):
        await charging(rig)
        paused_ms = rig.car()
        rig.limits.set("group", 0)
        await asyncio.sleep(0.5)
        rig.limits.set("group", None)
        await asyncio.sleep(9)
        (_, x1), (back_ms, permille) = duties(rig, paused_ms)
        assert (x1, permille) == (STEADY, A32)
        assert 5000 <= back_ms <= 5300

    rig.play(story)


def test_6_the_next_car_waits_for_nothing(rig):
    async def story(rig):
        await charging(rig)
        rig.car(plugged=False)
        await asyncio.sleep(0.5)
        rig.car(plugged=True)
        await asyncio.sleep(0.5)
        paid_ms = rig.car()
        rig.charger.start("CARD")
        await asyncio.sleep(3)
        assert after(rig, "duty", A32, paid_ms) <= 150
        assert after(rig, "coil", True, paid_ms) <= 2000

    rig.play(story)


# The end of a charge


def test_7_and_8_1_the_car_opens_s2_and_the_contactor_opens_within_100_ms(rig):
    async def story(rig):
        await charging(rig)
        opened_ms = rig.car(ready=False)
        await asyncio.sleep(1)
        assert after(rig, "coil", False, opened_ms) <= 100
        assert (rig.charger.state, rig.charger.status) == ("B2", "SuspendedEV")

    rig.play(story)


def test_8_2_the_same_after_the_pwm_has_gone(rig):
    async def story(rig):
        await charging(rig)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(5)
        opened_s2_ms = rig.when("state", "B", stopped_ms)
        assert after(rig, "coil", False, opened_s2_ms) <= 100
        assert rig.charger.state == "B1"

    rig.play(story)


def test_9_an_offer_to_a_car_that_does_not_ask_goes_at_once(rig):
    async def story(rig):
        await offered(rig)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(1)
        assert after(rig, "duty", STEADY, stopped_ms) <= 150
        assert rig.charger.state == "B1"

    rig.play(story)


def test_10_1_a_stop_takes_the_pwm_away_and_waits_for_the_car(rig):
    async def story(rig):
        await charging(rig)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert after(rig, "duty", STEADY, stopped_ms) <= 150
        assert 500 < after(rig, "coil", False, stopped_ms) <= 3200
        assert (rig.charger.status, rig.charger.faults) == ("Finishing", [])

    rig.play(story)


def test_10_2_a_car_that_draws_on_is_cut_off_after_6_s_and_that_is_a_fault(rig):
    async def story(rig):
        await charging(rig, obeys_pilot=False)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert 6000 <= after(rig, "coil", False, stopped_ms) <= 6200
        assert rig.charger.faults == ["car_ignores_pilot"]

    rig.play(story)


def test_10_2_a_car_that_only_keeps_s2_closed_is_no_fault(rig):
    async def story(rig):
        await charging(rig, obeys_pilot=False, max_a=0)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert 6000 <= after(rig, "coil", False, stopped_ms) <= 6200
        assert (rig.charger.state, rig.charger.faults) == ("C1", [])

    rig.play(story)


def test_11_bcb_toggles_do_not_close(rig):
    async def story(rig):
        await offered(rig)
        for toggles in (1, 2, 3):
            toggled_ms = rig.car(bcb=toggles)
            await asyncio.sleep(3.5)
            assert rig.saw("state", "C", toggled_ms)
            assert not rig.saw("coil", True, toggled_ms)
        assert rig.charger.state == "B2"

    rig.play(story)


@pytest.mark.parametrize("pulse_ms", [150, 300, 450])
def test_11_pulses_of_200_to_400_ms_with_their_tolerance_do_not_close(rig, pulse_ms, monkeypatch):
    monkeypatch.setattr("sim.vehicle.PULSE_S", pulse_ms / 1000)

    async def story(rig):
        await offered(rig)
        rig.car(bcb=3)
        await asyncio.sleep(3.5)
        assert not rig.saw("coil", True)

    rig.play(story)
