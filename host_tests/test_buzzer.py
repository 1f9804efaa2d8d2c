"""The buzzer: short for a card that charges, three times for one that does not, long for a fault."""

import asyncio

import pytest
import virtual_time
from drivers.buzzer import Buzzer
from drivers.io_expander import BUZZER


class Expander:
    """Given outputs whose edges are kept, in ms since the story began."""

    def __init__(self) -> None:
        self.begun_us = virtual_time.clock.now_us
        self.on = False
        self.edges = []

    def drive(self, output, on):
        assert output == BUZZER
        if on != self.on:
            self.on = on
            self.edges.append(round((virtual_time.clock.now_us - self.begun_us) / 1000))
        return True


def play(*calls):
    """Edges that calls (method, argument, pause in ms after it) leave."""

    async def story():
        expander = Expander()
        buzzer = Buzzer(expander)
        for method, argument, pause_ms in calls:
            getattr(buzzer, method)(argument)
            await asyncio.sleep_ms(pause_ms)
        await asyncio.sleep_ms(3000)
        assert not expander.on
        return expander.edges

    return virtual_time.run(story())


@pytest.mark.parametrize(
    "method, argument, edges",
    [
        ("decided", True, [0, 80]),
        ("decided", False, [0, 80, 160, 240, 320, 400]),
        ("show", "Faulted", [0, 600, 900, 1500]),
        ("show", "Charging", []),
    ],
)
def test_patterns(method, argument, edges):
    assert play((method, argument, 0)) == pytest.approx(edges, abs=2)


def test_a_fault_sounds_once_and_again_when_it_is_back():
    first = play(("show", "Faulted", 5000), ("show", "Faulted", 5000))
    assert len(first) == 4
    again = play(("show", "Faulted", 5000), ("show", "Available", 100), ("show", "Faulted", 0))
    assert len(again) == 8


def test_the_newest_wins():
    edges = play(("show", "Faulted", 200), ("decided", True, 0))
    assert edges[-1] == pytest.approx(280, abs=2)
