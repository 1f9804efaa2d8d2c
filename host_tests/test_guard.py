"""The guard: opens on its own, agrees to nothing that is not fresh, and allocates nothing."""

import subprocess

import pytest
from evse.guard import TRIP_HEARTBEAT, TRIP_PILOT, TRIP_RESIDUAL, Guard
from install import ROOT

LEVELS = [10500, 7500, 4500, 1500]


class Pilot:
    """A pilot at a level in millivolts; one millivolt is one microvolt at the converter."""

    def __init__(self):
        self.level = 6000
        self.sampled_ms = 0
        self.span_us = 1250
        self.samples = 0

    def threshold_uv(self, level_mv):
        return level_mv

    def read_uv(self):
        return self.level

    def sample(self, read_uv, result, span_us):
        self.samples += 1
        result[0] = read_uv()
        result[1] = -12000


class Board:
    """Guard, coil and residual-current monitor, with the clock in hand."""

    def __init__(self, clock):
        self.clock = clock
        self.coil = 0
        self.residual = 0
        self.pilot = Pilot()
        self.pilot.sampled_ms = clock.ticks_ms()
        self.guard = Guard(self.drive, lambda: self.residual, self.pilot, {"levels_mv": LEVELS})
        self.guard.look()

    def drive(self, level):
        self.coil = level

    def pass_ms(self, ms, loop=True):
        """Let time pass with the guard, and the loop unless it is held."""
        for _ in range(ms // 5):
            self.clock.sleep_us(5000)
            if loop:
                self.pilot.sampled_ms = self.clock.ticks_ms()
                self.guard.beat()
            self.guard.look()


@pytest.fixture
def board(clock):
    return Board(clock)


def test_it_closes_and_stays_closed_while_all_is_well(board):
    assert board.guard.close()
    board.pass_ms(10000)
    assert board.coil == 1
    assert board.pilot.samples == 0  # the loop's samples are fresh: it needs none of its own


def test_it_samples_itself_when_the_loop_is_held(board):
    board.guard.close()
    board.pass_ms(100)
    board.pass_ms(200, loop=False)
    assert board.coil == 1
    board.pilot.level = 9000
    board.pass_ms(20, loop=False)
    assert board.coil == 0
    assert board.guard.trips == TRIP_PILOT


def test_one_odd_sample_does_not_open(board):
    board.guard.close()
    board.pass_ms(100, loop=False)
    board.pilot.level = 9000
    board.pass_ms(5, loop=False)
    board.pilot.level = 6000
    board.pass_ms(100, loop=False)
    assert board.coil == 1


@pytest.mark.parametrize(("level", "within_ms"), [(12000, 50), (9000, 50), (0, 50), (-12000, 80)])
def test_every_state_but_c_and_d_opens(board, level, within_ms):
    board.guard.close()
    board.pass_ms(100)
    board.pilot.level = level
    board.pass_ms(within_ms, loop=False)
    assert board.coil == 0


@pytest.mark.parametrize(
    ("level", "since_ms", "closed"),
    [(9000, 0, 1), (9000, 500, 1), (9000, 540, 0), (12000, 0, 0), (0, 0, 0), (10600, 0, 0)],
)
def test_b_alone_is_passed_over_for_550_ms_after_a_new_duty(board, level, since_ms, closed):
    """Some hybrids fall back to B; A and E open as ever."""
    board.guard.close()
    board.guard.duty_changed(board.clock.ticks_ms())
    board.pass_ms(since_ms)
    board.pilot.level = level
    board.pass_ms(50, loop=False)
    assert board.coil == closed


def test_a_few_samples_of_the_low_part_alone_do_not_open(board):
    """A thread that was held amid its sampling may have met only the PWM's low part."""
    board.guard.close()
    board.pass_ms(100, loop=False)
    for _ in range(5):
        board.pilot.level = -12000
        board.pass_ms(20, loop=False)
        board.pilot.level = 6000
        board.pass_ms(10, loop=False)
    assert board.coil == 1


def test_residual_current_opens_at_the_next_look(board):
    board.guard.close()
    board.residual = 1
    board.pass_ms(5)
    assert (board.coil, board.guard.trips) == (0, TRIP_RESIDUAL)
    assert not board.guard.close()
    assert board.coil == 0


def test_a_pause_of_the_whole_chip_is_no_stalled_guard(board):
    """A long garbage collection, or a suspended bench, holds the loop as well."""
    board.guard.close()
    board.pass_ms(100)
    board.clock.sleep_us(1_700_000)
    board.pilot.sampled_ms = board.clock.ticks_ms()
    board.guard.beat()
    assert board.guard.permits
    board.pass_ms(100)
    assert board.coil == 1


def test_a_missing_heartbeat_opens(board):
    board.guard.close()
    board.pass_ms(2900, loop=False)
    assert board.coil == 1
    board.pass_ms(200, loop=False)
    assert (board.coil, board.guard.trips) == (0, TRIP_HEARTBEAT)


def test_a_heartbeat_newer_than_the_guards_own_clock_is_fresh(board):
    """Given a guard that was held after it had read the clock, when the loop beats, all is well."""
    board.guard.close()
    for newer in (2, 3):  # the cells of the loop's sample and of its heartbeat
        board.guard._cells[newer] = board.clock.ticks_ms() + 40
    board.guard.look()
    assert (board.coil, board.guard.trips, board.pilot.samples) == (1, 0, 0)


def test_a_trip_holds_until_it_is_cleared_with_the_contactor_open(board):
    board.guard.close()
    board.residual = 1
    board.pass_ms(5)
    board.residual = 0
    board.guard.clear()  # still asked for: in vain
    assert not board.guard.permits
    assert not board.guard.close()
    board.guard.clear()
    assert board.guard.close()


def test_a_guard_that_does_not_run_permits_nothing(board):
    board.clock.sleep_us(1_050_000)
    assert not board.guard.close()  # nothing is closed on what is not fresh
    for _ in range(11):
        board.guard.beat()
    assert not board.guard.permits
    assert board.coil == 0


def test_a_coil_driven_behind_its_back_goes_off_again(board):
    """Given a trip between the loop's check and its write, when the guard looks, the coil is off."""
    board.guard.close()
    board.residual = 1
    board.guard.look()
    board.drive(1)
    board.pass_ms(5)
    assert board.coil == 0


HEAP_LOCK_TEST = """
import sys
sys.path[:0] = ["%(root)s/sim/shim", "%(root)s", "%(root)s/lib"]
import ffi, json, micropython, time
import registers
libc = ffi.open("libc.so.6")
fd = libc.func("i", "open", "sii")("%(tmp)s/registers", 66, 384)
libc.func("i", "ftruncate", "ii")(fd, registers.WORDS * 4)
libc.func("P", "mmap", "Piiiii")(registers.BASE, registers.WORDS * 4, 3, 0x100001, fd, 0)
from machine import ADC, PWM, Pin
from drivers.pilot import Pilot
from evse.guard import Guard
config = json.load(open("%(root)s/config.json"))["board"]
pins, circuit = config["pins"], config["pilot"]
for name, value in (("WAVE_ADC_PIN", pins["pilot_adc"]), ("WAVE_PWM_PIN", pins["pilot_pwm"]),
                    ("WAVE_HIGH_UV", 1700000), ("WAVE_LOW_UV", 170000), ("ADC_NOISE_UV", 4000)):
    registers.poke(getattr(registers, name), value)
coil = Pin(pins["contactor"], Pin.OUT, value=0)
pwm = PWM(Pin(pins["pilot_pwm"]), freq=1000, duty_u16=65535)
pilot = Pilot(pwm, ADC(Pin(pins["pilot_adc"], Pin.IN)).read_uv, circuit)
pilot.set_duty(5333)
guard = Guard(coil, Pin(pins["rcm_trip"], Pin.IN), pilot, circuit)
guard.look()
assert guard.close()
time.sleep_ms(40)  # the loop's sample is old now: the guard samples itself
shared, coil, residual, sample, read_uv, scratch = guard._watch
from evse.guard import watch
micropython.heap_lock()
for _ in range(50):
    watch(shared, coil, residual, sample, read_uv, scratch)
micropython.heap_unlock()
assert coil() == 1, "must stay closed in state C"
registers.poke(registers.WAVE_HIGH_UV, 1955000)
micropython.heap_lock()
for _ in range(10):  # a busy computer may tear some of its samples
    watch(shared, coil, residual, sample, read_uv, scratch)
micropython.heap_unlock()
assert coil() == 0, "must open in state B"
try:
    micropython.heap_lock()
    bytearray(64)
except MemoryError:
    micropython.heap_unlock()
    print("no allocation")
"""


@pytest.mark.parametrize("speed", ["micropython32", "micropython32-slow"])
def test_the_guards_path_allocates_nothing(tmp_path, speed):
    """On the real interpreter, with the heap locked: an allocation would raise MemoryError."""
    script = tmp_path / "heap_lock.py"
    script.write_text(HEAP_LOCK_TEST % {"root": ROOT, "tmp": tmp_path})
    interpreter = ROOT / "build" / "micropython" / speed
    run = subprocess.run([interpreter, script], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "no allocation", run.stdout + run.stderr
