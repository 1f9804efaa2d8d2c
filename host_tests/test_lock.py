"""The lock's motor: pulses, breaks and tries, at the expander's outputs."""

import pytest
from core.clock import uptime_s
from drivers.io_expander import LOCK_CLOSE, LOCK_OPEN
from drivers.lock import Lock
from sim.lock_motor import LockMotor

CIRCUIT = {"pulse_ms": 500, "break_ms": 1000, "tries": 5, "retry_ms": 5000}
STEP_MS = 20


class Socket:
    """Given a lock with its motor; `run` lets time pass in the connector's steps."""

    def __init__(self, clock, **circuit) -> None:
        self._clock = clock
        self.motor = LockMotor()
        self.jams = False
        self.bounce = ()  # readings of the feedback before the true ones
        self.missing = False
        self.outputs = [False, False]
        self.edges = []  # (ms, output, on)
        self.lock = Lock(self, {**CIRCUIT, **circuit})

    @property
    def now_ms(self):
        return self._clock.now_us / 1000

    def drive(self, output, on):
        if self.missing:
            return False
        if self.outputs[output] != on:
            self.outputs[output] = on
            self.edges.append((self.now_ms, output, on))
            assert not all(self.outputs)
        return True

    def lock_closed(self):
        if self.missing:
            raise OSError("inputs not read")
        if self.bounce:
            value, *self.bounce = self.bounce
            return value
        return self.motor.closed

    def run(self, close, ms):
        for _ in range(ms // STEP_MS):
            self._clock.sleep_us(STEP_MS * 1000)
            self.motor.step(self.now_ms / 1000, *self.outputs, self.jams)
            try:
                self.lock.step(close, self._clock.ticks_ms())
            except OSError:
                assert self.missing

    def pulses(self, output):
        """[(start, length)] of an output's pulses."""
        starts = [t for t, out, on in self.edges if out == output and on]
        ends = [t for t, out, on in self.edges if out == output and not on]
        return list(zip(starts, (end - start for start, end in zip(starts, ends))))


@pytest.fixture
def socket(clock):
    return Socket(clock)


def test_one_pulse_locks_and_one_unlocks(socket):
    socket.run(False, 200)
    assert socket.lock.closed is False
    asked_ms = socket.now_ms
    socket.run(True, 3000)
    ((start_ms, length_ms),) = socket.pulses(LOCK_CLOSE)
    assert start_ms - asked_ms <= 2 * STEP_MS
    assert 500 <= length_ms <= 500 + 2 * STEP_MS
    assert socket.lock.closed and not socket.lock.failed
    socket.run(False, 3000)
    assert len(socket.pulses(LOCK_OPEN)) == len(socket.pulses(LOCK_CLOSE)) == 1
    assert socket.lock.closed is False


def test_at_the_start_it_looks_before_it_moves(clock):
    socket = Socket(clock)
    socket.motor.closed = True
    assert socket.lock.closed is None
    socket.run(True, 2000)
    assert socket.lock.closed is True
    assert socket.edges == []


def test_without_a_wish_it_stays(clock):
    socket = Socket(clock)
    socket.motor.closed = True
    socket.run(None, 2000)
    assert socket.lock.closed is True
    assert socket.edges == []


def test_a_jam_is_told_after_five_pulses_with_breaks_and_tried_on_each_5_s(socket):
    socket.run(False, 200)
    socket.jams = True
    asked_ms = socket.now_ms
    while not socket.lock.failed:
        socket.run(True, STEP_MS)
    assert 7000 <= socket.now_ms - asked_ms <= 8500
    pulses = socket.pulses(LOCK_CLOSE)
    assert len(pulses) == 5
    for (first_ms, length_ms), (second_ms, _) in zip(pulses, pulses[1:]):
        assert second_ms - first_ms - length_ms >= 1000
    socket.run(True, 20000)
    later = socket.pulses(LOCK_CLOSE)[4:]
    assert len(later) == 4
    for (first_ms, length_ms), (second_ms, _) in zip(later, later[1:]):
        assert 5000 <= second_ms - first_ms - length_ms <= 5000 + 2 * STEP_MS
    socket.jams = False
    socket.run(True, 6500)
    assert socket.lock.closed and not socket.lock.failed


def test_another_wish_ends_the_pulse_first_and_takes_the_break(socket):
    socket.run(False, 200)
    socket.run(True, 100)
    socket.run(False, 3000)
    (closing,) = socket.pulses(LOCK_CLOSE)
    (opening,) = socket.pulses(LOCK_OPEN)
    assert 500 <= closing[1] <= 540
    assert opening[0] - closing[0] - closing[1] >= 1000
    assert socket.lock.closed is False


def test_a_jammed_lock_that_is_to_open_takes_the_short_break(socket):
    socket.run(False, 200)
    socket.jams = True
    socket.run(True, 9000)
    assert socket.lock.failed
    socket.motor.closed = True  # it went in after all, and its feedback comes late
    asked_ms = socket.now_ms
    socket.run(False, 1200)
    assert not socket.lock.failed
    assert socket.pulses(LOCK_OPEN)[0][0] - asked_ms <= 200


@pytest.mark.parametrize("pulse_ms, length_ms", [(100, 300), (300, 300), (600, 600), (2000, 600)])
def test_pulses_stay_within_what_the_motor_stands(clock, pulse_ms, length_ms):
    socket = Socket(clock, pulse_ms=pulse_ms, break_ms=10)
    socket.run(False, 200)
    socket.jams = True
    socket.run(True, 4000)
    first, second = socket.pulses(LOCK_CLOSE)[:2]
    assert length_ms <= first[1] <= length_ms + 2 * STEP_MS
    assert second[0] - first[0] - first[1] >= 1000


def test_a_bouncing_feedback_is_no_news(socket):
    socket.run(False, 200)
    socket.bounce = [True, False, True, True, False] * 10
    socket.run(False, 900)
    assert socket.lock.closed is False
    assert socket.edges == []


def test_a_pulse_ends_although_the_loop_was_held(socket, clock):
    socket.run(False, 200)
    socket.run(True, 100)
    clock.sleep_us(2_000_000)
    socket.run(True, 2 * STEP_MS)
    assert socket.outputs == [False, False]
    ended_ms = socket.edges[-1][0]
    socket.jams = True
    socket.motor.closed = False
    socket.run(True, 3000)
    assert socket.pulses(LOCK_CLOSE)[1][0] - ended_ms >= 1000


def test_without_its_expander_it_does_not_move(socket):
    socket.run(False, 200)
    socket.missing = True
    socket.run(True, 3000)
    assert socket.edges == []
    assert not socket.lock.failed
    socket.missing = False
    socket.run(True, 3000)
    assert socket.lock.closed


def test_a_week_at_rest_does_not_delay_it(socket, clock):
    """Ticks wrap after 12 days; half of that in the past looks like the future."""
    socket.run(False, 200)
    for _ in range(8):
        clock.sleep_us(86_400_000_000)
        uptime_s()  # as the supervisor does
        socket.run(False, 1200)
    asked_ms = socket.now_ms
    socket.run(True, 1000)
    assert socket.pulses(LOCK_CLOSE)[0][0] - asked_ms <= 2 * STEP_MS
