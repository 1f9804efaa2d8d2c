"""Transaction messages: in order, none lost, over refusals, lost lines and power cuts."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
import virtual_time
from core import clock
from ocpp16 import queue
from ocpp16.rpc import CallError
from queue_rig import (
    NOW_S,
    SETTINGS,
    Office,
    deliver_all,
    put_session,
    put_start,
    put_stop,
    put_values,
    reopened,
    run,
    told,
)


@pytest.fixture(autouse=True)
def wall_clock():
    clock.set_unix_s(NOW_S)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "queue")


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
    assert messages.journal.size < 200, "what is done was dropped"
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
    size = messages.journal.size
    put_values(messages, 1, 11, online=True)
    assert messages.pending == 1
    deliver_all(messages, office)
    assert messages.journal.size == size
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
