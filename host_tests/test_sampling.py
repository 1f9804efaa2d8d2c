"""What the charge point tells of its meter, when, and with which of OCPP's words."""

import asyncio
import json
import os
from itertools import pairwise

import pytest
import virtual_time
from core import clock
from ocpp16 import configuration, meter_values, sampling, transaction_data
from ocpp16.stop_message import parts as stop_parts
from ocpp_rig import EPOCH_S, CardboardCharger, Rig

ENERGY = "Energy.Active.Import.Register"


def values_of(rig):
    """The payloads of the MeterValues that came in."""
    return rig.record.received("MeterValues")


def stamps(payload):
    """Unix times of a payload's samples."""
    return [clock.parse_iso8601(sample["timestamp"]) for sample in payload["meterValue"]]


def distances(times):
    """From each to the next."""
    return [later - earlier for earlier, later in pairwise(times)]


def words(sample):
    """(measurand, value, unit, phase, location) of what is in a sample."""
    return [
        (v["measurand"], v["value"], v["unit"], v.get("phase"), v.get("location"))
        for v in sample["sampledValue"]
    ]


def contexts(samples):
    """The context of each sample, which is the same for all its values."""
    for sample in samples:
        assert len({value["context"] for value in sample["sampledValue"]}) == 1
    return [sample["sampledValue"][0]["context"] for sample in samples]


# --- by the clock


def test_clock_aligned_values_come_at_the_interval_s_end_idle_or_not(tmp_path):
    rig = Rig(tmp_path, clock_aligned_interval=300)

    async def story(rig):
        await rig.online()
        await asyncio.sleep(610)
        rig.charger.start("CARD")
        await asyncio.sleep(600)
        rig.charger.stop("Local")
        await asyncio.sleep(300)
        told = values_of(rig)
        told_s = [stamps(payload)[0] for payload in told]
        assert [at_s % 300 for at_s in told_s] == [0] * 5
        assert distances(told_s) == [300] * 4
        assert [payload.get("transactionId") for payload in told] == [None, None, 1, 1, None]
        assert {payload["connectorId"] for payload in told} == {1}
        for payload in told:
            assert words(payload["meterValue"][0]) == [(ENERGY, "100000", "Wh", None, None)]
            assert contexts(payload["meterValue"]) == ["Sample.Clock"]

    rig.play(story)


def test_averages_are_of_the_interval_and_of_nothing_before_the_transaction(tmp_path):
    """They bear the time of its beginning, the energy that of its reading (section 9.1.3)."""
    measurands = ENERGY + ",Power.Active.Import,Current.Import,Temperature"
    rig = Rig(tmp_path, clock_aligned_interval=600, meter_values_aligned_data=measurands)

    async def story(rig):
        await rig.online()
        await asyncio.sleep(600 - clock.unix_s() % 600 + 300)
        rig.charger.meter.power_mw = 1_000_000
        rig.charger.meter.current_ma = [6000, 0, None]
        rig.charger.start("CARD")
        await asyncio.sleep(100)
        rig.charger.meter.power_mw = 4_000_000
        rig.charger.meter.current_ma = [18000, 0, None]
        rig.charger.meter.energy_wh = 100_500
        await asyncio.sleep(202)
        averages, energy = values_of(rig)[-1]["meterValue"]
        begin_s, end_s = stamps(values_of(rig)[-1])
        assert (begin_s % 600, end_s - begin_s) == (0, 600)
        assert words(energy) == [(ENERGY, "100500", "Wh", None, None)]
        (_, power, *_), temperature, (_, current, *_), (_, none, *_) = words(averages)
        assert float(power) == pytest.approx(3000, rel=0.02)
        assert float(current) == pytest.approx(14, rel=0.02)
        assert none == "0"
        assert temperature == ("Temperature", "25.3", "Celsius", None, "Body")

    rig.play(story)


def test_nothing_is_aligned_to_a_clock_that_nobody_has_set(tmp_path):
    rig = Rig(tmp_path, clock_aligned_interval=10)

    async def story(rig):
        await rig.csms.stop()
        await asyncio.sleep(100)
        assert rig.point.queue.pending == 0

    rig.play(story)


# --- at the transaction's end

AT_END = ENERGY + ",Voltage,Temperature"


def play_transaction(rig, minutes):
    """A transaction from its beginning to its end; the StopTransaction's payload."""
    told = []

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        for _ in range(minutes):
            await asyncio.sleep(60)
            rig.charger.meter.energy_wh += 100
        await asyncio.sleep(1)
        rig.charger.stop("Local")
        await rig.delivered()
        told.append(rig.record.received("StopTransaction")[-1])
        assert os.listdir(rig.path).count("queue") == 1
        assert not [name for name in os.listdir(rig.path) if name.startswith("queue.")]

    rig.play(story)
    return told[0]


def test_a_transaction_s_end_tells_its_samples_from_begin_to_end(tmp_path):
    rig = Rig(
        tmp_path,
        meter_value_sample_interval=120,
        stop_txn_sampled_data=AT_END,
        stop_txn_aligned_data=ENERGY,
        clock_aligned_interval=300,
    )
    stop = play_transaction(rig, 10)
    samples = stop["transactionData"]
    told = contexts(samples)
    assert (told[0], told[-1]) == ("Transaction.Begin", "Transaction.End")
    assert told.count("Sample.Periodic") == 5
    assert told.count("Sample.Clock") == 2
    assert stamps({"meterValue": samples}) == sorted(stamps({"meterValue": samples}))
    assert words(samples[0]) == [
        (ENERGY, "100000", "Wh", None, None),
        ("Temperature", "298.45", "K", None, "Body"),
        ("Voltage", "230.1", "V", "L1-N", None),
        ("Voltage", "229.9", "V", "L2-N", None),
        ("Voltage", "231", "V", "L3-N", None),
    ]
    assert words(samples[-1])[0][1] == str(stop["meterStop"])
    assert "transactionData" not in json.dumps(values_of(rig))


def test_without_such_a_setting_there_is_no_transaction_data(tmp_path):
    assert "transactionData" not in play_transaction(Rig(tmp_path), 1)


def written(path, samples):
    """A transaction's file: its begin, periodic and clock-aligned samples in turn, its end."""
    recorder = transaction_data.Recorder(path, True)
    recorder.add((0, EPOCH_S), meter_values.sample(1, sampling.BEGIN, "", [0]))
    for index in range(1, samples + 1):
        for context in (sampling.PERIODIC, sampling.CLOCK):
            sample = meter_values.sample(1, context, "", [index])
            recorder.add((0, EPOCH_S + 60 * index), sample)
        if index % 500 == 0:  # the controller has restarted
            recorder = transaction_data.Recorder(path, False)
    end = meter_values.sample(1, sampling.END, "", [samples + 1])
    recorder.add((0, EPOCH_S + 60 * samples + 60), end)


def sent(path):
    """What is sent of a file, and its longest part."""
    message = virtual_time.run(stop_parts('{"reason":"Local"', path, (0, 0), 0, ""))
    parts = list(message)
    return json.loads(b"".join(parts))["transactionData"], max(map(len, parts))


@pytest.mark.parametrize("count", [1, 43, 44, 45, 88, 89, 177, 700, 1440, 8640])
def test_of_a_long_transaction_the_middle_is_thinned_evenly(tmp_path, count):
    path = str(tmp_path / "data")
    written(path, count)
    samples, longest = sent(path)
    assert len(samples) <= int(dict(configuration._FACTS)["StopTransactionMaxMeterValues"])
    assert longest < 200, "no part needs a large block"
    assert os.stat(path).st_size < transaction_data._LIMIT_BYTES / 2
    told = contexts(samples)
    assert (told[0], told[-1]) == ("Transaction.Begin", "Transaction.End")
    for context in ("Sample.Periodic", "Sample.Clock"):
        pairs = zip(samples, told, strict=True)
        row = [stamps({"meterValue": [sample]})[0] for sample, own in pairs if own == context]
        assert row[0] == EPOCH_S + 60
        assert len(row) >= min(count, 22)
        apart = distances(row) or [60]
        assert max(apart) == min(apart) or (count > 500 and max(apart) < 2 * min(apart))
        assert count * 60 - (row[-1] - row[0]) <= 2 * max(apart)


def test_a_transaction_s_end_goes_out_over_the_line_in_fragments(tmp_path):
    rig = Rig(tmp_path, stop_txn_sampled_data=AT_END)

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await asyncio.sleep(1)
        written(rig.point.queue.data_path(1), 500)
        rig.charger.stop("Local")
        await rig.delivered()
        (stop,) = rig.record.received("StopTransaction")
        assert len(stop["transactionData"]) > 50

    rig.play(story)


# --- power cuts


def cut_power(rig, session=None):
    """Everything in memory is gone; a session may go on, or be found unfinished."""
    charger = CardboardCharger(50)
    charger.meter.energy_wh = rig.charger.meter.energy_wh
    rig.power_cut(charger)
    rig.switch_on()
    return charger


def test_a_transaction_that_a_power_cut_ended_tells_the_last_that_was_known(tmp_path):
    rig = Rig(tmp_path, meter_value_sample_interval=60, stop_txn_sampled_data=AT_END)

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        session = rig.charger.session
        await asyncio.sleep(130)
        kept_s = clock.unix_s()
        charger = cut_power(rig)
        session.meter_stop_wh = 100_120
        session.reason, session.stop_unix_s = "PowerLoss", kept_s
        charger.emit("stop", session)
        charger.emit("stop", session)  # the power was cut again before the log knew
        await rig.delivered()
        (stop,) = rig.record.received("StopTransaction")
        assert (stop["reason"], stop["meterStop"]) == ("PowerLoss", 100_120)
        assert stop["timestamp"] == clock.iso8601(kept_s)
        assert contexts(stop["transactionData"]) == [
            "Transaction.Begin",
            "Sample.Periodic",
            "Sample.Periodic",
            "Transaction.End",
        ]
        assert words(stop["transactionData"][-1]) == [(ENERGY, "100120", "Wh", None, None)]

    rig.play(story)


def test_a_transaction_that_goes_on_tells_where_it_was_interrupted(tmp_path):
    rig = Rig(tmp_path, meter_value_sample_interval=60, stop_txn_sampled_data=ENERGY)

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        session = rig.charger.session
        await asyncio.sleep(70)
        charger = cut_power(rig)
        charger.session = session
        await asyncio.sleep(30)
        await rig.online()
        await asyncio.sleep(70)
        charger.stop("Local")
        await rig.delivered()
        expected = [
            "Sample.Periodic",
            "Interruption.Begin",
            "Interruption.End",
            "Sample.Periodic",
        ]
        told = [contexts(payload["meterValue"])[0] for payload in values_of(rig)]
        assert told == expected
        (stop,) = rig.record.received("StopTransaction")
        at_end = contexts(stop["transactionData"])
        assert at_end == ["Transaction.Begin", *expected, "Transaction.End"]
        assert len(rig.record.received("StartTransaction")) == 1

    rig.play(story)


def test_a_start_that_a_power_cut_kept_from_the_queue_is_told_when_the_session_goes_on(tmp_path):
    rig = Rig(tmp_path)

    async def story(rig):
        await rig.online()
        rig.charger.session = rig.charger.make_session("CARD")  # on flash, and no further
        await rig.until(lambda: rig.record.transactions)
        assert rig.record.transactions[1]["idTag"] == "CARD"

    rig.play(story)


def test_samples_from_before_the_time_was_known_are_dated_when_it_is(tmp_path):
    rig = Rig(tmp_path, meter_value_sample_interval=60, stop_txn_sampled_data=ENERGY)

    async def story(rig):
        clock._boot_unix_s = 0
        await rig.csms.stop()
        rig.charger.start("CARD")
        await asyncio.sleep(130)
        charger = rig.charger
        await rig.csms.start()
        await rig.online()
        await asyncio.sleep(60)
        charger.stop("Local")
        await rig.delivered()
        (stop,) = rig.record.received("StopTransaction")
        (start,) = rig.record.received("StartTransaction")
        told_s = stamps({"meterValue": stop["transactionData"]})
        assert clock.iso8601(told_s[0]) == start["timestamp"]
        assert clock.iso8601(told_s[-1]) == stop["timestamp"]
        assert [s - told_s[0] for s in told_s[1:4]] == pytest.approx([60, 120, 180], abs=1)
        assert told_s[0] >= EPOCH_S - 1  # dated, by whole seconds

    rig.play(story)


# --- phases, triggers


@pytest.mark.parametrize(
    ("rotation", "amperes"),
    [
        ("", ["16", "15.5", "0"]),
        ("0.RST,1.RST", ["16", "15.5", "0"]),
        ("0.TRS,1.STR", ["15.5", "0", "16"]),
        ("1.RTS", ["16", "0", "15.5"]),
        ("1.Unknown", ["16", "15.5", "0"]),
        ("1.NotApplicable", ["16", "15.5", "0"]),
    ],
)
def test_phases_are_the_connector_s(tmp_path, rotation, amperes):
    rig = Rig(
        tmp_path, meter_values_sampled_data="Current.Import", connector_phase_rotation=rotation
    )

    async def story(rig):
        await rig.online()
        await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        await rig.until(lambda: values_of(rig))
        told = words(values_of(rig)[0]["meterValue"][0])
        assert told == [
            ("Current.Import", ampere, "A", "L%d" % (index + 1), None)
            for index, ampere in enumerate(amperes)
        ]

    rig.play(story)


def test_a_trigger_tells_of_the_connector_and_when_asked_of_the_whole(tmp_path):
    rig = Rig(tmp_path)

    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        await rig.delivered()
        await rig.call("TriggerMessage", requestedMessage="MeterValues")
        await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=0)
        await rig.until(lambda: len(values_of(rig)) == 2)
        told = [(p["connectorId"], p.get("transactionId")) for p in values_of(rig)]
        assert told == [(1, 1), (0, None)]
        assert contexts(values_of(rig)[0]["meterValue"]) == ["Trigger"]

    rig.play(story)


def test_a_sample_of_what_the_meter_does_not_tell_is_none():
    assert meter_values.sample(1, 0, "Voltage", [5] + [None] * 10) == b""
    assert meter_values.sample(1, 0, "Voltage,Current.Import", [None] * 11) == b""
