"""Stations set up for other ways of authorization (ETEK manual, modes A.1 to B.7)."""

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
LOCAL = {
    "authorization_cache": True,
    "local_authorize_offline": True,
    "local_pre_authorize": True,
    "whitelist_enabled": True,
}
IN_DOUBT = {
    "authorization_cache": False,
    "cache_expire_mode": False,
    "offline_allow_unknown": True,
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


def test_b1_a_cached_card_charges_at_once_and_offline(start_bench):
    station = Station(start_bench(LOCAL))
    station.connected()
    for online in (True, True, False):
        station.back_office(online)
        station.charge(CARD)
        station.shows(lambda s: not s["cards"])
        station.assert_opens(station.unplug())
        station.shows(lambda s: s["signaled_a"] == 0)
    assert len(station.messages("Authorize")) == 1
    before_ms = station.now_ms()
    station.plug()
    station.card("0BADCAFE", hold_ms=1000)
    station.shows(lambda s: not s["cards"])
    station.assert_no_offer(before_ms)


def test_b7_any_card_charges_without_the_back_office(start_bench):
    station = Station(start_bench(IN_DOUBT, csms="none"))
    station.charge("0BADCAFE")
    station.assert_opens(station.unplug())


def test_a_start_is_delayed_at_random(start_bench):
    """Any of 0 to 3 seconds: the firmware draws, the story waits for the longest."""
    changes = {**ANY_CARD, "start_delay": True, "start_delay_max": 3}
    station = Station(start_bench(changes, csms="none"))
    station.charge("0BADCAFE")
    station.assert_opens(station.unplug())
