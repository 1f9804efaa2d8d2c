"""Time zones: hours from UTC, or a POSIX TZ text with the rules of summer time. Loaded when asked.

POSIX.1-2017, Base Definitions 8.3: std offset [dst [offset] [,start[/time],end[/time]]]. Offsets count
westwards. Rules are Mm.w.d, Jn (1 … 365, never 29 February) and n (0 … 365); their time is 02:00 unless
told, -167 to 167 hours as in RFC 8536. Summer time without rules has those of the USA, as elsewhere.
"""

from core import clock
from micropython import const

_MOST_BYTES = const(63)
_DAY_S = const(86400)
_RULES_OF_USA = "M3.2.0,M11.1.0"
_WRONG = "is no time zone such as 1, 5.5 or CET-1CEST,M3.5.0,M10.5.0/3"


def checked(value) -> str:
    """A time zone as it is stored; ValueError says what is wrong with it."""
    hours = _hours(value)
    if hours is not None:
        if not -12 <= hours <= 14:
            raise ValueError("must be -12 to 14 hours")
        return "%g" % hours
    if not isinstance(value, str) or len(value) > _MOST_BYTES:
        raise ValueError(_WRONG)
    value = value.strip()
    offset_s(value, 0)
    return value


def offset_s(zone: str, unix_s: int) -> int:
    """Seconds that local time is ahead of UTC at a moment. ValueError: no time zone."""
    hours = _hours(zone)
    if hours is not None:
        return int(hours * 3600)
    text = _Text(zone)
    text.name()
    winter_s = -text.time(24)
    if text.is_at_end():
        return winter_s
    text.name()
    summer_s = winter_s + 3600
    if not text.is_at_end() and text.next() != ",":
        summer_s = -text.time(24)
    if text.is_at_end():
        text = _Text("," + _RULES_OF_USA)
    return summer_s if _is_summer(text, unix_s, winter_s, summer_s) else winter_s


def _hours(value) -> "float | None":
    """Of a zone that is told as hours from UTC."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_summer(text, unix_s: int, winter_s: int, summer_s: int) -> bool:
    year = int(clock.iso8601(unix_s + winter_s)[:4])
    begins_s = text.change(year) - winter_s
    ends_s = text.change(year) - summer_s
    if not text.is_at_end():
        raise ValueError(_WRONG)
    if begins_s < ends_s:
        return begins_s <= unix_s < ends_s
    return not ends_s <= unix_s < begins_s  # south of the equator


def _first_of(year: int, month: int) -> int:
    """Midnight of the first day of a month, seconds since 1970."""
    return clock.parse_iso8601("%d-%02d-01T00:00:00Z" % (year, month))


class _Text:
    """Reads a TZ text from left to right. Each call raises ValueError where its part is not next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def next(self) -> str:
        """The next character, which stays; empty at the end."""
        return self._text[self._place : self._place + 1]

    def is_at_end(self) -> bool:
        """All was read."""
        return self._place >= len(self._text)

    def _take(self, characters: str) -> bool:
        """Pass over the next character if it is one of these."""
        found = self.next()
        if not found or found not in characters:
            return False
        self._place += 1
        return True

    def _need(self, character: str) -> None:
        if not self._take(character):
            raise ValueError(_WRONG)

    def name(self) -> None:
        """Pass over a zone's name: three letters or more, or anything in <>."""
        start = self._place
        if self._take("<"):
            while self.next().isalpha() or self.next().isdigit() or self.next() in ("+", "-"):
                self._place += 1
            self._need(">")
        else:
            while self.next().isalpha():
                self._place += 1
        if self._place - start < 3:
            raise ValueError(_WRONG)

    def _number(self, least: int, most: int) -> int:
        digits = ""
        while self.next().isdigit() and len(digits) < 4:
            digits += self.next()
            self._place += 1
        if not digits or not least <= int(digits) <= most:
            raise ValueError(_WRONG)
        return int(digits)

    def time(self, most_hours: int) -> int:
        """Seconds of [+-]hh[:mm[:ss]]."""
        sign = -1 if self.next() == "-" else 1
        self._take("+-")
        seconds = self._number(0, most_hours) * 3600
        if self._take(":"):
            seconds += self._number(0, 59) * 60
            if self._take(":"):
                seconds += self._number(0, 59)
        return sign * seconds

    def change(self, year: int) -> int:
        """The local time of a rule's change in a year, in seconds since 1970."""
        self._need(",")
        if self._take("M"):
            midnight_s = self._weekday(year)
        elif self._take("J"):
            day = self._number(1, 365)
            is_leap = _first_of(year, 3) - _first_of(year, 2) == 29 * _DAY_S
            midnight_s = _first_of(year, 1) + (day - 1 + (is_leap and day > 59)) * _DAY_S
        else:
            midnight_s = _first_of(year, 1) + self._number(0, 365) * _DAY_S
        return midnight_s + (self.time(167) if self._take("/") else 7200)

    def _weekday(self, year: int) -> int:
        """Midnight of the day of Mm.w.d: the w-th, 5 the last, weekday d (0 Sunday) of month m."""
        month = self._number(1, 12)
        self._need(".")
        week = self._number(1, 5)
        self._need(".")
        weekday = self._number(0, 6)
        first_s = _first_of(year, month)
        ahead = (weekday - 4 - first_s // _DAY_S) % 7  # 1970-01-01 was a Thursday
        found_s = first_s + (ahead + 7 * (week - 1)) * _DAY_S
        following_s = _first_of(year + month // 12, month % 12 + 1)
        return found_s if found_s < following_s else found_s - 7 * _DAY_S
