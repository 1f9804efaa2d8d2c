"""Each fault that the bench can put in, on real MicroPython: what opens, what shows, what heals it."""

import pytest
from bench_process import until

SETTINGS = {"cable_or_socket": "Socket", "rcmu": True, "lcd1602": True}
OPTIONS = {"config": {"board": {"residual": {"retry_s": 4, "retries": 3}}}}

# fault: name at the page and as vendorErrorCode, OCPP errorCode, red lamp, LCD's first line, coil off within ms on a busy machine
WHILE_CHARGING = {
    "cp_short": ("cp_short", "OtherError", "on", "Please check the", 3000),
    "pe_open": ("ground_lost", "GroundFailure", "flashing fast", "PE lost, check", 3000),
    "rcm_trip": ("residual_current", "GroundFailure", "flashing fast", "RCMU leakage", 3000),
    "pp_open": ("pp_error", "OtherError", "flashing fast", "SPLIT PP wire", 3000),
    "diode_short": ("diode_short", "OtherError", "flashing fast", "EV-Charging", 3000),
    "meter_silent": ("meter_fault", "PowerMeterFailure", "flashing fast", "Meter fault", 30000),
    "meter_corrupt": ("meter_fault", "PowerMeterFailure", "flashing fast", "Meter fault", 30000),
}
GOES_ON = ("cp_short", "rcm_trip", "pp_open", "meter_silent", "meter_corrupt")


def shows_fault(station, name, code, red, lcd) -> None:
    """Page, back office, lamp and display tell the same."""
    told = station.reports("Faulted")
    assert (told["errorCode"], told["vendorErrorCode"]) == (code, name)
    state = station.page.state
    assert name in state["faults"]
    assert state["status"] == "Faulted"
    station.shows(lambda s: s["leds"]["red"] == red)
    assert station.shows(lambda s: lcd in s["lcd"][0])["signaled_a"] == 0


@pytest.mark.parametrize("fault", WHILE_CHARGING)
def test_given_a_charge_when_a_fault_comes_then_it_opens_in_time_and_says_why(station, fault):
    name, code, red, lcd, within_ms = WHILE_CHARGING[fault]
    station.page.login()
    station.charge()
    began_ms = station.now_ms()
    station.fault(**{fault: True})
    station.assert_opens(began_ms, within_ms)
    shows_fault(station, name, code, red, lcd)
    station.fault(**{fault: False})
    if fault in GOES_ON:  # the same session
        station.charging()
        assert not station.record["transactions"][-1]["stops"]
    else:
        station.unplug()
        station.reports("Available")
    assert station.page.state["faults"] == []


@pytest.mark.parametrize(
    ("fault", "name", "code", "lcd"),
    [
        ("lock_jams", "lock_jam", "ConnectorLockFailure", "Lock error"),
        ("rcm_test_fails", "rcm_test_failed", "GroundFailure", "RCMU self-"),
    ],
)
def test_given_a_fault_before_the_charge_then_the_contactor_never_closes(
    station, fault, name, code, lcd
):
    station.page.login()
    station.shows(lambda s: not s["lock"])
    station.fault(**{fault: True})
    began_ms = station.now_ms()
    station.plug()
    station.card()
    shows_fault(station, name, code, "flashing fast", lcd)
    assert not [on for _, on in station.events("coil", began_ms) if on]
    station.fault(**{fault: False})
    station.charging(180)  # the monitor's test is repeated each minute
    assert station.state["lock"]


def test_a_contactor_that_does_not_close_is_tried_again_after_half_a_minute(station):
    station.page.login()
    station.fault(contactor_fails_to_close=True)
    station.plug()
    station.card()
    shows_fault(
        station,
        "contactor_fails_to_close",
        "PowerSwitchFailure",
        "flashing fast",
        "Contactor does",
    )
    assert not station.state["coil"]
    began_ms = station.now_ms()
    station.fault(contactor_fails_to_close=False)
    station.charging(120)
    assert station.event("coil", True, began_ms) - began_ms > 20000


def test_a_silent_reader_is_told_and_the_charge_goes_on(station):
    station.charge()
    station.fault(reader_silent=True)
    until(lambda: station.record["status"]["1"]["errorCode"] == "ReaderFailure", "ReaderFailure")
    state = station.state
    assert state["coil"]
    assert station.record["status"]["1"]["status"] == "Charging"
    station.fault(reader_silent=False)
    until(lambda: station.record["status"]["1"]["errorCode"] == "NoError", "NoError")
    assert station.state["coil"]


def test_a_silent_meter_of_the_building_does_not_disturb_a_charge_that_does_not_need_it(station):
    station.charge()
    station.fault(dlb_meter_silent=True)
    began_ms = station.now_ms()
    until(lambda: station.now_ms() - began_ms > 3000, "three seconds")
    assert station.state["coil"]
    assert station.record["status"]["1"]["errorCode"] == "NoError"


def test_a_welded_contactor_is_latched_keeps_the_plug_and_is_found_again_after_a_restart(station):
    station.page.login()
    station.charge()
    station.fault(welded_contactor=True)
    left_ms = station.unplug()
    station.assert_opens(left_ms)
    shows_fault(station, "welded_contactor", "PowerSwitchFailure", "on", "Contactor welded")
    station.plug()
    station.card()
    until(lambda: station.now_ms() - left_ms > 6000, "a while")
    assert not station.state["coil"]
    station.put("vehicle", plugged=False)
    station.power(False)
    station.power(True)
    station.reports("Faulted", 40)
    station.fault(welded_contactor=False)
    assert station.reports("Faulted")["vendorErrorCode"] == "welded_contactor"
    station.power(False)
    station.power(True)
    station.reports("Available", 40)
