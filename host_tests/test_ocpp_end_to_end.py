"""The charge point against the demo back office, over real sockets in virtual time."""

import asyncio

import pytest
from ocpp_rig import IDENTITY, CardboardCharger, Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_a_boot_registers_and_tells_the_status_of_both_connectors(rig):
    async def story(rig):
        await rig.online()
        assert rig.actions[:3] == ["BootNotification", "StatusNotification", "StatusNotification"]
        boot = rig.record.received("BootNotification")[0]
        assert boot["chargePointSerialNumber"] == "SN-1"
        assert boot["firmwareVersion"] == "0.1.0"
        assert {connector: s["status"] for connector, s in rig.record.status.items()} == {
            "0": "Available",
            "1": "Available",
        }
        assert rig.point.state == "Connected"

    rig.play(story)


def test_nothing_but_boot_notifications_is_sent_while_registration_is_pending(rig):
    async def story(rig):
        rig.csms.boot_status = "Pending"
        rig.csms.heartbeat_s = 30
        await rig.until(lambda: rig.record.boots == 1)
        rig.charger.become("Preparing")
        rig.charger.start("CARD")
        answer = await rig.call("GetConfiguration", key=["NumberOfConnectors"])
        assert answer["result"]["configurationKey"][0]["value"] == "1"
        started = await rig.call("RemoteStartTransaction", idTag="CARD")
        assert started == {"result": {"status": "Rejected"}}
        await rig.until(lambda: rig.record.boots == 2)
        assert not rig.point.online
        assert "Pending" in rig.point.state
        assert set(rig.actions) == {"BootNotification", "CALLRESULT"}
        rig.csms.boot_status = "Accepted"
        await rig.online()
        await rig.delivered()
        assert rig.record.received("StartTransaction")[0]["idTag"] == "CARD"

    rig.play(story)


def test_a_rejected_charge_point_answers_no_requests(rig):
    async def story(rig):
        rig.csms.boot_status = "Rejected"
        rig.csms.heartbeat_s = 600
        await rig.until(lambda: rig.record.boots == 1)
        assert await rig.call("ClearCache") == {"error": "no answer within 30 s"}

    rig.play(story)


def test_an_unanswered_boot_is_repeated_as_often_as_the_setting_says(tmp_path):
    rig = Rig(tmp_path, boot_interval=5, boot_retries=2, pdu_timeout=5)

    async def story(rig):
        rig.csms.ignored_actions = {"BootNotification"}
        await asyncio.sleep(120)
        assert rig.actions.count("BootNotification") == 3

    rig.play(story)


def test_heartbeats_come_at_the_interval_that_the_back_office_gave(rig):
    async def story(rig):
        rig.csms.heartbeat_s = 20
        await rig.online()
        await asyncio.sleep(61)
        assert rig.actions.count("Heartbeat") == 3
        changed = await rig.call("ChangeConfiguration", key="heartbeatinterval", value="10")
        assert changed == {"result": {"status": "Accepted"}}
        await asyncio.sleep(41)
        assert rig.actions.count("Heartbeat") == 7

    rig.play(story)


def test_tags_are_accepted_refused_or_unknown_when_nobody_can_be_asked(rig):
    async def story(rig):
        await rig.online()
        assert await rig.point.authorize("04A1B2C3") == "Accepted"
        assert await rig.point.authorize("deadbeef") == "Blocked"
        rig.csms.ignored_actions = {"Authorize"}
        assert await rig.point.authorize("04A1B2C3") is None
        await rig.csms.stop()
        await rig.until(lambda: not rig.point.online)
        assert await rig.point.authorize("04A1B2C3") is None

    rig.play(story)


def test_a_transaction_is_told_whole_and_in_order(tmp_path):
    rig = Rig(
        tmp_path,
        meter_value_sample_interval=10,
        meter_values_sampled_data="Energy.Active.Import.Register,Power.Active.Import,Voltage",
    )

    async def story(rig):
        await rig.online()
        rig.charger.become("Preparing")
        rig.charger.start("CARD")
        await asyncio.sleep(35)
        rig.charger.meter.energy_wh = 101_500
        rig.charger.stop("Local", "CARD")
        await rig.delivered()
        transactional = [
            action for action in rig.actions if "Transaction" in action or "Values" in action
        ]
        assert transactional == ["StartTransaction", *["MeterValues"] * 3, "StopTransaction"]
        stop = rig.record.received("StopTransaction")[0]
        assert stop == {
            "transactionId": 1,
            "meterStop": 101_500,
            "timestamp": stop["timestamp"],
            "reason": "Local",
            "idTag": "CARD",
        }
        values = rig.record.received("MeterValues")[0]
        assert values["transactionId"] == 1
        sampled = values["meterValue"][0]["sampledValue"]
        assert [(v["measurand"], v["value"], v["unit"], v.get("phase")) for v in sampled] == [
            ("Energy.Active.Import.Register", "100000", "Wh", None),
            ("Power.Active.Import", "7243.5", "W", None),
            ("Voltage", "230.1", "V", "L1-N"),
            ("Voltage", "229.9", "V", "L2-N"),
            ("Voltage", "231", "V", "L3-N"),
        ]
        assert {v["context"] for v in sampled} == {"Sample.Periodic"}

    rig.play(story)


@pytest.mark.parametrize("goodbye", [True, False])
def test_what_happens_during_an_outage_is_told_once_and_in_order_afterwards(tmp_path, goodbye):
    rig = Rig(tmp_path, meter_value_sample_interval=10)

    async def story(rig):
        await rig.online()
        rig.charger.start("FIRST")
        await rig.delivered()
        if not goodbye:
            rig.csms.cut(IDENTITY)
        await rig.csms.stop()
        await rig.until(lambda: not rig.point.online)
        await asyncio.sleep(30)
        rig.charger.stop("EVDisconnected")
        rig.charger.start("SECOND")
        await asyncio.sleep(25)
        rig.charger.stop("Local")
        assert rig.point.queue.pending >= 7
        assert rig.point.state.startswith(("Not connected", "Connecting"))
        await rig.csms.start()
        await rig.online()
        await rig.delivered()
        assert rig.record.boots == 1
        first, second = rig.record.transactions.values()
        assert (first["idTag"], first["starts"], first["stops"]) == ("FIRST", 1, 1)
        assert (second["idTag"], second["starts"], second["stops"]) == ("SECOND", 1, 1)
        assert (first["reason"], second["reason"]) == ("EVDisconnected", "Local")
        assert first["meter_values"] in (2, 3)
        assert second["meter_values"] == 2
        queued = [
            payload.get("timestamp") or payload["meterValue"][0]["timestamp"]
            for message in rig.record.messages
            for payload in [message["payload"]]
            if "Transaction" in message["action"] or message["action"] == "MeterValues"
        ]
        assert queued == sorted(queued)
        assert len(queued) == 4 + first["meter_values"] + second["meter_values"]
        assert rig.record.status["1"]["status"] == "Finishing"

    rig.play(story)


def test_a_line_that_falls_silent_is_noticed_and_replaced(rig):
    async def story(rig):
        await rig.online()
        socket = rig.point.line._socket
        peer, request, answering = rig.csms._peers[IDENTITY]
        answering._autoping = False
        request.transport.pause_reading()  # as when a router forgets the connection
        await asyncio.sleep(50)
        assert rig.point.online
        await rig.until(lambda: rig.point.line._socket not in (socket, None), 60)
        await rig.online()

    rig.play(story)


def test_values_that_nobody_answers_are_dropped_after_three_attempts_and_the_rest_goes_on(
    tmp_path,
):
    rig = Rig(tmp_path, meter_value_sample_interval=60, pdu_timeout=5)

    async def story(rig):
        await rig.online()
        rig.csms.refused_actions = {"MeterValues"}
        rig.charger.start("CARD")
        await asyncio.sleep(62)
        rig.charger.stop("Local")
        await asyncio.sleep(55)
        assert rig.actions.count("MeterValues") == 1
        await asyncio.sleep(10)
        assert rig.actions.count("MeterValues") == 2
        assert "StopTransaction" not in rig.actions
        await rig.delivered()
        assert rig.actions.count("MeterValues") == 3
        assert rig.actions[-1] == "StopTransaction"

    rig.play(story)


def test_a_transaction_of_a_refused_tag_is_stopped(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("DEADBEEF")
        await rig.until(lambda: rig.charger.session is None)
        await rig.delivered()
        assert rig.record.received("StopTransaction")[0]["reason"] == "DeAuthorized"

    rig.play(story)


def test_error_codes_are_told_or_kept_back_as_the_setting_says(rig):
    async def story(rig):
        await rig.online()
        rig.charger.reason = "Residual current"
        rig.charger.become("Faulted", "GroundFailure", "residual_current")
        await asyncio.sleep(1)
        assert rig.record.status["1"] == {
            "status": "Faulted",
            "errorCode": "GroundFailure",
            "info": "Residual current",
            "vendorErrorCode": "residual_current",
        }
        assert rig.record.status["0"]["status"] == "Faulted"
        rig.charger.become("Available")
        rig.settings.change({"send_error_status": False})
        rig.charger.become("Faulted", "GroundFailure", "residual_current")
        await asyncio.sleep(1)
        assert rig.record.status["1"] == {"status": "Faulted", "errorCode": "NoError"}

    rig.play(story)


@pytest.mark.parametrize("start_delivered", [True, False])
def test_a_power_cut_during_a_session_ends_as_a_stop_of_that_transaction(
    tmp_path, start_delivered
):
    rig = Rig(tmp_path)

    async def story(rig):
        await rig.online()
        if not start_delivered:
            await rig.csms.stop()
            await rig.until(lambda: not rig.point.online)
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        session = rig.charger.session
        rig.power_cut(CardboardCharger(session.number + 1))
        session.reason, session.stop_unix_s = "PowerLoss", 0
        rig.charger.emit("stop", session)
        rig.charger.emit("stop", session)  # another cut before the charger had noted it
        rig.switch_on()
        if not start_delivered:
            await asyncio.sleep(20)
            await rig.csms.start()
        await rig.online()
        await rig.delivered()
        (transaction,) = rig.record.transactions.values()
        assert (transaction["idTag"], transaction["reason"]) == ("CARD", "PowerLoss")
        assert (transaction["starts"], transaction["stops"]) == (1, 1)
        assert transaction["stop"] >= transaction["start"]

    rig.play(story)


def test_sessions_before_the_clock_is_known_get_their_true_times(rig):
    async def story(rig):
        await rig.csms.stop()
        rig.charger.start("EARLY")
        await asyncio.sleep(100)
        rig.charger.stop("Local")
        await asyncio.sleep(50)
        await rig.csms.start()
        await rig.online()
        await rig.delivered()
        from core import clock

        (transaction,) = rig.record.transactions.values()
        start_s = clock.parse_iso8601(transaction["start"])
        assert 100 <= clock.parse_iso8601(transaction["stop"]) - start_s <= 101
        assert 149 <= clock.unix_s() - start_s <= 170

    from core import clock

    clock._boot_unix_s = 0
    rig.play(story)


def test_another_address_is_taken_up_without_a_restart(rig):
    async def story(rig):
        await rig.online()
        rig.settings.change({"backend_chargepoint_id": "OTHER"})
        await rig.until(lambda: rig.csms.is_connected("OTHER") and rig.point.online)
        assert rig.csms.record("OTHER").boots == 1
        assert not rig.csms.is_connected(IDENTITY)
        rig.settings.change({"backend_url": ""})
        await rig.until(lambda: rig.point.state == "Off")
        assert not rig.csms.is_connected("OTHER")

    rig.play(story)
