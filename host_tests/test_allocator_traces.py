"""The allocator's invariant on random traces: cars, cut lines, restarts, lies; nothing above the limit, ever."""

import random

import pytest
from dlm.allocator import UNIFORM, Allocator
from dlm.member import ALL_PHASES, MIN_MA, Member
from group_rig import CYCLE_MS, Group

TRACES = 24
CYCLES = 400
ROUNDING_MA = 300  # shares are steps of 100 mA


def _group(dice):
    ratings = [dice.choice((16, 20, 32, 32)) for _ in range(dice.randint(2, 7))]
    fallback_a = dice.choice((0, 6, 10))
    limit_a = max(fallback_a * len(ratings), dice.randint(12, sum(ratings)))
    wired = [dice.choice((ALL_PHASES, ALL_PHASES, 1, 2, 4)) for _ in ratings]
    return Group(ratings, limit_a, fallback_a, dice.choice((UNIFORM, 1)), wired)


def _disturb(dice, group):
    """Something happens, or nothing."""
    index = dice.randrange(len(group.stations))
    station = group.stations[index]
    event = dice.randrange(40)
    if event < 4:
        group.arrive(index, dice.choice((6, 10, 16, 80)), priority=dice.choice((0, 0, 1)))
    elif event < 6:
        group.leave(index)
    elif event < 9:
        station.linked = dice.random() < 0.6
    elif event == 9:
        station.restart()
    elif event == 10:
        station.wants_ma = station.wants_ma and dice.choice((500, 8000, 80000))
    elif event == 11:
        _restart_master(dice, group)


def _restart_master(dice, group):
    """It knows nobody, after a time without one."""
    for _ in range(dice.choice((1, 3, 12, 19, 40))):
        group.now_ms += CYCLE_MS
        for station in group.stations:
            station.pass_time(CYCLE_MS, group.now_ms)
        _assert_within(group)
    old = group.allocator
    for station in group.stations:
        station.member = _new_member(station.member)
    group.allocator = Allocator([station.member for station in group.stations], old.policy)


def _new_member(old):
    member = Member(old.rating_ma, old.fallback_ma, old.wired)
    member.priority = old.priority
    member.arrival_s = old.arrival_s
    return member


def _assert_within(group):
    for drawn_ma, limit_ma in zip(group.drawn_by_phase(), group.limit_ma):
        assert drawn_ma <= limit_ma


@pytest.mark.parametrize("seed", range(TRACES))
def test_what_cars_may_draw_stays_within_the_limit(seed):
    """Given a group, whatever comes and goes, when time passes, then no phase is ever above its limit."""
    dice = random.Random(seed)
    group = _group(dice)
    for _ in range(CYCLES):
        _disturb(dice, group)
        group.cycle()
        _assert_within(group)


@pytest.mark.parametrize("seed", range(TRACES // 8))
def test_after_any_trouble_everybody_that_asks_is_served_in_turn(seed):
    """Given any past, when all is well again, then the limit is used and nobody is left out for long."""
    dice = random.Random(1000 + seed)
    group = _group(dice)
    group.allocator.policy = UNIFORM
    for _ in range(100):
        _disturb(dice, group)
        group.cycle()
    group.cut()
    for station in group.stations:
        station.member.priority = 0
        station.wants_ma = 80000
    served = [False] * len(group.stations)
    for _ in range(900 * len(served) // 2 + 60):
        group.cycle()
        served = [was or grant > 0 for was, grant in zip(served, group.granted_a)]
        _assert_within(group)
    assert all(served)
    _assert_used(group)


def _assert_used(group):
    """A member that could take more has a phase on which less is left than it needs for that."""
    allocator = group.allocator
    left_ma = list(group.limit_ma)
    for member in allocator.members:
        for phase in range(3):
            if member.phases >> phase & 1:
                left_ma[phase] -= member.granted_ma
    for member in allocator.members:
        room_ma = min(left_ma[phase] for phase in range(3) if member.phases >> phase & 1)
        needed_ma = ROUNDING_MA if member.granted_ma else MIN_MA
        assert member.granted_ma == member.rating_ma or room_ma < needed_ma


def _tell_anything(dice, member):
    """Whatever a member, or a foreign device, may tell."""
    member.request_ma = dice.choice((0, 3000, 6000, 16000, member.rating_ma, 90000))
    member.drawn_ma = dice.choice((None, 0, 5000, member.granted_ma, 40000))
    member.confirmed_ma = dice.choice((0, member.granted_ma, member.granted_ma, 6000, 50000))
    member.silent_ms = dice.choice((0, 0, 0, 2000, 8000, 17000, 31999, 32000, 10**9))
    member.priority = dice.choice((0, 0, 1, 5))
    member.phases = dice.choice((member.wired, 1, 2, 4)) & member.wired or member.wired


@pytest.mark.parametrize("seed", range(TRACES // 2))
def test_the_books_hold_whatever_is_told(seed):
    """Given members that tell anything, when it steps, then grants and what is kept fit, or are 0."""
    dice = random.Random(2000 + seed)
    members = _group(dice).allocator.members
    shared = Allocator(members, dice.choice((UNIFORM, 1)))
    for _ in range(150):
        for member in members:
            if dice.random() < 0.3:
                _tell_anything(dice, member)
        limit_ma = [dice.choice((0, 5000, 16000, 60000, 200000)) for _ in range(3)]
        before = [member.granted_ma for member in members]
        shared.step(limit_ma, dice.choice((0, 500, 2000, 60000)))
        for phase in range(3):
            _assert_phase(members, before, limit_ma[phase], phase)
        for member in members:
            assert member.granted_ma >= 0 and member.reason
            assert not member.heard or not 0 < member.granted_ma < MIN_MA
            assert not member.heard or member.granted_ma <= max(member.request_ma, 0)


def _assert_phase(members, before, limit_ma, phase):
    heard_ma = reserved_ma = kept_ma = 0
    raised = False
    for member, was_ma in zip(members, before):
        if member.heard and member.phases >> phase & 1:
            heard_ma += member.granted_ma
            reserved_ma += max(member.granted_ma, member.confirmed_ma)
            raised = (
                raised or member.granted_ma > was_ma and member.granted_ma > member.confirmed_ma
            )
        elif not member.heard and member.wired >> phase & 1:
            kept_ma += member.kept_ma
    assert heard_ma + kept_ma <= limit_ma or not heard_ma
    assert not raised or reserved_ma + kept_ma <= limit_ma
