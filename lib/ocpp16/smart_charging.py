"""CALLs of the SmartCharging profile: OCPP 1.6 sections 3.13, 5.4, 5.7 and 5.16, with errata 4.0.

What the files of profiles hold is in ocpp16.profile_files, what follows from them in ocpp16.schedule.
"""

import asyncio
from binascii import crc32

from core import clock, loading, log
from micropython import const
from ocpp16.fields import DATE, DECIMAL, INTEGER, LIST, NATURAL, check
from ocpp16.rpc import CallError

MAX_STACK_LEVEL = 9  # ChargeProfileMaxStackLevel
MAX_PERIODS = 24  # ChargingScheduleMaxPeriods
MAX_PROFILES = 20  # MaxChargingProfilesInstalled

_FILES = "ocpp16.profile_files"
_SCHEDULE = "ocpp16.schedule"
_LATEST_S = 0xFFFFFFFE  # times are kept in 32 bits
_LARGEST = const(0x7FFFFFFF)
_DAY_S = const(86400)
_MOST_STEPS = const(500)  # of a composite schedule
_MOST_TOLD = const(32)  # of its periods
_LASTING = ("operator", "hardware limit", "DIP switch", "cable")  # limits that hold for good
_ASSUMED_PHASES = const(3)  # where none are told (section 7.13)

_PURPOSES = ("TxProfile", "TxDefaultProfile", "ChargePointMaxProfile")  # as profile_files has them
_CYCLES_S = {"Daily": _DAY_S, "Weekly": 7 * _DAY_S}
_UNITS = ("A", "W")
_PERIOD = (
    ("startPeriod", True, NATURAL),
    ("limit", True, DECIMAL),
    ("numberPhases", False, (1, 2, 3)),
)
_CHARGING_SCHEDULE = (
    ("chargingRateUnit", True, _UNITS),
    ("chargingSchedulePeriod", True, (LIST, _PERIOD)),
    ("duration", False, NATURAL),
    ("startSchedule", False, DATE),
    ("minChargingRate", False, DECIMAL),
)
_PROFILE = (
    ("chargingProfileId", True, INTEGER),
    ("stackLevel", True, NATURAL),
    ("chargingProfilePurpose", True, _PURPOSES),
    ("chargingProfileKind", True, ("Absolute", "Recurring", "Relative")),
    ("chargingSchedule", True, _CHARGING_SCHEDULE),
    ("transactionId", False, INTEGER),
    ("recurrencyKind", False, ("Daily", "Weekly")),
    ("validFrom", False, DATE),
    ("validTo", False, DATE),
)


def _fault(name: str, what: str) -> CallError:
    return CallError("PropertyConstraintViolation", "%s %s" % (name, what))


def _check_profile(profile: dict) -> None:
    """CallError for what a table cannot tell: fields that ask for others, the order of the periods."""
    schedule = profile["chargingSchedule"]
    if profile["chargingProfileKind"] == "Recurring":
        for owner, name in ((profile, "recurrencyKind"), (schedule, "startSchedule")):
            if name not in owner:
                what = name + " is missing in a profile that recurs"
                raise CallError("OccurenceConstraintViolation", what)
    if not -_LARGEST <= profile["chargingProfileId"] <= _LARGEST:
        raise _fault("chargingProfileId", "has more than 32 bits")
    if "validTo" in profile and _seconds(profile, "validTo") <= _seconds(profile, "validFrom"):
        raise _fault("validTo", "is not after validFrom")
    before_s = -1
    for period in schedule["chargingSchedulePeriod"]:
        start_s = period["startPeriod"]
        if start_s <= before_s or (before_s < 0 and start_s):
            raise _fault("startPeriod", "must begin with 0 and grow from period to period")
        before_s = start_s
    if max(before_s, schedule.get("duration", 0)) > _LARGEST:
        raise _fault("chargingSchedule", "is longer than 68 years")


def _refusal(profile: dict, connector: int) -> str:
    """Why this charge point cannot take a profile that is well-formed; empty when it can."""
    purpose = profile["chargingProfilePurpose"]
    if profile["stackLevel"] > MAX_STACK_LEVEL:
        return "stackLevel is above %d" % MAX_STACK_LEVEL
    if len(profile["chargingSchedule"]["chargingSchedulePeriod"]) > MAX_PERIODS:
        return "it has more than %d periods" % MAX_PERIODS
    if purpose == "ChargePointMaxProfile" and connector:
        return "ChargePointMaxProfile is for connector 0"
    if purpose == "TxProfile" and not connector:
        return "TxProfile is for a connector"
    return ""


def _seconds(fields: dict, name: str) -> int:
    """A time of a profile, in what its file has room for; 0 without."""
    return max(0, min(clock.parse_iso8601(fields[name]), _LATEST_S)) if name in fields else 0


def _tenths(value) -> int:
    return int(value * 10 + 0.5)


def _fill(profile, payload: dict) -> None:
    """Make a profile_files.Profile of a payload that was checked."""
    schedule = payload["chargingSchedule"]
    profile.purpose = _PURPOSES.index(payload["chargingProfilePurpose"])
    profile.id = payload["chargingProfileId"]
    profile.level = payload["stackLevel"]
    profile.in_watts = _UNITS.index(schedule["chargingRateUnit"])
    profile.least_tenths = min(_tenths(schedule.get("minChargingRate", 0)), _LARGEST)
    profile.valid_from_s = _seconds(payload, "validFrom")
    profile.valid_to_s = _seconds(payload, "validTo")
    kind = payload["chargingProfileKind"]
    if kind == "Recurring":
        profile.cycle_s = _CYCLES_S[payload["recurrencyKind"]]
    if kind != "Relative" and "startSchedule" in schedule:  # 0 would stand for the transaction's
        profile.start_s = _seconds(schedule, "startSchedule") or profile.cycle_s or 1
    profile.duration_s = schedule.get("duration", 0)
    profile.installed_s = clock.unix_s()
    profile.set_periods(
        [
            (period["startPeriod"], _tenths(period["limit"]), period.get("numberPhases", 0))
            for period in schedule.pop("chargingSchedulePeriod")  # makes room
        ]
    )


async def _keep(adapter, payload: dict, connector: int, session: int, id_tag: str) -> bool:
    """Put a profile on flash and into force; False when there is no room for it."""
    files = loading.load(_FILES)
    try:
        await asyncio.sleep_ms(0)  # loading takes its time
        profile = files.Profile()
        _fill(profile, payload)
        profile.connector = connector
        profile.session = session
        profile.tag_crc = crc32(id_tag.encode()) if id_tag else 0
        return await files.put(adapter.profiles.path, profile, MAX_PROFILES)
    finally:
        loading.unload(_FILES)
        _outdate(adapter)


def _outdate(adapter) -> None:
    """A profile has come or gone: also one that is for all connectors."""
    for connector in (adapter,) + adapter.others:
        connector.profiles.outdate()
    if adapter.others:
        adapter.others[0].whole.outdate()


def _log_refusal(payload: dict, why: str) -> None:
    log.warning("ocpp", "charging profile %d rejected: %s" % (payload["chargingProfileId"], why))


async def _set(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    connector, profile = payload["connectorId"], payload["csChargingProfiles"]
    if not 0 <= connector <= adapter.connectors:
        raise _fault("connectorId", "is none of this charge point's")
    _check_profile(profile)
    why = _refusal(profile, connector)
    session = 0
    if profile["chargingProfilePurpose"] == "TxProfile" and not why:
        session, id_tag = adapter.at(connector).profiles.transaction
        transaction = profile.get("transactionId")
        runs = transaction is None or adapter.at(connector).is_running(transaction)
        why = "" if runs and id_tag is not None else "there is no such transaction"
    if not why and not await _keep(adapter, profile, connector, session, ""):
        why = "there are %d already" % MAX_PROFILES
    if why:
        _log_refusal(profile, why)
    return {"status": "Rejected" if why else "Accepted"}, None


async def check_remote(charge_point, payload: dict) -> bool:
    """Whether RemoteStartTransaction may bring this profile (sections 3.13.2 and 5.11).

    CallError when it is malformed.
    """
    await check(payload, _PROFILE)
    _check_profile(payload)
    why = _refusal(payload, 1)
    if payload["chargingProfilePurpose"] != "TxProfile":
        why = "a remote start takes a TxProfile"
    elif "transactionId" in payload:
        why = "its transaction has not begun"
    elif loading.once(_FILES, "count", charge_point.adapter.profiles.path) >= MAX_PROFILES:
        why = "there are %d already" % MAX_PROFILES
    if why:
        _log_refusal(payload, why)
    return not why


async def install_remote(charge_point, connector, id_tag: str, payload: dict) -> None:
    """Keep the profile of a remote start for a connector's session that runs now or waits for its plug."""
    session = connector.profiles.transaction[0]
    place = charge_point.adapter, payload, connector.number
    if not session or not await _keep(*place, session, id_tag):
        _log_refusal(payload, "there is no room, or its transaction is over")


def _is_meant(profile, payload: dict) -> bool:
    """Whether ClearChargingProfile asks for a profile: by its id alone, or by all else that is told."""
    if "id" in payload:
        return profile.id == payload["id"]
    return (
        payload.get("connectorId") in (None, profile.connector)
        and payload.get("stackLevel") in (None, profile.level)
        and payload.get("chargingProfilePurpose") in (None, _PURPOSES[profile.purpose])
    )


async def _clear(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    try:
        count = await loading.once(
            _FILES, "visit", adapter.profiles.path, lambda profile: _is_meant(profile, payload)
        )
    finally:
        _outdate(adapter)
    return {"status": "Accepted" if count else "Unknown"}, None


async def _compose(charge_point, payload: dict) -> tuple:
    connector = payload["connectorId"]
    now_s = clock.unix_s()
    if not (0 <= connector <= charge_point.adapter.connectors and now_s):
        return {"status": "Rejected"}, None
    schedule = await _composite(charge_point, payload, now_s)
    return {
        "status": "Accepted",
        "connectorId": connector,
        "scheduleStart": clock.iso8601(now_s),
        "chargingSchedule": schedule,
    }, None


async def _composite(charge_point, payload: dict, now_s: int) -> dict:
    """The ChargingSchedule that the profiles and the lasting limits make together."""
    adapter, number = charge_point.adapter, payload["connectorId"]
    limits = adapter.at(number).profiles
    is_group = bool(adapter.others) and not number
    connector = number if number or is_group else 1  # the whole draws what its one connector does
    profiles = await loading.once(_FILES, "read", limits.path, connector, *limits.transaction)
    schedule = loading.load(_SCHEDULE)
    try:
        await asyncio.sleep_ms(0)  # loading takes its time
        phases = int(charge_point.settings.get("phases")[0])
        slots = limits.charger.limits.slots()
        lasting_ma = min([slots[name] for name in _LASTING if name in slots] or (0,))
        if is_group:
            profiles = schedule.of_station(profiles)
            lasting_ma = adapter.others[0].group_limit_ma
        most = schedule.of_ma(lasting_ma, phases if phases < _ASSUMED_PHASES else 0)
        start_s = schedule.begin_s(limits.session, now_s, True) or now_s
        duration_s = payload["duration"]
        steps = schedule.steps(profiles, now_s, now_s + max(1, duration_s), start_s)
        found, cut_s = await _merged(schedule, steps, most)
        unit = payload.get("chargingRateUnit", "A")
        return _told(schedule, found, cut_s - now_s if cut_s else duration_s, unit)
    finally:
        loading.unload(_SCHEDULE)


async def _merged(schedule, steps, most: tuple) -> tuple:
    """([(time, limit) where it becomes another], 0 or the time from which on there was too much)."""
    found: list = []
    count = 0
    for time_s, limit in steps:
        limit = schedule.lower(limit, most)
        is_other = not found or limit[:2] != found[-1][1][:2]
        if count == _MOST_STEPS or (is_other and len(found) == _MOST_TOLD):
            return found, time_s
        if is_other:
            found.append((time_s, limit))
        count += 1
        await asyncio.sleep_ms(0)
    return found, 0


def _told(schedule, found: list, duration_s: int, unit: str) -> dict:
    """A ChargingSchedule as the answer has it; startSchedule is left out (errata 3.57)."""
    in_watts = unit == "W"
    periods = []
    least_tenths = 0
    for time_s, (current, phases, least) in found:
        period = {
            "startPeriod": time_s - found[0][0],
            "limit": _number(schedule.in_tenths(current, phases, in_watts)),
        }
        if phases:
            period["numberPhases"] = phases
        periods.append(period)
        least_tenths = max(least_tenths, schedule.in_tenths(least, phases, in_watts))
    told = {
        "duration": duration_s,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }
    if least_tenths:
        told["minChargingRate"] = _number(least_tenths)
    return told


def _number(tenths: int):
    """JSON number of tenths."""
    return tenths / 10 if tenths % 10 else tenths // 10


HANDLERS = {
    "ClearChargingProfile": (
        (
            ("id", False, INTEGER),
            ("connectorId", False, INTEGER),
            ("chargingProfilePurpose", False, _PURPOSES),
            ("stackLevel", False, INTEGER),
        ),
        _clear,
    ),
    "GetCompositeSchedule": (
        (
            ("connectorId", True, INTEGER),
            ("duration", True, NATURAL),
            ("chargingRateUnit", False, _UNITS),
        ),
        _compose,
    ),
    "SetChargingProfile": (
        (("connectorId", True, INTEGER), ("csChargingProfiles", True, _PROFILE)),
        _set,
    ),
}
