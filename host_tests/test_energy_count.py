"""The energy count: what a register does that is read wrong, reset, replaced or cut off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meter.energy_count import EnergyCount


def test_a_single_wrong_value_leaves_no_trace():
    count = EnergyCount()
    wh = [count.update(value, 1000) for value in (5000, 9000000, 5001, 3, 5002, 9000000, 5003)]
    assert wh == [5000, 5000, 5001, 5001, 5002, 5002, 5003]


def test_a_register_that_was_reset_goes_on_counting():
    count = EnergyCount()
    wh = [count.update(value, 1000) for value in (5000, 0, 2, 4, 10, 14)]
    assert wh == [5000, 5000, 5000, 5000, 5006, 5010]
    assert count.register_wh == 14


def test_a_register_whose_last_digit_trembles_does_not_push_the_count_up():
    count = EnergyCount()
    for value in (5000, 4999, 4998, 4999, 4999, 4999, 5000) * 20:
        assert count.update(value, 1000) == 5000
    assert count.update(5001, 1000) == 5001


def test_energy_that_grew_while_nobody_looked():
    count = EnergyCount()
    count.update(5000, 1000)
    assert count.update(15000, 3600000) == 15000


def test_a_jump_within_a_silence_too_short_for_it():
    count = EnergyCount()
    count.update(5000, 1000)
    for _ in range(5):
        assert count.update(200000, 10000) == 5000
    assert count.update(200100, 1000) == 5100


@pytest.mark.parametrize(
    ("counted_wh", "in_session", "register_wh", "count_wh"),
    [
        (None, False, 1234567, 1234567),  # a new station takes its meter's value
        (1234567, False, 1234567, 1234567),
        (1234567, True, 1235000, 1235000),  # a minute's charge before the cut
        (1234567, True, 9000000, 1234567),  # another meter was put in
        (1234567, False, 9000000, 9000000),  # … between sessions: as it says
        (1234567, True, 12, 1234567),  # reset, or replaced by a new one
        (1234567, False, 12, 1234567),
    ],
)
def test_the_count_goes_on_after_a_restart(counted_wh, in_session, register_wh, count_wh):
    count = EnergyCount(counted_wh, in_session)
    assert count.update(register_wh, 1000) == count_wh
    assert count.update(register_wh + 7, 1000) == count_wh + 7
    assert count.register_wh == register_wh + 7


def test_a_session_that_began_before_the_first_look():
    count = EnergyCount(5000)
    count.begin_at(5000)
    assert [count.update(value, 1000) for value in (9000000, 9000003)] == [5000, 5003]


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30), st.booleans())
def test_energy_never_runs_backwards(register_wh, restart):
    count = EnergyCount()
    counted = []
    for value in register_wh:
        if restart and counted:
            count = EnergyCount(counted[-1], in_session=True)
        counted.append(count.update(value, 1000))
    assert counted == sorted(counted)


@given(st.lists(st.integers(0, 900), min_size=1, max_size=30))
def test_plausible_growth_is_never_lost(steps_wh):
    count, register_wh = EnergyCount(), 0
    assert count.update(0, 1000) == 0
    for step_wh in steps_wh:
        register_wh += step_wh
        assert count.update(register_wh, 1000) == register_wh
