"""What follows a start: the session that it cut short goes on or ends, and the mains are not loaded at once."""

import asyncio

import pytest
from evse import power_return
from fault_rig import FaultRig

COLD = "cold load pickup"


async def charge_and_cut(rig):
    await rig.charge()
    await asyncio.sleep(62)  # its energy is kept each minute


def start_again(rig, power_failed=True, **car):
    """The supply comes back: a new firmware on the same flash."""
    rig.make_firmware()
    rig.car(**car)
    heard = []
    rig.charger.listen(lambda event, session: heard.append((event, session)))
    rig.heard = heard
    if power_failed:
        power_return.hold(rig.charger)
    cut_short = rig.charger.session_log.unfinished
    rig.returning = power_return.run(rig.settings, rig.charger, power_failed, cut_short)


def stopped(rig) -> list:
    return [session.reason for event, session in rig.heard if event == "stop"]


def fix_random(monkeypatch, two: bytes) -> None:
    monkeypatch.setattr(power_return.os, "urandom", lambda count: two)


def test_the_session_goes_on_after_a_random_delay_that_is_shown(tmp_path, monkeypatch):
    """Given 'restart transaction after power loss', the same transaction goes on once the delay is over."""
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)
    before = rig.charger.session
    fix_random(monkeypatch, b"\x00\x1e")  # 120 s and 30

    async def story(rig):
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(15)
        session = rig.charger.session
        assert (session.number, session.id_tag) == (before.number, "CARD")
        assert session.meter_start_wh == before.meter_start_wh
        assert (rig.charger.status, rig.coil()) == ("SuspendedEVSE", 0)
        assert (rig.api["limit_reason"], rig.api["limits"][COLD]) == (COLD, 0.0)
        assert rig.api["reason"] == "Paused after a power failure: cold load pickup, 137 s left"
        assert rig.shown.lcd == ("Cold load pickup", "137 s left")
        await asyncio.sleep(135)
        assert rig.coil() == 0
        await asyncio.sleep(5)
        assert (rig.charger.status, rig.coil()) == ("Charging", 1)
        assert returning.done() and COLD not in rig.limits.slots()
        assert "start" not in dict(rig.heard) and not stopped(rig)
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert stopped(rig) == ["EVDisconnected"]
        assert session.energy_wh > 32 * 230 * 58 // 3600

    start_again(rig)
    rig.play(story)


@pytest.mark.parametrize(
    ("two", "delay_s"), [(b"\x00\x00", 120), (b"\x00\x50", 200), (b"\x00\x51", 120)]
)
def test_the_delay_is_between_120_s_and_the_setting(tmp_path, monkeypatch, two, delay_s):
    rig = FaultRig(tmp_path, resume_after_power_loss=1, cold_load_max_delay=200)
    rig.play(charge_and_cut)
    fix_random(monkeypatch, two)

    async def story(rig):
        begun_ms = rig.car()
        await rig.returning
        assert delay_s <= (rig.car() - begun_ms) / 1000 - 1 <= delay_s + 1

    start_again(rig)
    rig.play(story)


def test_a_reset_that_lost_no_power_holds_nothing_off(tmp_path):
    """Given a watchdog's reset, the session goes on within seconds."""
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)

    async def story(rig):
        await rig.returning
        await asyncio.sleep(6)
        assert rig.charger.status == "Charging"

    start_again(rig, power_failed=False)
    rig.play(story)


@pytest.mark.parametrize(("power_failed", "reason"), [(True, "PowerLoss"), (False, "Reboot")])
def test_without_the_setting_the_session_ends_with_the_cause(tmp_path, power_failed, reason):
    rig = FaultRig(tmp_path)
    rig.play(charge_and_cut)

    async def story(rig):
        await rig.returning
        await asyncio.sleep(1)
        assert (rig.charger.session, stopped(rig)) == (None, [reason])
        assert COLD not in rig.limits.slots()  # somebody with a card need not wait
        assert rig.charger.start("OTHER") == ""
        await asyncio.sleep(6)
        assert rig.charger.status == "Charging"

    start_again(rig, power_failed)
    rig.play(story)


def test_a_car_that_has_gone_meanwhile_ends_it(tmp_path):
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)

    async def story(rig):
        await rig.returning
        await asyncio.sleep(1)
        assert (rig.charger.session, stopped(rig)) == (None, ["PowerLoss"])

    start_again(rig, plugged=False)
    rig.play(story)


def test_a_car_that_comes_right_after_the_start_is_another_one(tmp_path):
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)

    async def story(rig):
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(0.2)
        rig.car(plugged=True)
        await asyncio.sleep(0.5)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(8)
        assert returning.done() and rig.charger.status == "Charging"
        assert (rig.charger.session.number, stopped(rig)) == (2, ["PowerLoss"])

    start_again(rig, plugged=False)
    rig.play(story)


@pytest.mark.parametrize("state_c", [False, True])
def test_a_car_in_state_c_is_there_too(tmp_path, monkeypatch, state_c):
    """A simplified pilot stays in C without an offer, which takes 500 ms to be believed."""
    fix_random(monkeypatch, b"\x00\x00")
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)

    async def story(rig):
        await asyncio.sleep(0.01)
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(1.5)
        assert rig.charger.session.number == 1 and not stopped(rig)
        returning.cancel()

    start_again(rig, simplified=state_c)
    rig.play(story)


@pytest.mark.parametrize("what", ["unplugged", "stopped"])
def test_the_delay_ends_with_the_car_or_the_session_that_it_was_for(tmp_path, monkeypatch, what):
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)

    async def story(rig):
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(20)
        if what == "unplugged":
            rig.car(plugged=False)
        else:
            rig.charger.stop("Local")
        await asyncio.sleep(2.5)
        assert returning.done() and COLD not in rig.limits.slots()
        rig.car(plugged=True)
        await asyncio.sleep(1.5)
        assert rig.charger.start("OTHER") == ""
        await asyncio.sleep(8)
        assert rig.charger.status == "Charging"

    start_again(rig)
    rig.play(story)


def test_free_charging_of_a_car_that_is_there_waits_too(tmp_path, monkeypatch):
    fix_random(monkeypatch, b"\x00\x00")
    rig = FaultRig(tmp_path, free_charging=1, rfid_reader=0)

    async def story(rig):
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(3)
        assert rig.charger.start("123") == ""  # as the authorizer does
        await asyncio.sleep(100)
        assert (rig.coil(), rig.api["limit_reason"]) == (0, COLD)
        await asyncio.sleep(25)
        assert returning.done() and rig.charger.status == "Charging"

    start_again(rig, plugged=True)
    rig.play(story)


def test_a_start_before_the_return_is_known_does_not_end_the_old_session(tmp_path):
    rig = FaultRig(tmp_path, resume_after_power_loss=1)
    rig.play(charge_and_cut)
    number = rig.charger.session.number

    async def story(rig):
        await asyncio.sleep(0.9)
        assert rig.charger.start("CARD") == "a session is running"
        assert rig.charger.session.number == number
        rig.returning.close()

    start_again(rig)
    rig.play(story)


def test_a_card_just_after_the_start_need_not_wait(tmp_path):
    rig = FaultRig(tmp_path)

    async def story(rig):
        returning = asyncio.create_task(rig.returning)
        await asyncio.sleep(0.5)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(8)
        assert returning.done() and rig.charger.status == "Charging"

    start_again(rig, plugged=True)
    rig.play(story)
