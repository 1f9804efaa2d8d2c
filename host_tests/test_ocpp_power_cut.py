"""The power fails at any single flash operation while transactions run, wait and are told.

On LittleFS, with the log of sessions, the queue and the transactions' samples as they write to flash.
"""

import json
from types import SimpleNamespace

import pytest
import virtual_time
from core import clock, loading
from core.journal import Journal, scan
from evse.session import SessionLog
from flash_rig import ROOT, Flash, FlashFiles
from ocpp16.adapter import Adapter
from ocpp16.queue import ACTIONS, VALUES, TransactionQueue
from ocpp_rig import CardboardCharger

NOW_S = 1_795_000_000
ENERGY = "Energy.Active.Import.Register"
SETTINGS = {
    "backend_url": "ws://office",
    "chargepoint_type": "Public",
    "clock_aligned_interval": 0,
    "connector_phase_rotation": "",
    "free_charging": False,
    "free_charging_mode": "With ocpp",
    "meter_value_sample_interval": 60,
    "meter_values_sampled_data": ENERGY,
    "meter_values_aligned_data": "",
    "stop_txn_aligned_data": "",
    "stop_txn_sampled_data": ENERGY,
    "transaction_attempts": 3,
    "transaction_retry_interval": 60,
}


class Office:
    """Remembers what came in; the answer is lost with the power where `cuts` says so."""

    def __init__(self, got=()) -> None:
        self.got = list(got)

    async def call(self, action, payload, unique_id):
        body = json.loads(payload if isinstance(payload, str) else b"".join(payload))
        self.got.append((action, unique_id, body))
        if action != "StartTransaction":
            return {}
        number = int(unique_id.split("-")[1])
        return {"transactionId": 40 + number, "idTagInfo": {"status": "Accepted"}}


class Charger(CardboardCharger):
    """Keeps its sessions in the real log, in the order that evse.charger does."""

    session_log = None  # evse.session.SessionLog

    def start(self, id_tag):
        """A session begins."""
        session = self.session = self.session_log.begin(id_tag, self.meter.energy_wh)
        self.session_log.start(session)
        self.emit("start", session)

    def close(self, session):
        """As evse.charger.Charger: told, then noted."""
        self.session = None
        self.emit("stop", session)
        self.session_log.stop(session)
        self.session_log.close(session)

    def end(self, reason):
        """The session ends."""
        self.session.meter_stop_wh = self.meter.energy_wh
        self.session.end(reason)
        self.close(self.session)

    def recover(self):
        """What the power cut left open ends."""
        session, self.session_log.unfinished = self.session_log.unfinished, None
        if session:
            session.end("PowerLoss", unix_s=self.session_log.kept_unix_s)
            self.close(session)


class Station:
    """The firmware's side, as it comes up from what is on flash."""

    def __init__(self, energy_wh, office, limit_bytes=16384) -> None:
        self.office = office
        self.begun = 0  # sessions whose start has returned
        self.sampled = 0  # samples that were queued
        self.charger = Charger()
        self.charger.meter.energy_wh = energy_wh
        self.charger.session_log = SessionLog(ROOT + "sessions")
        settings = SimpleNamespace(get=SETTINGS.__getitem__, listen=lambda callback: None)
        self.queue = TransactionQueue(Journal(ROOT + "ocpp", limit_bytes), settings)
        self.adapter = Adapter(settings, self.charger, self.queue, ROOT + "ocpp_state")
        self.charger.recover()

    def sample(self):
        """A minute passes."""
        self.step()
        virtual_time.clock.now_us += 60_000_000
        self.charger.meter.energy_wh += 100
        self.step()
        self.sampled += 1

    def step(self):
        """The sampling task has its turn."""
        virtual_time.run(self.adapter.sampler.step(False))

    def start(self, tag):
        """A session begins."""
        self.charger.start(tag)
        self.begun += 1
        self.step()

    def end(self, reason):
        """The session ends."""
        self.charger.end(reason)
        self.step()

    def deliver(self, most=1000):
        """The line is there for so many messages."""
        self.step()
        while self.queue.pending and most:
            virtual_time.run(self.queue.deliver(self.office.call))
            most -= 1

    def compact(self):
        """Rewrite the queue."""
        virtual_time.run(self.queue.compact())


def play(station):
    """What happens until the power may fail."""
    station.start("T1")
    station.sample()
    station.sample()
    station.end("Local")
    station.start("T2")
    station.sample()
    station.deliver(3)
    station.compact()
    station.sample()
    station.end("EVDisconnected")
    station.deliver()
    station.start("T3")
    station.deliver()
    station.sample()
    station.end("Remote")
    station.compact()


class Cut:
    """The flash as a cut leaves it, and what was done by then."""

    def __init__(self, content, station) -> None:
        self.content = content
        self.got = list(station.office.got)
        self.energy_wh = station.charger.meter.energy_wh
        self.begun = station.begun
        self.sampled = station.sampled


@pytest.fixture
def patch(monkeypatch):
    clock.set_unix_s(NOW_S)
    monkeypatch.setattr(
        loading, "unload", lambda name: None
    )  # importing again takes most of the time
    return monkeypatch


def cuts_of(patch):
    """Play the story; the flash at each of its operations, torn."""
    files = FlashFiles()
    cuts = []
    with patch.context() as within:
        files.install(within)
        station = Station(100_000, Office())
        files.flash.record = lambda content: cuts.append(Cut(content, station))
        play(station)
        station.deliver()
    return cuts, station.office.got


def outcome(patch, cut):
    """All that the back office gets to see when the power failed there."""
    with patch.context() as within:
        FlashFiles(Flash(cut.content)).install(within)
        station = Station(cut.energy_wh, Office(cut.got))
        station.deliver()
    return station.office.got


def without_repetition(got):
    """The messages, where one that came twice in a row counts once; and how many did."""
    once = [message for index, message in enumerate(got) if not index or got[index - 1] != message]
    return once, len(got) - len(once)


def wh(body):
    return int(body["meterValue"][0]["sampledValue"][0]["value"])


def check(got, begun):
    """Each start once, then its values, then its stop; nothing is out of order. The messages' energies."""
    once, doubled = without_repetition(got)
    assert doubled <= 1
    starts = [body["idTag"] for action, _, body in once if action == "StartTransaction"]
    stops = [body["transactionId"] for action, _, body in once if action == "StopTransaction"]
    assert starts == ["T1", "T2", "T3"][: len(starts)] and len(starts) >= begun
    assert stops == [41, 42, 43][: len(stops)] and len(stops) == len(starts)
    number = 40
    for action, _, body in once:
        number += action == "StartTransaction"
        assert body.get("transactionId", number) == number
    values = [wh(body) for action, _, body in once if action == "MeterValues"]
    assert values == sorted(set(values))
    return values, once


def check_data(stop):
    """The samples of a transaction: its begin, those between, its end as StopTransaction has it."""
    samples = [sample["sampledValue"][0] for sample in stop["transactionData"]]
    told = [int(value["value"]) for value in samples]
    assert samples[0]["context"] == "Transaction.Begin"
    assert samples[-1]["context"] == "Transaction.End"
    assert told[-1] == stop["meterStop"]
    assert told == sorted(told)


def test_a_cut_at_any_flash_operation_loses_and_doubles_nothing(patch):
    cuts, undisturbed = cuts_of(patch)
    assert len(cuts) > 100
    kinds = [action for action, _, _ in undisturbed]
    assert kinds.count("StartTransaction") == kinds.count("StopTransaction") == 3
    whole = [wh(body) for action, _, body in undisturbed if action == "MeterValues"]
    for cut in cuts:
        values, messages = check(outcome(patch, cut), cut.begun)
        assert values == whole[: len(values)] and len(values) >= cut.sampled
        for action, _, body in messages:
            if action == "StopTransaction":
                check_data(body)


def queued(patch, content):
    """(number of starts and stops, energies of the samples) that a start finds in the queue."""
    with patch.context() as within:
        FlashFiles(Flash(content)).install(within)
        station = Station(0, Office())
        records = [record for record in scan(ROOT + "ocpp") if record[0] in ACTIONS]
        assert station.queue.pending == len(records)
    energies = [payload[-4:] for kind, payload in records if kind == VALUES]
    return len(records) - len(energies), [int.from_bytes(wh, "little") for wh in energies]


def test_a_cut_while_samples_are_thinned_out_leaves_all_of_them_or_every_second(patch):
    contents = []
    with patch.context() as within:
        files = FlashFiles()
        files.install(within)
        station = Station(100_000, Office(), 12288)
        station.start("T1")
        while not station.queue.needs_compaction():
            station.sample()
        station.end("Local")
        files.flash.record = contents.append
        station.compact()
        contents.append(bytes(files.flash.buffer))
    whole = [100_000 + 100 * (index + 1) for index in range(station.sampled)]
    found = [queued(patch, content) for content in contents]
    assert {count for count, _ in found} == {2}
    for _, energies in found[:-1]:
        assert energies == whole
    thinned = found[-1][1]
    assert thinned[0] == whole[0] and thinned[-1] == whole[-1]
    assert len(thinned) < 0.8 * len(whole)
