"""The back office goes away and comes back."""

import pytest
from bench_process import until
from station import Station

pytestmark = pytest.mark.slow
RETURN_S = 60  # the charge point waits longer after each try
WITHOUT_ASKING = {"free_charging": True, "free_charging_mode": "Without ocpp"}


def test_a_charge_outlives_the_back_office_and_is_told_when_it_is_back(station):
    # Given a charge, when the back office goes away
    last = station.last_number
    station.charge()
    begun = station.started(last)
    before_ms = station.now_ms()
    station.back_office(False)
    station.page.login()
    until(lambda: station.page.state["backend_state"].startswith("Not"), "the page shows it")

    # then the charge goes on; it ends with the car's leaving
    assert not station.events("coil", before_ms)
    station.assert_opens(station.unplug())

    # and while nobody can be asked, no card is accepted
    unplugged_ms = station.now_ms()
    station.plug()
    station.card("0BADCAFE", hold_ms=1000)
    station.shows(lambda s: not s["cards"])
    station.assert_no_offer(unplugged_ms)

    # when it is back, then it hears of the charge's end, once, and cards work again
    station.back_office(True)
    ended = station.stopped(begun["id"], RETURN_S)
    assert (ended["reason"], ended["starts"], ended["stops"]) == ("EVDisconnected", 1, 1)
    station.card()
    station.charging()
    assert [t["id"] for t in station.transactions(begun["id"])] == [begun["id"] + 1]
    assert station.record["boots"] == 1


def test_charges_of_an_outage_are_told_later_in_order(start_bench):
    # Given a station that charges with any card, and tells the back office afterwards
    station = Station(start_bench(WITHOUT_ASKING))
    station.connected()
    last = station.last_number
    # when three cars charge during an outage, and the supply fails once as well
    station.back_office(False)
    tags = ["0BADCAF0", "0BADCAF1", "0BADCAF2"]
    for tag in tags:
        station.charge(tag)
        station.unplug()
        station.shows(lambda s: s["pilot"]["vehicle_state"] == "A" and not s["coil"])
    station.power(False)
    station.power(True)
    # then the back office hears of all three when it is back
    station.back_office(True)
    until(lambda: len(station.transactions(last)) == 3, "all transactions", RETURN_S)
    station.stopped(station.last_number)
    found = station.transactions(last)
    assert [t["idTag"] for t in found] == tags
    assert [(t["starts"], t["stops"], t["reason"]) for t in found] == [
        (1, 1, "EVDisconnected")
    ] * 3
    told = [m["action"] for m in station.record["messages"] if "Transaction" in m["action"]]
    assert told == ["StartTransaction", "StopTransaction"] * 3
