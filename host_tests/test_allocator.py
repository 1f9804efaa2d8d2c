"""Sharing a limit: the HQ 200 manual's examples, turns, priorities, unused current, phases."""

import pytest
from dlm import member
from dlm.allocator import FIRST_IN_FIRST_SERVED, Allocator
from dlm.member import Member, grid_phases
from group_rig import Group

MIN = 6


# The examples of HQ 200's manual, section 7.5.3


def _arrivals(group, count):
    """Cars come one after the other; the grants of the first ones each time."""
    found = []
    for index in range(count):
        group.arrive(index)
        found.append(group.settle().granted_a[: index + 1])
    return found


def test_example_1_three_stations_of_32_a_on_60_a():
    assert _arrivals(Group([32, 32, 32], 60), 3) == [[32], [30, 30], [20, 20, 20]]


def test_example_2_a_station_of_16_a_among_two_of_32_a_on_60_a():
    assert _arrivals(Group([32, 32, 16], 60), 3) == [[32], [30, 30], [24, 24, 12]]


def test_example_3_two_of_five_stations_are_offline_on_80_a():
    group = Group([32] * 5, 80)
    group.cut(3, 4)
    assert _arrivals(group, 3) == [[32], [30, 30], [20, 20, 20]]
    assert group.reasons[3:] == [member.UNHEARD] * 2


def test_example_a_the_first_in_is_served_first_on_60_a():
    group = Group([32, 32, 32], 60, policy=FIRST_IN_FIRST_SERVED)
    assert _arrivals(group, 3) == [[32], [32, 28], [32, 28, 0]]
    assert group.reasons == [member.FULL, member.SHARED, member.WAITS]
    group.leave(0)
    assert group.settle().granted_a == [0, 32, 28]


def test_example_b_two_of_five_are_offline_on_100_a():
    group = Group([32] * 5, 100, policy=FIRST_IN_FIRST_SERVED)
    group.cut(3, 4)
    assert _arrivals(group, 3) == [[32], [32, 32], [32, 32, 16]]


# Nobody below 6 A


def test_ten_stations_that_reach_6_a_each_all_charge():
    group = Group([32] * 10, 60, fallback_a=6)
    for index in range(10):
        group.arrive(index)
    assert group.settle().granted_a == [6] * 10


def test_the_last_to_come_waits_and_turns_change_every_15_minutes():
    # Given room for two of three cars
    group = Group([32] * 3, 15, fallback_a=0)
    for index in range(3):
        group.arrive(index)
        group.settle()
    assert group.granted_a == [7.5, 7.5, 0]
    assert group.reasons[2] == member.WAITS
    # when hours pass
    charged_s, longest_s, waiting_s = [0] * 3, [0] * 3, [0] * 3
    pauses = [0] * 3

    def note(group):
        assert sum(group.granted_a) <= 15
        for index, grant in enumerate(group.granted_a):
            assert grant == 0 or grant >= MIN
            pauses[index] += not grant and not waiting_s[index]
            waiting_s[index] = 0 if grant else waiting_s[index] + 2
            longest_s[index] = max(longest_s[index], waiting_s[index])
            charged_s[index] += 2 * bool(grant)

    group.run(3 * 3600, note)
    # then each has had its share of the time, and nobody waited longer than a turn
    assert max(charged_s) - min(charged_s) <= 900
    assert max(longest_s) <= 930
    assert max(pauses) <= 3 * 4  # one a turn


def test_without_rotation_the_last_to_come_waits_on():
    group = Group([32] * 3, 15, fallback_a=0)
    group.allocator.rotation_s = 0
    for index in range(3):
        group.arrive(index)
        group.settle()
    group.run(7200)
    assert group.granted_a == [7.5, 7.5, 0]


def test_a_limit_that_swings_about_6_a_does_not_make_a_car_chatter():
    # Given two cars and a limit that goes from 11.5 to 12.5 A and back every 20 s
    group = Group([32] * 2, 13, fallback_a=0)
    group.arrive(0)
    group.arrive(1)
    group.settle()
    starts = 0
    for swing in range(180):
        group.limit_ma = [12500 if swing % 2 else 11500] * 3
        before = group.granted_a[1]
        group.run(20)
        starts += before == 0 and group.granted_a[1] > 0
        assert max(group.granted_a) >= MIN
    # then in an hour it starts at most with the turns
    assert starts <= 4


def test_a_car_that_was_put_off_comes_back_when_room_has_lasted_a_minute():
    group = Group([32] * 2, 12, fallback_a=0)
    group.arrive(0)
    group.arrive(1)
    group.settle()
    group.limit_ma = [11000] * 3
    assert group.settle(20).granted_a == [11, 0]
    group.limit_ma = [12000] * 3
    assert group.settle(50).granted_a[1] == 0
    assert group.settle(30).granted_a == [6, 6]


# Priorities


def test_the_higher_priority_charges_first_and_gets_what_is_left():
    group = Group([32] * 3, 44, fallback_a=0)
    for index in range(3):
        group.arrive(index)
    group.settle()
    group.allocator.members[2].priority = 1
    assert group.settle().granted_a == [6, 6, 32]
    group.limit_ma = [15000] * 3
    group.settle()
    assert group.granted_a[2] == 9
    assert sorted(group.granted_a[:2]) == [0, 6]
    group.limit_ma = [7000] * 3
    assert group.settle().granted_a == [0, 0, 7]
    group.run(3600)  # a rotation is among equals
    assert group.granted_a == [0, 0, 7]


# What a car does not draw


def test_what_a_car_does_not_draw_goes_to_others_after_a_minute():
    group = Group([32] * 2, 40, fallback_a=0)
    group.arrive(0, wants_a=10)
    group.arrive(1)
    group.settle(50)
    assert group.granted_a == [20, 20]
    group.settle(30)
    assert group.granted_a == [13, 27]
    assert group.reasons == [member.UNUSED, member.SHARED]


def test_and_back_within_10_s_when_it_draws_at_its_limit_again():
    group = Group([32] * 2, 40, fallback_a=0)
    group.arrive(0, wants_a=10)
    group.arrive(1)
    group.settle(120)
    assert group.granted_a == [13, 27]
    group.stations[0].wants_ma = 32000
    group.run(10)
    assert group.granted_a == [20, 20]


def test_a_car_that_draws_nothing_keeps_6_a_while_nobody_waits_and_then_makes_place():
    group = Group([32] * 2, 11, fallback_a=0)
    group.arrive(0)
    group.settle()
    group.stations[0].wants_ma = 100  # full, but it has not let go
    group.settle(400)
    assert group.granted_a == [6, 0]
    group.arrive(1)
    assert group.settle().granted_a[1] >= MIN


def test_a_member_without_a_meter_keeps_what_it_asks_for():
    group = Group([32] * 2, 40, fallback_a=0)
    group.arrive(0)
    group.arrive(1)
    for _ in range(100):
        group.cycle()
        group.allocator.members[0].drawn_ma = None
    assert group.granted_a == [20, 20]


# Phases


def test_phases_by_name():
    assert grid_phases("RST") == grid_phases("TRS") == 7
    assert [grid_phases(name) for name in "RST"] == [1, 2, 4]
    with pytest.raises(ValueError, match="no phase X"):
        grid_phases("X")


def test_single_and_three_phase_cars_share_each_phase_for_itself():
    # Given a car on all phases, two on L1 and one, turned, on L2
    wired = [7, grid_phases("R"), grid_phases("R"), grid_phases("S")]
    group = Group([32] * 4, 48, fallback_a=0, wired=wired)
    for index in range(4):
        group.arrive(index)
    # then L1 is shared by three, L2 by two, and what L1 leaves free there goes to the one on L2
    assert group.settle().granted_a == [16, 16, 16, 32]


def test_turned_single_phase_cars_do_not_touch_each_other():
    group = Group([32] * 3, 32, fallback_a=0, wired=[1, 2, 4])
    for index in range(3):
        group.arrive(index)
    assert group.settle().granted_a == [32, 32, 32]


def test_a_car_that_uses_one_of_three_phases_leaves_the_others():
    group = Group([32] * 2, 32, fallback_a=0)
    group.arrive(0, phases=grid_phases("R"))
    group.arrive(1, phases=grid_phases("T"))
    assert group.settle().granted_a == [32, 32]


# Steps


def test_an_increase_waits_for_the_reduction():
    group = Group([32] * 2, 32, fallback_a=0)
    group.arrive(0)
    group.settle()
    group.arrive(1)
    group.cycle()
    assert group.granted_a == [16, 0]
    assert group.reasons[1] == member.PENDING
    group.run(4)
    assert group.granted_a == [16, 0]  # its car has 5 s to follow
    group.run(4)
    assert group.granted_a == [16, 16]


def test_a_master_that_has_just_started_raises_nobody_before_all_are_known():
    # Given two stations that charge at what a former master granted
    group = Group([32] * 3, 40)
    for station, offer_ma in zip(group.stations, (20000, 14000, 6000)):
        station.offer_ma = offer_ma
        station.hear(offer_ma, 0)
        station.wants_ma = 80000
    group.cut(2)
    group.run(20)
    assert group.granted_a[:2] == [15, 14]  # 10 A are kept for the third
    group.run(20)
    assert group.granted_a[:2] == [15, 15]


def test_a_member_that_hears_without_being_heard_is_told_its_fallback():
    group = Group([32] * 2, 32)
    group.arrive(0)
    group.settle()
    deaf = group.allocator.members[0]
    told = []
    for _ in range(15):
        for other in group.allocator.members:
            other.silent_ms = 0
        deaf.silent_ms = 2000 * (len(told) + 1)
        group.allocator.step(group.limit_ma, 2000)
        told.append(deaf.granted_ma)
    assert told[:7] == [32000] * 7 and told[-1] == 10000


def test_a_member_that_comes_back_late_has_its_fallback_current_though_its_car_has_yet_to_follow():
    # Given one of two that was given up, so that the other has all but its 6 A
    group = Group([32] * 2, 32, fallback_a=6)
    group.arrive(0)
    group.settle()
    group.cut(0)
    group.arrive(1)
    group.run(120)
    assert group.granted_a == [6, 26]
    # when it is heard again while its car may still draw what it had before
    for other, told_ma in zip(group.allocator.members, (32000, 26000)):
        other.silent_ms, other.confirmed_ma = 0, told_ma
    group.allocator.step(group.limit_ma, 2000)
    # then it is not granted that anew
    assert group.granted_a == [6, 16]


def test_no_step_makes_fractions_of_100_ma():
    group = Group([32] * 7, 60, fallback_a=0)
    for index in range(7):
        group.arrive(index)
    grants = group.settle().granted_a
    assert sorted(grants) == [8.5, 8.5, 8.6, 8.6, 8.6, 8.6, 8.6]


def _asking(count):
    """Members of two ratings, on one phase or all, that ask for all they can."""
    members = []
    for n in range(count):
        phases = member.ALL_PHASES if n % 2 else 1 << n % 3
        one = Member(32000 if n % 3 else 16000, 6000, phases)
        one.request_ma, one.silent_ms, one.arrival_s = one.rating_ma, 0, n
        members.append(one)
    return members


def test_a_step_in_pieces_is_the_same_and_gives_way_often():
    whole, pieces = Allocator(_asking(20)), Allocator(_asking(20))
    for _ in range(3):
        whole.step([200000] * 3, 2000)
        assert len(list(pieces.pieces([200000] * 3, 2000))) >= 12
    grants = [one.granted_ma for one in whole.members]
    assert grants == [one.granted_ma for one in pieces.members]
    assert sum(grants) > 200000
