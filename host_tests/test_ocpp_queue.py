"""Transaction messages: in order, none lost, over refusals, lost lines and power cuts."""

import asyncio
import json

import pytest
import virtual_time
from core import clock
from core.journal import Journal
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp16 import queue
from ocpp16.queue import TIME_GAP, TRANSACTION_GAP, TransactionQueue
from ocpp16.rpc import CallError

NOW_S = 1_795_000_000


@pytest.fixture(autouse=True)
def wall_clock():
    clock.set_unix_s(NOW_S)


def run(coroutine):
    """Run a coroutine that needs no sockets."""
    return virtual_time.run(coroutine)


def start_body(tag):
    return '{"idTag":"%s","timestamp":"%s"}' % (tag, TIME_GAP)


def bound_body(text):
    return '{"transactionId":%s,"value":"%s","timestamp":"%s"}' % (TRANSACTION_GAP, text, TIME_GAP)


class Office:
    """Answers deliveries; `plan` holds an exception, or None for an answer, for each to come."""

    def __init__(self, *plan) -> None:
        self.plan = list(plan)
        self.got = []
        self.transactions = 0

    async def call(self, action, body):
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
    return TransactionQueue(Journal(path, limit_bytes))


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
    messages.put_start(number, start_body("T%d" % number), clock.unix_s())
    for index in range(values):
        messages.put_values(number, bound_body("%d.%d" % (number, index)), online=False)
    messages.put_stop(number, bound_body("stop %d" % number), clock.unix_s())


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
    messages.put_start(7, start_body("T"), NOW_S)
    deliver_all(messages, office)
    messages = reopened(path)
    assert messages.transaction_of(7) == 41
    assert messages.session_of(41) == 7
    assert messages.has_started(7)
    messages.put_stop(7, bound_body("stop"), NOW_S)
    deliver_all(messages, office)
    assert office.got[-1][1]["transactionId"] == 41
    assert reopened(path).transaction_of(7) is None


def test_start_and_stop_of_a_session_are_queued_once_even_over_restarts_and_compaction(path):
    messages, office = reopened(path), Office()
    put_session(messages, 3, values=20)
    messages.put_start(3, start_body("again"), NOW_S)
    deliver_all(messages, office)
    virtual_time.run(messages.compact())
    assert messages._journal.size < 200, "what is done was dropped"
    messages = reopened(path)
    messages.put_stop(3, bound_body("again"), NOW_S)
    assert messages.pending == 0
    messages.put_start(4, start_body("T4"), NOW_S)
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
    messages.put_start(1, start_body("T"), NOW_S)
    deliver_all(messages, office)
    size = messages._journal.size
    messages.put_values(1, bound_body("a"), online=True)
    assert messages.pending == 1
    deliver_all(messages, office)
    assert messages._journal.size == size
    assert office.got[-1][1]["value"] == "a"


@pytest.mark.parametrize(
    "why", ["line lost", "refused", "too slow", "followed by a stop", "reset"]
)
def test_meter_values_not_delivered_at_once_are_put_on_flash_in_order(path, why):
    messages = reopened(path)
    messages.put_start(1, start_body("T"), NOW_S)
    deliver_all(messages, Office())
    messages.put_values(1, bound_body("a"), online=True)
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
    messages.put_stop(1, bound_body("stop"), NOW_S)
    office = Office()
    office.transactions = 1
    deliver_all(reopened(path), office)
    assert [body["value"] for _, body in office.got] == ["a", "stop"]


def test_values_settled_while_they_are_on_their_way_are_done_once_answered(path):
    messages, office = reopened(path), Office()
    messages.put_start(1, start_body("T"), NOW_S)
    deliver_all(messages, office)
    messages.put_values(1, bound_body("a"), online=True)

    async def slow_call(action, body):
        messages.settle(now=True)
        messages.put_values(1, bound_body("b"), online=True)
        return await office.call(action, body)

    run(messages.deliver(slow_call))
    deliver_all(reopened(path), office)
    assert [body["value"] for _, body in office.got[1:]] == ["a", "b"]


def test_times_before_the_clock_was_known_are_worked_out_when_sent(path):
    clock._boot_unix_s = 0
    messages, office = reopened(path), Office()
    messages.put_start(1, start_body("T"), 0)
    queued_s = clock.uptime_s()
    virtual_time.clock.now_us += 100_000_000
    clock.set_unix_s(NOW_S)
    deliver_all(messages, office)
    expected = NOW_S - 100
    assert abs(clock.parse_iso8601(office.got[0][1]["timestamp"]) - expected) <= 1
    assert queued_s >= 0


def test_times_of_a_former_start_become_the_time_of_this_start_at_the_latest(path):
    clock._boot_unix_s = 0
    reopened(path).put_start(1, start_body("T"), 0)
    messages, office = reopened(path), Office()
    clock.set_unix_s(NOW_S)
    deliver_all(messages, office)
    assert clock.parse_iso8601(office.got[0][1]["timestamp"]) == clock.boot_unix_s()


def test_a_full_queue_gives_up_meter_values_but_not_starts_and_stops(path):
    messages, office = reopened(path, 16384), Office()
    messages.put_start(1, start_body("T"), NOW_S)
    for index in range(200):
        messages.put_values(1, bound_body("%d" % index), online=False)
    kept = messages.pending - 1
    assert 50 < kept < 200
    assert not messages.full
    messages.put_stop(1, bound_body("stop"), NOW_S)
    for number in range(2, 12):
        put_session(messages, number, values=0)
    deliver_all(messages, office)
    assert [body["value"] for _, body in office.got[1 : kept + 1]] == [str(n) for n in range(kept)]
    assert office.transactions == 11
    assert sum(action == "StopTransaction" for action, _ in office.got) == 11


def test_a_queue_that_can_take_no_more_says_so(path):
    messages = reopened(path, 2048)
    number = 0
    while not messages.full:
        number += 1
        messages.put_start(number, start_body("T%d" % number), NOW_S)
    assert messages.pending == number
    for extra in range(100):
        messages.put_start(1000 + extra, start_body("x" * 20), NOW_S)
    assert messages.pending < number + 100
    deliver_all(messages, Office())


def test_text_from_outside_cannot_fill_the_gaps(path):
    messages, office = reopened(path), Office()
    tag = json.dumps(TIME_GAP + TRANSACTION_GAP + '"')
    messages.put_start(1, '{"idTag":%s,"timestamp":"%s"}' % (tag, TIME_GAP), NOW_S)
    deliver_all(messages, office)
    assert office.got[0][1]["idTag"] == TIME_GAP + TRANSACTION_GAP + '"'


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
            messages.put_start(number, start_body("T%d" % number), NOW_S)
            expected.append(("StartTransaction", "T%d" % number))
        elif step == "values" and running:
            count += 1
            messages.put_values(number, bound_body("v%d" % count), online=count % 2 == 0)
            expected.append(("MeterValues", "v%d" % count))
        elif step == "stop" and running:
            running = False
            messages.put_stop(number, bound_body("s%d" % number), NOW_S)
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
    assert [
        (action, body.get("idTag") or body["value"]) for action, body in office.got
    ] == expected
    transaction = 40
    for action, body in office.got:
        transaction += action == "StartTransaction"
        assert body.get("transactionId", transaction) == transaction
