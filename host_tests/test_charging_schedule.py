"""Composition of charging profiles: a table of cases, and a slow reference that knows nothing but seconds."""

import copy
import random
from types import SimpleNamespace

import pytest
from ocpp16 import profile_files, schedule, smart_charging

T0 = 1_795_000_000
DAY = 86400
MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"


def iso(unix_s: int) -> str:
    from core import clock

    return clock.iso8601(unix_s)


def profile(purpose, periods, level=0, kind="Absolute", start=0, connector=None, **more):
    """A csChargingProfiles as a back office sends it, with its connector; times count from T0."""
    unit = more.pop("unit", "A")
    body = {
        "chargingProfileId": more.pop("id", 1),
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [
                {"startPeriod": p[0], "limit": p[1], **({"numberPhases": p[2]} if p[2:] else {})}
                for p in periods
            ],
        },
    }
    if start is not None and kind != "Relative":
        body["chargingSchedule"]["startSchedule"] = iso(T0 + start)
    for name in ("duration", "minChargingRate"):
        if name in more:
            body["chargingSchedule"][name] = more.pop(name)
    for name in ("validFrom", "validTo"):
        if name in more:
            body[name] = iso(T0 + more.pop(name))
    body.update(more)
    if connector is None:
        connector = 0 if purpose == MAX else 1
    return connector, body


def stored(pairs) -> list:
    """As profile_files.read gives them."""
    found = []
    for connector, body in pairs:
        one = profile_files.Profile()
        smart_charging._fill(one, copy.deepcopy(body))
        one.connector = connector
        found.append(one)
    return sorted(found, key=lambda p: (p.rank, -p.level))


def composed(pairs, seconds, start=0, now=0) -> list:
    """[(second, tenths of A or None)] where the limit becomes another."""
    found = []
    steps = schedule.steps(stored(pairs), T0 + now, T0 + now + seconds, T0 + start)
    for time_s, limit in steps:
        tenths = limit and schedule.in_tenths(limit[0], limit[1], False)
        if not found or found[-1][1] != tenths:
            found.append((time_s - T0 - now, tenths))
    return found


THREE = [(0, 6), (50, 10), (200, 8)]

CASES = {
    "one": ([profile(DEFAULT, [(0, 16)])], [(0, 160)]),
    "its duration ends": ([profile(DEFAULT, [(0, 16)], duration=100)], [(0, 160), (100, None)]),
    "it has yet to start": ([profile(DEFAULT, [(0, 16)], start=70)], [(0, None), (70, 160)]),
    "it started long ago": ([profile(DEFAULT, THREE, start=-40)], [(0, 60), (10, 100), (160, 80)]),
    "relative": ([profile(DEFAULT, THREE, kind="Relative")], [(0, 60), (50, 100), (200, 80)]),
    "absolute without a start counts from the transaction": (
        [profile(DEFAULT, THREE, start=None)],
        [(0, 60), (50, 100), (200, 80)],
    ),
    "valid later": ([profile(DEFAULT, [(0, 16)], validFrom=30)], [(0, None), (30, 160)]),
    "valid no more": ([profile(DEFAULT, [(0, 16)], validTo=30)], [(0, 160), (30, None)]),
    "the higher level": (
        [profile(DEFAULT, [(0, 16)]), profile(DEFAULT, [(0, 20)], level=1, duration=90)],
        [(0, 200), (90, 160)],
    ),
    "a level without duration never falls back": (
        [profile(DEFAULT, [(0, 16)]), profile(DEFAULT, [(0, 20), (50, 7)], level=1)],
        [(0, 200), (50, 70)],
    ),
    "the maximum bounds": (
        [profile(MAX, [(0, 10), (100, 20)]), profile(DEFAULT, [(0, 16)])],
        [(0, 100), (100, 160)],
    ),
    "a default of the connector before that of all": (
        [profile(DEFAULT, [(0, 9)], connector=0, level=5), profile(DEFAULT, [(0, 12)])],
        [(0, 120)],
    ),
    "the default of all where the connector's is over": (
        [profile(DEFAULT, [(0, 9)], connector=0), profile(DEFAULT, [(0, 12)], duration=60)],
        [(0, 120), (60, 90)],
    ),
    "a TxProfile before the defaults": (
        [profile(DEFAULT, [(0, 9)]), profile(TX, [(0, 13)])],
        [(0, 130)],
    ),
    "no way back to the defaults after it": (
        [profile(DEFAULT, [(0, 9)]), profile(TX, [(0, 13)], duration=200)],
        [(0, 130), (200, None)],
    ),
    "the default until the TxProfile is valid": (
        [profile(DEFAULT, [(0, 9)]), profile(TX, [(0, 13)], validFrom=80)],
        [(0, 90), (80, 130)],
    ),
    "the default again once it is valid no more": (
        [profile(DEFAULT, [(0, 9)]), profile(TX, [(0, 13)], validTo=80)],
        [(0, 130), (80, 90)],
    ),
    "lower TxProfile after the higher": (
        [profile(TX, [(0, 13)], duration=100), profile(TX, [(0, 17)], level=3, duration=50)],
        [(0, 170), (50, 130), (100, None)],
    ),
    "daily": (
        [
            profile(
                DEFAULT, [(0, 8), (100, 6)], kind="Recurring", recurrencyKind="Daily", start=-DAY
            )
        ],
        [(0, 80), (100, 60)],
    ),
    "daily before its first day": (
        [profile(DEFAULT, [(0, 8)], kind="Recurring", recurrencyKind="Daily", start=33)],
        [(0, None), (33, 80)],
    ),
    "weekly, in its fourth day": (
        [
            profile(
                DEFAULT,
                [(0, 8), (3 * DAY + 60, 6)],
                kind="Recurring",
                recurrencyKind="Weekly",
                start=-3 * DAY,
            )
        ],
        [(0, 80), (60, 60)],
    ),
    "zero pauses": (
        [profile(DEFAULT, [(0, 16), (30, 0), (60, 16)])],
        [(0, 160), (30, 0), (60, 160)],
    ),
    "tenths": ([profile(DEFAULT, [(0, 16.1), (9, 6.3)])], [(0, 161), (9, 63)]),
    "watts on three phases unless told": ([profile(DEFAULT, [(0, 11040)], unit="W")], [(0, 160)]),
    "watts on one phase": ([profile(DEFAULT, [(0, 3680, 1)], unit="W")], [(0, 160)]),
    "mixed units": (
        [profile(MAX, [(0, 11040)], unit="W"), profile(DEFAULT, [(0, 20), (50, 15.9)])],
        [(0, 160), (50, 159)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_composition(name):
    pairs, expected = CASES[name]
    assert composed(pairs, 400) == expected


def test_recurring_over_days():
    """Given 10 A from 6:00 for two hours each day, asked for three days."""
    night = profile(
        DEFAULT,
        [(0, 10)],
        kind="Recurring",
        recurrencyKind="Daily",
        start=-5 * DAY + 6 * 3600,
        duration=7200,
    )
    base = profile(DEFAULT, [(0, 32)], connector=0)
    found = composed([night, base], 3 * DAY)
    assert found == [
        (0, 320),
        *[
            (day * DAY + at, tenths)
            for day in range(3)
            for at, tenths in ((6 * 3600, 100), (8 * 3600, 320))
        ],
    ]


def test_what_runs_beyond_its_day_is_cut_off():
    long = profile(
        DEFAULT,
        [(0, 10), (DAY - 60, 7), (DAY + 60, 5)],
        kind="Recurring",
        recurrencyKind="Daily",
        duration=2 * DAY,
    )
    assert composed([long], 2 * DAY) == [(0, 100), (DAY - 60, 70), (DAY, 100), (2 * DAY - 60, 70)]


# --- a slow reference: the profiles as they were sent, a second at a time, in floats


def holds(body, t, start) -> "tuple":
    """(A per phase or None, whether it has begun) at a second."""
    sched = body["chargingSchedule"]
    when = {k: seconds_of(body[k]) for k in ("validFrom", "validTo") if k in body}
    if t < when.get("validFrom", t) or t >= when.get("validTo", t + 1):
        return None, False
    kind = body["chargingProfileKind"]
    origin = (
        start
        if kind == "Relative"
        else seconds_of(sched.get("startSchedule"))
        if "startSchedule" in sched
        else start
    )
    if t < origin:
        return None, False
    into = t - origin
    if kind == "Recurring":
        into %= {"Daily": DAY, "Weekly": 7 * DAY}[body["recurrencyKind"]]
    if sched.get("duration") and into >= sched["duration"]:
        return None, True
    current = [p for p in sched["chargingSchedulePeriod"] if p["startPeriod"] <= into][-1]
    amperes = current["limit"]
    if sched["chargingRateUnit"] == "W":
        amperes = amperes / 230 / current.get("numberPhases", 3)
    return amperes, True


def seconds_of(text) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) - T0


def reference(pairs, t, start) -> "float | None":
    """A per phase at a second by the words of the standard."""
    best = {}
    tx_has_begun = False
    for connector, body in pairs:
        purpose = body["chargingProfilePurpose"]
        amperes, begun = holds(body, t, start)
        tx_has_begun |= begun and purpose == TX
        if amperes is not None:
            key = (purpose, connector)
            if key not in best or best[key][0] < body["stackLevel"]:
                best[key] = (body["stackLevel"], amperes)
    found = [best[(MAX, 0)][1]] if (MAX, 0) in best else []
    if (TX, 1) in best:
        found.append(best[(TX, 1)][1])
    elif not tx_has_begun:
        default = best.get((DEFAULT, 1)) or best.get((DEFAULT, 0))
        found += [default[1]] if default else []
    return min(found) if found else None


def any_profile(dice) -> tuple:
    purpose = dice.choice([MAX, DEFAULT, DEFAULT, TX])
    kind = dice.choice(["Absolute", "Absolute", "Relative", "Recurring"])
    unit = dice.choice("AAW")
    starts = sorted({0, *dice.sample(range(1, 400), dice.randrange(5))})
    top = 320 if unit == "A" else 220000
    periods = []
    for at in starts:
        limit = dice.randrange(top) / 10
        periods.append((at, limit, dice.randrange(1, 4)) if dice.random() < 0.4 else (at, limit))
    more = {"unit": unit}
    if kind == "Recurring":
        more["recurrencyKind"] = dice.choice(["Daily", "Weekly"])
    if dice.random() < 0.5:
        more["duration"] = dice.randrange(1, 500)
    if dice.random() < 0.3:
        more["validFrom"] = dice.randrange(-100, 400)
    if dice.random() < 0.3:
        more["validTo"] = more.get("validFrom", 0) + dice.randrange(1, 400)
    start = dice.randrange(-300, 300)
    if kind == "Recurring":
        start -= dice.choice([0, 1, 7]) * DAY
    connector = dice.choice([0, 1]) if purpose == DEFAULT else None
    return profile(purpose, periods, dice.randrange(4), kind, start, connector, **more)


def test_as_the_slow_reference_second_by_second():
    """Given 150 random sets of profiles, ten minutes each."""
    dice = random.Random(16)
    limited = 0
    for _ in range(150):
        pairs = {}
        for _ in range(dice.randrange(1, 7)):
            connector, body = any_profile(dice)
            pairs[body["chargingProfilePurpose"], connector, body["stackLevel"]] = connector, body
        start = dice.randrange(-200, 1)
        profiles = stored(pairs.values())
        before, until = None, 0
        for t in range(0, 600, dice.choice([1, 13, 13, 13])):
            limit, change = schedule.limit_at(profiles, T0 + t, T0 + start)
            expected = reference(list(pairs.values()), t, start)
            assert (limit is None) == (expected is None)
            if limit:
                limited += 1
                assert abs(schedule.in_ma(limit[0]) / 1000 - expected) < 0.0011
            if t < until:
                assert limit == before, "it was to stay"
            before, until = limit, change - T0
            assert until > t
    assert limited > 5000


def test_the_next_change_is_one_that_makes_a_difference():
    """Given a day of hours at 10 A that recurs, and from the third day on 12 A."""
    same = [(hour * 3600, 10) for hour in range(24)]
    days = profile(DEFAULT, same, kind="Recurring", recurrencyKind="Daily")
    later = profile(DEFAULT, [(0, 12)], level=1, validFrom=8 * 3600)
    limit, until_s = schedule.next_change(stored([days, later]), T0, T0)
    assert (schedule.in_ma(limit[0]), until_s - T0) == (10000, 8 * 3600)


def session(begun_s: int, start_unix_s: int = 0) -> SimpleNamespace:
    """One that began so long ago."""
    return SimpleNamespace(start_unix_s=start_unix_s, duration_s=lambda: begun_s)


def test_without_a_clock_only_what_needs_none_holds():
    lasting = profile(DEFAULT, [(0, 13)], start=-100, level=1)
    relative = profile(DEFAULT, THREE, kind="Relative", level=2)
    pairs = [
        lasting,
        relative,
        profile(DEFAULT, THREE, start=-100, level=3),
        profile(DEFAULT, [(0, 8)], start=-100, duration=200, level=4),
        profile(DEFAULT, [(0, 8)], start=100, level=5),
        profile(DEFAULT, [(0, 8)], kind="Recurring", recurrencyKind="Daily", level=6),
        profile(DEFAULT, [(0, 8)], kind="Relative", validTo=1000, level=7),
        profile(DEFAULT, [(0, 8)], kind="Relative", validFrom=1000, level=8),
    ]
    profiles = stored(pairs)
    for one in profiles:
        one.installed_s = T0
    assert [one.level for one in schedule.without_clock(profiles)] == [2, 1]
    # ten seconds into a transaction that began before anybody knew the time
    assert schedule.present(profiles, session(begun_s=10), 30, False) == (6000, 40)
    assert schedule.present(stored([lasting]), None, 30, False)[0] is None  # came without a clock


def test_a_transaction_that_has_yet_to_begin_will_begin_with_the_first_period():
    relative = stored([profile(DEFAULT, THREE, kind="Relative")])
    assert schedule.present(relative, None, T0, True)[0] == 6000
    assert schedule.present(relative, None, T0, True)[1] > 100 * DAY
    assert schedule.present(relative, session(begun_s=20), T0, True) == (6000, 30)


def test_when_a_transaction_began():
    assert schedule.begin_s(None, T0, True) is None
    assert schedule.begin_s(session(50), T0, True) == T0 - 50, "nobody knew the time then"
    assert schedule.begin_s(session(50, T0 - 70), T0, True) == T0 - 70, "power was off for 20 s"
    assert schedule.begin_s(session(50, T0 + 9), T0, True) == T0, "the clock was put back"
    assert schedule.begin_s(session(50, T0 - 70), 30, False) == -20
