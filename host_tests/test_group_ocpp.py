"""Slaves of a group as connectors of their master's charge point: what the back office sees and asks."""

import asyncio

import pytest
from auth import whitelist
from core import clock
from group_ocpp_rig import GroupStation
from octt_rig import ACCEPTED, OTHER_TAG, REJECTED, TAG


@pytest.fixture
def make_station(tmp_path, monkeypatch):
    """make_station(slaves=2, **settings) makes a master with slaves."""
    return lambda **settings: GroupStation(tmp_path, monkeypatch, **settings)


def story(function):
    """Tell a coroutine function of a master with two slaves as a test."""

    def test(make_station):
        make_station().play(function)

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__ = function.__doc__
    return test


async def remote_start(s, connector: int, tag: str = TAG) -> dict:
    """A car comes to a slave, and is started from afar; the transaction."""
    slave = s.slaves[connector - 2]
    await slave.plug()
    await s.reports("Preparing", connector)
    before = len(s.transactions_of(connector))
    answer = await s.ask("RemoteStartTransaction", idTag=tag, connectorId=connector)
    assert answer == ACCEPTED
    await s.reports("Charging", connector)
    await s.until(lambda: len(s.transactions_of(connector)) == before + 1)
    return s.transactions_of(connector)[-1]


@story
async def test_all_connectors_are_told_and_counted(s):
    assert await s.value("NumberOfConnectors") == "3"
    assert [s.statuses(connector) for connector in range(4)] == [["Available"]] * 4


@story
async def test_a_charge_at_a_slave_from_afar_to_its_end(s):
    started = await remote_start(s, 2)
    slave = s.slaves[0]
    assert started["idTag"] == TAG
    await asyncio.sleep(60)
    stop = await s.ask("RemoteStopTransaction", transactionId=started["id"])
    assert stop == ACCEPTED
    await s.until(lambda: s.count("StopTransaction") == 1)
    told = s.received("StopTransaction")[0]
    assert told["reason"] == "Remote"
    (session,) = slave.charger.session_log.read()
    assert told["meterStop"] == session.meter_stop_wh > started["meterStart"]
    await s.reports("Finishing", 2)
    assert s.count("StartTransaction") == 1 and not s.transactions_of(1)


@story
async def test_both_slaves_and_the_master_charge_at_once_each_with_its_transaction(s):
    await s.charge("MASTERTAG")
    first, second = await remote_start(s, 2, "ONE"), await remote_start(s, 3, "TWO")
    assert len({s.transaction["id"], first["id"], second["id"]}) == 2 + (s.transaction != second)
    stop = await s.ask("RemoteStopTransaction", transactionId=first["id"])
    assert stop == ACCEPTED
    await s.until(lambda: s.count("StopTransaction") == 1)
    await asyncio.sleep(5)
    told = s.received("StopTransaction")
    assert [entry["transactionId"] for entry in told] == [first["id"]]
    assert s.record.status["1"]["status"] == s.record.status["3"]["status"] == "Charging"


# --- the line to a slave is cut


@story
async def test_a_cut_line_while_it_charges_the_end_and_the_energy_come_later_once(s):
    started = await remote_start(s, 2)
    slave = s.slaves[0]
    slave.linked = False
    fault = await s.reports("Faulted", 2, 60)
    assert fault["errorCode"] == "OtherError"
    assert slave.charger.session and slave.charger.limits.reason == "group master"
    await asyncio.sleep(10)
    assert slave.charger.signaled_ma == 6000, "it goes on at its fallback current"
    await slave.unplug()
    ended_s, stopped_wh = clock.unix_s(), slave.meter.energy_wh
    assert s.count("StopTransaction") == 0
    await asyncio.sleep(100)
    slave.linked = True
    await s.until(lambda: s.count("StopTransaction") == 1)
    await asyncio.sleep(65)
    (told,) = s.received("StopTransaction")
    assert told["meterStop"] == stopped_wh and told["reason"] == "EVDisconnected"
    told_s = clock.parse_iso8601(told["timestamp"])
    assert abs(told_s - ended_s) <= 2, "the time of its end, not that of its telling"
    assert told["transactionId"] == started["id"]
    await s.reports("Available", 2)


@story
async def test_sessions_that_began_and_ended_without_the_master_are_told_in_their_order(s):
    slave = s.slaves[1]
    slave.settings.change({"offline_allow_unknown": True})
    slave.linked = False
    await asyncio.sleep(45)
    for tag in ("EARLY", "LATER"):
        await slave.plug()
        assert await slave.swipe(tag) == "Accepted"
        await asyncio.sleep(30)
        await slave.unplug()
        await asyncio.sleep(15)
    assert not s.transactions_of(3)
    slave.linked = True
    await s.until(lambda: s.count("StopTransaction") == 2)
    await asyncio.sleep(120)
    starts, stops = s.received("StartTransaction"), s.received("StopTransaction")
    assert [start["idTag"] for start in starts] == ["EARLY", "LATER"]
    assert [start["connectorId"] for start in starts] == [3, 3]
    assert starts[0]["timestamp"] < stops[0]["timestamp"] < starts[1]["timestamp"]
    assert starts[0]["meterStart"] < stops[0]["meterStop"] <= starts[1]["meterStart"]


# --- power cuts


@story
async def test_a_power_cut_of_the_master_during_a_slaves_transaction(s):
    started = await remote_start(s, 2)
    await s.restart()
    await asyncio.sleep(60)
    assert s.slaves[0].charger.session, "the slave has gone on"
    await s.slaves[0].unplug()
    await s.until(lambda: s.count("StopTransaction") == 1)
    assert s.received("StopTransaction")[0]["transactionId"] == started["id"]
    assert len(s.transactions_of(2)) == 1


@story
async def test_a_slaves_session_that_ended_while_the_master_was_off(s):
    started = await remote_start(s, 2)
    await s.power_off()
    await asyncio.sleep(30)
    await s.slaves[0].unplug()
    await asyncio.sleep(60)
    s.power_on()
    await s.online()
    await s.until(lambda: s.count("StopTransaction") == 1)
    await asyncio.sleep(65)
    (told,) = s.received("StopTransaction")
    assert told["transactionId"] == started["id"] and told["meterStop"] > started["meterStart"]
    assert told["reason"] == "EVDisconnected"


@story
async def test_a_power_cut_of_the_slave_ends_its_transaction_with_power_loss(s):
    started = await remote_start(s, 2)
    slave = s.slaves[0]
    await asyncio.sleep(90)
    await slave.power_off()
    slave.car.plugged = False
    await s.reports("Faulted", 2, 60)
    slave.power_on()
    await s.until(lambda: s.count("StopTransaction") == 1)
    await asyncio.sleep(65)
    (told,) = s.received("StopTransaction")
    assert told["reason"] == "PowerLoss" and told["transactionId"] == started["id"]
    assert told["meterStop"] > started["meterStart"]


@story
async def test_all_lose_power_and_the_back_office_is_away_nothing_is_lost_or_doubled(s):
    started = await remote_start(s, 2)
    await s.offline()
    await s.power_off()
    await s.slaves[0].power_off()
    s.slaves[0].car.plugged = False
    await asyncio.sleep(30)
    s.slaves[0].power_on()
    s.power_on()
    await asyncio.sleep(60)
    await s.csms.start()
    await s.online()
    await s.until(lambda: s.count("StopTransaction") == 1)
    await asyncio.sleep(120)
    assert s.received("StopTransaction")[0]["transactionId"] == started["id"]
    assert s.count("StopTransaction") == 1 and len(s.transactions_of(2)) == 1


@story
async def test_transactions_of_slaves_wait_in_the_queue_while_the_back_office_is_away(s):
    await s.offline()
    for slave, tag in zip(s.slaves, ("ONE", "TWO")):
        slave.settings.change({"offline_allow_unknown": True})
        s.settings.change({"offline_allow_unknown": True})
        await slave.plug()
        assert await slave.swipe(tag) == "Accepted"
    await asyncio.sleep(30)
    await s.slaves[1].unplug()
    await asyncio.sleep(30)
    await s.restart_offline()
    await s.back()
    await s.until(lambda: s.count("StopTransaction") == 1)
    assert [entry["idTag"] for entry in s.received("StartTransaction")] == ["ONE", "TWO"]
    assert s.received("StopTransaction")[0]["transactionId"] == s.transactions_of(3)[0]["id"]


@story
async def test_another_slave_in_its_place_begins_with_its_own_sessions(s):
    started = await remote_start(s, 2)
    await s.slaves[0].power_off()
    await s.reports("Faulted", 2, 60)
    other = s.slaves[0].replacement("SLAVE-9")
    s.slaves[0] = s.services.group_carrier.slaves[0] = other
    other.power_on()
    await other.plug()
    other.charger.start("BEFORE")
    await s.until(lambda: len(s.transactions_of(2)) == 2)
    (told,) = s.received("StopTransaction")
    assert told["transactionId"] == started["id"], "what the former one had begun is ended"
    assert s.transactions_of(2)[1]["idTag"] == "BEFORE"


# --- cards


@story
async def test_a_card_at_a_slave_is_asked_of_the_back_office_and_stops_what_it_started(s):
    slave = s.slaves[0]
    await slave.plug()
    assert await slave.swipe(TAG) == "Accepted"
    assert s.received("Authorize") == [{"idTag": TAG}]
    await s.reports("Charging", 2)
    assert await slave.swipe(OTHER_TAG) != "Accepted"
    assert await slave.swipe(TAG) == "Accepted"
    await s.until(lambda: s.count("StopTransaction") == 1)
    told = s.received("StopTransaction")[0]
    assert (told["reason"], told["idTag"]) == ("Local", TAG)


@story
async def test_a_blocked_card_does_not_charge_at_a_slave(s):
    slave = s.slaves[0]
    await slave.plug()
    assert await slave.swipe("DEADBEEF") == "Blocked"
    await asyncio.sleep(5)
    assert not slave.charger.session and not s.transactions_of(2)


@story
async def test_the_masters_whitelist_and_offline_rules_hold_for_cards_at_slaves(s):
    whitelist.insert(TAG, "/data/whitelist")
    s.settings.change(
        {
            "whitelist_enabled": True,
            "local_authorize_offline": True,
            "offline_allow_unknown": False,
        }
    )
    await s.offline()
    slave = s.slaves[0]
    slave.settings.change({"offline_allow_unknown": True})  # which does not count
    await slave.plug()
    assert await slave.swipe(OTHER_TAG) == "Invalid"
    assert await slave.swipe(TAG) == "Accepted"


@story
async def test_a_tag_whose_start_is_refused_is_stopped_at_the_slave(s):
    slave = s.slaves[0]
    await slave.plug()
    assert slave.charger.start("DEADBEEF") == ""
    await s.until(lambda: s.count("StopTransaction") == 1)
    assert s.received("StopTransaction")[0]["reason"] == "DeAuthorized"
    assert not slave.charger.session


# --- what the back office asks for


@story
async def test_availability_of_a_slave_is_kept_and_scheduled(s):
    await remote_start(s, 2)
    for connector, answer in ((2, "Scheduled"), (3, "Accepted")):
        told = await s.ask("ChangeAvailability", connectorId=connector, type="Inoperative")
        assert told == {"status": answer}
    await s.reports("Unavailable", 3)
    assert s.record.status["1"]["status"] == "Available"
    await s.slaves[0].unplug()
    await s.reports("Unavailable", 2)
    await s.restart()
    await s.reports("Unavailable", 2)
    answer = await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=2)
    assert answer == REJECTED
    await s.ask("ChangeAvailability", connectorId=0, type="Operative")
    await s.reports("Available", 2)
    await s.reports("Available", 3)


@story
async def test_the_whole_out_of_service_takes_all_connectors_with_it(s):
    told = await s.ask("ChangeAvailability", connectorId=0, type="Inoperative")
    assert told == ACCEPTED
    for connector in range(4):
        await s.reports("Unavailable", connector)


@story
async def test_unlocking_a_slaves_plug(s):
    slave = s.slaves[0]
    slave.settings.change({"cable_or_socket": "Socket"})
    await remote_start(s, 2)
    assert await s.ask("UnlockConnector", connectorId=2) == {"status": "Unlocked"}
    assert slave.charger.connector.unlocks == 1
    await s.until(lambda: s.count("StopTransaction") == 1)
    assert s.received("StopTransaction")[0]["reason"] == "UnlockCommand"
    slave.charger.connector.opens = False
    assert await s.ask("UnlockConnector", connectorId=2) == {"status": "UnlockFailed"}
    assert await s.ask("UnlockConnector", connectorId=4) == {"status": "NotSupported"}


@story
async def test_triggered_messages_of_a_slave(s):
    await remote_start(s, 3)
    s.forget()
    for message in ("StatusNotification", "MeterValues"):
        assert await s.ask("TriggerMessage", requestedMessage=message, connectorId=3) == ACCEPTED
        await s.until(lambda message=message: s.count(message) == 1)
    assert s.received("StatusNotification")[0]["connectorId"] == 3
    values = s.received("MeterValues")[0]
    assert values["connectorId"] == 3
    assert values["transactionId"] == s.transactions_of(3)[0]["id"]
    refused = await s.ask("TriggerMessage", requestedMessage="MeterValues", connectorId=4)
    assert refused == REJECTED


def test_meter_values_of_a_slaves_transaction_and_by_the_clock(make_station):
    s = make_station(
        meter_value_sample_interval=60,
        clock_aligned_interval=300,
        meter_values_sampled_data="Energy.Active.Import.Register,Current.Import,Voltage",
        stop_txn_sampled_data="Energy.Active.Import.Register",
    )

    async def told(s):
        started = await remote_start(s, 2)
        await asyncio.sleep(200)
        sent = [
            value
            for value in s.received("MeterValues")
            if "Periodic" in value["meterValue"][0]["sampledValue"][0]["context"]
        ]
        assert {value["transactionId"] for value in sent} == {started["id"]}
        assert len(sent) == 3 and {v["connectorId"] for v in sent} == {2}
        sampled = sent[-1]["meterValue"][0]["sampledValue"]
        energies = [v["value"] for v in sampled if v["measurand"].startswith("Energy")]
        assert 0 <= s.slaves[0].meter.energy_wh - int(energies[0]) < 4000
        await asyncio.sleep(120)
        aligned = [v for v in s.received("MeterValues") if v["connectorId"] == 3]
        assert aligned, "also while it is idle"
        await s.slaves[0].unplug()
        await s.until(lambda: s.count("StopTransaction") == 1)
        data = s.received("StopTransaction")[0]["transactionData"]
        contexts = [entry["sampledValue"][0]["context"] for entry in data]
        assert contexts[0] == "Transaction.Begin" and contexts[-1] == "Transaction.End"
        (session,) = s.slaves[0].charger.session_log.read()
        assert data[-1]["sampledValue"][0]["value"] == str(session.meter_stop_wh)

    s.play(told)


def profile(limit_a: float, purpose: str = "TxDefaultProfile", **more) -> dict:
    """Without an end."""
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        },
        **more,
    }


@story
async def test_charging_profiles_of_a_slave(s):
    started = await remote_start(s, 2)
    slave = s.slaves[0]
    tx = profile(8, "TxProfile", transactionId=started["id"])
    told = await s.ask("SetChargingProfile", connectorId=2, csChargingProfiles=tx)
    assert told == ACCEPTED
    await s.until(lambda: slave.charger.signaled_ma == 8000)
    assert slave.charger.limit_reason == "charging profile"
    wrong = await s.ask("SetChargingProfile", connectorId=3, csChargingProfiles=tx)
    assert wrong == REJECTED
    schedule = await s.ask("GetCompositeSchedule", connectorId=2, duration=60)
    assert schedule["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 8
    await slave.unplug()
    await s.reports("Available", 2)
    default = profile(10)
    told = await s.ask("SetChargingProfile", connectorId=0, csChargingProfiles=default)
    assert told == ACCEPTED
    await remote_start(s, 2)
    await s.until(lambda: slave.charger.signaled_ma == 10000)


@story
async def test_a_maximum_for_the_charge_point_is_one_for_the_whole_group(s):
    for connector in (2, 3):
        await remote_start(s, connector, f"TAG{connector}")
    most = profile(20, "ChargePointMaxProfile", chargingProfileKind="Absolute")
    told = await s.ask("SetChargingProfile", connectorId=0, csChargingProfiles=most)
    assert told == ACCEPTED
    await asyncio.sleep(60)
    signaled = [slave.charger.signaled_ma for slave in s.slaves]
    assert sum(signaled) <= 20000 and min(signaled) >= 6000
    schedule = await s.ask("GetCompositeSchedule", connectorId=0, duration=60)
    assert schedule["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 20
    assert await s.ask("ClearChargingProfile", id=1) == ACCEPTED
    await s.until(lambda: s.slaves[0].charger.signaled_ma > 20000, 120)


async def reserve(s, connector: int, number: int = 7, **more) -> dict:
    """For TAG."""
    expiry = clock.iso8601(int(clock.unix_s() + 600))
    payload = {"connectorId": connector, "expiryDate": expiry, "idTag": TAG}
    return await s.ask("ReserveNow", **{**payload, "reservationId": number, **more})


@story
async def test_a_reservation_of_a_slave(s):
    assert await reserve(s, 3) == ACCEPTED
    await s.reports("Reserved", 3)
    slave = s.slaves[1]
    await slave.plug()
    assert await slave.swipe(OTHER_TAG) == "ConcurrentTx"
    answer = await s.ask("RemoteStartTransaction", idTag=OTHER_TAG, connectorId=3)
    assert answer == REJECTED
    await s.restart()
    assert await slave.swipe(TAG) == "Accepted"
    await s.until(lambda: len(s.transactions_of(3)) == 1)
    assert s.received("StartTransaction")[0]["reservationId"] == 7
    await asyncio.sleep(5)
    answer = await s.ask("CancelReservation", reservationId=7)
    assert answer == REJECTED, "it was used"


@story
async def test_a_reservation_of_any_connector_and_its_end(s):
    await s.plug()
    await s.reports("Preparing", 1)
    assert await reserve(s, 0) == ACCEPTED
    await s.reports("Reserved", 2)
    assert await reserve(s, 3) == ACCEPTED, "the same number replaces it"
    await s.reports("Reserved", 3)
    await s.reports("Available", 2)
    assert await s.ask("CancelReservation", reservationId=7) == ACCEPTED
    await s.reports("Available", 3)


@story
async def test_a_start_for_any_connector_takes_the_one_with_a_car(s):
    await s.slaves[1].plug()
    await s.reports("Preparing", 3)
    assert await s.ask("RemoteStartTransaction", idTag=TAG) == ACCEPTED
    await s.reports("Charging", 3)


@story
async def test_a_slave_that_is_not_heard_takes_no_orders(s):
    s.slaves[0].linked = False
    await asyncio.sleep(40)
    answer = await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=2)
    assert answer == REJECTED
    assert await s.ask("UnlockConnector", connectorId=2) != {"status": "Unlocked"}


@story
async def test_a_reset_ends_the_transactions_of_all_connectors(s):
    started = await remote_start(s, 2)
    assert await s.ask("Reset", type="Soft") == ACCEPTED
    await s.until(lambda: s.resets == ["Soft"])
    (told,) = s.received("StopTransaction")
    assert (told["transactionId"], told["reason"]) == (started["id"], "SoftReset")
