"""Cars with a simplified pilot, hybrids that fall back to B, and sleepers, in virtual time."""

import asyncio

import pytest
import virtual_time
from rig import Rig
from sequence_rig import A10, A16, A32, STATE_F, STEADY, after, booted, charging, duties, plugged


@pytest.fixture
def rig(tmp_path):
    return booted(Rig(tmp_path))


@pytest.fixture
def slow_rig(tmp_path):
    """For stories of many seconds, in which a few milliseconds do not count."""
    return booted(Rig(tmp_path, world_step_s=0.005))


# The simplified pilot


def test_a_simplified_pilot_charges_and_is_bounded_to_10_a_where_the_board_wants_it(rig):
    rig.circuit["simplified_limit_10a"] = True
    rig.make_firmware()

    async def story(rig):
        await charging(rig, simplified=True)
        assert [v for _, v in duties(rig, 0)] == [A10]  # nothing larger before it
        assert rig.charger.limit_reason == "simplified pilot"
        assert rig.world.meter.a[0] == pytest.approx(10, abs=0.1)
        rig.car(plugged=False, simplified=False)
        await asyncio.sleep(1)
        await charging(rig)
        assert (rig.charger.limit_reason, rig.pilot.duty_permille) == ("operator", A32)

    rig.play(story)


def test_a_simplified_pilot_is_not_bounded_by_default(rig):
    async def story(rig):
        await charging(rig, simplified=True)
        assert (rig.charger.limit_reason, rig.pilot.duty_permille) == ("operator", A32)

    rig.play(story)


def test_a_simplified_pilot_is_stopped_after_6_s_without_a_fault(rig):
    """It has no S2 to let go with."""

    async def story(rig):
        await charging(rig, simplified=True, obeys_pilot=False)  # what should it obey with?
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert 6000 <= after(rig, "coil", False, stopped_ms) <= 6200
        assert (rig.charger.faults, rig.charger.state) == ([], "C1")

    rig.play(story)


# Hybrids that fall back to B after a new duty


@pytest.mark.parametrize("amps", [10, 20])
def test_a_fall_back_to_b_after_a_new_duty_does_not_open(rig, amps):
    async def story(rig):
        rig.limits.set("load management", 16000)
        await charging(rig, seconds=7, glitch_ms=500)
        changed_ms = rig.car()
        rig.limits.set("load management", amps * 1000)
        await asyncio.sleep(6)
        assert rig.saw("state", "B", changed_ms)  # it did fall back
        assert not rig.saw("coil", False, changed_ms)
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_s2_opened_just_after_a_new_duty_opens_100_ms_after_550_ms_at_the_latest(rig):
    async def story(rig):
        await charging(rig)
        rig.limits.set("load management", 16000)
        while rig.pilot.duty_permille != A16:
            await asyncio.sleep(0.005)
        changed_ms = rig.when("duty", A16)
        opened_ms = rig.car(ready=False)
        await asyncio.sleep(1)
        assert after(rig, "coil", False, changed_ms) <= 650
        assert after(rig, "coil", False, opened_ms) > 500  # taken for a glitch so long

    rig.play(story)


def test_new_duties_in_quick_succession_do_not_keep_an_opened_s2_waiting(rig):
    """Given a car that has opened S2, when the duty keeps falling, then the 550 ms do not begin anew."""

    async def story(rig):
        await charging(rig)
        rig.limits.set("load management", 30000)
        await asyncio.sleep(0.15)
        opened_ms = rig.car(ready=False)
        for amps in (28, 26, 24, 22, 20, 18):
            rig.limits.set("load management", amps * 1000)
            await asyncio.sleep(0.15)
        assert after(rig, "coil", False, opened_ms) <= 650

    rig.play(story)


@pytest.mark.parametrize("how", ["unplugged", "short"])
def test_unplugging_and_short_circuits_just_after_a_new_duty_open_within_100_ms(rig, how):
    async def story(rig):
        await charging(rig, glitch_ms=500)
        rig.limits.set("load management", 16000)
        await asyncio.sleep(0.2)
        assert rig.world.vehicle_state == "B"
        failed_ms = rig.car(plugged=how != "unplugged")
        if how == "short":
            rig.world.change("faults", {"cp_short"})
        await asyncio.sleep(1)
        assert after(rig, "coil", False, failed_ms) <= 100

    rig.play(story)


def test_100_ms_hold_again_once_the_550_ms_are_over(rig):
    async def story(rig):
        await charging(rig)
        rig.limits.set("load management", 16000)
        await asyncio.sleep(0.8)
        opened_ms = rig.car(ready=False)
        await asyncio.sleep(1)
        assert after(rig, "coil", False, opened_ms) <= 100

    rig.play(story)


def test_the_guard_too_takes_b_for_a_glitch_just_after_a_new_duty(rig):
    """Given a loop that is held right after it has changed the duty, then the guard judges alone."""

    async def story(rig):
        await charging(rig, glitch_ms=500)
        changed_ms = rig.car()
        rig.limits.set("load management", 16000)
        while rig.pilot.duty_permille != A16:
            await asyncio.sleep(0.002)
        hold(rig, 520)
        assert rig.saw("state", "B", changed_ms)
        assert rig.coil() == 1
        hold(rig, 200)
        opened_ms = rig.car(ready=False)
        hold(rig, 200)
        assert after(rig, "coil", False, opened_ms) <= 100

    rig.play(story)


def hold(rig, ms):
    """Hold the loop: only world and guard live on."""
    for _ in range(ms // 5):
        virtual_time.clock.sleep_us(5000)
        rig.world.step(virtual_time.clock.now_us / 1e6)
        rig.guard.look()


# Waking a sleeping car


def test_a_sleeping_car_is_woken_after_30_s_in_b2(slow_rig):
    async def story(rig):
        await plugged(rig, ready=True, asleep=True)
        rig.charger.start("CARD")
        statuses = []
        rig.charger.listen(lambda event, session: statuses.append(rig.charger.status))
        await asyncio.sleep(45)
        offered_ms = rig.when("duty", A32)
        (f_ms, f), (x1_ms, x1), (again_ms, again) = duties(rig, offered_ms + 1)
        assert (f, x1, again) == (STATE_F, STEADY, A32)
        assert 30_000 <= f_ms <= 30_300
        assert 4000 <= x1_ms - f_ms <= 4150
        assert 750 <= again_ms - x1_ms <= 900
        assert rig.charger.status == "Charging"
        assert "SuspendedEVSE" not in statuses  # the car is what does not ask

    slow_rig.play(story)


def test_a_car_is_woken_once_for_each_plug_in(slow_rig):
    async def story(rig):
        await plugged(rig, ready=False)
        rig.charger.start("CARD")
        await asyncio.sleep(46)
        assert [v for _, v in duties(rig, 0)].count(STATE_F) == 1
        assert rig.charger.status == "SuspendedEV"
        await asyncio.sleep(60)
        assert [v for _, v in duties(rig, 0)].count(STATE_F) == 1
        rig.car(plugged=False)
        await asyncio.sleep(1)
        await plugged(rig, ready=False)
        rig.charger.start("CARD")
        await asyncio.sleep(36)
        assert [v for _, v in duties(rig, 0)].count(STATE_F) == 2

    slow_rig.play(story)


def test_a_car_that_has_charged_is_left_to_sleep(slow_rig):
    async def story(rig):
        await charging(rig)
        rig.car(ready=False)  # full
        await asyncio.sleep(60)
        assert rig.charger.status == "SuspendedEV"
        assert not rig.saw("duty", STATE_F)

    slow_rig.play(story)


def test_a_board_may_leave_cars_to_sleep(slow_rig):
    slow_rig.circuit["wake_up_s"] = 0
    slow_rig.make_firmware()

    async def story(rig):
        await plugged(rig, ready=True, asleep=True)
        rig.charger.start("CARD")
        await asyncio.sleep(60)
        assert not rig.saw("duty", STATE_F)

    slow_rig.play(story)


def test_the_end_of_a_session_ends_the_waking(slow_rig):
    async def story(rig):
        await plugged(rig, ready=True, asleep=True)
        rig.charger.start("CARD")
        await asyncio.sleep(32)
        assert rig.charger.state == "F"
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert after(rig, "duty", STEADY, stopped_ms) <= 150
        assert (rig.charger.state, rig.charger.status) == ("B1", "Finishing")

    slow_rig.play(story)


def test_a_car_that_leaves_while_it_is_woken_is_seen_to_have_left(slow_rig):
    async def story(rig):
        await plugged(rig, ready=True, asleep=True)
        rig.charger.start("CARD")
        await asyncio.sleep(32)
        rig.car(plugged=False)
        await asyncio.sleep(5)
        assert (rig.charger.status, rig.charger.state) == ("Available", "A")
        assert not rig.saw("coil", True)

    slow_rig.play(story)
