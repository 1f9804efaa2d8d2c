"""Transaction messages: when they were made, while the time was not known, and what gives way when room is scarce."""

import json
from itertools import pairwise

import pytest
import start_up
import virtual_time
from core import clock
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp16 import meter_values, sampling
from queue_rig import (
    NOW_S,
    Office,
    deliver_all,
    put_session,
    put_start,
    put_stop,
    put_values,
    reopened,
    run,
    sample,
    told,
)


@pytest.fixture(autouse=True)
def wall_clock():
    clock.set_unix_s(NOW_S)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "queue")


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
