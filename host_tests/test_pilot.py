"""The pilot: currents to duty, voltages to states, and the measurement."""

import json
import random
from array import array

import pytest
from drivers.pilot import Pilot, duty_u16, sample
from evse.pilot_levels import classify, duty_x10, offered_ma
from install import ROOT

from sim import circuit

CIRCUIT = json.loads((ROOT / "config.json").read_text())["board"]["pilot"]
LEVELS = CIRCUIT["levels_mv"]


@pytest.mark.parametrize(
    ("amps", "permille_x10", "u16"),
    [
        (6, 1000, 6554),
        (8, 1333, 8738),
        (10, 1667, 10923),
        (13, 2167, 14199),
        (16, 2667, 17476),
        (20, 3333, 21845),
        (25, 4167, 27307),
        (32, 5333, 34953),
        (40, 6667, 43691),
        (48, 8000, 52429),
        (51, 8500, 55706),
        (63, 8920, 58458),
        (80, 9600, 62915),
    ],
)
def test_duty_for_a_current(amps, permille_x10, u16):
    """IEC 61851-1 table A.7; the 16-bit duty within a quarter of the 5 µs tolerance."""
    assert duty_x10(amps * 1000) == permille_x10
    assert abs(duty_u16(permille_x10) - u16) <= 4
    assert offered_ma(permille_x10) == amps * 1000


def test_duty_is_never_outside_what_a_car_may_read():
    assert duty_x10(52000) == duty_x10(51000)  # the gap between the two formulas
    assert duty_x10(1) == 1000
    assert duty_x10(100000) == 9600
    duties = [duty_x10(ma) for ma in range(6000, 80001, 50)]
    assert duties == sorted(duties)
    for ma in range(6000, 80001, 50):
        assert abs(offered_ma(duty_x10(ma)) - ma) <= 60 or 51000 < ma <= 52500
    assert offered_ma(0) == 0


def test_steady_levels_are_steady():
    assert duty_u16(10000) == 65535  # LEDC: steady high
    assert duty_u16(0) == 0


@pytest.mark.parametrize(
    ("mv", "state"),
    [(12600, "A"), (11400, "A"), (9560, "B"), (8360, "B"), (6490, "C"), (5480, "C"), (3250, "D"),
     (2620, "D"), (0, "E"), (-12000, "E")],
)  # fmt: skip
def test_generator_windows_of_j1772_classify(mv, state):
    assert classify(mv, LEVELS, 250, "A") == state


@pytest.mark.parametrize("supply", [0.95, 1.0, 1.02])
@pytest.mark.parametrize("b_ohm", [1870, 2740, 4610])
def test_every_car_within_the_tolerances_is_read_right(b_ohm, supply):
    """Resistors of cars as IEC 61851-1 allows them, each state read after the one before."""

    def read(ohm, previous):
        high_mv = circuit.loaded_mv(12000 * supply, ohm)
        return classify(high_mv, LEVELS, CIRCUIT["hysteresis_mv"], previous)

    assert read(b_ohm, "A") == "B"
    for c_ohm in (909, 1300, 1723):
        both_ohm = circuit.parallel(b_ohm, c_ohm)
        assert read(both_ohm, "A") == read(both_ohm, "B") == "C"
    d_ohm = circuit.parallel(b_ohm, 270)
    assert read(d_ohm, "C") == read(d_ohm, "A") == "D"
    assert read(circuit.SHORT_OHM, "D") == "E"
    assert read(b_ohm, "C") == "B"
    assert read(None, "B") == "A"


def test_a_state_keeps_at_its_thresholds():
    assert classify(10600, LEVELS, 250, "B") == "B"
    assert classify(10600, LEVELS, 250, "A") == "A"
    assert classify(10300, LEVELS, 250, "A") == "A"
    assert classify(10800, LEVELS, 250, "B") == "A"
    assert classify(7400, LEVELS, 250, "B") == "B"
    assert classify(7600, LEVELS, 250, "C") == "C"


def test_a_sample_drops_the_extremes():
    readings = iter([900, 100, 500, 901, 99, 102, 880, 2000, 0] + [500] * 400)
    found = array("i", [0, 0])
    sample(lambda: next(readings), found, 400)
    assert list(found) == [901, 99]


@pytest.mark.parametrize("pause_at", range(3, 40))
def test_a_pause_does_not_hide_a_part_of_the_wave(clock, pause_at):
    """Given a chip that does something else for 2 ms amid the sampling, then both levels are met."""
    looks = []

    def read_uv():
        looks.append(1)
        if len(looks) == pause_at:
            clock.sleep_us(2000)
        return 1_700_000 if clock.ticks_us() % 1000 < 300 else 170_000

    found = array("i", [0, 0])
    sample(read_uv, found, 1250)
    assert list(found) == [1_700_000, 170_000]


def test_pauses_without_end_do_not_hold_the_sample(clock):
    def read_uv():
        clock.sleep_us(2000)
        return 170_000

    found = array("i", [0, 0])
    before_us = clock.now_us
    sample(read_uv, found, 1250)
    assert clock.now_us - before_us < 15_000
    assert list(found) == [170_000, 170_000]


def test_a_sample_that_is_torn_all_the_time_says_so_and_a_whole_one_does_not(clock):
    found = array("i", [0, 0])

    def torn_uv():
        clock.now_us += 400
        return 1700000

    assert sample(torn_uv, found, 1250) == 1
    assert sample(lambda: 1700000, found, 1250) == 0


def test_a_stuck_clock_does_not_hold_the_sample(monkeypatch):
    import drivers.pilot

    monkeypatch.setattr(drivers.pilot, "ticks_us", lambda: 7)
    found = array("i", [0, 0])
    sample(lambda: 1000, found, 2250)
    assert list(found) == [1000, 1000]


def test_measured_millivolts(clock):
    """Given a wave of +6 and -12 V, when measured at any duty, then both levels are right."""

    class Pwm:
        def duty_u16(self, value):
            self.value = value

    pwm = Pwm()

    jitter = random.Random(1)

    def read_uv():
        clock.sleep_us(jitter.randrange(12))  # no conversion takes as long as the one before
        phase = clock.ticks_us() % 1000
        return 1_700_000 if phase * 65536 // 1000 < pwm.value else 170_000

    pilot = Pilot(pwm, read_uv, CIRCUIT)
    for amps in (6, 10, 16, 32, 63):
        pilot.set_duty(duty_x10(amps * 1000))
        for _ in range(50):
            pilot.measure()
            assert (pilot.high_mv, pilot.low_mv) == (6000, -12000), amps
        assert 0 <= pilot.age_ms() <= 3
    pilot.set_duty(duty_x10(80000))  # 40 µs of low a period: seen in most looks, which is enough
    lows = []
    for _ in range(100):
        pilot.measure()
        assert pilot.high_mv == 6000
        lows.append(pilot.low_mv)
    assert set(lows) <= {6000, -12000}
    assert lows.count(-12000) >= 80
