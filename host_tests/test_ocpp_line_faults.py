"""A line that does everything wrong during hundreds of transactions: both sides' books agree at the end.

OCPP_FAULTS=10000 has that many faults during 500 transactions; by default it is a share of it.
"""

import asyncio
import json
import os
import random
from collections import Counter

import pytest
from core import clock
from ocpp_rig import IDENTITY, Rig
from sim import csms

FAULTS = int(os.environ.get("OCPP_FAULTS", "1000"))
TRANSACTIONS = max(1, FAULTS // 20)
SETTINGS = {
    "pdu_timeout": 5,
    "boot_interval": 1,
    "heartbeat_interval": 10,
    "meter_value_sample_interval": 10,
    "clock_aligned_interval": 0,
}
GARBAGE = [
    "",
    "rubbish",
    "[]",
    "{}",
    "[3]",
    '[3,"nobody",{}]',
    '[4,"x"]',
    "[[[[",
    '[2,"1"]',
    "null",
]
# What becomes of a message from the charge point, and of one to it
COMING = ("cut", "unheard", "garbage")
GOING = ("cut", "silence", "late", "twice", "stale", "garbage", "error", "held")


class Mischief:
    """Decides what goes wrong, and counts it."""

    def __init__(self, faults: int) -> None:
        self.left = faults
        self.done: Counter = Counter()
        self.heard: list[str] = []  # what got through to the back office
        self.random = random.Random(16)

    def deed(self, deeds: tuple) -> str:
        """One of these, or nothing."""
        if not self.left or self.random.random() < 0.45:
            return ""
        self.left -= 1
        deed = self.random.choice(deeds)
        self.done[deed] += 1
        return deed


class FaultyLine(csms.Line):
    """The back office's end of a line with mischief in it."""

    mischief: Mischief
    office: csms.DemoCsms
    tasks: set

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self._former = '[3,"0",{}]'
        self._held = ""

    def _cut(self) -> ConnectionError:
        self.office.cut(IDENTITY)
        return ConnectionError("cut")

    async def recv(self) -> str:
        """The next text that gets through."""
        while True:
            text = await super().recv()
            deed = self.mischief.deed(COMING)
            if deed == "cut":
                raise self._cut()
            if deed == "garbage":
                await super().send(self.mischief.random.choice(GARBAGE))
            if deed != "unheard":
                self.mischief.heard.append(text)
                return text

    async def send(self, text: str) -> None:
        """Send it, or what becomes of it."""
        deed = self.mischief.deed(GOING)
        former, self._former = self._former, text
        held, self._held = self._held, ""
        if deed == "cut":
            raise self._cut()
        if deed == "held":  # overtaken by the next one
            self._held = text
        elif deed == "late":
            self._later(text, self.mischief.random.uniform(0.1, 9))
        elif deed != "silence":
            for sent in self._spoilt(deed, text, former):
                await super().send(sent)
        if held:
            await super().send(held)

    def _spoilt(self, deed: str, text: str, former: str) -> list:
        if deed == "error":
            error = [4, json.loads(text)[1], "InternalError", "bad luck", {}]
            return [json.dumps(error)]
        before = {"stale": former, "twice": text, "garbage": self.mischief.random.choice(GARBAGE)}
        return [before[deed], text] if deed else [text]

    def _later(self, text: str, delay_s: float) -> None:
        async def send() -> None:
            await asyncio.sleep(delay_s)
            try:
                await super(FaultyLine, self).send(text)
            except (ConnectionError, RuntimeError):
                pass  # the line is gone by now

        task = asyncio.create_task(send())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Ledger:
    """The charger's own books: what it told its listeners, and what the meter showed."""

    def __init__(self, charger) -> None:
        self.transactions: list[tuple] = []
        charger.listen(self._hear)

    def _hear(self, event: str, session) -> None:
        if event == "stop":
            times = clock.iso8601(session.start_unix_s), clock.iso8601(session.stop_unix_s)
            energy = session.meter_start_wh, session.meter_stop_wh
            self.transactions.append((session.id_tag, *energy, *times, session.reason))


def books(record) -> list:
    """The back office's."""
    keys = ("idTag", "meterStart", "meterStop", "start", "stop", "reason")
    return [tuple(t[key] for key in keys) for t in record.transactions.values()]


def sampled_s(heard: list) -> dict:
    """{transaction: seconds of its meter values, each once} of what the back office heard."""
    times: dict = {}
    for frame in map(json.loads, heard):
        if frame[0] == 2 and frame[2] == "MeterValues":
            for sample in frame[3]["meterValue"]:
                time_s = clock.parse_iso8601(sample["timestamp"])
                times.setdefault(frame[3]["transactionId"], {})[time_s] = True
    return times


def assert_no_gaps(transaction: dict, times_s: list) -> None:
    """A value each ten seconds from the start to the end, in order."""
    start_s, stop_s = (clock.parse_iso8601(transaction[key]) for key in ("start", "stop"))
    marks_s = [start_s, *times_s, stop_s]
    spaces_s = [later - earlier for earlier, later in zip(marks_s, marks_s[1:])]
    assert all(9 <= space_s <= 11 for space_s in spaces_s[:-1]), (transaction, times_s)
    assert 0 <= spaces_s[-1] <= 11, (transaction, times_s)


@pytest.mark.timeout(900)
def test_after_all_that_can_happen_to_a_line_the_books_agree(tmp_path, monkeypatch):
    rig = Rig(tmp_path, **SETTINGS)
    mischief = FaultyLine.mischief = Mischief(FAULTS)
    FaultyLine.office, FaultyLine.tasks = rig.csms, set()
    monkeypatch.setattr(csms, "Line", FaultyLine)
    monkeypatch.setattr(csms, "KEPT_MESSAGES", 1 << 20)
    ledger = Ledger(rig.charger)
    random.seed(16)  # the charge point's back-off

    async def story(rig):
        rig.settings.change({"transaction_attempts": 100, "transaction_retry_interval": 1})
        await rig.until(lambda: clock.unix_s(), 600)
        for number in range(TRANSACTIONS):
            assert rig.charger.start("TAG%d" % number) == ""
            await asyncio.sleep(mischief.random.uniform(5, 45))
            rig.charger.meter.energy_wh += mischief.random.randrange(5000)
            rig.charger.stop(mischief.random.choice(("Local", "Remote", "EVDisconnected")))
            await asyncio.sleep(mischief.random.uniform(0, 20))
        while mischief.left:
            await asyncio.sleep(5)
        await rig.until(lambda: not rig.point.queue.pending, 3600)
        await rig.online()

    rig.play(story)
    assert books(rig.record) == ledger.transactions
    assert len(ledger.transactions) == TRANSACTIONS
    assert sum(mischief.done.values()) == FAULTS
    assert set(mischief.done) == {*COMING, *GOING}
    sampled = sampled_s(mischief.heard)
    for number, transaction in rig.record.transactions.items():
        assert_no_gaps(transaction, list(sampled.get(number, ())))
    assert rig.charger.status == rig.record.status["1"]["status"]
