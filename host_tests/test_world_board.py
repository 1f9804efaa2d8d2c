"""One board's hardware at its registers, stepped in virtual time."""

import json
from pathlib import Path

import pytest

from sim.board_model import BoardModel
from sim.contactor import Contactor
from sim.registers import Registers
from sim.shim import registers as layout

CONFIG = json.loads((Path(__file__).parent.parent / "config.json").read_text())["board"]
PINS = CONFIG["pins"]
DUTY_16_A = 17476


class Bench:
    """A model with its registers, its events and its time."""

    def __init__(self):
        self.events = []
        self.now_s = 1000.0
        self.words = Registers()
        self.model = BoardModel(self.words, CONFIG, self.tell)
        self.run(0.02)

    def tell(self, what, value):
        self.events.append((round(self.now_s, 3), what, value))

    def run(self, seconds):
        for _ in range(round(seconds * 1000)):
            self.now_s += 0.001
            self.model.step(self.now_s)
        return self

    def drive(self, pin, level):
        if self.words[layout.OUT0 + PINS[pin]] != level:
            self.words[layout.OUT0 + PINS[pin]] = level
            self.words[layout.EDGES0 + PINS[pin]] += 1

    def pwm(self, pin, duty, hz=1000):
        self.words[layout.DUTY0 + PINS[pin]] = duty
        self.words[layout.FREQ0 + PINS[pin]] = hz

    def level(self, pin):
        return self.words[layout.IN0 + PINS[pin]]

    def values(self, what):
        return [value for _, name, value in self.events if name == what]

    def charge(self):
        self.model.change_vehicle({"plugged": True})
        self.pwm("pilot_pwm", DUTY_16_A)
        self.run(1.5)
        self.drive("contactor", 1)
        return self.run(3)


@pytest.fixture
def bench():
    return Bench()


def test_a_chip_in_reset_shows_f_and_steady_high_shows_a(bench):
    assert bench.model.vehicle_state == "F"
    bench.pwm("pilot_pwm", 65536)
    bench.run(0.02)
    assert bench.model.vehicle_state == "A"
    assert bench.values("duty") == [0, 1000]


def test_a_charge_from_plug_to_unplug_leaves_its_events_in_order(bench):
    bench.charge()
    assert bench.model.meter.a == [pytest.approx(16, abs=0.02), 0, 0]
    bench.model.change_vehicle({"plugged": False})
    bench.run(0.01)
    bench.drive("contactor", 0)
    bench.run(0.05)
    assert bench.values("state") == ["F", "B", "C", "A"]
    assert bench.values("coil") == [False, True, False]
    assert bench.values("contactor") == [False, True, False]
    assert bench.values("vehicle") == [
        {"plugged": True},
        {"s2_closed": True},
        {"plugged": False},
        {"s2_closed": False},
    ]


def test_the_pilot_s_converter_and_the_contacts_reach_the_registers(bench):
    bench.charge()
    high_uv = bench.words[layout.WAVE_HIGH_UV]
    high_mv = (high_uv - CONFIG["pilot"]["zero_uv"]) * 1000 // CONFIG["pilot"]["uv_per_v"]
    assert 5480 <= high_mv <= 6490
    assert bench.level("contactor_feedback") == 1


def test_energy_is_the_integral_of_power(bench):
    bench.charge()
    before_kwh = bench.model.meter.kwh
    bench.run(9)
    assert bench.model.meter.kwh - before_kwh == pytest.approx(16 * 230 * 9 / 3.6e6, rel=0.01)
    assert bench.model.meter.w == pytest.approx(3680, rel=0.01)


def test_a_coil_pulse_shorter_than_a_step_still_leaves_both_edges(bench):
    bench.drive("contactor", 1)
    bench.drive("contactor", 0)
    bench.run(0.002)
    assert bench.values("coil") == [False, True, False]


def test_a_reset_lets_go_of_everything_and_the_contactor_opens(bench):
    bench.charge()
    bench.model.reset_outputs()
    bench.run(0.02)
    assert not bench.model.contactor.closed
    assert bench.model.duty_permille == 0
    assert bench.values("coil") == [False, True, False]


def test_a_soft_reset_stops_the_pwm_and_leaves_the_contactor_pin(bench):
    bench.charge()
    bench.model.reset_outputs(soft=True)
    bench.run(0.02)
    assert bench.model.duty_permille == 0
    assert bench.model.coil


def test_the_coil_takes_its_time(bench):
    contactor = Contactor()
    contactor.step(0.0, True, False, False)
    contactor.step(0.014, True, False, False)
    assert not contactor.closed
    contactor.step(0.016, True, False, False)
    assert contactor.closed
    contactor.step(0.020, False, False, False)
    contactor.step(0.031, False, False, False)
    assert contactor.closed
    contactor.step(0.033, False, False, False)
    assert not contactor.closed


def test_welded_contacts_stay_and_the_feedback_tells(bench):
    bench.charge()
    bench.model.faults.add("welded_contactor")
    bench.drive("contactor", 0)
    bench.run(0.1)
    assert bench.level("contactor_feedback") == 1
    bench.model.faults.clear()
    bench.run(0.1)
    assert bench.level("contactor_feedback") == 0


def test_contacts_that_fail_to_close_stay_open(bench):
    bench.model.faults.add("contactor_fails_to_close")
    bench.charge()
    assert bench.level("contactor_feedback") == 0
    assert bench.model.meter.a == [0, 0, 0]


def test_the_rcm_trips_on_its_test_and_recovers(bench):
    bench.model.expander_outputs = 0xFF & ~4
    bench.run(0.045)
    assert bench.level("rcm_trip") == 0
    bench.run(0.015)
    assert bench.level("rcm_trip") == 1
    bench.model.expander_outputs = 0xFF
    bench.run(0.15)
    assert bench.level("rcm_trip") == 0
    bench.model.faults.add("rcm_test_fails")
    bench.model.expander_outputs = 0xFF & ~4
    bench.run(0.5)
    assert bench.level("rcm_trip") == 0


def test_a_300_ms_pulse_moves_the_lock_and_a_short_one_does_not(bench):
    bench.model.expander_outputs = 0xFF & ~1
    bench.run(0.2)
    bench.model.expander_outputs = 0xFF
    bench.run(0.05)
    assert not bench.model.lock.closed
    bench.model.expander_outputs = 0xFF & ~1
    bench.run(0.32)
    bench.model.expander_outputs = 0xFF
    bench.run(0.05)
    assert bench.model.lock.closed
    assert not bench.model.expander_inputs & 16  # feedback, active low
    bench.model.faults.add("lock_jams")
    bench.model.expander_outputs = 0xFF & ~2
    bench.run(0.6)
    assert bench.values("lock") == [False, True]


def test_dip_switches_button_and_temperature(bench):
    bench.model.change("dip_a", 16)
    bench.model.change("temperature_c", 70)
    bench.model.press_button(0.1)
    bench.run(0.05)
    assert ~bench.model.expander_inputs & 7 == CONFIG["dip_a"].index(16)
    assert bench.level("button") == 0
    assert bench.words[layout.ADC0 + PINS["temperature_adc"]] < 1_000_000
    bench.run(0.1)
    assert bench.level("button") == 1


def test_without_power_the_pilot_is_dead_and_the_vehicle_stops(bench):
    bench.charge()
    bench.model.change("powered", False)
    bench.model.reset_outputs()
    bench.run(0.05)
    assert (bench.model.high_mv, bench.model.low_mv) == (0, 0)
    assert bench.model.vehicle_state == "E"
    assert bench.model.meter.a == [0, 0, 0]


def flash(bench, lamp, period_ms, seconds):
    for n in range(round(seconds * 2000 / period_ms)):
        bench.drive("led_" + lamp, (n + 1) % 2)
        bench.run(period_ms / 2000)


@pytest.mark.parametrize(
    "period_ms, pattern",
    [(1000, "flashing slow"), (500, "flashing fast"), (200, "flashing fast")],
)
def test_flashing_lamps_are_named_by_their_pace(bench, period_ms, pattern):
    flash(bench, "red", period_ms, 4)
    assert bench.model.lamp_patterns()["red"] == pattern


def test_steady_lamps_are_on_or_off_and_tell_each_edge(bench):
    bench.drive("led_green", 1)
    bench.run(1.5)
    assert bench.model.lamp_patterns()["green"] == "on"
    bench.drive("led_green", 0)
    bench.run(1.5)
    assert bench.model.lamp_patterns()["green"] == "off"
    assert bench.values("led") == [{"green": True}, {"green": False}]


def test_a_ramp_of_duties_breathes_with_one_event(bench):
    for n in range(160):
        level = abs(n % 40 - 20)
        bench.pwm("led_green", level * 3276)
        bench.run(0.05)
    assert bench.model.lamp_patterns()["green"] == "breathing"
    assert bench.values("led") == [{"green": True}, {"green": "breathing"}]
    bench.pwm("led_green", 65536)
    bench.run(1.5)
    assert bench.model.lamp_patterns()["green"] == "on"
    assert bench.values("led")[2:] == [{"green": True}]
