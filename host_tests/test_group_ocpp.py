"""Slaves of a group as connectors of their master's charge point: what the back office sees and asks."""

import asyncio

import pytest
from auth import whitelist
from core import clock
from group_ocpp_rig import GroupStation, remote_start, story
from octt_rig import ACCEPTED, OTHER_TAG, TAG


@pytest.fixture
def make_station(tmp_path, monkeypatch):
    """make_station(slaves=2, **settings) makes a master with slaves."""
    return lambda **settings: GroupStation(tmp_path, monkeypatch, **settings)


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
