"""What the back office asks for: remote starts and stops, resets, messages, availability."""

import time

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
ACCEPTED = {"status": "Accepted"}


def test_a_charge_started_and_stopped_from_afar(station):
    last = station.last_number
    station.plug()
    station.reports("Preparing")
    assert station.call("RemoteStartTransaction", idTag="REMOTE-1", connectorId=1) == ACCEPTED
    station.charging()
    begun = station.started(last)
    assert begun["idTag"] == "REMOTE-1"
    wrong = station.call("RemoteStopTransaction", transactionId=begun["id"] + 1)
    assert wrong == {"status": "Rejected"}
    assert station.call("RemoteStopTransaction", transactionId=begun["id"]) == ACCEPTED
    assert station.stopped(begun["id"])["reason"] == "Remote"
    station.shows(lambda s: not s["contactor_closed"])
    station.reports("Finishing")


def test_a_blocked_tag_is_not_started_from_afar(station):
    before_ms = station.now_ms()
    station.plug()
    station.reports("Preparing")
    assert station.call("RemoteStartTransaction", idTag="DEADBEEF") == ACCEPTED
    until(lambda: {"idTag": "DEADBEEF"} in station.messages("Authorize"), "its Authorize")
    assert station.call("TriggerMessage", requestedMessage="Heartbeat") == ACCEPTED
    until(lambda: station.messages("Heartbeat"), "a message after the answer")
    station.assert_no_offer(before_ms)


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_a_reset_ends_the_charge_first(station, kind):
    last, before = station.last_number, station.record["boots"]
    station.charge()
    begun = station.started(last)
    assert station.call("Reset", type=kind) == ACCEPTED
    ended = station.stopped(begun["id"])
    assert (ended["reason"], ended["stops"]) == (kind + "Reset", 1)
    until(lambda: station.record["boots"] == before + 1, "a BootNotification after the reset")
    assert not station.state["coil"]
    assert len(station.transactions(last)) == 1


@pytest.mark.parametrize(
    "message", ["BootNotification", "Heartbeat", "StatusNotification", "MeterValues"]
)
def test_a_message_comes_when_it_is_asked_for(station, message):
    since_s = time.time()
    assert station.call("TriggerMessage", requestedMessage=message) == ACCEPTED
    until(lambda: station.messages(message, since_s), message)


def test_out_of_service_and_back(station):
    change = {"connectorId": 1}
    assert station.call("ChangeAvailability", type="Inoperative", **change) == ACCEPTED
    station.reports("Unavailable")
    before_ms = station.now_ms()
    station.plug()
    station.card("0BADCAFE", hold_ms=1000)
    station.shows(lambda s: not s["cards"])
    station.assert_no_offer(before_ms)
    assert station.call("ChangeAvailability", type="Operative", **change) == ACCEPTED
    station.card()
    station.charging()


def test_a_configuration_key_is_changed_and_read_back(station):
    key = "MeterValueSampleInterval"
    assert station.call("ChangeConfiguration", key=key, value="30") == ACCEPTED
    told = station.call("GetConfiguration", key=[key])["configurationKey"]
    assert told == [{"key": key, "readonly": False, "value": "30"}]
    assert station.call("ChangeConfiguration", key=key, value="x") == {"status": "Rejected"}
