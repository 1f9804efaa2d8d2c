"""The Core profile's behaviour over time: statuses that last, availability, refused tags, resets, all keys."""

import asyncio
import json

import pytest
from ocpp_rig import CardboardCharger, Rig

ACCEPTED = {"result": {"status": "Accepted"}}
REJECTED = {"result": {"status": "Rejected"}}
OFF = {"connectorId": 1, "type": "Inoperative"}
ON = {"connectorId": 1, "type": "Operative"}
ALL_OFF = {"connectorId": 0, "type": "Inoperative"}
# Required by OCPP 1.6 section 9, and what the HQ 200 manual's page has besides (7.3.3).
KEYS = """AllowOfflineTxForUnknownId AuthorizationCacheEnabled AuthorizeRemoteTxRequests BlinkRepeat
    ClockAlignedDataInterval ConnectionTimeOut GetConfigurationMaxKeys HeartbeatInterval LightIntensity
    LocalAuthorizeOffline LocalPreAuthorize MaxEnergyOnInvalidId MessageTimeout MeterValuesAlignedData
    MeterValuesAlignedDataMaxLength MeterValuesSampledData MeterValuesSampledDataMaxLength
    MeterValueSampleInterval MinimumStatusDuration NumberOfConnectors ResetRetries ConnectorPhaseRotation
    ConnectorPhaseRotationMaxLength StopTransactionOnEVSideDisconnect StopTransactionOnInvalidId
    StopTxnAlignedData StopTxnAlignedDataMaxLength StopTxnSampledData StopTxnSampledDataMaxLength
    SupportedFeatureProfiles SupportedFeatureProfilesMaxLength TransactionMessageAttempts
    TransactionMessageRetryInterval UnlockConnectorOnEVSideDisconnect WebSocketPingInterval
    LocalAuthListEnabled LocalAuthListMaxLength SendLocalListMaxLength ReserveConnectorZeroSupported
    ChargeProfileMaxStackLevel ChargingScheduleAllowedChargingRateUnit ChargingScheduleMaxPeriods
    ConnectorSwitch3to1PhaseSupported MaxChargingProfilesInstalled""".split()


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def told(rig, connector: int) -> list:
    """The statuses that the back office was told of a connector."""
    messages = rig.record.received("StatusNotification")
    return [m["status"] for m in messages if m["connectorId"] == connector]


# --- statuses


def test_a_status_that_does_not_last_is_not_told(tmp_path):
    rig = Rig(tmp_path, minimum_status_duration=10)

    async def story(rig):
        await rig.online()
        assert told(rig, 1) == ["Available"]  # the first at once
        rig.charger.become("Preparing")
        await asyncio.sleep(5)
        rig.charger.become("Available")
        await asyncio.sleep(30)
        assert told(rig, 1) == ["Available"]
        rig.charger.become("Preparing")
        await asyncio.sleep(8)
        rig.charger.become("Charging")
        await asyncio.sleep(8)
        assert told(rig, 1) == ["Available"]
        await asyncio.sleep(4)
        assert told(rig, 1) == ["Available", "Charging"]

    rig.play(story)


def test_without_a_duration_each_status_is_told_once_and_told(rig):
    async def story(rig):
        await rig.online()
        for status in ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"):
            rig.charger.become(status)
        await asyncio.sleep(2)
        assert told(rig, 1) == [
            "Available",
            "Preparing",
            "Charging",
            "SuspendedEV",
            "SuspendedEVSE",
            "Finishing",
        ]
        assert told(rig, 0) == ["Available"]

    rig.play(story)


def test_a_car_that_was_unplugged_suspends_and_says_why(rig):
    """OCTT 005_3: the status may be the same as before, its info is not."""

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        rig.charger.become("SuspendedEV")
        await asyncio.sleep(1)
        rig.charger.plugged = False
        await asyncio.sleep(2)
        newest = rig.record.received("StatusNotification")[-1]
        assert (newest["status"], newest["info"]) == ("SuspendedEV", "EV side disconnected")
        assert newest["errorCode"] == "NoError"

    rig.play(story)


# --- availability


def test_one_connector_out_of_service_leaves_the_whole_available(rig):
    async def story(rig):
        await rig.online()
        assert await rig.call("ChangeAvailability", **OFF) == ACCEPTED
        await asyncio.sleep(1)
        assert told(rig, 1)[-1] == "Unavailable"
        assert told(rig, 0)[-1] == "Available"
        assert await rig.call("ChangeAvailability", **OFF) == ACCEPTED  # it is so already
        start = await rig.call("RemoteStartTransaction", idTag="CARD", connectorId=1)
        assert start == REJECTED
        assert await rig.call("ChangeAvailability", **ON) == ACCEPTED
        await asyncio.sleep(1)
        assert told(rig, 1)[-1] == "Available"

    rig.play(story)


def test_the_answer_comes_before_the_status(rig):
    async def story(rig):
        await rig.online()
        rig.record.messages.clear()
        await rig.call("ChangeAvailability", **ALL_OFF)
        assert "StatusNotification" not in rig.actions
        await asyncio.sleep(1)
        assert rig.actions.count("StatusNotification") == 2

    rig.play(story)


@pytest.mark.parametrize("request_", [OFF, ALL_OFF])
def test_out_of_service_outlasts_a_power_cut(rig, request_):
    async def story(rig):
        await rig.online()
        await rig.call("ChangeAvailability", **request_)
        await asyncio.sleep(1)
        rig.power_cut(CardboardCharger())
        assert not rig.charger.available
        rig.switch_on()
        await rig.online()
        assert told(rig, 1)[-1] == "Unavailable"
        assert told(rig, 0)[-1] == ("Unavailable" if request_ is ALL_OFF else "Available")

    rig.play(story)


def test_what_is_scheduled_when_the_power_fails_holds_afterwards(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        scheduled = await rig.call("ChangeAvailability", **ALL_OFF)
        assert scheduled == {"result": {"status": "Scheduled"}}
        await asyncio.sleep(2)
        assert told(rig, 0)[-1] == "Available"  # not yet
        rig.power_cut(CardboardCharger(2))
        rig.switch_on()
        await rig.online()
        assert told(rig, 0)[-1] == told(rig, 1)[-1] == "Unavailable"

    rig.play(story)


def test_what_was_scheduled_can_be_called_off(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        await rig.call("ChangeAvailability", **OFF)
        assert await rig.call("ChangeAvailability", **ON) == ACCEPTED
        rig.charger.stop("Local")
        await asyncio.sleep(2)
        assert told(rig, 1)[-1] == "Finishing"

    rig.play(story)


def test_a_damaged_note_of_the_availability_leaves_all_in_service(tmp_path):
    for text in ("[false", '{"a":1}', "[false]"):
        (tmp_path / "ocpp_availability").write_text(text)
        assert Rig(tmp_path).point.adapter.operative == [True, True]


def test_without_a_back_office_nobody_could_bring_it_back(rig):
    async def story(rig):
        await rig.online()
        await rig.call("ChangeAvailability", **ALL_OFF)
        await asyncio.sleep(1)
        assert not rig.charger.available
        rig.settings.change({"chargepoint_type": "Home"})
        await asyncio.sleep(1)
        assert rig.charger.available

    rig.play(story)


# --- a tag that turns out invalid


def test_a_refused_tag_pauses_its_transaction_until_it_ends(tmp_path):
    """OCTT 037_2."""
    rig = Rig(tmp_path, stop_on_invalid_id=False)

    async def story(rig):
        await rig.online()
        rig.charger.start("DEADBEEF")
        await rig.delivered()
        await rig.until(lambda: rig.charger.limits.slots().get("card refused") == 0)
        assert rig.charger.session
        assert not rig.record.received("StopTransaction")
        rig.charger.stop("EVDisconnected")
        await asyncio.sleep(2)
        assert "card refused" not in rig.charger.limits.slots()
        await rig.delivered()
        assert rig.record.received("StopTransaction")[0]["reason"] == "EVDisconnected"
        rig.charger.start("CARD")  # which is welcome
        await asyncio.sleep(5)
        assert "card refused" not in rig.charger.limits.slots()

    rig.play(story)


def test_a_refused_tag_may_have_some_energy_over_a_power_cut_too(tmp_path):
    """MaxEnergyOnInvalidId; the transaction goes on after the power cut, and so does the refusal."""
    rig = Rig(tmp_path, stop_on_invalid_id=False, max_energy_on_invalid_id=500)

    async def story(rig):
        await rig.online()
        rig.charger.start("DEADBEEF")
        await rig.delivered()
        session = rig.charger.session
        session.meter_stop_wh += 499
        await asyncio.sleep(5)
        assert "card refused" not in rig.charger.limits.slots()
        rig.power_cut(CardboardCharger(2))
        rig.charger.session = session
        rig.switch_on()
        await rig.online()
        assert "card refused" not in rig.charger.limits.slots()
        session.meter_stop_wh += 1
        await rig.until(lambda: rig.charger.limits.slots().get("card refused") == 0)

    rig.play(story)


# --- resets


def test_a_reset_that_fails_is_tried_again_as_often_as_resetretries_says(tmp_path):
    rig = Rig(tmp_path, reset_retries=2)

    async def story(rig):
        await rig.online()
        tried = []

        def fail(kind):
            tried.append(kind)
            raise OSError(28)

        rig.point.on_reset = fail
        assert await rig.call("Reset", type="Hard") == ACCEPTED
        await rig.until(lambda: len(tried) == 3)
        await asyncio.sleep(60)
        assert tried == ["Hard"] * 3
        assert rig.point.online  # it goes on

    rig.play(story)


# --- requests


def test_a_remote_start_of_no_connector_is_rejected(rig):
    async def story(rig):
        await rig.online()
        for connector in (0, 2):
            answer = await rig.call("RemoteStartTransaction", idTag="A", connectorId=connector)
            assert answer == REJECTED
        rig.charger.become("Faulted", "GroundFailure", "ground_lost")
        assert await rig.call("RemoteStartTransaction", idTag="A") == REJECTED

    rig.play(story)


def test_no_vendor_has_extensions_here(rig):
    async def story(rig):
        await rig.online()
        answer = await rig.call("DataTransfer", vendorId="com.example", data="x" * 5000)
        assert answer == {"result": {"status": "UnknownVendorId"}}

    rig.play(story)


def test_a_pending_charge_point_sends_what_is_triggered_and_nothing_else(rig):
    async def story(rig):
        rig.csms.boot_status = "Pending"
        await rig.until(lambda: rig.actions.count("BootNotification") == 1)
        status = await rig.call("TriggerMessage", requestedMessage="StatusNotification")
        assert status == ACCEPTED
        await rig.until(lambda: told(rig, 0) and told(rig, 1))
        assert await rig.call("RemoteStartTransaction", idTag="A") == REJECTED
        rig.csms.boot_status = "Accepted"
        await rig.call("TriggerMessage", requestedMessage="BootNotification")
        await rig.online()

    rig.play(story)


def test_a_status_is_triggered_for_one_connector_or_all(rig):
    async def story(rig):
        await rig.online()
        before = rig.actions.count("StatusNotification")
        await rig.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
        await asyncio.sleep(1)
        assert rig.actions.count("StatusNotification") == before + 1
        await rig.call("TriggerMessage", requestedMessage="StatusNotification")
        await asyncio.sleep(1)
        assert rig.actions.count("StatusNotification") == before + 3

    rig.play(story)


# --- configuration


def test_all_keys_are_there_and_each_can_be_asked_for(rig):
    async def story(rig):
        await rig.online()
        answer = (await rig.call("GetConfiguration"))["result"]
        found = {entry["key"]: entry for entry in answer["configurationKey"]}
        assert len(found) == len(answer["configurationKey"])  # none twice
        assert set(KEYS) - set(found) == set()
        assert "unknownKey" not in answer and "AuthorizationKey" not in found
        assert int(found["GetConfigurationMaxKeys"]["value"]) >= len(found)
        one_by_one = await rig.call("GetConfiguration", key=list(found))
        assert one_by_one["result"] == answer
        odd = await rig.call("GetConfiguration", key=['a"b\\', "numberofconnectors"])
        assert odd["result"]["unknownKey"] == ['a"b\\']
        assert [entry["value"] for entry in odd["result"]["configurationKey"]] == ["1"]

    rig.play(story)


def test_values_that_were_never_changed_are_the_defaults_in_ocpps_words(rig):
    async def story(rig):
        await rig.online()
        keys = {
            "AuthorizeRemoteTxRequests": "true",
            "ConnectionTimeOut": "60",
            "LocalPreAuthorize": "false",
            "MeterValuesSampledData": "Energy.Active.Import.Register",
            "StopTransactionOnEVSideDisconnect": "true",
            "StopTxnSampledData": "",
            "UnlockConnectorOnEVSideDisconnect": "false",
        }
        answer = await rig.call("GetConfiguration", key=list(keys))
        told = {e["key"]: e["value"] for e in answer["result"]["configurationKey"]}
        assert told == keys
        rig.settings.change({"stop_mode": "IC Card", "cable_or_socket": "Socket"})
        answer = await rig.call("GetConfiguration", key=list(keys)[-3:])
        told = {e["key"]: e["value"] for e in answer["result"]["configurationKey"]}
        assert told["StopTransactionOnEVSideDisconnect"] == "false"
        assert told["UnlockConnectorOnEVSideDisconnect"] == "true"

    rig.play(story)


def test_each_key_that_is_not_read_only_takes_its_own_value(rig):
    """What the charge point tells, it takes."""

    async def story(rig):
        await rig.online()
        entries = (await rig.call("GetConfiguration"))["result"]["configurationKey"]
        for entry in entries:
            if entry["key"] == "SecurityProfile":  # is only raised
                continue
            change = {"key": entry["key"], "value": entry["value"]}
            answer = await rig.call("ChangeConfiguration", **change)
            status = answer["result"]["status"]
            assert status == ("Rejected" if entry["readonly"] else "Accepted"), entry
        assert json.loads((rig.path / "settings.json").read_text())["backend_url"]

    rig.play(story)
