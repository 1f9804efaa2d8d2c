"""The coil goes off when the car has left C, whatever else goes on; faults open it and tell why."""

import pytest
from bench_process import until
from station import OPENED_MS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("vehicle", [{"phases": 3}, {"max_a": 16}, {"ventilation": True}, {}])
def test_a_plug_pulled_under_load_opens_the_contactor(station, vehicle):
    station.charge(**vehicle)
    if not vehicle:
        station.full_load()
    station.assert_opens(station.unplug())


def test_a_car_that_pauses_is_cut_off_and_may_go_on(station):
    last = station.last_number
    station.charge()
    before_ms = station.now_ms()
    station.put("vehicle", ready=False)
    station.assert_opens(station.event("state", "B", before_ms))
    station.reports("SuspendedEV")
    station.put("vehicle", ready=True)
    station.charging()
    station.reports("Charging")
    assert len(station.transactions(last)) == 1


def test_the_car_leaves_while_the_loop_is_held(station):
    # Given a charge, and something that holds the asyncio loop for two seconds
    station.charge()
    station.put("hang", ms=2000)
    held_from_ms = station.now_ms()
    until(lambda: station.now_ms() > held_from_ms + 300, "the hang has begun")
    # when the car leaves
    left_ms = station.unplug()
    # then the guard opens
    station.assert_opens(left_ms)
    assert station.event("coil", False, left_ms) < held_from_ms + 2000
    # and the controller goes on
    station.reports("Available")
    station.charge()
    assert station.state["firmware"]["restarts"] == 0


def faulted(station, error_code: str, vendor_code: str, red: str) -> None:
    """Back office, page and lamp tell the fault."""
    told = station.reports("Faulted")
    assert (told["errorCode"], told["vendorErrorCode"]) == (error_code, vendor_code)
    station.shows(lambda s: s["leds"]["red"] == red and s["leds"]["blue"] == "off")
    station.page.login()
    page = station.page.state
    assert (page["status"], page["faults"]) == ("Faulted", [vendor_code])
    assert not station.state["coil"]


def test_residual_current_opens_at_once(station):
    station.charge()
    before_ms = station.now_ms()
    station.fault(rcm_trip=True)
    set_ms = station.now_ms()
    assert station.event("coil", False, before_ms) - set_ms <= OPENED_MS
    faulted(station, "GroundFailure", "residual_current", "flashing fast")
    # gone with the current and the plug
    station.clear()
    station.charge()


def test_a_pilot_short_opens_at_once(station):
    station.charge()
    before_ms = station.now_ms()
    station.fault(cp_short=True)
    station.assert_opens(station.event("state", "E", before_ms))
    faulted(station, "OtherError", "cp_short", "on")
    station.clear()


def test_a_missing_vehicle_diode_ends_the_charge(station):
    station.charge()
    before_ms = station.now_ms()
    station.fault(diode_short=True)
    station.event("coil", False, before_ms)
    faulted(station, "OtherError", "diode_short", "flashing fast")
    station.clear()


def test_welded_contacts_are_a_fault_for_good(station):
    # Given contacts that weld during a charge
    station.charge()
    station.fault(welded_contactor=True)
    # when the car leaves, then the coil goes off, the contacts stay, and everybody is told
    station.assert_opens(station.unplug())
    faulted(station, "PowerSwitchFailure", "welded_contactor", "on")
    assert station.state["contactor_closed"]
    # no new charge, with repaired contacts either: until somebody has restarted the controller
    station.fault(welded_contactor=False)
    before_ms = station.now_ms()
    station.plug()
    station.card(hold_ms=1500)
    station.shows(lambda s: not s["cards"])
    station.assert_no_offer(before_ms)
    station.power(False)
    station.power(True)
    station.clear()
    station.charge()


def test_a_meter_silent_for_10_s_pauses_the_charge_until_it_answers(station):
    station.charge()
    station.page.login()
    silent_ms = station.now_ms()
    station.fault(meter_silent=True)
    page = until(lambda: _without_meter(station), "the page shows no meter values")
    assert page["status"] == "Charging"
    assert (page["power"], page["energy"], page["current_l1"]) == (None, None, None)
    opened_ms = station.event("coil", False, silent_ms)
    assert station.event("duty", 1000, silent_ms) < opened_ms <= silent_ms + 20_000
    faulted(station, "PowerMeterFailure", "meter_fault", "flashing fast")
    station.fault(meter_silent=False)
    until(lambda: not _without_meter(station), "the meter's values are back")
    station.charging()
    station.reports("Charging")


def _without_meter(station) -> "dict | None":
    page = station.page.state
    return page if page["voltage_l1"] is None else None


def test_a_reader_that_was_gone_reads_cards_again(station):
    before_ms = station.now_ms()
    station.fault(reader_silent=True)
    station.plug()
    station.card(hold_ms=1500)
    station.shows(lambda s: not s["cards"])
    station.assert_no_offer(before_ms)
    station.fault(reader_silent=False)
    station.card(hold_ms=6000)  # the reader is tried again every two seconds
    station.charging()
