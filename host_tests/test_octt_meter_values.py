"""Cases of the OCA's test tool for charge points, OCPP 1.6: meter values."""

import asyncio

import pytest
from core import clock

ENERGY = "Energy.Active.Import.Register"
SEVERAL = f"{ENERGY},Current.Import,Voltage,Power.Active.Import"


def samples(s, context: str) -> list:
    """[(seconds of the last, sampled values)] of each message with values of a context, as they came."""
    found = []
    for payload in s.received("MeterValues"):
        all_values = []
        for sample in payload["meterValue"]:
            values = [v for v in sample["sampledValue"] if v.get("context") == context]
            time_s = clock.parse_iso8601(sample["timestamp"]) if values else 0
            all_values += values
        if all_values:
            found.append((time_s, all_values))
    return found


def measurands(values: list) -> set:
    """What they measure."""
    return {value.get("measurand", ENERGY) for value in values}


@pytest.mark.parametrize("wanted", [SEVERAL, ENERGY])
def test_tc_070_sampled_meter_values(station, wanted):
    async def story(s):
        await s.online()
        await s.configure(MeterValueSampleInterval=10, MeterValuesSampledData=wanted)
        await s.charge()
        s.forget()
        await asyncio.sleep(45)
        came = samples(s, "Sample.Periodic")
        times_s = [time_s for time_s, _ in came]
        assert len(came) >= 4
        assert {later - earlier for earlier, later in zip(times_s, times_s[1:])} == {10}
        assert all(measurands(values) == set(wanted.split(",")) for _, values in came)
        bound = {payload.get("transactionId") for payload in s.received("MeterValues")}
        assert bound == {s.transaction["id"]}

    station.play(story)


def test_tc_070_without_a_list_the_energy_is_told(station):
    async def story(s):
        await s.online()
        await s.configure(MeterValueSampleInterval=10, MeterValuesSampledData="")
        await s.charge()
        s.forget()
        await asyncio.sleep(25)
        came = samples(s, "Sample.Periodic")
        assert [measurands(values) for _, values in came] == [{ENERGY}] * len(came)
        assert len(came) == 2

    station.play(story)


@pytest.mark.parametrize("charges", [True, False])
def test_tc_071_clock_aligned_meter_values(station, charges):
    async def story(s):
        await s.online()
        await s.configure(ClockAlignedDataInterval=60, MeterValuesAlignedData=SEVERAL)
        if charges:
            await s.charge()
        s.forget()
        await asyncio.sleep(200)
        came = samples(s, "Sample.Clock")
        times_s = [time_s for time_s, _ in came]
        assert len(set(times_s)) >= 3
        assert all(time_s % 60 == 0 for time_s in times_s), times_s
        assert all(measurands(values) == set(SEVERAL.split(",")) for _, values in came)
        numbers = {
            p.get("transactionId") for p in s.received("MeterValues") if p["connectorId"] == 1
        }
        assert numbers == ({s.transaction["id"]} if charges else {None})

    station.play(story)


def test_values_of_a_transaction_come_with_its_end(make_station):
    async def story(s):
        await s.online()
        await s.configure(StopTxnSampledData=ENERGY, StopTxnAlignedData=ENERGY)
        await s.configure(MeterValueSampleInterval=30, ClockAlignedDataInterval=60)
        await s.charge()
        await asyncio.sleep(130)
        await s.swipe()
        await s.unplug()
        await s.delivered()
        (stop,) = s.received("StopTransaction")
        values = [v for sample in stop["transactionData"] for v in sample["sampledValue"]]
        contexts = [value["context"] for value in values]
        assert (contexts[0], contexts[-1]) == ("Transaction.Begin", "Transaction.End")
        assert contexts.count("Transaction.Begin") == contexts.count("Transaction.End") == 1
        assert contexts.count("Sample.Periodic") >= 4
        assert contexts.count("Sample.Clock") >= 2
        assert float(values[0]["value"]) == s.transaction["meterStart"]
        assert float(values[-1]["value"]) == s.transaction["meterStop"]
        stamps = [sample["timestamp"] for sample in stop["transactionData"]]
        assert stamps == sorted(stamps)

    make_station().play(story)
