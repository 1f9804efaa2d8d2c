"""Cases of the OCA's test tool for charge points, OCPP 1.6: boot, identification, cable, remote control."""

import asyncio

import pytest
import virtual_time
from evse import faults
from octt_rig import ACCEPTED, OTHER_TAG, REJECTED, TAG, case


def now_s() -> float:
    """Virtual time."""
    return virtual_time.clock.now_us / 1e6


# --- cold boot


def test_tc_001_cold_boot(station):
    station.csms.boot_status = "Rejected"
    station.csms.heartbeat_s = 30

    async def story(s):
        await s.until(lambda: s.record.boots == 1)
        rejected_s = now_s()
        s.csms.boot_status, s.csms.heartbeat_s = "Accepted", 20
        await s.until(lambda: s.record.boots == 2)
        assert now_s() - rejected_s == pytest.approx(30, abs=1.5)
        await s.online()
        assert (s.statuses(0), s.statuses(1)) == (["Available"], ["Available"])
        s.forget()
        await asyncio.sleep(61)
        assert s.actions == ["Heartbeat"] * 3

    station.play(story)


def test_tc_002_cold_boot_pending(station):
    station.csms.boot_status = "Pending"
    station.csms.heartbeat_s = 20

    async def story(s):
        await s.until(lambda: s.record.boots == 1)
        pending_s = now_s()
        keys = (await s.ask("GetConfiguration"))["configurationKey"]
        assert len(keys) > 20
        await s.configure(MeterValueSampleInterval=60)
        s.csms.boot_status = "Accepted"
        await s.until(lambda: s.record.boots == 2)
        assert now_s() - pending_s == pytest.approx(20, abs=1.5)
        await s.online()

    station.play(story)


# --- a charge


@case
async def test_tc_003_charging_plug_in_first(s):
    s.forget()
    await s.plug()
    await s.reports("Preparing")
    assert await s.swipe() == "Accepted"
    await s.reports("Charging")
    await s.delivered()
    order = [action for action in s.actions if action != "StatusNotification"]
    assert order == ["Authorize", "StartTransaction"]
    assert s.statuses() == ["Preparing", "Charging"]
    assert s.transaction["idTag"] == TAG


@case
async def test_tc_004_1_charging_identification_first(s):
    s.forget()
    assert await s.swipe() == "Accepted"
    await s.reports("Preparing")
    assert s.count("StartTransaction") == 0
    await s.plug()
    await s.reports("Charging")
    await s.delivered()
    assert s.statuses() == ["Preparing", "Charging"]
    assert s.transaction["idTag"] == TAG


@case
async def test_tc_004_2_identification_first_connection_time_out(s):
    await s.configure(ConnectionTimeOut=10)
    s.forget()
    assert await s.swipe() == "Accepted"
    await s.reports("Preparing")
    prepared_s = now_s()
    await s.reports("Available")
    assert now_s() - prepared_s == pytest.approx(10, abs=2)
    await s.plug()
    await asyncio.sleep(5)
    assert s.count("StartTransaction") == 0


@case
async def test_tc_005_1_ev_side_disconnect_stops_and_unlocks(s):
    s.settings.change({"cable_or_socket": "Socket"})
    await s.configure(
        StopTransactionOnEVSideDisconnect="true", UnlockConnectorOnEVSideDisconnect="true"
    )
    await s.charge()
    await s.unplug()
    await s.delivered()
    assert s.transaction["reason"] == "EVDisconnected"
    await s.reports("Available")


@case
async def test_tc_005_2_ev_side_disconnect_stops_and_keeps_the_plug(s):
    s.settings.change({"cable_or_socket": "Socket"})
    await s.configure(
        StopTransactionOnEVSideDisconnect="true", UnlockConnectorOnEVSideDisconnect="false"
    )
    await s.charge()
    await s.unplug()
    await s.delivered()
    assert s.transaction["reason"] == "EVDisconnected"
    assert s.record.status["1"]["status"] in ("Finishing", "Available")
    assert await s.ask("UnlockConnector", connectorId=1) == {"status": "Unlocked"}


@case
async def test_tc_005_3_ev_side_disconnect_does_not_stop(s):
    await s.configure(StopTransactionOnEVSideDisconnect="false")
    begun = await s.charge()
    s.forget()
    await s.unplug()
    await s.until(lambda: s.statuses())
    told = s.received("StatusNotification")[-1]
    assert told["status"] in ("SuspendedEV", "SuspendedEVSE")
    assert "EV side disconnected" in told.get("info", "")
    assert s.count("StopTransaction") == 0
    assert not s.coil
    assert await s.ask("RemoteStopTransaction", transactionId=begun["id"]) == ACCEPTED
    await s.delivered()
    assert s.transaction["reason"] == "Remote"
    assert s.record.status["1"]["status"] in ("Finishing", "Available")


# --- identification


@case
async def test_tc_007_a_cached_id_starts_without_authorize(s):
    await s.configure(AuthorizationCacheEnabled="true", LocalPreAuthorize="true")
    await s.plug()
    await s.swipe()
    await s.reports("Charging")
    await s.swipe()
    await s.unplug()
    await s.delivered()
    s.forget()
    await s.plug()
    assert await s.swipe() == "Accepted"
    await s.reports("Charging")
    await s.delivered()
    assert s.count("Authorize") == 0
    assert len(s.record.transactions) == 2


@pytest.mark.parametrize("status", ["Invalid", "Expired", "Blocked"])
def test_tc_023_an_id_that_is_not_accepted_starts_nothing(station, status):
    station.csms.tags[TAG] = {"status": status}

    async def story(s):
        await s.online()
        await s.plug()
        assert await s.swipe() == status
        await asyncio.sleep(5)
        assert s.count("Authorize") == 1
        assert s.count("StartTransaction") == 0
        assert not s.coil

    station.play(story)


@case
async def test_tc_061_clear_cache(s):
    await s.configure(AuthorizationCacheEnabled="true", LocalPreAuthorize="true")
    await s.plug()
    await s.swipe()
    await s.reports("Charging")
    await s.swipe()
    await s.unplug()
    assert await s.ask("ClearCache") == ACCEPTED
    s.forget()
    await s.plug()
    await s.swipe()
    await s.reports("Charging")
    assert s.count("Authorize") == 1


@case
async def test_tc_068_only_the_same_id_stops(s):
    await s.plug()
    await s.swipe()
    await s.reports("Charging")
    s.forget()
    assert await s.swipe(OTHER_TAG) == "ConcurrentTx"
    await asyncio.sleep(2)
    assert s.count("StopTransaction") == s.count("Authorize") == 0
    assert await s.swipe(TAG) == "Accepted"
    await s.delivered()
    assert s.count("Authorize") == 0
    assert s.received("StopTransaction")[0]["idTag"] == TAG
    assert s.transaction["reason"] == "Local"


def test_tc_069_an_id_of_the_same_parent_stops(station):
    for tag in (TAG, OTHER_TAG):
        station.csms.tags[tag] = {"status": "Accepted", "parentIdTag": "FAMILY"}
    station.csms.tags["57A46E00"] = {"status": "Accepted", "parentIdTag": "OTHERS"}

    async def story(s):
        await s.online()
        await s.plug()
        await s.swipe()
        await s.reports("Charging")
        assert await s.swipe("57A46E00") != "Accepted"
        assert await s.swipe(OTHER_TAG) == "Accepted"
        await s.delivered()
        assert s.received("StopTransaction")[0]["idTag"] == OTHER_TAG
        await s.reports("Finishing")

    station.play(story)


# --- remote control


@case
async def test_tc_010_remote_start_cable_first(s):
    await s.charge()
    assert s.coil
    assert s.count("Authorize") == 1  # AuthorizeRemoteTxRequests is true


@case
async def test_tc_011_1_remote_start_first(s):
    s.forget()
    assert await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=1) == ACCEPTED
    await s.reports("Preparing")
    await s.plug()
    await s.reports("Charging")
    await s.delivered()
    assert s.transaction["idTag"] == TAG


@case
async def test_tc_011_2_remote_start_first_time_out(s):
    await s.configure(ConnectionTimeOut=10)
    assert await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=1) == ACCEPTED
    await s.reports("Preparing")
    prepared_s = now_s()
    await s.reports("Available")
    assert now_s() - prepared_s == pytest.approx(10, abs=2)


@case
async def test_tc_012_remote_stop(s):
    begun = await s.charge()
    assert await s.ask("RemoteStopTransaction", transactionId=begun["id"]) == ACCEPTED
    await s.reports("Finishing")
    await s.delivered()
    assert s.transaction["reason"] == "Remote"
    assert s.transaction["meterStop"] >= s.transaction["meterStart"]
    await s.unplug()
    await s.reports("Available")


@case
async def test_tc_026_remote_start_while_a_transaction_runs(s):
    await s.charge()
    answer = await s.ask("RemoteStartTransaction", idTag=OTHER_TAG, connectorId=1)
    assert answer == REJECTED
    assert len(s.record.transactions) == 1


@case
async def test_tc_027_remote_start_on_connector_zero(s):
    await s.plug()
    answer = await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=0)
    assert answer == REJECTED or "error" in answer
    await asyncio.sleep(5)
    assert s.count("StartTransaction") == 0


@case
async def test_tc_028_remote_stop_of_an_unknown_transaction(s):
    begun = await s.charge()
    assert await s.ask("RemoteStopTransaction", transactionId=begun["id"] + 1) == REJECTED
    await asyncio.sleep(2)
    assert s.coil


# --- faults


@pytest.mark.parametrize("how", ["card", "remote"])
def test_tc_024_a_lock_that_fails_starts_no_transaction(station, how):
    async def story(s):
        await s.online()
        s.charger.book.set(faults.LOCK_JAM, True)
        await s.plug()
        if how == "card":
            await s.swipe()
        else:
            assert await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=1) == REJECTED
        told = await s.reports("Faulted")
        assert told["errorCode"] == "ConnectorLockFailure"
        await asyncio.sleep(3)
        assert s.count("StartTransaction") == 0
        assert not s.coil

    station.play(story)


@case
async def test_tc_041_a_faulted_charge_point_starts_no_transaction(s):
    s.charger.book.set(faults.GROUND_LOST, True)
    told = await s.reports("Faulted")
    assert told["errorCode"] == "GroundFailure"
    await s.reports("Faulted", connector=0)
    await s.plug()
    await s.swipe()
    assert await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=1) == REJECTED
    await asyncio.sleep(3)
    assert s.count("StartTransaction") == 0
    s.charger.book.set(faults.GROUND_LOST, False)
    await s.reports("Preparing")


@case
async def test_tc_062_data_transfer_to_an_unknown_vendor(s):
    answer = await s.ask("DataTransfer", vendorId="org.example", messageId="m", data="d")
    assert answer["status"] in ("Rejected", "UnknownVendorId", "UnknownMessageId")
