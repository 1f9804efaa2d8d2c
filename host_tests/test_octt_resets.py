"""Cases of the OCA's test tool for charge points, OCPP 1.6: resets, unlocking, power failures."""

import asyncio

import pytest
from octt_rig import ACCEPTED, case

UNLOCKED, NOT_SUPPORTED = {"status": "Unlocked"}, {"status": "NotSupported"}


async def reset(s, kind: str) -> None:
    """The back office resets; the chip starts anew."""
    assert await s.ask("Reset", type=kind) == ACCEPTED
    await s.until(lambda: s.resets)
    assert s.resets == [kind]
    await s.restart(power_failed=False)


async def _reset_without_transaction(s, kind: str) -> None:
    await s.ask("ChangeAvailability", connectorId=1, type="Inoperative")
    await s.reports("Unavailable")
    s.forget()
    await reset(s, kind)
    assert s.statuses() == ["Unavailable"]
    assert s.count("StopTransaction") == 0
    await s.ask("ChangeAvailability", connectorId=1, type="Operative")
    await s.reports("Available")


@case
async def test_tc_013_hard_reset_without_transaction(s):
    await _reset_without_transaction(s, "Hard")


@case
async def test_tc_014_soft_reset_without_transaction(s):
    await _reset_without_transaction(s, "Soft")


@case
async def test_tc_015_hard_reset_with_transaction(s):
    await s.charge()
    await reset(s, "Hard")
    await s.delivered()
    assert (s.transaction["reason"], s.transaction["stops"]) == ("HardReset", 1)
    assert s.record.status["1"]["status"] in ("Finishing", "Preparing")


@case
async def test_tc_016_soft_reset_with_transaction(s):
    await s.charge()
    s.forget()
    assert await s.ask("Reset", type="Soft") == ACCEPTED
    await s.until(lambda: s.resets)
    assert (s.transaction["reason"], s.transaction["stops"]) == ("SoftReset", 1)
    await s.restart(power_failed=False)
    assert s.record.status["1"]["status"] in ("Finishing", "Preparing")
    assert s.count("StopTransaction") == 1


# --- unlocking


def test_tc_017_1_unlock_without_charging_session(make_station):
    async def story(s):
        await s.online()
        assert await s.ask("UnlockConnector", connectorId=1) == UNLOCKED
        assert s.connector.unlocks == 1

    make_station(cable_or_socket="Socket").play(story)


def test_tc_017_2_unlock_without_charging_session_fixed_cable(make_station):
    async def story(s):
        await s.online()
        assert await s.ask("UnlockConnector", connectorId=1) == NOT_SUPPORTED

    make_station(cable_or_socket="Cable").play(story)


def test_tc_018_1_unlock_with_charging_session(make_station):
    async def story(s):
        await s.online()
        await s.charge()
        s.forget()
        assert await s.ask("UnlockConnector", connectorId=1) == UNLOCKED
        await s.delivered()
        assert s.transaction["reason"] == "UnlockCommand"
        await s.reports("Finishing")
        await s.unplug()
        await s.reports("Available")
        assert s.statuses() == ["Finishing", "Available"]

    make_station(cable_or_socket="Socket").play(story)


def test_tc_018_2_unlock_with_charging_session_fixed_cable(make_station):
    async def story(s):
        await s.online()
        await s.charge()
        assert await s.ask("UnlockConnector", connectorId=1) == NOT_SUPPORTED
        await asyncio.sleep(3)
        assert s.coil
        assert s.count("StopTransaction") == 0

    make_station(cable_or_socket="Cable").play(story)


def test_tc_030_unlock_failure(make_station):
    async def story(s):
        await s.online()
        s.connector.opens = False
        assert await s.ask("UnlockConnector", connectorId=1) == {"status": "UnlockFailed"}

    make_station(cable_or_socket="Socket").play(story)


def test_tc_031_unlock_unknown_connector(make_station):
    async def story(s):
        await s.online()
        assert await s.ask("UnlockConnector", connectorId=2) == NOT_SUPPORTED
        assert s.connector.unlocks == 0

    make_station(cable_or_socket="Socket").play(story)


# --- power failures


@case
async def test_tc_032_1_power_failure_the_transaction_is_stopped(s):
    await s.charge()
    await asyncio.sleep(70)
    s.forget()
    await s.restart()
    await s.until(lambda: s.count("StopTransaction"))
    assert s.count("StartTransaction") == 0
    (stop,) = s.received("StopTransaction")
    assert (stop["reason"], stop["transactionId"]) == ("PowerLoss", s.transaction["id"])
    assert stop["meterStop"] > s.transaction["meterStart"]
    assert s.record.status["1"]["status"] in ("Finishing", "Preparing")
    await s.unplug()
    await s.reports("Available")


def test_tc_032_2_power_failure_the_transaction_is_resumed(make_station):
    async def story(s):
        await s.online()
        begun = await s.charge()
        await s.restart()
        await s.reports("Charging", limit_s=900)
        assert s.count("StopTransaction") == 0
        assert await s.swipe() == "Accepted"
        await s.delivered()
        assert (s.transaction["id"], s.transaction["reason"]) == (begun["id"], "Local")

    make_station(resume_after_power_loss=True).play(story)


def test_tc_032_2_power_failure_the_transaction_is_stopped_after_the_boot(make_station):
    async def story(s):
        await s.online()
        begun = await s.charge()
        await s.power_off()
        s.car.plugged = False
        s.power_on()
        await s.online()
        await s.until(lambda: s.transaction["stops"])
        assert (s.transaction["id"], s.transaction["reason"]) == (begun["id"], "PowerLoss")
        await s.reports("Available")

    make_station(resume_after_power_loss=True).play(story)


@pytest.mark.parametrize("connector", [0, 1])
def test_tc_034_power_failure_while_unavailable(station, connector):
    async def story(s):
        await s.online()
        answer = await s.ask("ChangeAvailability", connectorId=connector, type="Inoperative")
        assert answer == ACCEPTED
        await s.reports("Unavailable")
        s.forget()
        await s.restart()
        assert s.statuses() == ["Unavailable"]
        if connector == 0:
            assert s.statuses(0) == ["Unavailable"]
        await s.plug()
        await s.swipe()
        await asyncio.sleep(3)
        assert s.count("StartTransaction") == 0

    station.play(story)
