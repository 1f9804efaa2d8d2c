"""Smart charging as the back office and the driver see it, beside the cases of the OCA's tool."""

import asyncio
import os

import pytest
from core import clock
from octt_rig import ACCEPTED, REJECTED, TAG, case
from test_octt_smart_charging import DEFAULT, MAX, TX, composite, install, offers, profile

HOUR = 3600
DAY = 24 * HOUR
UNLIMITED_MA = 32000


def changed(wanted: dict, **fields) -> dict:
    """A profile with other fields; those of the schedule begin with s_, and None leaves one out."""
    told = {**wanted, "chargingSchedule": {**wanted["chargingSchedule"]}}
    for name, value in fields.items():
        place = told["chargingSchedule"] if name.startswith("s_") else told
        place[name.removeprefix("s_")] = value
        if value is None:
            del place[name.removeprefix("s_")]
    return told


def period(start_s: int, limit, phases=None) -> dict:
    """A chargingSchedulePeriod."""
    return {"startPeriod": start_s, "limit": limit, **({"numberPhases": phases} if phases else {})}


async def whole(s, duration: int, connector: int = 1, unit: str = "A") -> dict:
    """The chargingSchedule of a composite schedule."""
    answer = await s.ask(
        "GetCompositeSchedule", connectorId=connector, duration=duration, chargingRateUnit=unit
    )
    assert answer["status"] == "Accepted"
    return answer["chargingSchedule"]


def limit_of(s) -> "int | None":
    """mA of the charging profiles' slot."""
    return s.charger.limits.slots().get("charging profile")


def kept() -> list:
    """Names of the files of profiles."""
    return sorted(os.listdir("/data/profiles"))


# --- what cannot be

RECURRING = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}
MALFORMED = {
    "no purpose": ({"chargingProfilePurpose": None}, "OccurenceConstraintViolation", "Purpose"),
    "a purpose of 2.0": (
        {"chargingProfilePurpose": "ChargingStationMaxProfile"},
        "PropertyConstraintViolation",
        "chargingProfilePurpose",
    ),
    "a level below 0": ({"stackLevel": -1}, "PropertyConstraintViolation", "stackLevel"),
    "no periods": (
        {"s_chargingSchedulePeriod": []},
        "OccurenceConstraintViolation",
        "chargingSchedulePeriod",
    ),
    "an unknown unit": ({"s_chargingRateUnit": "kW"}, "PropertyConstraintViolation", "RateUnit"),
    "a limit below 0": (
        {"s_chargingSchedulePeriod": [period(0, -1)]},
        "PropertyConstraintViolation",
        "chargingSchedulePeriod[0].limit",
    ),
    "a hundredth of an ampere": (
        {"s_chargingSchedulePeriod": [period(0, 6.25)]},
        "PropertyConstraintViolation",
        "limit",
    ),
    "four phases": (
        {"s_chargingSchedulePeriod": [period(0, 6, 4)]},
        "PropertyConstraintViolation",
        "numberPhases",
    ),
    "a limit in words": (
        {"s_chargingSchedulePeriod": [period(0, "6")]},
        "TypeConstraintViolation",
        "limit",
    ),
    "a first period that is not 0": (
        {"s_chargingSchedulePeriod": [period(1, 6)]},
        "PropertyConstraintViolation",
        "startPeriod",
    ),
    "periods out of order": (
        {"s_chargingSchedulePeriod": [period(0, 6), period(9, 8), period(9, 7)]},
        "PropertyConstraintViolation",
        "startPeriod",
    ),
    "a period after 68 years": (
        {"s_chargingSchedulePeriod": [period(0, 6), period(2**31, 8)]},
        "PropertyConstraintViolation",
        "chargingSchedule",
    ),
    "an id of 64 bits": (
        {"chargingProfileId": 2**40},
        "PropertyConstraintViolation",
        "chargingProfileId",
    ),
    "recurring at no interval": (
        {**RECURRING, "recurrencyKind": None},
        "OccurenceConstraintViolation",
        "recurrencyKind",
    ),
    "recurring from nowhere": (
        {**RECURRING, "s_startSchedule": None},
        "OccurenceConstraintViolation",
        "startSchedule",
    ),
    "a start that is no time": (
        {"s_startSchedule": "tomorrow"},
        "PropertyConstraintViolation",
        "startSchedule",
    ),
    "valid until before it is": (
        {"validFrom": "2030-01-02T00:00:00Z", "validTo": "2030-01-01T00:00:00Z"},
        "PropertyConstraintViolation",
        "validTo",
    ),
}


@case
async def test_a_malformed_profile_is_refused_by_name_and_changes_nothing(s):
    for name, (fields, code, word) in MALFORMED.items():
        base = changed(profile(1, DEFAULT, (0, 6)), recurrencyKind="Daily")
        error = (await install(s, 1, changed(base, **fields)))["error"]
        assert error["code"] == code, name
        assert word in error["description"], name
    answer = await install(s, 2, profile(1, DEFAULT, (0, 6)))
    assert answer["error"]["code"] == "PropertyConstraintViolation"
    assert await composite(s, 60) == [(0, 32)]
    assert limit_of(s) is None


@case
async def test_what_is_beyond_this_charge_point_is_rejected(s):
    begun = await s.charge()
    many = [(10 * number, 6) for number in range(25)]
    for connector, wanted in (
        (1, profile(1, DEFAULT, (0, 6), level=10)),
        (1, profile(1, DEFAULT, *many)),
        (1, profile(1, MAX, (0, 6))),
        (0, profile(1, TX, (0, 6), transactionId=begun["id"])),
    ):
        assert await install(s, connector, wanted) == REJECTED
    assert await install(s, 1, profile(1, DEFAULT, *many[:24], level=9)) == ACCEPTED


@case
async def test_twenty_profiles_of_24_periods_and_no_more(s):
    for number in range(20):
        periods = [(900 * at, 6 + (number + at) % 26) for at in range(24)]
        wanted = profile(number, DEFAULT, *periods, level=number % 10)
        assert await install(s, number // 10, wanted) == ACCEPTED
    assert await install(s, 0, profile(99, MAX, (0, 6))) == REJECTED
    assert await s.value("MaxChargingProfilesInstalled") == "20"
    await offers_soon(s, 6 + 19 % 26)  # the connector's highest level
    assert len(await composite(s, 6 * HOUR)) == 24


async def offers_soon(s, amps: float) -> None:
    """The slot comes to hold that."""
    await s.until(lambda: limit_of(s) == round(amps * 1000), 5)


# --- composite schedules


@case
async def test_composite_schedules_in_both_units(s):
    sixteen = profile(1, DEFAULT, (0, 16))
    assert await install(s, 1, sixteen) == ACCEPTED
    assert (await whole(s, 60, 1, "W"))["chargingSchedulePeriod"] == [period(0, 11040)]
    one_phase = changed(
        sixteen, s_chargingSchedulePeriod=[period(0, 16.1, 1)], s_minChargingRate=6
    )
    assert await install(s, 1, one_phase) == ACCEPTED
    told = await whole(s, 60, 1, "W")
    assert told["chargingSchedulePeriod"] == [period(0, 3703, 1)]
    assert (told["duration"], told["chargingRateUnit"], told["minChargingRate"]) == (60, "W", 1380)
    watts = changed(
        sixteen,
        s_chargingRateUnit="W",
        s_chargingSchedulePeriod=[period(0, 11000.5), period(30, 4140, 2)],
    )
    assert await install(s, 1, watts) == ACCEPTED
    first, second = (await whole(s, 60))["chargingSchedulePeriod"]
    assert float(first["limit"]) == 15.9
    assert second == period(30, 9, 2)
    assert (await whole(s, 20, 1, "W"))["chargingSchedulePeriod"] == [period(0, 11000.5)]
    await s.until(lambda: limit_of(s) == 15942, 5)  # what 11000.5 W are on each of three phases


@case
async def test_the_composite_schedule_without_profiles_is_the_local_limit(s):
    for connector in (0, 1):
        assert await composite(s, 3600, connector) == [(0, 32)]
        told = await whole(s, 3600, connector, "W")
        assert told["chargingSchedulePeriod"] == [period(0, 7360, 1)]  # connected to one phase
    s.settings.change({"output_current_limit": 13, "phases": "3P+N400V"})
    assert (await whole(s, 60, 0, "W"))["chargingSchedulePeriod"] == [period(0, 8970)]
    s.charger.limits.set("temperature", 6000)  # which passes
    assert await composite(s, 3600) == [(0, 13)]
    assert await install(s, 0, profile(1, MAX, (0, 20), (60, 10))) == ACCEPTED
    (_, first), (_, second) = await composite(s, 3600, 0)
    assert (first, second) == (13, 10)
    for connector in (-1, 2):
        answer = await s.ask("GetCompositeSchedule", connectorId=connector, duration=60)
        assert answer == REJECTED


@case
async def test_a_composite_schedule_too_long_to_tell_ends_earlier(s):
    hours = [(HOUR * hour, 6 + hour) for hour in range(24)]
    wanted = profile(1, DEFAULT, *hours, kind="Recurring", recurrencyKind="Daily")
    assert await install(s, 1, wanted) == ACCEPTED
    told = await whole(s, 30 * DAY)
    assert len(told["chargingSchedulePeriod"]) == 32
    assert abs(told["duration"] - DAY - 8 * HOUR) < 5
    same = [(HOUR * hour, 10) for hour in range(24)]
    assert await install(
        s, 1, profile(1, DEFAULT, *same, kind="Recurring", recurrencyKind="Daily")
    )
    told = await whole(s, 2**31 - 1)
    assert told["chargingSchedulePeriod"] == [period(0, 10)]
    assert 10 * DAY < told["duration"] < 30 * DAY


# --- transactions


@case
async def test_a_limit_below_six_amperes_pauses(s):
    await s.charge()
    assert await install(s, 1, profile(1, DEFAULT, (0, 5.9), (60, 6.5))) == ACCEPTED
    await s.reports("SuspendedEVSE")
    assert s.charger.reason == "Paused: charging profile"
    assert 50 < s.charger.limits.left_s <= 60
    await s.until(lambda: not s.coil)
    await s.reports("Charging", limit_s=70)
    await offers(s, 6.5)
    assert (s.charger.limit_reason, s.charger.limits.left_s) == ("charging profile", 0)
    s.charger.limits.set("load management", 0)
    await s.reports("SuspendedEVSE")
    s.charger.limits.set("load management", None)
    await s.reports("Charging")
    assert s.count("StopTransaction") == 0


@case
async def test_a_profile_that_comes_again_and_again_is_followed(s):
    """As a solar manager does it: a new limit from a minute ago on, to a tenth of an ampere."""
    await s.charge()
    for amps in (16, 6.1, 0, 9.9, 32):
        wanted = profile(1, DEFAULT, (0, amps))
        started = clock.iso8601(clock.unix_s() - 60)
        assert await install(s, 0, changed(wanted, s_startSchedule=started)) == ACCEPTED
        await offers_soon(s, amps)
        await asyncio.sleep(8)
    assert kept() == ["D0-0"]
    assert await s.ask("ClearChargingProfile", connectorId=1) == {"status": "Unknown"}
    assert await s.ask("ClearChargingProfile", connectorId=0, stackLevel=0) == ACCEPTED
    await s.until(lambda: limit_of(s) is None)


@case
async def test_a_tx_profile_needs_no_transaction_id_while_there_is_none_yet(s):
    """Given a start that the back office has not answered."""
    s.csms.ignored_actions.add("StartTransaction")
    await s.plug()
    await s.swipe()
    await s.until(lambda: s.charger.session)
    assert await install(s, 1, profile(1, TX, (0, 7), transactionId=1)) == REJECTED
    assert await install(s, 1, profile(1, TX, (0, 7))) == ACCEPTED
    await offers_soon(s, 7)
    await s.swipe()  # ends the session
    await s.until(lambda: limit_of(s) is None)
    assert kept() == []


@case
async def test_the_profile_of_a_remote_start_waits_for_the_plug_and_goes_without(s):
    wanted = profile(5, TX, (0, 8), kind="Relative")
    start = {"idTag": TAG, "connectorId": 1, "chargingProfile": wanted}
    assert await s.ask("RemoteStartTransaction", **start) == ACCEPTED
    await offers_soon(s, 8)
    await s.until(lambda: limit_of(s) is None, 70)  # ConnectionTimeOut
    assert kept() == []
    assert await s.ask("RemoteStartTransaction", **start) == ACCEPTED
    await asyncio.sleep(5)
    await s.plug()
    await s.reports("Charging")
    await offers(s, 8)
    assert kept() == ["T1-0"]


@case
async def test_the_profile_of_a_remote_start_is_not_for_who_comes_first(s):
    wanted = profile(5, TX, (0, 8), kind="Relative")
    start = {"idTag": TAG, "connectorId": 1, "chargingProfile": wanted}
    assert await s.ask("RemoteStartTransaction", **start) == ACCEPTED
    await offers_soon(s, 8)
    s.charger.start("ANOTHER")
    await s.plug()
    await s.until(lambda: limit_of(s) is None)
    assert (s.charger.session.id_tag, kept()) == ("ANOTHER", [])


@case
async def test_a_remote_start_with_a_profile_that_cannot_be_starts_nothing(s):
    await s.plug()
    for wanted in (
        profile(5, TX, (0, 8), level=10),
        profile(5, TX, (0, 8), transactionId=7),
        profile(5, TX, (3, 8)),
        changed(profile(5, TX, (0, 8)), s_chargingRateUnit="V"),
    ):
        answer = await s.ask("RemoteStartTransaction", idTag=TAG, chargingProfile=wanted)
        assert answer == REJECTED or answer["error"]["code"] == "PropertyConstraintViolation"
    await asyncio.sleep(3)
    assert s.charger.session is None


# --- power and clock


@pytest.mark.parametrize("resumes", [True, False])
def test_a_tx_profile_over_a_power_failure(make_station, resumes):
    async def story(s):
        await s.online()
        begun = await s.charge()
        assert await install(s, 1, profile(1, TX, (0, 9), transactionId=begun["id"])) == ACCEPTED
        await offers(s, 9)
        await asyncio.sleep(70)
        await s.restart(power_failed=False)
        if resumes:
            await offers_soon(s, 9)
            await s.until(lambda: s.charger.session)
            await asyncio.sleep(1)
            assert (s.charger.session.number, limit_of(s)) == (1, 9000)
        else:
            await s.until(lambda: kept() == [] and limit_of(s) is None)

    make_station(resume_after_power_loss=resumes).play(story)


@case
async def test_without_a_clock_only_what_needs_none_holds(s):
    """Given a power failure while the back office is out of reach."""
    day = profile(1, DEFAULT, (0, 8), kind="Recurring", recurrencyKind="Daily", level=2)
    assert await install(s, 1, day) == ACCEPTED
    assert await install(s, 0, profile(2, MAX, (0, 20))) == ACCEPTED
    await offers_soon(s, 8)
    await s.offline()
    await asyncio.sleep(2)
    assert limit_of(s) == 8000
    await s.power_off()
    s.power_on()
    await offers_soon(s, 20)
    await s.csms.start()
    await s.online()
    await offers_soon(s, 8)


@case
async def test_without_a_back_office_no_profile_holds(s):
    assert await install(s, 1, profile(1, DEFAULT, (0, 8))) == ACCEPTED
    await offers_soon(s, 8)
    s.settings.change({"chargepoint_type": "Home"})
    await s.until(lambda: limit_of(s) is None)
    s.settings.change({"chargepoint_type": "Public"})
    await offers_soon(s, 8)
