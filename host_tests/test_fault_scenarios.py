"""Faults of pilot, contactor and car, told from the plug: what opens, who is told, what comes back when."""

import asyncio
from types import SimpleNamespace

import pytest
from evse import faults
from fault_rig import FaultRig


@pytest.fixture
def rig(tmp_path):
    return FaultRig(tmp_path)


def test_a_pilot_short_that_goes_by_itself_costs_3_s(rig):
    async def story(rig):
        await rig.charge()
        failed_ms = rig.fault("cp_short")
        await asyncio.sleep(2)
        assert rig.when("coil", False, failed_ms) - failed_ms <= 100
        f_ms = rig.when("duty", 0, failed_ms)
        assert f_ms - failed_ms <= 100
        assert 290 <= rig.when("duty", 1000, f_ms) - f_ms <= 420  # state F, then x1
        assert rig.charger.state == "E"
        lines = ("Please check the", "CP line")
        rig.assert_faulted("cp_short", "OtherError", "on", lines)
        rig.fault()
        await asyncio.sleep(2.9)
        assert rig.charger.faults == ["cp_short"]
        await asyncio.sleep(8)
        rig.assert_charging()

    rig.play(story)


def test_a_missing_diode_is_looked_at_again_after_60_s(rig):
    async def story(rig):
        await rig.charge()
        failed_ms = rig.fault("diode_short")
        await asyncio.sleep(2)
        opened_ms = rig.when("coil", False, failed_ms)
        assert opened_ms - failed_ms <= 600
        lines = ("EV-Charging", "Socket Fault")
        rig.assert_faulted("diode_short", "OtherError", "flashing fast", lines)
        await asyncio.sleep(57)
        assert rig.charger.faults == ["diode_short"]
        await asyncio.sleep(12)  # offered anew, and still no diode
        assert rig.charger.faults == ["diode_short"]
        assert not rig.saw("coil", True, opened_ms)
        rig.fault()
        await asyncio.sleep(70)
        rig.assert_charging()

    rig.play(story)


def test_residual_current_is_tried_again_three_times(rig):
    async def story(rig):
        rig.charger.book.residual_policy = (20, 3)
        await rig.charge()
        for _ in range(4):
            assert rig.charger.status == "Charging"
            failed_ms = rig.fault("rcm_trip")
            await asyncio.sleep(1)
            assert rig.when("coil", False, failed_ms) - failed_ms <= 40
            lines = ("RCMU leakage", "Unplug or wait")
            rig.assert_faulted("residual_current", "GroundFailure", "flashing fast", lines)
            rig.fault()
            await asyncio.sleep(19)
            assert rig.charger.faults == ["residual_current"]
            await asyncio.sleep(12)
        assert rig.charger.faults == ["residual_current"]
        assert rig.charger.session.id_tag == "CARD"
        await asyncio.sleep(30)
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert (rig.charger.faults, rig.charger.session) == ([], None)

    rig.play(story)


def test_a_contactor_that_does_not_close_is_tried_three_times_more(rig):
    async def story(rig):
        rig.fault("contactor_fails_to_close")
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1.5)
        rig.charger.start("CARD")
        for _ in range(4):
            begun_ms = rig.car()
            await asyncio.sleep(8)
            closed_ms = rig.when("coil", True, begun_ms)
            opened_ms = rig.when("coil", False, closed_ms)
            assert 500 <= opened_ms - closed_ms <= 700
            lines = ("Contactor does", "not close")
            rig.assert_faulted(
                "contactor_fails_to_close", "PowerSwitchFailure", "flashing fast", lines
            )
            await asyncio.sleep((opened_ms - rig.car()) / 1000 + 29.5)
            assert rig.charger.faults == ["contactor_fails_to_close"]
            await asyncio.sleep(1)
        assert rig.charger.faults == ["contactor_fails_to_close"]
        assert rig.charger.contactor_cycles == 4
        rig.fault()
        await asyncio.sleep(60)
        assert rig.charger.faults == ["contactor_fails_to_close"]
        rig.car(plugged=False)
        await asyncio.sleep(1)
        rig.car(plugged=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(6)
        assert rig.charger.status == "Charging"

    rig.play(story)


def test_a_car_that_ignores_the_stop_stays_out_until_it_is_unplugged(rig):
    async def story(rig):
        await rig.charge()
        rig.car(obeys_pilot=False)
        stopped_ms = rig.car()
        rig.limits.set("group", 0)
        await asyncio.sleep(8)
        assert 6000 <= rig.when("coil", False, stopped_ms) - stopped_ms <= 6200
        lines = ("Car ignores stop", "Please unplug")
        rig.assert_faulted("car_ignores_pilot", "OtherError", "flashing fast", lines)
        rig.limits.set("group", None)
        await asyncio.sleep(120)
        assert rig.charger.faults == ["car_ignores_pilot"]
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert rig.charger.faults == []

    rig.play(story)


def test_a_welded_contactor_holds_state_f_and_ends_the_session(rig):
    async def story(rig):
        await rig.charge()
        ended = []
        rig.charger.listen(lambda event, session: ended.append((event, session)))
        rig.fault("welded_contactor")
        opened_ms = rig.car(ready=False)
        await asyncio.sleep(3)
        lines = ("Contactor welded", "Call service")
        rig.assert_faulted("welded_contactor", "PowerSwitchFailure", "on", lines)
        assert 1000 <= rig.when("duty", 0, opened_ms) - opened_ms <= 1300
        assert [s.reason for event, s in ended if event == "stop"] == ["Other"]
        rig.fault()
        await asyncio.sleep(300)
        assert (rig.charger.state, rig.charger.faults) == ("F", ["welded_contactor"])
        assert rig.charger.start("CARD") == "faulted"

    rig.play(story)


def test_contacts_welded_before_the_start_are_found_within_2_s(rig):
    async def story(rig):
        await asyncio.sleep(2)
        assert rig.charger.faults == ["welded_contactor"]
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert rig.charger.state == "F"

    rig.fault("welded_contactor")
    rig.world.contactor.closed = True
    rig.play(story)


def test_a_lost_earth_comes_back_5_s_after_its_return(rig):
    async def story(rig):
        await rig.charge()
        failed_ms = rig.fault("pe_open")
        await asyncio.sleep(2)
        assert rig.when("coil", False, failed_ms) - failed_ms <= 300
        assert "ground_lost" in rig.charger.faults
        rig.fault()
        await asyncio.sleep(4)
        assert rig.charger.faults == ["ground_lost"]
        await asyncio.sleep(2)
        assert rig.charger.faults == []

    rig.play(story)


def test_notices_are_told_and_charging_goes_on(rig):
    async def story(rig):
        await rig.charge()
        rig.told()
        rig.charger.book.set(faults.READER_FAULT, True)
        await asyncio.sleep(0.5)
        told = rig.told()
        assert (told["status"], told["errorCode"], told["vendorErrorCode"]) == (
            "Charging",
            "ReaderFailure",
            "reader_fault",
        )
        assert rig.api["faults"] == ["reader_fault"]
        assert rig.shown.lamps == {"blue": "breathing"} and rig.shown.lcd[0] == "Charging"
        rig.charger.book.set(faults.READER_FAULT, False)
        rig.charger.book.set(faults.UNLOCK_JAM, True)
        await asyncio.sleep(0.5)
        assert rig.told()["errorCode"] == "ConnectorLockFailure"
        assert rig.shown.lcd == ("Unlock error", "Push plug in")
        rig.charger.book.set(faults.UNLOCK_JAM, False)
        await asyncio.sleep(0.5)
        rig.assert_charging()
        assert not rig.has_opened

    rig.play(story)


def test_a_guard_that_stands_still_costs_the_contactor_until_a_restart(rig):
    async def story(rig):
        await rig.charge()
        stalled_ms = rig.car()
        rig.tasks[1].cancel()  # the guard's thread
        await asyncio.sleep(2)
        assert 1000 <= rig.when("coil", False, stalled_ms) - stalled_ms <= 1120
        lines = ("Internal error", "Restart needed")
        rig.assert_faulted("guard_stalled", "InternalError", "on", lines)
        rig.tasks.append(rig.watch())
        await asyncio.sleep(120)
        rig.car(plugged=False)
        await asyncio.sleep(5)
        assert (rig.charger.state, rig.charger.faults) == ("F", ["guard_stalled"])

    rig.play(story)


def test_a_reader_that_does_not_answer_is_told_after_3_s(rig):
    async def story(rig):
        reader = rig.environment.reader = SimpleNamespace(enabled=True, ok=False)
        await asyncio.sleep(2)
        assert rig.charger.faults == []
        await asyncio.sleep(2.5)
        assert rig.charger.faults == ["reader_fault"]
        assert (rig.charger.status, rig.told()["errorCode"]) == ("Available", "ReaderFailure")
        reader.enabled = False  # setting rfid_reader
        await asyncio.sleep(1.5)
        assert rig.charger.faults == []

    rig.play(story)


def test_worn_parts_let_a_session_finish_and_begin_no_other(tmp_path):
    async def story(rig):
        await rig.charge()
        rig.told()
        rig.settings.change({"contactor_lifetime": 1})
        await asyncio.sleep(1)
        assert (rig.charger.status, rig.charger.faults) == ("Charging", ["contactor_worn"])
        assert rig.told()["status"] == "Charging"
        rig.charger.stop("Local")
        await asyncio.sleep(8)
        lines = ("Contactor over", "the upper limit")
        rig.assert_faulted("contactor_worn", "OtherError", "flashing fast", lines)
        assert rig.charger.start("CARD") == "faulted"
        rig.settings.change({"contactor_lifetime": 2})
        await asyncio.sleep(1)
        assert (rig.charger.faults, rig.charger.start("CARD")) == ([], "")

    FaultRig(tmp_path).play(story)


def test_error_codes_stay_at_home_where_the_setting_says_so(tmp_path):
    async def story(rig):
        await rig.charge()
        rig.told()
        rig.fault("cp_short")
        await asyncio.sleep(1)
        told = rig.told()
        assert (told["status"], told["errorCode"]) == ("Faulted", "NoError")
        assert "vendorErrorCode" not in told and "info" not in told

    FaultRig(tmp_path, send_error_status=0).play(story)


def test_a_stop_during_a_fault_ends_the_session(rig):
    async def story(rig):
        await rig.charge()
        rig.fault("cp_short")
        await asyncio.sleep(1)
        assert rig.charger.stop("Remote")
        rig.fault()
        await asyncio.sleep(6)
        assert (rig.charger.session, rig.charger.status) == (None, "Finishing")

    rig.play(story)
