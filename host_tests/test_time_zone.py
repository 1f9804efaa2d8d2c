"""Time zones, held against the calendar of this machine's own library."""

import datetime
import zoneinfo

import pytest
from core import time_zone
from hypothesis import given
from hypothesis import strategies as st

ZONES = {
    "CET-1CEST,M3.5.0,M10.5.0/3": "Europe/Berlin",
    "GMT0BST,M3.5.0/1,M10.5.0": "Europe/London",
    "EST5EDT,M3.2.0,M11.1.0": "America/New_York",
    "EST5EDT": "America/New_York",
    "AEST-10AEDT,M10.1.0,M4.1.0/3": "Australia/Sydney",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0": "Australia/Lord_Howe",
    "NST3:30NDT,M3.2.0,M11.1.0": "America/St_Johns",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0": "America/Nuuk",
    "IST-5:30": "Asia/Kolkata",
    "<+0545>-5:45": "Asia/Kathmandu",
    "CST-8": "Asia/Shanghai",
}


@pytest.mark.parametrize(("zone", "name"), ZONES.items())
@given(moment=st.integers(1_767_225_600, 2_082_758_400))  # 2026 to 2035
def test_offsets_are_those_of_the_calendar(zone, name, moment):
    there = datetime.datetime.fromtimestamp(moment, zoneinfo.ZoneInfo(name))
    assert time_zone.offset_s(zone, moment) == there.utcoffset().total_seconds()


@pytest.mark.parametrize(
    ("last_of_winter", "last_of_summer"),
    [
        ("2026-03-29T00:59:59", "2026-10-25T00:59:59"),
        ("2027-03-28T00:59:59", "2027-10-31T00:59:59"),
    ],
)
def test_summer_time_begins_and_ends_to_the_second(last_of_winter, last_of_summer):
    zone = "CET-1CEST,M3.5.0,M10.5.0/3"
    for text, before_s, after_s in ((last_of_winter, 3600, 7200), (last_of_summer, 7200, 3600)):
        moment = int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())
        assert time_zone.offset_s(zone, moment) == before_s
        assert time_zone.offset_s(zone, moment + 1) == after_s


def at(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


@pytest.mark.parametrize(
    ("rule", "first_of_summer"),
    [
        ("J60", "2026-03-01T02:00:00"),
        ("J60", "2028-03-01T02:00:00"),  # J never counts 29 February
        ("59", "2026-03-01T02:00:00"),
        ("59", "2028-02-29T02:00:00"),
        ("J60/12:30", "2026-03-01T12:30:00"),
        ("J60/-24", "2026-02-28T00:00:00"),
        ("M3.1.0/1:02:03", "2026-03-01T01:02:03"),
    ],
)
def test_other_forms_of_rules(rule, first_of_summer):
    zone = f"ABC0DEF,{rule},J300"
    assert time_zone.offset_s(zone, at(first_of_summer) - 1) == 0
    assert time_zone.offset_s(zone, at(first_of_summer)) == 3600


@pytest.mark.parametrize(
    ("value", "stored", "offset"),
    [
        (1, "1", 3600),
        ("5.5", "5.5", 19800),
        (-12, "-12", -43200),
        ("14", "14", 50400),
        (0, "0", 0),
    ],
)
def test_hours(value, stored, offset):
    assert time_zone.checked(value) == stored
    assert time_zone.offset_s(stored, 0) == offset


def test_a_text_is_kept_as_it_is():
    assert time_zone.checked(" CET-1CEST,M3.5.0,M10.5.0/3 ") == "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.mark.parametrize("value", [15, -13, "14.5", "1e99", float("inf"), float("nan")])
def test_hours_that_are_nowhere(value):
    with pytest.raises(ValueError, match="-12 to 14 hours"):
        time_zone.checked(value)


@pytest.mark.parametrize(
    "value",
    ["", "CET", "C-1", "Europe/Berlin", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-25", "CET-1:60"]
    + ["CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0"]
    + [
        "CET-1CEST,J0,J300",
        "CET-1CEST,J366,J300",
        "CET-1CEST,366,1",
        "CET-1CEST,M3.5.0,M10.5.0/168",
    ]
    + ["CET-1CEST,M3.5.0,M10.5.0/3x", "<CET-1", "<>0", "CET-1 CEST", "CÉT\x00-1", "A" * 64]
    + [None, [], {}, b"CET-1", True and "x"],
)
def test_what_is_no_zone_is_refused(value):
    with pytest.raises(ValueError, match="is no time zone such as"):
        time_zone.checked(value)


@given(st.text(max_size=70))
def test_any_text_is_a_zone_or_refused(text):
    try:
        stored = time_zone.checked(text)
    except ValueError:
        return
    assert time_zone.checked(stored) == stored
    assert abs(time_zone.offset_s(stored, 1_800_000_000)) <= 26 * 3600
