"""What charging profiles allow, and until when (OCPP 1.6 section 3.13 with errata 4.0). Pure; loaded when needed.

Times are seconds since 1970. A limit is a tuple (current, phases, least): the current of each phase in units of
1/13.8 mA, that is sixths of 0.1 W at 230 V, in which amperes and watts on one, two or three phases are whole
numbers; the phases that it was told for, 0 where it was not; minChargingRate as a current in the same unit, or 0.
"""

from core import log
from micropython import const

NEVER = 0xFFFFFFFF  # a time that does not come
_OF_TENTH_AMPERE = const(1380)
_OF_TENTH_WATT = const(6)
_PHASES = const(3)  # section 7.13: assumed where none are told
_STATION = const(3)  # rank of a profile for the whole station
_AHEAD = const(16)  # changes that are looked at for one that makes a difference


def of_ma(current_ma: int, phases: int) -> tuple:
    """A limit of so many mA."""
    return current_ma * 69 // 5, phases, 0


def in_ma(current: int) -> int:
    """mA of a limit's current."""
    return current * 5 // 69


def in_tenths(current: int, phases: int, in_watts: bool) -> int:
    """Tenths of A, or of W of all phases together, of a limit's current."""
    if in_watts:
        return current * (phases or _PHASES) // _OF_TENTH_WATT
    return current // _OF_TENTH_AMPERE


def _current(profile, tenths: int, phases: int) -> int:
    if profile.in_watts:
        return tenths * _OF_TENTH_WATT // (phases or _PHASES)
    return tenths * _OF_TENTH_AMPERE


def _period_at(profile, into_s: int) -> tuple:
    """(the limit at a second of the schedule, the second at which the next period begins)."""
    low, high = 0, profile.periods
    while high - low > 1:
        middle = (low + high) // 2
        if profile.period(middle)[0] > into_s:
            high = middle
        else:
            low = middle
    _, tenths, phases = profile.period(low)
    least = _current(profile, profile.least_tenths, phases)
    next_s = profile.period(high)[0] if high < profile.periods else NEVER
    return (_current(profile, tenths, phases), phases, least), next_s


def _look(profile, now_s: int, start_s: "int | None") -> tuple:
    """(limit or None, whether it has begun, when that may change) of one profile."""
    if now_s < profile.valid_from_s:
        return None, False, profile.valid_from_s
    end_s = profile.valid_to_s or NEVER
    if now_s >= end_s:
        return None, False, NEVER
    origin_s = profile.start_s or start_s
    if origin_s is None:  # whenever the transaction begins, it does so with the first period
        return _period_at(profile, 0)[0], True, end_s
    if now_s < origin_s:
        return None, False, min(origin_s, end_s)
    if profile.cycle_s:
        origin_s = now_s - (now_s - origin_s) % profile.cycle_s
        end_s = min(end_s, origin_s + profile.cycle_s)
    if profile.duration_s:
        if now_s >= origin_s + profile.duration_s:
            return None, True, end_s
        end_s = min(end_s, origin_s + profile.duration_s)
    limit, next_s = _period_at(profile, now_s - origin_s)
    return limit, True, min(end_s, origin_s + next_s)


def _prevailing(profiles, rank: int, now_s: int, start_s: "int | None") -> tuple:
    """As _look, of the profiles of one rank: the highest level that holds counts."""
    has_begun = False
    until_s = NEVER
    for profile in profiles:
        if profile.rank == rank:
            limit, begun, change_s = _look(profile, now_s, start_s)
            has_begun = has_begun or begun
            until_s = min(until_s, change_s)
            if limit:
                return limit, True, until_s
    return None, has_begun, until_s


def of_station(profiles) -> list:
    """Those that bound the whole station, and not each of its connectors."""
    return [profile for profile in profiles if profile.rank == _STATION]


def limit_at(profiles, now_s: int, start_s: "int | None") -> tuple:
    """(limit or None, when it may be another) at a time.

    profiles: as profile_files.read answers; start_s: of the transaction, None where there is none yet. A
    TxProfile overrules the defaults from its begin on, also when its duration is over; a default of the
    connector that of all connectors. The charge point's maximum bounds either.
    """
    limit = None
    until_s = NEVER
    for rank in range(_STATION):
        limit, has_begun, change_s = _prevailing(profiles, rank, now_s, start_s)
        until_s = min(until_s, change_s)
        if limit or (has_begun and rank == 0):
            break
    most, _, change_s = _prevailing(profiles, _STATION, now_s, start_s)
    return lower(limit, most), min(until_s, change_s)


def lower(one, other):
    """The lower of two limits, of which either may be None."""
    if one and other:
        return other if other[0] < one[0] else one
    return one or other


def next_change(profiles, now_s: int, start_s: "int | None") -> tuple:
    """As limit_at, with the time at which it will indeed be another, as far as that can be seen."""
    limit, until_s = limit_at(profiles, now_s, start_s)
    for _ in range(_AHEAD):
        if until_s >= NEVER:
            break
        later, further_s = limit_at(profiles, until_s, start_s)
        if later != limit:
            break
        until_s = further_s
    return limit, until_s


def steps(profiles, now_s: int, end_s: int, start_s: int):
    """Generate (time, limit or None) of the composite schedule; neighbours may be alike."""
    while now_s < end_s:
        limit, until_s = limit_at(profiles, now_s, start_s)
        yield now_s, limit
        now_s = until_s


def without_clock(profiles) -> list:
    """What holds while nobody knows the time of day.

    Schedules that begin with the transaction do, and those that had begun when they came and have one
    period and no end; not those that recur, end, or have yet to become valid.
    """
    held = []
    for profile in profiles:
        came_s = profile.installed_s
        bounded = profile.valid_from_s > came_s or profile.valid_to_s
        lasting = profile.periods == 1 and not (profile.cycle_s or profile.duration_s)
        if not bounded and (not profile.start_s or (lasting and profile.start_s <= came_s)):
            profile.valid_from_s = profile.start_s = 0
            held.append(profile)
    return held


def begin_s(session, now_s: int, is_unix: bool) -> "int | None":
    """When a session's transaction began, as now_s counts; None without a session."""
    if not session:
        return None
    if is_unix and session.start_unix_s:
        return min(now_s, session.start_unix_s)
    return now_s - session.duration_s()


def present(profiles, session, now_s: int, is_unix: bool) -> tuple:
    """(limit in mA or None, seconds until it will be another).

    session: evse.session.Session or None; is_unix: now_s is the time, not just any count of seconds.
    """
    if not is_unix:
        count = len(profiles)
        profiles = without_clock(profiles)
        if len(profiles) < count:
            left_out = count - len(profiles)
            log.warning(
                "ocpp", "the clock is not set: %d charging profiles do not hold" % left_out
            )
    limit, until_s = next_change(profiles, now_s, begin_s(session, now_s, is_unix))
    return in_ma(limit[0]) if limit else None, until_s - now_s
