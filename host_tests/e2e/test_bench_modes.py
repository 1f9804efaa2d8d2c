"""Stations set up for other ways of authorization (ETEK manual, modes A.1 and A.2)."""

import pytest
from station import CARD, Station

pytestmark = pytest.mark.slow
PLUG_AND_CHARGE = {"chargepoint_type": "Home", "free_charging": True, "rfid_reader": False}
ANY_CARD = {
    "chargepoint_type": "Home",
    "free_charging": True,
    "free_charging_mode": "Without ocpp",
    "rfid_reader": True,
}


def test_plug_and_charge_needs_no_card(start_bench):
    station = Station(start_bench(PLUG_AND_CHARGE))
    for _ in range(2):
        station.plug()
        station.charging()
        station.assert_opens(station.unplug())
    assert not station.record["connected"]


def test_any_card_charges_at_home(start_bench):
    station = Station(start_bench(ANY_CARD, csms="none"))
    before_ms = station.now_ms()
    station.plug()
    station.page.login()
    station.card("DEADBEEF", hold_ms=1000)
    station.charging()
    assert len(station.events("coil", before_ms)) == 1
    station.card(CARD, hold_ms=600)
    station.shows(lambda s: not s["cards"])
    assert station.state["coil"]
    station.card("DEADBEEF")
    station.shows(lambda s: not s["contactor_closed"])
    assert station.page.state["status"] == "Finishing"
