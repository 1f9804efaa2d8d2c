"""What the demo back office asks of the charge point, over real sockets in virtual time."""

import asyncio

import pytest
from ocpp_rig import IDENTITY, Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_remote_start_asks_for_the_tag_and_remote_stop_ends_it(rig):
    async def story(rig):
        await rig.online()
        start = await rig.call("RemoteStartTransaction", idTag="REMOTE", connectorId=1)
        assert start == {"result": {"status": "Accepted"}}
        await rig.until(lambda: rig.record.transactions)
        assert rig.actions.index("Authorize") < rig.actions.index("StartTransaction")
        busy = await rig.call("RemoteStartTransaction", idTag="REMOTE")
        assert busy == {"result": {"status": "Rejected"}}
        unknown = await rig.call("RemoteStopTransaction", transactionId=99)
        assert unknown == {"result": {"status": "Rejected"}}
        stop = await rig.call("RemoteStopTransaction", transactionId=1)
        assert stop == {"result": {"status": "Accepted"}}
        await rig.delivered()
        await asyncio.sleep(0.5)
        assert rig.record.transactions[1]["reason"] == "Remote"

    rig.play(story)


def test_remote_start_of_a_blocked_tag_starts_nothing(rig):
    async def story(rig):
        await rig.online()
        await rig.call("RemoteStartTransaction", idTag="DEADBEEF")
        await asyncio.sleep(5)
        assert rig.charger.session is None
        assert "StartTransaction" not in rig.actions

    rig.play(story)


def test_remote_start_without_authorization_starts_at_once(tmp_path):
    rig = Rig(tmp_path, authorize_remote_tx=False)

    async def story(rig):
        await rig.online()
        assert (await rig.call("RemoteStartTransaction", idTag="X"))["result"][
            "status"
        ] == "Accepted"
        assert rig.charger.session.id_tag == "X"
        connector = await rig.call("RemoteStartTransaction", idTag="X", connectorId=2)
        assert connector == {"result": {"status": "Rejected"}}
        assert "Authorize" not in rig.actions

    rig.play(story)


def test_a_reset_ends_the_session_tells_it_and_comes_after_the_answer(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        assert await rig.call("Reset", type="Soft") == {"result": {"status": "Accepted"}}
        await rig.until(lambda: rig.resets)
        assert rig.resets == ["Soft"]
        assert rig.record.transactions[1]["reason"] == "SoftReset"

    rig.play(story)


def test_availability_changes_at_once_or_after_the_session(rig):
    async def story(rig):
        await rig.online()
        off = {"connectorId": 0, "type": "Inoperative"}
        assert await rig.call("ChangeAvailability", **off) == {"result": {"status": "Accepted"}}
        await asyncio.sleep(1)
        assert {s["status"] for s in rig.record.status.values()} == {"Unavailable"}
        on = {"connectorId": 0, "type": "Operative"}
        assert await rig.call("ChangeAvailability", **on) == {"result": {"status": "Accepted"}}
        rig.charger.start("CARD")
        assert await rig.call("ChangeAvailability", **off) == {"result": {"status": "Scheduled"}}
        await asyncio.sleep(1)
        assert rig.record.status["1"]["status"] == "Charging"
        rig.charger.stop("Local")
        await rig.until(lambda: rig.record.status["1"]["status"] == "Unavailable")
        wrong = await rig.call("ChangeAvailability", connectorId=2, type="Inoperative")
        assert wrong == {"result": {"status": "Rejected"}}

    rig.play(story)


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Reset", {}, "OccurenceConstraintViolation"),
        ("Reset", {"type": "Sideways"}, "PropertyConstraintViolation"),
        ("Reset", {"type": 1}, "TypeConstraintViolation"),
        ("RemoteStopTransaction", {"transactionId": True}, "TypeConstraintViolation"),
        ("RemoteStopTransaction", {"transactionId": 1.5}, "TypeConstraintViolation"),
        ("RemoteStartTransaction", {"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ("GetConfiguration", {"key": "all"}, "TypeConstraintViolation"),
        ("MakeCoffee", {}, "NotImplemented"),
        ("GetConfiguration", {"key": ["k"] * 81}, "OccurenceConstraintViolation"),
        ("GetConfiguration", {"key": ["x" * 51]}, "PropertyConstraintViolation"),
        (
            "ChangeAvailability",
            {"connectorId": -1, "type": "Operative"},
            "PropertyConstraintViolation",
        ),
        ("DataTransfer", {"vendorId": "x", "data": {}}, "TypeConstraintViolation"),
    ],
)
def test_wrong_requests_are_refused_by_the_fitting_code(rig, action, payload, code):
    async def story(rig):
        await rig.online()
        answer = await rig.csms.call(IDENTITY, action, payload)
        assert answer["error"]["code"] == code
        assert rig.point.online

    rig.play(story)


def test_frames_of_rubbish_do_not_cost_the_line(rig):
    async def story(rig):
        await rig.online()
        line = rig.csms._peers[IDENTITY][0]
        for text in (
            "rubbish",
            "{}",
            "[]",
            '[2,"1"]',
            '[2,7,"Reset",{}]',
            '[2,"1","Reset",[]]',
            '[2,"' + "9" * 37 + '","Reset",{}]',
            '[3,"nobody asked",{}]',
            '[4,"nobody asked","InternalError","",{}]',
            '[9,"unknown type"]',
            "[" * 5000 + "]" * 5000,
        ):
            await line._send(text)
        await asyncio.sleep(1)
        errors = [payload[0] for payload in rig.record.received("CALLERROR")]
        assert errors == ["FormationViolation"] * 8
        assert await rig.point.authorize("CARD") == "Accepted"
        assert rig.record.boots == 1

    rig.play(story)


CHANGES = (
    ("MeterValueSampleInterval", "30", "Accepted"),
    ("MeterValueSampleInterval", "-1", "Rejected"),
    ("MeterValueSampleInterval", "soon", "Rejected"),
    ("MeterValuesSampledData", "Voltage,Current.Import", "Accepted"),
    ("MeterValuesSampledData", "Voltage,SoC", "Rejected"),
    ("AuthorizeRemoteTxRequests", "false", "Accepted"),
    ("AuthorizeRemoteTxRequests", "maybe", "Rejected"),
    ("LocalPreAuthorize", "true", "Accepted"),
    ("AuthorizationKey", "0123456789abcdef" * 2, "Accepted"),
    ("AuthorizationKey", "0123456789abcdef", "Rejected"),
    ("stoptransactiononevsidedisconnect", "FALSE", "Accepted"),
    ("StopTransactionOnEVSideDisconnect", "IC Card", "Rejected"),
    ("UnlockConnectorOnEVSideDisconnect", "false", "Rejected"),  # the cable is fixed
    ("MessageTimeout", "45", "Accepted"),
    ("ConnectorPhaseRotation", "0.RST,1.STR", "Accepted"),
    ("ConnectorPhaseRotation", "1.RTX", "Rejected"),
    ("MinimumStatusDuration", "-1", "Rejected"),
    ("ConnectionTimeOut", "90", "Accepted"),
    ("LightIntensity", "50", "Rejected"),
    ("ChargeProfileMaxStackLevel", "3", "Rejected"),
    ("NumberOfConnectors", "2", "Rejected"),
    ("NoSuchKey", "1", "NotSupported"),
)


def test_configuration_is_read_and_changed_through_the_settings(rig):
    async def story(rig):
        await rig.online()
        keys = (await rig.call("GetConfiguration"))["result"]["configurationKey"]
        assert {"key": "NumberOfConnectors", "readonly": True, "value": "1"} in keys
        some = (await rig.call("GetConfiguration", key=["nope", "metervaluesampleinterval"]))[
            "result"
        ]
        assert some["unknownKey"] == ["nope"]
        assert some["configurationKey"][0]["key"] == "MeterValueSampleInterval"
        for key, value, status in CHANGES:
            answer = await rig.call("ChangeConfiguration", key=key, value=value)
            assert answer == {"result": {"status": status}}, key
        assert rig.settings.get("meter_value_sample_interval") == 30
        assert rig.settings.get("authorize_remote_tx") is False
        assert rig.settings.get("local_pre_authorize") is True
        assert rig.settings.get("basic_auth_password") == "hex:" + "0123456789abcdef" * 2
        assert rig.settings.get("stop_mode") == "IC Card"
        assert rig.settings.get("pdu_timeout") == 45
        told = await rig.call("GetConfiguration", key=["AuthorizationKey"])
        assert told["result"]["unknownKey"] == ["AuthorizationKey"]  # written only

    rig.play(story)


def test_debug_logs_each_message_by_its_name_and_without_what_is_in_it(rig):
    async def story(rig):
        from core import log

        await rig.online()
        log.show_debug(True)
        try:
            await rig.call("TriggerMessage", requestedMessage="Heartbeat")
            await asyncio.sleep(2)
            await rig.call("ChangeConfiguration", key="AuthorizationKey", value="0123456789abcdef")
        finally:
            log.show_debug(False)
        lines = "\n".join(log.lines())
        assert "D ocpp: is asked for ChangeConfiguration" in lines
        assert "D ocpp: sends Heartbeat" in lines
        assert "0123456789abcdef" not in lines

    rig.play(story)


def test_messages_are_sent_when_triggered(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        for message, status in (
            ("Heartbeat", "Accepted"),
            ("MeterValues", "Accepted"),
            ("StatusNotification", "Accepted"),
            ("BootNotification", "Accepted"),
            ("FirmwareStatusNotification", "NotImplemented"),
        ):
            answer = await rig.call("TriggerMessage", requestedMessage=message)
            assert answer == {"result": {"status": status}}
        far = await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=2)
        assert far == {"result": {"status": "Rejected"}}
        await asyncio.sleep(2)
        assert rig.actions.count("Heartbeat") == 1
        assert rig.record.boots == 2
        values = rig.record.received("MeterValues")[0]
        assert values["transactionId"] == 1
        assert values["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"

    rig.play(story)


@pytest.mark.parametrize(
    "settings, connector, opens, status, asked",
    [
        ({"cable_or_socket": "Socket"}, 1, True, "Unlocked", 1),
        ({"cable_or_socket": "Socket"}, 1, False, "UnlockFailed", 1),
        ({"cable_or_socket": "Socket"}, 2, True, "NotSupported", 0),
        ({"cable_or_socket": "Cable"}, 1, True, "NotSupported", 0),
    ],
)
def test_unlock_ends_the_session_and_tells_what_the_lock_did(
    tmp_path, settings, connector, opens, status, asked
):
    """Section 5.18. The answer waits for the car, the contactor and the motor."""
    rig = Rig(tmp_path, **settings)
    unlocks = []

    async def unlock():
        unlocks.append(rig.charger.session)
        await asyncio.sleep(4)
        return opens

    async def story(rig):
        rig.point.on_unlock = unlock
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        answer = await rig.call("UnlockConnector", connectorId=connector)
        assert answer == {"result": {"status": status}}
        assert unlocks == [None] * asked  # the session had ended before
        await rig.delivered()
        assert rig.record.transactions[1].get("reason") == ("UnlockCommand" if asked else None)

    rig.play(story)
