"""A whole charge in the public mode with a back office (B.3), seen from every side, in a small heap."""

import pytest
from bench_process import ROOT, until
from station import CARD

pytestmark = pytest.mark.slow
OPTIONS = {"heap": "128k", "config": {"allow_factory_passwords": True}}
SETTINGS = {
    "meter_value_sample_interval": 10,
    "meter_values_sampled_data": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage",
}


def test_a_card_starts_a_charge_that_ends_when_the_car_leaves(station):
    # Given a car at the plug, and nobody who has paid
    before_ms, last = station.now_ms(), station.last_number
    station.plug(phases=3)
    station.reports("Preparing")
    assert not station.state["coil"]
    assert station.state["pilot"]["duty_permille"] == 1000

    # when a card is shown that the back office accepts
    station.card()
    station.full_load()

    # then the pilot offers 32 A, and the contactor closed half a second after a stable state C
    state = station.state
    assert state["pilot"]["duty_permille"] == 533
    assert state["signaled_a"] == pytest.approx(32, abs=0.1)
    asked_ms = station.events("state", before_ms)
    asked_ms = next(t for t, value in asked_ms if value == "C")
    assert station.event("coil", True, before_ms) - asked_ms >= 500
    assert len(station.events("coil", before_ms)) == 1

    # and page, meter and back office agree
    _assert_page_agrees(station)
    begun = station.started(last)
    values = until(lambda: station.messages("MeterValues"), "MeterValues", 15)[0]
    assert values["transactionId"] == begun["id"]

    # when the car leaves
    station.assert_opens(station.unplug())

    # then the transaction is whole
    ended = station.stopped(begun["id"])
    assert (ended["idTag"], ended["reason"]) == (CARD, "EVDisconnected")
    assert ended["meterStop"] > ended["meterStart"] + 20  # at 22 kW
    assert (ended["starts"], ended["stops"]) == (1, 1)
    station.reports("Available")
    _assert_statuses_told(station)
    energy_wh = [_energy_wh(values) for values in station.messages("MeterValues")]
    assert ended["meterStart"] < energy_wh[0] <= ended["meterStop"]


def _assert_statuses_told(station) -> None:
    told = [m["status"] for m in station.messages("StatusNotification") if m["connectorId"] == 1]
    course = ["Available", "Preparing", "Charging", "Available"]
    assert told[told.index("Preparing") - 1 :] == course


def _assert_page_agrees(station) -> None:
    assert station.page.login() == 204
    page = until(lambda: _settled(station), "the page shows the load")
    assert (page["status"], page["state"], page["contactor_closed"]) == ("Charging", "C2", True)
    meter = station.state["meter"]
    for phase in range(3):
        assert page[f"voltage_l{phase + 1}"] == pytest.approx(meter["v"][phase], abs=0.2)
        assert page[f"current_l{phase + 1}"] == pytest.approx(meter["a"][phase], abs=0.3)
    assert page["power"] == pytest.approx(meter["w"], rel=0.02)
    assert page["energy"] == pytest.approx(meter["kwh"], abs=0.02)
    assert page["backend_state"] == "Connected"


def _settled(station) -> "dict | None":
    """The page's values, once the meter has been polled at full load."""
    page = station.page.state
    return page if page["power"] and page["power"] > 0.97 * 3 * 230 * 32 else None


def _energy_wh(values: dict) -> int:
    sampled = values["meterValue"][0]["sampledValue"]
    return next(int(v["value"]) for v in sampled if v["measurand"].startswith("Energy"))


def test_page_views_and_charges_fit_into_128_kb(station):
    # Given a charge after the other
    for _ in range(2):
        station.charge()
        # when people look at the page with everything that belongs to it
        for user, password in (("user", "88888888"), ("etec", "88888888"), ("WLQ01", "40000003")):
            assert station.page.login(user, password) == 204
            _view(station.page)
        station.unplug()
        station.reports("Available")
    # then there has always been memory, and no restart
    assert "MemoryError" not in station.bench.console()
    firmware = station.state["firmware"]
    assert firmware["restarts"] == 0
    assert firmware["heap_low"] > 0


def test_metrics_fit_in_as_well(station):
    station.charge()
    assert station.page.login() == 204
    for _ in range(3):
        assert station.page.request("GET", "/metrics")[0] == 200
        _view(station.page)
    assert "MemoryError" not in station.bench.console()


def _view(page) -> None:
    """What a browser fetches for the page, and the values that it shows."""
    assert page.request("GET", "/")[0] == 200
    for path in (ROOT / "web" / "static").iterdir():
        assert page.request("GET", f"/static/{path.name}")[0] == 200
    for path in ("/api/session", "/api/state"):
        assert page.request("GET", path)[0] == 200
