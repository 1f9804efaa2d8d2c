"""Time: wrapping ticks for intervals, an uptime that never wraps, and the wall clock once it is known."""

from time import ticks_add, ticks_diff, ticks_ms, ticks_us

__all__ = ["iso8601", "parse_iso8601", "set_unix_s", "ticks_add", "ticks_diff", "ticks_ms", "ticks_us"]

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

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


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_days(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _MONTH_DAYS[month - 1]


def iso8601(seconds: int) -> str:
    """Seconds since 1970 as UTC text, 2026-11-20T18:15:00Z (RFC 3339)."""
    days, rest = divmod(seconds, 86400)
    year = 1970
    while days >= 365 + _is_leap(year):
        days -= 365 + _is_leap(year)
        year += 1
    month = 1
    while days >= _month_days(year, month):
        days -= _month_days(year, month)
        month += 1
    parts = (year, month, days + 1, rest // 3600, rest // 60 % 60, rest % 60)
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % parts


def parse_iso8601(text: str) -> int:
    """Seconds since 1970 of an RFC 3339 time; fractions are dropped. ValueError when it is none."""
    try:
        date, clock = text.strip().upper().replace(" ", "T").split("T")
        year, month, day = [int(part) for part in date.split("-")]
        clock, offset_s = _split_offset(clock)
        hour, minute, second = [int(part) for part in clock.split(".")[0].split(":")]
    except (ValueError, IndexError):
        raise ValueError("not a date and time: " + text[:40])
    if not (1970 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        raise ValueError("no such date: " + text[:40])
    if not (hour < 24 and minute < 60 and second <= 60):
        raise ValueError("no such time: " + text[:40])
    days = day - 1
    for past in range(1970, year):
        days += 365 + _is_leap(past)
    for past in range(1, month):
        days += _month_days(year, past)
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
