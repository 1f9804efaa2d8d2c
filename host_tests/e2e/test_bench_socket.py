"""A station with a socket outlet: cable, lock and the monitor's self-test on real MicroPython."""

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
SETTINGS = {"cable_or_socket": "Socket", "rcmu": True}


def locked(station) -> bool:
    return station.state["lock"]


def test_a_charge_keeps_to_its_cable_and_locks_it(station):
    # Given a car on a cable for 20 A, when a card is held up
    before_ms = station.now_ms()
    station.charge(cable_a=20)
    # then the plug is locked before the contactor closes, and 20 A are offered
    assert station.event("lock", True, before_ms) < station.event("coil", True, before_ms)
    assert station.state["signaled_a"] == 20
    station.page.login()
    assert station.page.state["limit_reason"] == "cable"
    # when the card ends it, then the plug is free once the contactor is open
    stopped_ms = station.now_ms()
    station.card()
    unlocked_ms = station.event("lock", False, stopped_ms)
    assert station.event("contactor", False, stopped_ms) < unlocked_ms
    station.reports("Finishing")


def test_the_back_office_unlocks(station):
    last = station.last_number
    station.charge()
    assert station.call("UnlockConnector", connectorId=1) == {"status": "Unlocked"}
    assert not locked(station)
    number = station.started(last)["id"]
    assert station.stopped(number)["reason"] == "UnlockCommand"
    assert station.call("UnlockConnector", connectorId=2) == {"status": "NotSupported"}


def test_a_lock_that_jams_is_told_and_charging_begins_when_it_moves(station):
    before_ms = station.now_ms()
    station.fault(lock_jams=True)
    station.plug()
    station.card()
    told = station.reports("Faulted")
    assert (told["errorCode"], told["vendorErrorCode"]) == ("ConnectorLockFailure", "lock_jam")
    assert not [on for _, on in station.events("coil", before_ms) if on]
    station.fault(lock_jams=False)
    station.charging()
    assert locked(station)


def test_a_cable_that_is_not_recognised_does_not_charge(station):
    before_ms = station.now_ms()
    station.fault(pp_open=True)
    station.plug()
    told = station.reports("Faulted")
    assert (told["errorCode"], told["vendorErrorCode"]) == ("OtherError", "pp_error")
    station.assert_no_offer(before_ms)


def test_a_power_cut_leaves_the_plug_locked_until_somebody_can_tell(station):
    station.charge()
    station.power(False)
    assert locked(station)
    station.power(True)
    until(lambda: not locked(station), "the plug is free")
    station.reports("Preparing")


def test_the_buzzer_tells_accepted_and_refused(station):
    station.plug()
    station.card("DEADBEEF", hold_ms=1500)
    until(lambda: station.state["buzzer"], "the buzzer sounds")
    station.shows(lambda s: not s["cards"] and not s["buzzer"])
    station.card()
    station.charging()
