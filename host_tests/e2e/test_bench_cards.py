"""Cards at the reader of a public station: who may charge, how identifiers are read, who may stop."""

import pytest
from bench_process import until
from station import CARD

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("uid", ["DEADBEEF", "DEAD0001", "DEAD0002"])
def test_a_card_that_the_back_office_refuses_does_not_charge(station, uid):
    before_ms, last = station.now_ms(), station.last_number
    station.plug()
    station.reports("Preparing")
    station.card(uid)
    until(lambda: {"idTag": uid} in station.messages("Authorize"), "the card's Authorize")
    station.shows(lambda s: uid not in s["cards"])  # taken away: the answer has long been there
    station.assert_no_offer(before_ms)
    assert not station.transactions(last)


@pytest.mark.parametrize("uid", ["0BADCAFE", "04A1B2C3D4E5F6", "04112233445566778899"])
def test_identifiers_of_every_length_come_through_whole(station, uid):
    last = station.last_number
    station.charge(uid)
    begun = station.started(last)
    station.unplug()
    assert station.stopped(begun["id"])["idTag"] == uid


def test_a_card_before_the_plug_waits_for_the_car(station):
    last = station.last_number
    station.card()
    station.reports("Preparing")
    station.plug()
    station.charging()
    assert station.started(last)["idTag"] == CARD


def test_only_the_card_that_started_stops(station):
    last = station.last_number
    station.charge()
    begun = station.started(last)
    station.card("0BADCAFE", hold_ms=600)
    station.shows(lambda s: not s["cards"])
    assert station.state["coil"]
    station.card(CARD)
    ended = station.stopped(begun["id"])
    assert ended["reason"] == "Local"
    assert station.messages("StopTransaction")[-1]["idTag"] == CARD
    station.reports("Finishing")
    station.shows(lambda s: not s["contactor_closed"] and s["meter"]["a"][0] == 0)
    assert len(station.transactions(last)) == 1
