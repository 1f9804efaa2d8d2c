"""Wall clock and uptime."""

import datetime

import pytest
from core import clock as wall
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 7_258_118_399))
def test_dates_match_the_calendar(seconds):
    expected = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    text = expected.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert wall.iso8601(seconds) == text
    assert wall.parse_iso8601(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-20T18:15:00.123Z", 1795198500),
        ("2026-11-20T19:15:00+01:00", 1795198500),
        ("2026-11-20T16:45:00-01:30", 1795198500),
        ("2026-11-20t18:15:00z", 1795198500),
        ("2026-11-20T18:15:00", 1795198500),
    ],
)
def test_forms_of_a_time(text, seconds):
    assert wall.parse_iso8601(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        wall.parse_iso8601(text)


def test_uptime_goes_on_where_the_ticks_wrap(clock):
    before = wall.uptime_s()
    for _ in range(30):  # 30 days, looked at once a day; the ticks wrap every 12.4 days
        clock.now_us += 86_400_000_000
        wall.uptime_s()
    assert wall.uptime_s() - before == 30 * 86400


def test_the_wall_clock_runs_once_it_is_set(clock):
    wall.set_unix_s(1_795_198_500)
    clock.now_us += 10_000_000
    assert wall.unix_s() == 1_795_198_510
