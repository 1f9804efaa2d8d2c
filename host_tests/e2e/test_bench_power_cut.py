"""The supply fails at any instant: the contactor opens, and no transaction is lost or doubled."""

import random

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
RANDOM = random.Random(20)


def test_a_charge_cut_by_a_power_loss_ends_as_power_loss(station):
    # Given a charge
    last = station.last_number
    station.charge(phases=3)
    begun = station.started(last)
    boots = station.record["boots"]
    # when the supply fails
    before_ms = station.now_ms()
    station.power(False)
    cut_ms = station.event("power", False, before_ms)
    # then the contactor falls open
    assert station.event("contactor", False, before_ms) - cut_ms <= 100
    counted_wh = station.state["meter"]["kwh"] * 1000
    # and after the boot it stays open, with the car still there
    station.power(True)
    ended = station.stopped(begun["id"])
    assert ended["reason"] == "PowerLoss"
    assert ended["meterStart"] <= ended["meterStop"] <= counted_wh + 0.5  # rounded to 1 Wh
    assert station.record["boots"] == boots + 1
    assert not station.state["coil"]
    assert not [t for t, on in station.events("coil", cut_ms) if on]
    assert len(station.transactions(last)) == 1
    # until a new card comes
    station.card()
    station.charging()
    assert station.started(begun["id"])["starts"] == 1


def cut_and_boot(station) -> None:
    """Cut the supply; car and card leave in the dark; boot."""
    station.power(False)
    station.put("vehicle", plugged=False)
    station.shows(lambda s: not s["cards"])
    boots = station.record["boots"]
    station.power(True)
    until(lambda: station.record["boots"] > boots, "a BootNotification")
    station.reports("Available")


def assert_whole(station, last: int, most: int) -> None:
    """Each transaction after `last` began once and ended once, or was told again word for word."""
    for transaction in station.transactions(last):
        station.stopped(transaction["id"])
        starts = station.messages("StartTransaction")
        same = [s for s in starts if s["timestamp"] == transaction["start"]]
        assert all(start == same[0] for start in same)
        stops = station.messages("StopTransaction")
        same = [s for s in stops if s["transactionId"] == transaction["id"]]
        assert all(stop == same[0] for stop in same)
    assert len(station.transactions(last)) <= most


@pytest.mark.parametrize("wait_ms", sorted(RANDOM.randrange(2200) for _ in range(5)))
def test_a_cut_around_the_start_leaves_no_half_transaction(station, wait_ms):
    last = station.last_number
    station.plug()
    station.reports("Preparing")
    station.card()
    wait(station, wait_ms)
    cut_and_boot(station)
    assert_whole(station, last, 1)


@pytest.mark.parametrize("wait_ms", sorted(RANDOM.randrange(150) for _ in range(4)))
def test_a_cut_around_the_stop_leaves_no_half_transaction(station, wait_ms):
    last = station.last_number
    station.charge()
    station.unplug()
    wait(station, wait_ms)
    cut_and_boot(station)
    assert_whole(station, last, 1)
    assert len(station.transactions(last)) == 1


def wait(station, ms: int) -> None:
    """Let that much of the bench's time pass."""
    until_ms = station.now_ms() + ms
    until(lambda: station.now_ms() >= until_ms, "time passes")
