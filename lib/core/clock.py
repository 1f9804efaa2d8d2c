"""Time: wrapping ticks for intervals, an uptime that never wraps, and the wall clock once it is known."""

from time import ticks_add, ticks_diff, ticks_ms, ticks_us

from micropython import const

__all__ = [
    "iso8601",
    "parse_iso8601",
    "set_unix_s",
    "ticks_add",
    "ticks_diff",
    "ticks_ms",
    "ticks_us",
]

_last_tick = ticks_ms()
_uptime_s = 0
_rest_ms = 0
_boot_unix_s = 0


def uptime_s() -> int:
    """Seconds since this module was loaded. Needs a call at least once in six days of ticks."""
    global _last_tick, _uptime_s, _rest_ms
    now = ticks_ms()
    _rest_ms += ticks_diff(now, _last_tick)
    _last_tick = now
    if _rest_ms >= 1000:
        _uptime_s += _rest_ms // 1000
        _rest_ms %= 1000
    return _uptime_s


def set_unix_s(seconds: int) -> None:
    """Set the wall clock, seconds since 1970 UTC, as the back office or a time server tells it."""
    global _boot_unix_s
    _boot_unix_s = seconds - uptime_s()


def unix_s() -> int:
    """Wall clock in seconds since 1970 UTC; 0 while nobody has told the time."""
    return _boot_unix_s + uptime_s() if _boot_unix_s else 0


def boot_unix_s() -> int:
    """Wall clock at uptime 0, to date what happened before the time was known; 0 while unknown."""
    return _boot_unix_s


# The proleptic Gregorian calendar in eras of 400 years, each beginning on 1 March: the leap day ends a year.
_ERA_DAYS = const(146097)
_EPOCH_DAYS = const(719468)  # 1970-01-01, counted from 0000-03-01


def _date(days: int) -> tuple:
    """Year, month and day of a day counted from 1970-01-01."""
    days += _EPOCH_DAYS
    era = days // _ERA_DAYS
    day = days % _ERA_DAYS
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # from March; five months are always 153 days
    day -= (153 * month + 2) // 5
    year += 400 * era
    return (year, month + 3, day + 1) if month < 10 else (year + 1, month - 9, day + 1)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date."""
    year -= month < 3
    era = year // 400
    year %= 400
    month = (month + 9) % 12
    day += 365 * year + year // 4 - year // 100 + (153 * month + 2) // 5 - 1
    return era * _ERA_DAYS + day - _EPOCH_DAYS


def iso8601(seconds: int) -> str:
    """Seconds since 1970 as UTC text, 2026-11-20T18:15:00Z (RFC 3339)."""
    days, rest = divmod(seconds, 86400)
    clock = (rest // 3600, rest // 60 % 60, rest % 60)
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (_date(days) + clock)


def parse_iso8601(text: str) -> int:
    """Seconds since 1970 of an RFC 3339 time; fractions are dropped. ValueError when it is none."""
    try:
        date, clock = text.strip().upper().replace(" ", "T").split("T")
        year, month, day = [int(part) for part in date.split("-")]
        clock, offset_s = _split_offset(clock)
        hour, minute, second = [int(part) for part in clock.split(".")[0].split(":")]
    except (ValueError, IndexError):
        raise ValueError("not a date and time: " + text[:40])
    days = _days(year, month, day)
    if not (1970 <= year < 2200 and _date(days) == (year, month, day)):
        raise ValueError("no such date: " + text[:40])
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        raise ValueError("no such time: " + text[:40])
    return days * 86400 + hour * 3600 + minute * 60 + second - offset_s


def _split_offset(clock: str):
    if clock.endswith("Z"):
        return clock[:-1], 0
    for sign in "+-":
        if sign in clock:
            clock, offset = clock.split(sign)
            hours, minutes = offset.split(":")
            offset_s = int(hours) * 3600 + int(minutes) * 60
            return clock, -offset_s if sign == "-" else offset_s
    return clock, 0
