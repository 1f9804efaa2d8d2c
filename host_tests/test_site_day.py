"""A day of a busy site: how near sharing comes to the best that could be done, the limit, fairness, waits."""

from xml.etree import ElementTree

import pytest

from tools.site_day import CROWD_DAYS, GROUPS, limit_a, measure
from tools.site_day_cars import DAY_S, Visit, crowded, days, recorded
from tools.site_day_optimum import optimum

HOUR_S = 3600
CYCLE_S = 10  # rougher than the chargers' 2 s, and quicker to play


# The data


def test_ten_days_with_the_busiest_first():
    counts = [sum(map(len, recorded(day, 50))) for day in days()]
    assert counts == sorted(counts, reverse=True)
    assert (len(counts), sum(counts)) == (10, 248)


@pytest.mark.parametrize("count", GROUPS)
def test_no_charger_has_two_cars_at_once(count):
    for places in (recorded(days()[0], count), crowded(days()[:CROWD_DAYS], count)):
        assert len(places) == count
        for place in places:
            assert all(0 <= visit.from_s < visit.to_s <= DAY_S for visit in place)
            assert all(one.to_s <= then.from_s for one, then in zip(place, place[1:]))


def test_a_car_gets_at_most_what_it_takes_while_it_is_there():
    assert Visit(0, HOUR_S, 20000, 16).possible_wh == 16 * 230
    assert Visit(0, HOUR_S, 2000, 16).possible_wh == 2000


# The optimum


def test_the_optimum_puts_off_the_car_that_has_time():
    # Given one that stays for two hours and one that leaves after the first, and current for one of them
    places = [[Visit(0, 2 * HOUR_S, 3680, 16)], [Visit(0, HOUR_S, 3680, 16)]]
    best = optimum(places, 16)
    assert best.energy_wh == pytest.approx(2 * 3680)
    assert [round(current_a) for _, _, current_a in best.slots] == [16, 16]


def test_the_optimum_keeps_to_the_limit_to_each_need_and_to_each_stay():
    places = [[Visit(0, HOUR_S, 99999, 32)], [Visit(0, HOUR_S, 1000, 32)], []]
    assert optimum(places, 10).energy_wh == pytest.approx(2300)
    assert optimum(places, 99).energy_wh == pytest.approx(7360 + 1000)


# The group


@pytest.mark.parametrize("count", GROUPS)
def test_a_crowded_day_gives_97_percent_of_the_optimum_and_never_exceeds_the_limit(count):
    # Given the cars of five days on one, and a limit of a third of all ratings
    line, picture = measure("crowded", crowded(days()[:CROWD_DAYS], count), CYCLE_S)
    assert line["limit_a"] == limit_a(count) <= count * 32 / 3
    assert line["cars"] > 3 * count
    # then nobody who knew the day could do much better, and all get alike
    assert 0.97 <= line["ratio"] <= 1
    assert line["violations"] == 0
    assert line["jain"] > 0.97
    assert line["longest_wait_s"] <= 3 * CYCLE_S  # until others have reduced
    rows = [text for text in ElementTree.fromstring(picture).itertext() if text.isdigit()]
    assert rows == [str(row + 1) for row in range(count)]


def test_a_day_as_it_was_recorded():
    line, _ = measure(days()[0], recorded(days()[0], 5), CYCLE_S)
    assert line["ratio"] > 0.99 and line["violations"] == 0
