"""Mains, temperature and a supply that fails, on the whole firmware: what opens, who is told, what goes on."""

import pytest
from bench_process import until
from test_bench_safety import faulted

pytestmark = pytest.mark.slow
SETTINGS = {"resume_after_power_loss": True}


@pytest.fixture(autouse=True)
def normal(station):
    """Mains and temperature as they were."""
    yield
    station.put("mains", v=[230, 230, 230])
    station.put("temperature", c=25)


def test_over_voltage_opens_and_is_told(station):
    station.charge()
    before_ms = station.now_ms()
    station.put("mains", v=[270, 230, 230])
    opened_ms = station.event("coil", False, before_ms)
    assert opened_ms - before_ms <= 3000  # a meter's second, and what the bus adds
    faulted(station, "OverVoltage", "over_voltage", "flashing fast")
    (fault,) = station.page.state["active_faults"]
    assert fault["reason"] == station.page.state["reason"] == "Mains voltage too high"
    running = station.transactions()[-1]
    assert running["stops"] == 0  # it goes on when the mains are well
    station.unplug()
    station.stopped(running["id"])
    boots = station.record["boots"]
    station.power(False)  # rather than wait for the 60 s
    station.put("mains", v=[230, 230, 230])
    station.power(True)
    until(lambda: station.record["boots"] > boots, "a BootNotification")
    station.reports("Available")


def test_a_pilot_short_that_goes_by_itself_leaves_the_transaction_running(station):
    last = station.last_number
    station.charge()
    before_ms = station.now_ms()
    station.fault(cp_short=True)
    opened_ms = station.event("coil", False, before_ms)
    station.fault(cp_short=False)
    assert station.event("coil", True, opened_ms) - opened_ms >= 3000
    station.charging()
    station.reports("Charging")
    assert len(station.transactions(last)) == 1


def test_too_hot_the_pilot_stops_first_and_below_threshold_1_it_goes_on(station):
    last = station.last_number
    station.charge()
    before_ms = station.now_ms()
    station.put("temperature", c=97)
    stopped_ms = station.event("duty", 1000, before_ms)
    assert 0 < station.event("coil", False, before_ms) - stopped_ms <= 6500
    faulted(station, "HighTemperature", "over_temperature", "flashing fast")
    station.put("temperature", c=60)
    station.charging()
    page = station.page.state
    assert page["limits"]["temperature"] == 28.8 and page["limit_reason"] == "temperature"
    assert len(station.transactions(last)) == 1


def test_the_transaction_goes_on_after_a_power_failure_and_its_random_pause(station):
    # Given a charge, and 'restart transaction after power loss'
    last = station.last_number
    station.charge()
    begun = station.started(last)
    boots = station.record["boots"]
    # when the supply fails
    station.power(False)
    before_ms = station.now_ms()
    station.power(True)
    until(lambda: station.record["boots"] > boots, "a BootNotification")
    # then the same transaction waits for its share of the mains
    station.page.login()
    page = until(lambda: _pausing(station), "the page shows the pause")
    assert page["reason"].startswith("Paused after a power failure: cold load pickup, ")
    assert page["limits"]["cold load pickup"] == 0.0
    station.assert_no_offer(before_ms)
    assert len(station.transactions(last)) == 1 and station.started(last)["stops"] == 0
    # and ends when the car leaves
    station.unplug()
    assert station.stopped(begun["id"])["reason"] == "EVDisconnected"


def _pausing(station) -> "dict | None":
    page = station.page.state
    return page if page["status"] == "SuspendedEVSE" else None
