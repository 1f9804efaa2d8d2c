"""Cases of the OCA's test tool for charge points, OCPP 1.6: configuration, triggered messages."""

import asyncio

import pytest
from octt_rig import ACCEPTED, REJECTED, case

PROFILES = "Core LocalAuthListManagement Reservation SmartCharging RemoteTrigger".split()
READ_WRITE = """AuthorizeRemoteTxRequests ClockAlignedDataInterval ConnectionTimeOut
ConnectorPhaseRotation HeartbeatInterval LocalAuthorizeOffline LocalPreAuthorize
MeterValuesAlignedData MeterValuesSampledData MeterValueSampleInterval ResetRetries
StopTransactionOnEVSideDisconnect StopTransactionOnInvalidId StopTxnAlignedData StopTxnSampledData
TransactionMessageAttempts TransactionMessageRetryInterval LocalAuthListEnabled""".split()
READ_ONLY = """GetConfigurationMaxKeys NumberOfConnectors SupportedFeatureProfiles
LocalAuthListMaxLength SendLocalListMaxLength ChargeProfileMaxStackLevel
ChargingScheduleAllowedChargingRateUnit ChargingScheduleMaxPeriods
MaxChargingProfilesInstalled""".split()


@case
async def test_tc_019_retrieve_configuration(s):
    profiles = (await s.value("SupportedFeatureProfiles")).split(",")
    assert sorted(profiles) == sorted(PROFILES)
    s.point.updater = object()  # a board that can be updated
    profiles = (await s.value("SupportedFeatureProfiles")).split(",")
    assert sorted(profiles) == sorted([*PROFILES, "FirmwareManagement"])
    entries = (await s.ask("GetConfiguration"))["configurationKey"]
    readonly = {entry["key"]: entry["readonly"] for entry in entries}
    assert len(readonly) == len(entries)
    assert {key: readonly.get(key) for key in READ_WRITE} == dict.fromkeys(READ_WRITE, False)
    assert {key: readonly.get(key) for key in READ_ONLY} == dict.fromkeys(READ_ONLY, True)
    assert "AuthorizationKey" not in readonly  # written only
    most = int(await s.value("GetConfigurationMaxKeys"))
    names = sorted(readonly)[:most]
    answer = await s.ask("GetConfiguration", key=names)
    assert sorted(entry["key"] for entry in answer["configurationKey"]) == names
    assert not answer.get("unknownKey")


@case
async def test_tc_019_each_key_that_may_be_written_takes_its_own_value_back(s):
    entries = (await s.ask("GetConfiguration"))["configurationKey"]
    for entry in entries:
        if not entry["readonly"] and entry["key"] != "SecurityProfile":
            change = {"key": entry["key"], "value": entry["value"]}
            answer = await s.ask("ChangeConfiguration", **change)
            assert answer["status"] in ("Accepted", "RebootRequired"), change
    again = (await s.ask("GetConfiguration"))["configurationKey"]
    assert again == entries


@case
async def test_tc_019_each_key_that_may_only_be_read_stays_as_it_is(s):
    entries = (await s.ask("GetConfiguration"))["configurationKey"]
    for entry in entries:
        if entry["readonly"]:
            answer = await s.ask("ChangeConfiguration", key=entry["key"], value="1")
            assert answer == REJECTED, entry
    assert (await s.ask("GetConfiguration"))["configurationKey"] == entries


@case
async def test_tc_021_change_configuration(s):
    await s.configure(MeterValueSampleInterval=60)
    assert await s.value("MeterValueSampleInterval") == "60"
    assert await s.value("metervaluesampleinterval") == "60"  # a CiString


@case
async def test_tc_040_1_change_of_an_unknown_key(s):
    answer = await s.ask("ChangeConfiguration", key="NoSuchKey", value="1")
    assert answer == {"status": "NotSupported"}


@case
async def test_tc_040_2_change_to_an_invalid_value(s):
    before = await s.value("MeterValueSampleInterval")
    answer = await s.ask("ChangeConfiguration", key="MeterValueSampleInterval", value="-1")
    assert answer == REJECTED
    assert await s.value("MeterValueSampleInterval") == before


# --- triggered messages


@pytest.mark.parametrize(
    "message",
    [
        "MeterValues",
        "Heartbeat",
        "StatusNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
    ],
)
def test_tc_054_trigger_message(station, message):
    async def story(s):
        await s.online()
        s.point.updater = object()  # a board that can be updated
        await s.configure(MeterValuesSampledData="Energy.Active.Import.Register")
        s.forget()
        number = {"connectorId": 1} if message in ("MeterValues", "StatusNotification") else {}
        assert await s.ask("TriggerMessage", requestedMessage=message, **number) == ACCEPTED
        await s.until(lambda: s.count(message))
        await asyncio.sleep(2)
        (payload,) = s.received(message)
        answered = [m["action"] for m in s.record.messages].index("CALLRESULT")
        assert answered == 0, "the answer comes first"
        if message == "MeterValues":
            (value,) = payload["meterValue"][0]["sampledValue"]
            assert value.get("context") == "Trigger"
        elif message.endswith("sStatusNotification") or message.startswith("Firmware"):
            assert payload == {"status": "Idle"}

    station.play(story)


@case
async def test_tc_054_a_board_without_an_update_has_no_firmware_status(s):
    message = {"requestedMessage": "FirmwareStatusNotification"}
    assert await s.ask("TriggerMessage", **message) == {"status": "NotImplemented"}


@case
async def test_tc_054_a_trigger_without_a_connector_is_for_all(s):
    s.forget()
    assert await s.ask("TriggerMessage", requestedMessage="StatusNotification") == ACCEPTED
    await s.until(lambda: s.count("StatusNotification") == 2)
    assert (s.statuses(0), s.statuses(1)) == (["Available"], ["Available"])


@pytest.mark.parametrize("message", ["MeterValues", "StatusNotification"])
def test_tc_055_trigger_message_of_an_unknown_connector(station, message):
    async def story(s):
        await s.online()
        s.forget()
        answer = await s.ask("TriggerMessage", requestedMessage=message, connectorId=2)
        assert answer == REJECTED or answer["error"]["code"] == "PropertyConstraintViolation"
        await asyncio.sleep(3)
        assert s.count(message) == 0

    station.play(story)
