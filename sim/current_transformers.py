"""Sensors of a board that measures by itself: a divider at L1 and transformers around the phases."""

import math

from sim import circuit
from sim.registers import Registers
from sim.shim import registers as layout

TURN = 65536
STEPS = 256
MIDDLE = 4096


class CurrentTransformers:
    """Puts the mains onto a board's ADC pins; config is the "board" part of its config.json.

    lag: by what part of a turn the currents lag behind their voltages.
    """

    def __init__(self, registers: Registers, config: dict) -> None:
        pins, calibration = config["pins"], config["ct"]
        self.lag = 0.0
        self._registers = registers
        self._zero_uv = calibration["zero_uv"]
        self._uv_per_v = calibration["uv_per_v"]
        self._uv_per_a = calibration["uv_per_a"]
        self._voltage_pin = pins["mains_adc"]
        self._current_pins = [pins[f"ct_l{n + 1}_adc"] for n in range(len(self._uv_per_a))]

    def connect(self) -> None:
        """Write the shape of a sine; needed after a new register file."""
        for step in range(STEPS + 1):
            sine = math.sin(step * math.tau / STEPS)
            self._registers[layout.SINE_TABLE + step] = round(MIDDLE * (1 + sine))

    def drive(self, volts: list[float], amps: list[float], hz: float, faults: set[str]) -> None:
        """Show these voltages and currents. Faults: meter_silent (no bias), meter_corrupt (too much)."""
        self._registers[layout.SINE_TURNS] = round(hz * 2**30 / 1e6)
        bias_uv = self._zero_uv
        if "meter_silent" in faults:
            bias_uv = 0
        elif "meter_corrupt" in faults:
            bias_uv = circuit.RAIL_UV
        well = bias_uv == self._zero_uv
        self._show(self._voltage_pin, bias_uv, volts[0] * self._uv_per_v * well, 0.0)
        for phase, pin in enumerate(self._current_pins):
            rms_uv = amps[phase] * self._uv_per_a[phase] * well
            self._show(pin, bias_uv, rms_uv, -phase / 3 - self.lag)

    def _show(self, pin: int, bias_uv: int, rms_uv: float, lead: float) -> None:
        words = self._registers
        words[layout.ADC0 + pin] = bias_uv
        words[layout.SINE_LEAD0 + pin] = round(lead * TURN) % TURN
        words[layout.SINE_UV0 + pin] = min(round(rms_uv * math.sqrt(2)), circuit.ADC_CLIP_UV // 2)
