"""What a back office asks of the slaves of a group: availability, profiles, reservations, values, resets."""

import asyncio

import pytest
from core import clock
from group_ocpp_rig import GroupStation, remote_start, story
from octt_rig import ACCEPTED, OTHER_TAG, REJECTED, TAG


@pytest.fixture
def make_station(tmp_path, monkeypatch):
    """make_station(slaves=2, **settings) makes a master with slaves."""
    return lambda **settings: GroupStation(tmp_path, monkeypatch, **settings)


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
