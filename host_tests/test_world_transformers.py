"""Mains at a board's ADC pins: what a conversion there reads."""

import json
import math

import install
import pytest
from machine import ADC, Pin
from sim.board_model import BoardModel
from sim.current_transformers import CurrentTransformers
from sim.registers import Registers
from sim.run import merged
from sim.shim import registers as layout
from virtual_time import PERIOD, START_MS

REFERENCE = json.loads((install.ROOT / "config.json").read_text())
VARIANT = json.loads((install.ROOT / "docs" / "boards" / "ct_three_phases.json").read_text())
CONFIG = merged(REFERENCE, VARIANT)["board"]
PINS, CIRCUIT = CONFIG["pins"], CONFIG["ct"]


class Mains:
    """Given a board's registers without noise, and mains on its pins."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.registers = Registers()
        install.use_registers(self.registers)
        self.transformers = CurrentTransformers(self.registers, CONFIG)
        self.transformers.connect()

    def read_uv(self, name: str, at_us: int) -> int:
        """A conversion when the ticks are at_us."""
        read_uv = ADC(Pin(PINS[name], Pin.IN)).read_uv
        self.clock.now_us = at_us - START_MS * 1000 - 20  # the look at the clock takes 20
        return read_uv()


@pytest.fixture
def mains(clock):
    before_us = clock.now_us
    yield Mains(clock)
    clock.now_us = before_us


def wave_uv(rms: float, uv_per_unit: int, at_us: int, hz: float, lead: float = 0) -> float:
    turn = at_us * hz / 1e6 + lead
    return CIRCUIT["zero_uv"] + rms * uv_per_unit * math.sqrt(2) * math.sin(turn * math.tau)


@pytest.mark.parametrize("hz", [50, 60])
def test_voltage_and_currents_as_the_converter_sees_them(mains, hz):
    mains.transformers.drive([230.0, 231.0, 229.0], [6.0, 16.0, 32.0], hz, set())
    for at_us in range(0, 40_000, 333):
        volts = wave_uv(230, CIRCUIT["uv_per_v"], at_us, hz)
        assert mains.read_uv("mains_adc", at_us) == pytest.approx(volts, abs=1300)
        for phase, amps in enumerate((6, 16, 32)):
            expected = wave_uv(amps, CIRCUIT["uv_per_a"][phase], at_us, hz, -phase / 3)
            name = f"ct_l{phase + 1}_adc"
            assert mains.read_uv(name, at_us) == pytest.approx(expected, abs=1300)


def test_the_wave_goes_on_where_the_ticks_wrap(mains):
    mains.transformers.drive([230.0] * 3, [0.0] * 3, 50.0, set())
    around = [mains.read_uv("mains_adc", PERIOD + at_us) for at_us in range(-3000, 3001, 100)]
    steepest_uv = 230 * CIRCUIT["uv_per_v"] * math.sqrt(2) * math.tau * 50 * 100e-6
    steps = [abs(b - a) for a, b in zip(around, around[1:])]
    assert max(steps) < steepest_uv + 2000


def test_a_sensor_that_is_off_or_at_the_rail(mains):
    mains.transformers.drive([230.0] * 3, [16.0] * 3, 50.0, {"meter_silent"})
    assert {mains.read_uv("ct_l1_adc", at_us) for at_us in range(0, 20_000, 777)} == {0}
    mains.transformers.drive([230.0] * 3, [16.0] * 3, 50.0, {"meter_corrupt"})
    assert {mains.read_uv("mains_adc", at_us) for at_us in range(0, 20_000, 777)} == {3_100_000}


def test_the_other_pins_have_no_wave(mains):
    mains.transformers.drive([230.0] * 3, [32.0] * 3, 50.0, set())
    mains.registers[layout.ADC0 + PINS["temperature_adc"]] = 1_650_000
    seen = {mains.read_uv("temperature_adc", at_us) for at_us in range(0, 20_000, 777)}
    assert seen == {1_650_000}


def test_a_car_that_charges_shows_in_the_transformers(clock):
    registers = Registers()
    install.use_registers(registers)
    world = BoardModel(registers, CONFIG)
    world.change_vehicle({"plugged": True, "phases": 3})
    registers[layout.FREQ0 + PINS["pilot_pwm"]] = 1000
    registers[layout.DUTY0 + PINS["pilot_pwm"]] = round(65536 * 16 / 60)
    registers[layout.OUT0 + PINS["contactor"]] = 1
    for step in range(1000):
        world.step(step / 100)
    assert world.meter.a == pytest.approx([16.0] * 3, abs=0.1)
    peak_uv = round(world.meter.a[0] * CIRCUIT["uv_per_a"][0] * math.sqrt(2))
    for phase in (1, 2, 3):
        assert registers[layout.SINE_UV0 + PINS[f"ct_l{phase}_adc"]] == pytest.approx(
            peak_uv, abs=2
        )


def test_a_reference_board_has_none(clock):
    registers = Registers()
    world = BoardModel(registers, REFERENCE["board"])
    world.step(0.0)
    assert world.transformers is None
    assert not any(registers[layout.SINE_UV0 + pin] for pin in range(layout.PINS))
