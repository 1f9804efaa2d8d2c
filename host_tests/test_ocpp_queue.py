"""Transaction messages: in order, none lost, over refusals, lost lines and power cuts."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
import start_up
import virtual_time
from core import clock
from core.journal import Journal
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp16 import meter_values, queue, sampling
from ocpp16.queue import TransactionQueue
from ocpp16.rpc import CallError

NOW_S = 1_795_000_000


@pytest.fixture(autouse=True)
def wall_clock():
    clock.set_unix_s(NOW_S)


def run(coroutine):
    """Run a coroutine that needs no sockets."""
    return virtual_time.run(coroutine)


SETTINGS = {
    "transaction_attempts": 3,
    "transaction_retry_interval": 60,
    "connector_phase_rotation": "",
}


def sample(wh, context=sampling.PERIODIC):
    """A sample that tells an energy."""
    return meter_values.sample(1, context, "", [wh])


def put_start(messages, number, unix_s=NOW_S):
    messages.put_start(number, '"idTag":"T%d"' % number, unix_s, clock.uptime_s())


def put_values(messages, number, wh, online=False):
    messages.put_values(number, sample(wh), 0, online)


def put_stop(messages, number, text="stop", unix_s=NOW_S):
    messages.put_stop(number, '"reason":"%s"' % text, unix_s)


def told(body):
    """What tells a message from others of its kind."""
    if "meterValue" in body:
        return int(body["meterValue"][0]["sampledValue"][0]["value"])
    return body.get("idTag") or body["reason"]


class Office:
    """Answers deliveries; `plan` holds an exception, or None for an answer, for each to come."""

    def __init__(self, *plan) -> None:
        self.plan = list(plan)
        self.got = []
        self.ids = []
        self.transactions = 0

    async def call(self, action, payload, unique_id):
        self.ids.append(unique_id)
        body = payload if isinstance(payload, str) else b"".join(payload)
        outcome = self.plan.pop(0) if self.plan else None
        if outcome is not None:
            raise outcome
        self.got.append((action, json.loads(body)))
        if action != "StartTransaction":
            return {}
        self.transactions += 1
        return {"transactionId": 40 + self.transactions, "idTagInfo": {"status": "Accepted"}}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "queue")


def reopened(path, limit_bytes=65536):
    return TransactionQueue(Journal(path, limit_bytes), SETTINGS)


def deliver_all(messages, office, limit=1000):
    """Deliver until nothing is left; retries are waited for in virtual time."""

    async def story():
        for _ in range(limit):
            if not messages.pending:
                return
            if messages.due():
                await messages.deliver(office.call)
            if messages.needs_compaction():
                await messages.compact()
            await asyncio.sleep(1)
        raise AssertionError("not delivered")

    run(story())


def put_session(messages, number, values=2):
    put_start(messages, number)
    for index in range(values):
        put_values(messages, number, 100 * number + index)
    put_stop(messages, number, "stop %d" % number)


def test_messages_carry_the_transaction_that_their_start_was_given(path):
    messages, office = reopened(path), Office()
    put_session(messages, 1)
    put_session(messages, 2)
    deliver_all(messages, office)
    assert [action for action, _ in office.got] == [
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
    ] * 2
    assert [body.get("transactionId") for _, body in office.got] == [
        None,
        41,
        41,
        41,
        None,
        42,
        42,
        42,
    ]
    assert office.got[0][1]["timestamp"] == clock.iso8601(NOW_S)


def test_a_restart_after_each_delivery_changes_nothing(path):
    messages, office = reopened(path), Office()
    put_session(messages, 1)
    put_session(messages, 2)
    while messages.pending:
        run(messages.deliver(office.call))
        messages = reopened(path)
    assert [body.get("transactionId") for _, body in office.got] == [
        None,
        41,
        41,
        41,
        None,
        42,
        42,
        42,
    ]


def test_the_transaction_is_known_after_a_restart_until_the_session_is_stopped(path):
    messages, office = reopened(path), Office()
    put_start(messages, 7)
    deliver_all(messages, office)
    messages = reopened(path)
    assert messages.transaction_of(7) == 41
    assert messages.has_started(7)
    put_stop(messages, 7)
    deliver_all(messages, office)
    assert office.got[-1][1]["transactionId"] == 41
    assert reopened(path).transaction_of(7) is None


def test_start_and_stop_of_a_session_are_queued_once_even_over_restarts_and_compaction(path):
    messages, office = reopened(path), Office()
    put_session(messages, 3, values=20)
    put_start(messages, 3)
    deliver_all(messages, office)
    virtual_time.run(messages.compact())
    assert messages._journal.size < 200, "what is done was dropped"
    messages = reopened(path)
    put_stop(messages, 3)
    assert messages.pending == 0
    put_start(messages, 4)
    assert messages.pending == 1


def test_a_refused_message_is_tried_three_times_with_growing_pauses_then_dropped(path):
    messages = reopened(path)
    refusal = CallError("InternalError", "no")
    office = Office(refusal, asyncio.TimeoutError(), refusal)
    put_session(messages, 1, values=0)
    began_s = clock.uptime_s()
    deliver_all(messages, office)
    assert 180 <= clock.uptime_s() - began_s <= 186
    assert [action for action, _ in office.got] == ["StopTransaction"]
    assert office.got[0][1]["transactionId"] == queue.NO_TRANSACTION


def test_a_lost_line_counts_as_no_attempt(path):
    messages = reopened(path)
    office = Office(*[OSError("lost")] * 10)
    put_session(messages, 1, values=0)
    for _ in range(10):
        with pytest.raises(OSError, match="lost"):
            run(messages.deliver(office.call))
        assert messages.due()
    deliver_all(messages, office)
    assert [action for action, _ in office.got] == ["StartTransaction", "StopTransaction"]


def test_meter_values_delivered_at_once_never_touch_the_flash(path):
    messages, office = reopened(path), Office()
    put_start(messages, 1)
    deliver_all(messages, office)
    size = messages._journal.size
    put_values(messages, 1, 11, online=True)
    assert messages.pending == 1
    deliver_all(messages, office)
    assert messages._journal.size == size
    assert told(office.got[-1][1]) == 11


@pytest.mark.parametrize(
    "why", ["line lost", "refused", "too slow", "followed by a stop", "reset"]
)
def test_meter_values_not_delivered_at_once_are_put_on_flash_in_order(path, why):
    messages = reopened(path)
    put_start(messages, 1)
    deliver_all(messages, Office())
    put_values(messages, 1, 11, online=True)
    if why == "line lost":
        with pytest.raises(OSError, match="gone"):
            run(messages.deliver(Office(OSError("gone")).call))
    elif why == "refused":
        run(messages.deliver(Office(CallError("InternalError")).call))
    elif why == "too slow":
        messages.settle()
        assert reopened(path).pending == 0
        virtual_time.clock.now_us += 3_000_000
        messages.settle()
    elif why == "reset":
        messages.settle(now=True)
    put_stop(messages, 1)
    office = Office()
    office.transactions = 1
    deliver_all(reopened(path), office)
    assert [told(body) for _, body in office.got] == [11, "stop"]


def test_values_settled_while_they_are_on_their_way_are_done_once_answered(path):
    messages, office = reopened(path), Office()
    put_start(messages, 1)
    deliver_all(messages, office)
    put_values(messages, 1, 11, online=True)

    async def slow_call(action, payload, unique_id):
        messages.settle(now=True)
        put_values(messages, 1, 12, online=True)
        return await office.call(action, payload, unique_id)

    run(messages.deliver(slow_call))
    deliver_all(reopened(path), office)
    assert [told(body) for _, body in office.got[1:]] == [11, 12]


# --- settings, ids


@pytest.mark.parametrize(("attempts", "interval_s", "waits"), [(1, 60, []), (4, 5, [5, 10, 15])])
def test_attempts_and_the_growing_waits_are_as_set(path, monkeypatch, attempts, interval_s, waits):
    monkeypatch.setitem(SETTINGS, "transaction_attempts", attempts)
    monkeypatch.setitem(SETTINGS, "transaction_retry_interval", interval_s)
    messages = reopened(path)
    put_session(messages, 1, values=0)
    times = []

    class Busy(Office):
        async def call(self, action, payload, unique_id):
            if action == "StartTransaction":
                times.append(clock.uptime_s())
            return await super().call(action, payload, unique_id)

    deliver_all(messages, Busy(*[CallError("InternalError")] * attempts))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == attempts
    assert all(0 <= gap - wait <= 2 for gap, wait in zip(gaps, waits, strict=True))


def test_what_is_sent_again_after_a_restart_can_be_recognised(path):
    """The power fails between the back office's answer and its mark on flash."""
    messages, office = reopened(path), Office()
    put_session(messages, 5, values=0)
    contents = []
    for _ in range(2):
        unmarked = Path(path).read_bytes()
        run(messages.deliver(office.call))
        contents.append(office.got[-1])
        Path(path).write_bytes(unmarked)
        messages = reopened(path)
        clock.set_unix_s(NOW_S + 500)
    assert contents[0] == contents[1]
    assert office.ids == ["StartTransaction-5-0"] * 2


def test_one_line_sees_no_id_twice(path):
    messages, office = reopened(path), Office(*[CallError("InternalError")] * 2)
    put_session(messages, 1, values=1)
    deliver_all(messages, office)
    named = [unique_id for unique_id in office.ids if unique_id]
    assert len(set(named)) == len(named) == 4


# --- time


def test_times_before_the_clock_was_known_are_worked_out_when_sent(path):
    clock._boot_unix_s = 0
    messages, office = reopened(path), Office()
    put_start(messages, 1, 0)
    virtual_time.clock.now_us += 100_000_000
    clock.set_unix_s(NOW_S)
    deliver_all(messages, office)
    expected = NOW_S - 100
    assert abs(clock.parse_iso8601(office.got[0][1]["timestamp"]) - expected) <= 1


def pass_s(seconds):
    virtual_time.clock.now_us += seconds * 1_000_000
    clock.uptime_s()


def restarted(path):
    """A controller that nobody has told the time yet; its uptime begins anew."""
    clock._boot_unix_s = 0
    clock._uptime_s = 0
    return reopened(path)


def test_what_happened_over_restarts_before_the_time_was_known_keeps_its_order_and_distances(path):
    messages = restarted(path)
    pass_s(1000)
    put_start(messages, 1, 0)
    pass_s(600)
    put_values(messages, 1, 10)
    messages = restarted(path)
    pass_s(50)
    put_stop(messages, 1, "PowerLoss", 0)
    messages, office = restarted(path), Office()
    pass_s(30)
    clock.set_unix_s(NOW_S)
    deliver_all(messages, office)
    texts = [body.get("timestamp") or body["meterValue"][0]["timestamp"] for _, body in office.got]
    start_s, value_s, stop_s = [clock.parse_iso8601(text) for text in texts]
    assert value_s - start_s == 600
    assert stop_s - value_s == 51
    assert stop_s == NOW_S - 31


def test_a_date_that_became_known_is_kept_over_the_next_restart(path):
    messages = restarted(path)
    put_start(messages, 1, 0)
    pass_s(100)
    clock.set_unix_s(NOW_S)
    assert messages.needs_compaction()
    run(messages.compact())
    assert not messages.needs_compaction()
    messages, office = restarted(path), Office()
    pass_s(9000)
    clock.set_unix_s(NOW_S + 90_000)
    deliver_all(messages, office)
    assert clock.parse_iso8601(office.got[0][1]["timestamp"]) == NOW_S - 100


# --- room


def test_two_weeks_of_an_offline_garage_fit_without_a_loss(path):
    """1,000 messages, the longest there are: full samples, tags of 20 characters."""
    messages = reopened(path, start_up._OCPP_BYTES)
    readings = [2_000_000_000] + [60_000_000] * 10
    everything = ",".join(name for name, *_ in meter_values._MEASURANDS)
    count = 0
    for number in range(1, 101):
        tag = '"idTag":"%020d"' % number
        messages.put_start(number, '"connectorId":1,%s,"meterStart":9999999' % tag, NOW_S, 0)
        for _ in range(8):
            full = meter_values.sample(1, sampling.CLOCK, everything, readings, 900)
            messages.put_values(number, full, 0, False)
        members = '"meterStop":9999999,"reason":"UnlockCommand",' + tag
        messages.put_stop(number, members, NOW_S)
        count += 10
    assert messages.pending == count == 1000
    assert not messages.full
    assert not messages.needs_compaction()


def fill(messages, sessions, values):
    """Sessions while nobody listens; the journal is rewritten when that is due."""
    for number in range(1, sessions + 1):
        put_start(messages, number)
        for index in range(values):
            put_values(messages, number, 1000 * number + index)
            if messages.needs_compaction():
                run(messages.compact())
        put_stop(messages, number, "stop %d" % number)


def test_when_room_gets_scarce_every_second_sample_of_the_oldest_transactions_goes_first(path):
    messages, office = reopened(path, 18432), Office()
    fill(messages, 8, 40)
    deliver_all(messages, office)
    actions = [action for action, _ in office.got]
    assert actions.count("StartTransaction") == actions.count("StopTransaction") == 8
    kept = {number: [] for number in range(1, 9)}
    for action, body in office.got:
        if action == "MeterValues":
            kept[body["transactionId"] - 40].append(told(body) % 1000)
    assert kept[8] == list(range(40))
    assert kept[1] == list(range(0, 40, 2))
    for values in kept.values():
        assert values[0] == 0
        assert set(steps(values)) <= {1, 2}


def steps(values):
    return [later - earlier for earlier, later in pairwise(values)]


def test_what_is_no_sample_of_a_row_is_never_thinned_out(path):
    messages, office = reopened(path, 11264), Office()
    put_start(messages, 1)
    messages.put_values(1, sample(7, sampling._INTERRUPTION_BEGIN), 0, False)
    messages.put_values(1, sample(7, sampling._INTERRUPTION_END), 0, False)
    for index in range(300):
        put_values(messages, 1, index)
        if messages.needs_compaction():
            run(messages.compact())
    put_stop(messages, 1)
    deliver_all(messages, office)
    contexts = [
        body["meterValue"][0]["sampledValue"][0]["context"] for _, body in office.got[1:-1]
    ]
    assert contexts[:2] == ["Interruption.Begin", "Interruption.End"]
    assert told(office.got[-2][1]) > 290, "the newest are there"


def test_a_queue_full_of_starts_and_stops_says_so_and_what_runs_can_still_be_stopped(path):
    messages, office = reopened(path, 8192), Office()
    number = 0
    while not messages.full:
        number += 1
        put_session(messages, number, values=3)
        if messages.needs_compaction():
            run(messages.compact())
    while messages.pending < 1000:
        number += 1
        put_start(messages, number)
        if not messages.has_started(number):
            break
    last = number - 1
    put_stop(messages, last, "stop %d" % last)
    deliver_all(messages, office)
    assert office.transactions == last
    assert told(office.got[-1][1]) == "stop %d" % last
    assert reopened(path, 8192).pending == 0, "each delivery could be noted"


def test_text_from_outside_goes_through_unchanged(path):
    messages, office = reopened(path), Office()
    tag = 'a"%s%d\\\x01'
    messages.put_start(1, '"idTag":%s' % json.dumps(tag), NOW_S, 0)
    deliver_all(messages, office)
    assert office.got[0][1]["idTag"] == tag


STEPS = st.lists(
    st.sampled_from(
        ["start", "values", "values", "stop", "deliver", "deliver", "lost", "restart", "compact"]
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_each_message_arrives_once_and_in_order(tmp_path_factory, steps):
    clock.set_unix_s(NOW_S)
    path = str(tmp_path_factory.mktemp("queue") / "queue")
    messages, office = reopened(path), Office()
    expected, number, running, count = [], 0, False, 0
    for step in steps:
        if step == "start" and not running:
            number, running = number + 1, True
            put_start(messages, number)
            expected.append(("StartTransaction", "T%d" % number))
        elif step == "values" and running:
            count += 1
            put_values(messages, number, count, online=count % 2 == 0)
            expected.append(("MeterValues", count))
        elif step == "stop" and running:
            running = False
            put_stop(messages, number, "s%d" % number)
            expected.append(("StopTransaction", "s%d" % number))
        elif step == "deliver" and messages.pending:
            run(messages.deliver(office.call))
        elif step == "lost" and messages.pending:
            with pytest.raises(OSError, match="lost"):
                run(messages.deliver(Office(OSError("lost")).call))
        elif step == "restart":
            messages.settle(now=True)  # as a reset does
            messages = reopened(path)
        elif step == "compact":
            run(messages.compact())
    deliver_all(messages, office)
    assert [(action, told(body)) for action, body in office.got] == expected
    transaction = 40
    for action, body in office.got:
        transaction += action == "StartTransaction"
        assert body.get("transactionId", transaction) == transaction
