"""Cases of the OCA's test tool for charge points, OCPP 1.6: charging profiles."""

import asyncio

import pytest
from core import clock
from octt_rig import ACCEPTED, REJECTED, TAG, case

MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"


def profile(number: int, purpose: str, *periods, duration=None, level=0, kind="Absolute", **more):
    """csChargingProfiles in amps from now on; periods: (start s, limit)."""
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": s, "limit": limit} for s, limit in periods],
    }
    if kind != "Relative":
        schedule["startSchedule"] = clock.iso8601(clock.unix_s())
    if duration:
        schedule["duration"] = duration
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
        **more,
    }


async def install(s, connector: int, wanted: dict) -> dict:
    """SetChargingProfile; its answer."""
    return await s.ask("SetChargingProfile", connectorId=connector, csChargingProfiles=wanted)


async def composite(s, duration: int, connector: int = 1) -> list:
    """[(start s, limit)] of GetCompositeSchedule in amps."""
    answer = await s.ask(
        "GetCompositeSchedule", connectorId=connector, duration=duration, chargingRateUnit="A"
    )
    assert (answer["status"], answer["connectorId"]) == ("Accepted", connector)
    schedule = answer["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "A"
    assert abs(clock.parse_iso8601(answer["scheduleStart"]) - clock.unix_s()) <= 2
    periods = schedule["chargingSchedulePeriod"]
    return [(period["startPeriod"], period["limit"]) for period in periods]


def about(found: list, *expected) -> bool:
    """Whether periods are these, give or take the seconds that asking took."""
    assert len(found) == len(expected), (found, expected)
    for (start_s, limit), (wanted_s, wanted) in zip(found, expected):
        assert abs(start_s - wanted_s) <= 3, (found, expected)
        assert limit == pytest.approx(wanted), (found, expected)
    return True


async def offers(s, amps: float) -> None:
    """The pilot comes to offer that."""
    await s.until(lambda: abs(s.charger.signaled_ma - amps * 1000) < 200, 15)


@case
async def test_tc_056_tx_default_profile(s):
    wanted = profile(1, DEFAULT, (0, 6), (60, 10), (120, 8), duration=300)
    assert await install(s, 1, wanted) == ACCEPTED
    assert about(await composite(s, 180), (0, 6), (60, 10), (120, 8))
    await s.charge()
    await offers(s, 6)
    await asyncio.sleep(60)
    await offers(s, 10)


@case
async def test_tc_057_tx_profile(s):
    begun = await s.charge()
    wanted = profile(1, TX, (0, 8), (60, 11), (120, 16), duration=260, transactionId=begun["id"])
    assert await install(s, 1, wanted) == ACCEPTED
    assert about(await composite(s, 180), (0, 8), (60, 11), (120, 16))
    await offers(s, 8)
    await s.ask("RemoteStopTransaction", transactionId=begun["id"])
    await s.unplug()
    await s.charge()
    await offers(s, 32)  # it ended with its transaction


@case
async def test_tc_058_1_tx_profile_without_transaction(s):
    answer = await install(s, 1, profile(1, TX, (0, 6), duration=300))
    assert answer == REJECTED or answer["error"]["code"] == "PropertyConstraintViolation"


@case
async def test_tc_058_2_tx_profile_of_another_transaction(s):
    begun = await s.charge()
    wanted = profile(1, TX, (0, 6), duration=300, transactionId=begun["id"] + 1)
    assert await install(s, 1, wanted) == REJECTED
    await asyncio.sleep(3)
    assert s.charger.signaled_ma > 30000


@pytest.mark.parametrize("authorizes", ["true", "false"])
def test_tc_059_remote_start_with_a_profile(station, authorizes):
    async def story(s):
        await s.online()
        await s.configure(AuthorizeRemoteTxRequests=authorizes)
        await s.plug()
        wanted = profile(1, TX, (0, 6), (60, 10), duration=300, kind="Relative")
        answer = await s.ask(
            "RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted
        )
        assert answer == ACCEPTED
        await s.reports("Charging")
        await s.delivered()
        await offers(s, 6)
        (first, second) = await composite(s, 100)
        assert first == (0, 6)
        assert second[1] == 10
        assert 40 <= second[0] <= 60

    station.play(story)


@case
async def test_tc_060_remote_start_with_a_profile_of_another_purpose(s):
    await s.plug()
    wanted = profile(1, DEFAULT, (0, 6), duration=300)
    answer = await s.ask(
        "RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted
    )
    assert answer == REJECTED or answer["error"]["code"] == "PropertyConstraintViolation"
    await asyncio.sleep(4)
    assert s.count("StartTransaction") == 0


@case
async def test_tc_066_composite_schedule_of_all_purposes(s):
    begun = await s.charge()
    for connector, wanted in (
        (0, profile(1, MAX, (0, 10), duration=86400)),
        (1, profile(2, DEFAULT, (0, 6), (60, 10), (120, 8), (180, 25), (260, 8), duration=300)),
        (
            1,
            profile(
                3,
                TX,
                *((0, 8), (50, 11), (140, 16), (200, 6), (240, 12)),
                duration=260,
                transactionId=begun["id"],
            ),
        ),
    ):
        assert await install(s, connector, wanted) == ACCEPTED
    assert about(await composite(s, 400), (0, 8), (50, 10), (200, 6), (240, 10))


@case
async def test_tc_067_clear_profiles(s):
    hour = 3600
    for connector, wanted in (
        (0, profile(1, MAX, (0, 20), duration=hour)),
        (1, profile(2, DEFAULT, (0, 10), duration=hour, level=1)),
        (1, profile(3, DEFAULT, (0, 8), duration=hour, level=2)),
        (1, profile(4, DEFAULT, (0, 6), duration=hour, level=3)),
    ):
        assert await install(s, connector, wanted) == ACCEPTED
    assert about(await composite(s, 300), (0, 6))
    assert await s.ask("ClearChargingProfile", id=4) == ACCEPTED
    assert about(await composite(s, 300), (0, 8))
    level = {"chargingProfilePurpose": DEFAULT, "stackLevel": 2}
    assert await s.ask("ClearChargingProfile", **level) == ACCEPTED
    assert about(await composite(s, 300), (0, 10))
    assert await s.ask("ClearChargingProfile", id=99) == {"status": "Unknown"}
    assert await s.ask("ClearChargingProfile") == ACCEPTED
    assert about(await composite(s, 300), (0, 32))
    assert await s.ask("ClearChargingProfile") == {"status": "Unknown"}


@case
async def test_tc_072_stacked_profiles(s):
    low = profile(1, DEFAULT, (0, 6), (50, 5.5), (100, 8), (200, 10), duration=400)
    high = profile(2, DEFAULT, (0, 7), (100, 9), duration=150, level=1)
    for wanted in (low, high):
        assert await install(s, 1, wanted) == ACCEPTED
    assert about(await composite(s, 350), (0, 7), (100, 9), (150, 8), (200, 10))


@case
async def test_tc_082_tx_default_profile_with_an_ongoing_transaction(s):
    await s.charge()
    await offers(s, 32)
    wanted = profile(1, DEFAULT, (0, 6), (60, 10), duration=300)
    assert await install(s, 1, wanted) == ACCEPTED
    assert about(await composite(s, 100), (0, 6), (60, 10))
    await offers(s, 6)


@case
async def test_profiles_outlive_a_power_failure(s):
    assert await install(s, 1, profile(1, DEFAULT, (0, 9.5))) == ACCEPTED
    await s.restart()
    await s.charge()
    await offers(s, 9.5)


@case
async def test_a_limit_of_nothing_pauses_and_a_later_one_goes_on(s):
    await s.charge()
    assert await install(s, 1, profile(1, DEFAULT, (0, 0), (40, 12))) == ACCEPTED
    await s.reports("SuspendedEVSE")
    assert not s.coil
    await s.reports("Charging", limit_s=60)
    await offers(s, 12)
    assert s.count("StopTransaction") == 0
