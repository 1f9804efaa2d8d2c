"""Load balancing on the bench: a house, its meter at address 2, and a car, on real MicroPython."""

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
OPTIONS = {"heap": "128k", "config": {"allow_factory_passwords": True}}
METER = {"dlb_function_code": "04", "dlb_reg_l1": 6, "dlb_reg_l2": 8, "dlb_reg_l3": 10}
SETTINGS = {"phases": "3P+N400V", "dlb_max_current": 40, **METER}


def _set(station, **changes) -> None:
    assert station.page.login("etec", "88888888") == 204
    status, _, body = station.page.request("PUT", "/api/settings", changes)
    assert status == 200, body


def _draws(station, amps: float) -> dict:
    """Wait until the car draws that much on L1."""
    return station.shows(lambda s: abs(s["meter"]["a"][0] - amps) < 0.8)


def test_a_house_a_car_and_a_meter_that_falls_silent(station):
    # Given load balancing, switched on while the charger runs
    station.put("house", a=[5, 5, 5])
    _set(station, dlb_function="DLB", dlb_timeout=3)
    until(lambda: station.page.state["dlb_l1"] == 5.0, "the building's current")
    station.charge(phases=3)
    _draws(station, 32)

    # when a stove goes on on L2
    station.put("house", a=[5, 28, 5])
    # then 12 A are left for the car, and the page says why
    _draws(station, 12)
    page = until(lambda: _limited(station), "the reason")
    assert page["limits"]["building"] == pytest.approx(12, abs=0.6)
    assert page["dlb_max"] == 40
    until(lambda: 39 < station.page.state["dlb_l2"] <= 40.2, "the building at its limit")

    # when the meter falls silent, then the fallback current holds
    station.fault(dlb_meter_silent=True)
    _draws(station, 10)
    assert station.page.state["limit_reason"] == "building meter"
    until(lambda: station.page.state["dlb_l2"] is None, "no current of the building")

    # when it is back and the house takes all, then the car pauses
    before_ms = station.now_ms()
    station.put("house", a=[39, 5, 5])
    station.fault(dlb_meter_silent=False)
    station.event("coil", False, before_ms)
    assert station.page.state["limit_reason"] == "building"
    station.reports("SuspendedEVSE")
    assert "MemoryError" not in station.bench.console()
    assert station.state["firmware"]["restarts"] == 0


def _limited(station) -> "dict | None":
    page = station.page.state
    return page if page["limit_reason"] == "building" else None


def _answers(station) -> bool:
    try:
        return station.page.login("etec", "88888888") == 204
    except OSError:
        return False


def test_after_a_power_cut_the_fallback_current_holds_from_the_first_instant(station):
    # Given load balancing, and a meter that does not answer when the power comes back
    _set(station, dlb_function="DLB")
    station.fault(dlb_meter_silent=True)
    station.power(False)
    cut_ms = station.now_ms()
    station.power(True)
    until(lambda: _answers(station), "the page")
    # when a car charges
    station.connected()
    station.charge()
    # then no more than the fallback current has ever been on offer
    assert station.page.state["limit_reason"] == "building meter"
    duties = [duty for _, duty in station.events("duty", cut_ms) if duty not in (0, 1000)]
    assert duties and set(duties) == {167}  # 10 A
