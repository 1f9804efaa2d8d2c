"""Cases of the OCA's test tool for charge points, OCPP 1.6: what goes on without a line."""

import asyncio

import pytest
from core import clock
from octt_rig import TAG, case

OFFLINE = {
    "local_authorize_offline": True,
    "offline_allow_unknown": True,
    "meter_value_sample_interval": 10,
}


def stamps(s) -> list:
    """Seconds of the sampled values that came, in the order in which they came."""
    samples = [sample for payload in s.received("MeterValues") for sample in payload["meterValue"]]
    return [clock.parse_iso8601(sample["timestamp"]) for sample in samples]


@case
async def test_tc_036_connection_loss_during_a_transaction(s):
    await s.configure(MeterValueSampleInterval=10)
    await s.charge()
    await asyncio.sleep(12)
    s.forget()
    await s.offline()
    await asyncio.sleep(60)
    assert s.coil
    await s.back()
    await asyncio.sleep(20)
    came_s = stamps(s)
    assert len(came_s) >= 8
    spaces_s = [later - earlier for earlier, later in zip(came_s, came_s[1:])]
    assert all(9 <= space_s <= 11 for space_s in spaces_s), spaces_s
    assert {values["transactionId"] for values in s.received("MeterValues")} == {
        s.transaction["id"]
    }


async def _start_offline(s) -> None:
    await s.online()
    await s.offline()
    s.forget()
    await s.plug()
    assert await s.swipe() == "Accepted"
    await s.until(lambda: s.coil)
    await asyncio.sleep(15)
    await s.back()
    assert s.count("Authorize") == 0


def test_tc_037_1_offline_start_valid_id(make_station):
    async def story(s):
        await _start_offline(s)
        await s.reports("Charging")
        assert s.transaction["idTag"] == TAG
        start_s = clock.parse_iso8601(s.transaction["start"])
        assert clock.unix_s() - start_s >= 15  # when it began, not when it was told
        assert s.count("StopTransaction") == 0

    make_station(**OFFLINE).play(story)


def test_tc_037_2_offline_start_invalid_id_transaction_goes_on(make_station):
    station = make_station(**OFFLINE, stop_on_invalid_id=False, max_energy_on_invalid_id=0)
    station.csms.tags[TAG] = {"status": "Invalid"}

    async def story(s):
        await _start_offline(s)
        await s.reports("SuspendedEVSE")
        await s.until(lambda: not s.coil)
        await asyncio.sleep(10)
        assert s.count("StopTransaction") == 0
        await s.unplug()
        await s.delivered()
        assert s.count("StopTransaction") == 1

    station.play(story)


def test_tc_037_3_offline_start_invalid_id_transaction_is_stopped(make_station):
    station = make_station(**OFFLINE, stop_on_invalid_id=True)
    station.csms.tags[TAG] = {"status": "Invalid"}

    async def story(s):
        await _start_offline(s)
        await s.reports("Finishing")
        await s.delivered()
        assert s.transaction["reason"] == "DeAuthorized"
        await s.until(lambda: not s.coil)

    station.play(story)


@pytest.mark.parametrize("how", ["card", "cable"])
def test_tc_038_offline_stop(make_station, how):
    async def story(s):
        await s.online()
        await s.plug()
        await s.swipe()
        await s.reports("Charging")
        await s.delivered()
        await s.offline()
        s.forget()
        if how == "card":
            assert await s.swipe() == "Accepted"
        else:
            await s.unplug()
        await asyncio.sleep(20)
        stopped_s = clock.unix_s() - 20
        await s.back()
        (stop,) = s.received("StopTransaction")
        assert stop["transactionId"] == s.transaction["id"]
        assert stop["reason"] == ("Local" if how == "card" else "EVDisconnected")
        assert clock.parse_iso8601(stop["timestamp"]) == pytest.approx(stopped_s, abs=2)
        assert s.count("StartTransaction") == 0

    make_station(**OFFLINE).play(story)


@pytest.mark.parametrize("restarts", [False, True])
def test_tc_039_a_whole_transaction_offline(make_station, restarts):
    async def story(s):
        await s.online()
        await s.offline()
        s.forget()
        await s.plug()
        assert await s.swipe() == "Accepted"
        await asyncio.sleep(25)
        assert await s.swipe() == "Accepted"
        await asyncio.sleep(5)
        if restarts:  # … with what is on flash
            await s.power_off()
            s.power_on()
        await s.back()
        told = [
            a for a in s.actions if a in ("StartTransaction", "MeterValues", "StopTransaction")
        ]
        assert told[0] == "StartTransaction"
        assert told[-1] == "StopTransaction"
        assert told[1:-1] == ["MeterValues"] * 2
        assert (s.transaction["starts"], s.transaction["stops"]) == (1, 1)
        assert s.transaction["reason"] == "Local"
        assert s.transaction["meterStop"] > s.transaction["meterStart"]

    make_station(**OFFLINE).play(story)
