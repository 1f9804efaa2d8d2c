"""The button: long presses, once each, and no bouncing."""

import pytest
import virtual_time
from drivers.button import Button


class Pin:
    level = 1

    def value(self):
        return self.level


@pytest.fixture
def press():
    """press(seconds, …): held and let go in turns, looked at each 250 ms; how often it counted."""
    pin, told = Pin(), []
    button = Button(pin, lambda: told.append(1))

    def run(*seconds, first=0):
        for turn, length_s in enumerate(seconds):
            pin.level = (turn + first) % 2
            for _ in range(int(length_s * 4)):
                virtual_time.clock.sleep_us(250_000)
                button.poll()
        return len(told)

    return run


def test_a_long_press_counts_once_while_it_lasts(press):
    assert press(1, 3, first=1) == 1
    assert press(60) == 1


@pytest.mark.parametrize("length_s", [0.25, 1, 2.25])
def test_a_short_one_does_not(press, length_s):
    assert press(1, length_s, 2, length_s, 1, first=1) == 0


def test_each_long_press_counts(press):
    assert press(1, 4, 1, 4, 1, first=1) == 2


def test_a_disturbance_is_no_press_and_no_letting_go(press):
    assert press(1, 4, 0.25, 4, first=1) == 1, "let go for one look only"
    assert press(2, 0.25, 2, 0.25, 2, first=1) == 1


def test_one_that_is_held_or_stuck_from_the_start_counts_after_it_was_let_go(press):
    assert press(30) == 0
    assert press(1, 4, first=1) == 1
