"""The hardware of a light slave: a pilot and a contactor without wires, a car and a meter.

They have the faces that the firmware's charger knows, above the registers: what is left out is the sampling of
millivolts in the wave, the guard's thread and the contacts' own time.
"""

import time
from typing import Callable

from sim import circuit
from sim.energy_meter import EnergyMeter
from sim.vehicle import Vehicle

MAINS_V = [230.0, 230.0, 230.0]
STEADY = 10_000  # a duty of 100 %, in 1/10 permille


class Pilot:
    """Drives a duty and measures the car's answer to it; tell(duty_permille) hears each change."""

    is_blind = False
    torn = 0
    span_us = 0

    def __init__(self, vehicle: Vehicle, tell: "Callable[[int], None]") -> None:
        self._vehicle = vehicle
        self._tell = tell
        self._duty_x10 = STEADY
        self.sampled_ms = 0
        self.high_mv = self.low_mv = 0

    @property
    def duty_permille(self) -> int:
        """Duty on the wire."""
        return (self._duty_x10 + 5) // 10

    @property
    def offer_ma(self) -> int:
        """What it offers; 0 without PWM."""
        duty_u16 = self._duty_x10 * circuit.FULL_DUTY // STEADY
        return circuit.offered_ma(duty_u16, 1000) if 0 < self._duty_x10 < STEADY else 0

    def set_duty(self, duty_x10: int) -> bool:
        """Set it, in 1/10 permille; tells whether that is a change."""
        if duty_x10 == self._duty_x10:
            return False
        self._duty_x10 = duty_x10
        self._tell(self.duty_permille)
        return True

    def measure(self) -> None:
        """Take the two levels at the terminal."""
        high_mv, low_mv = circuit.pilot_levels_mv(self._vehicle.load_ohm())
        self.high_mv = high_mv if self._duty_x10 else low_mv
        self.low_mv = low_mv if self._duty_x10 < STEADY else high_mv
        self.sampled_ms = time.ticks_ms()  # type: ignore[attr-defined]  # of the shim


class Contactor:
    """In place of the guard: does at once what it is asked for."""

    alive = permits = True
    testing = False
    trips = residual = 0

    def __init__(self) -> None:
        self.asked = False

    def close(self) -> bool:
        """Close it; True when it may be."""
        self.asked = True
        return True

    def open(self) -> None:
        """Open it."""
        self.asked = False

    def clear(self) -> None:
        """There was no trip."""

    def beat(self) -> None:
        """Nobody waits for that."""

    def duty_changed(self, changed_ms: int) -> None:
        """It does not look at the pilot."""

    def contacts(self) -> bool:
        """The auxiliary contact."""
        return self.asked


class Meter:
    """Reads the simulated one at once."""

    ok = True
    trouble = ""

    def __init__(self) -> None:
        self.measured = EnergyMeter()

    @property
    def voltage_mv(self) -> "list[int]":
        """Of the three phases."""
        return [round(v * 1000) for v in self.measured.v]

    @property
    def current_ma(self) -> "list[int]":
        """Of the three phases."""
        return [round(a * 1000) for a in self.measured.a]

    @property
    def power_mw(self) -> int:
        """Of all phases."""
        return round(self.measured.w * 1000)

    @property
    def energy_wh(self) -> int:
        """Counted."""
        return round(self.measured.kwh * 1000)

    shown_wh = energy_wh

    def age_ms(self) -> int:
        """Since the last measurement."""
        return 0

    def hold_count(self) -> None:
        """It has always counted."""


class Outlet:
    """All of a light slave's hardware."""

    def __init__(self, tell: "Callable[[int], None]") -> None:
        self.vehicle = Vehicle()
        self.pilot = Pilot(self.vehicle, tell)
        self.contactor = Contactor()
        self.meter = Meter()
        self._stepped_s = time.monotonic()

    def step(self) -> None:
        """Let the car live up to now."""
        now_s = time.monotonic()
        elapsed_s, self._stepped_s = now_s - self._stepped_s, now_s
        inlet_v = MAINS_V if self.contactor.asked else [0.0, 0.0, 0.0]
        amps = self.vehicle.step(now_s, elapsed_s, self.pilot.offer_ma, inlet_v)
        self.meter.measured.pass_time(MAINS_V, amps, elapsed_s)

    def state(self) -> dict:
        """For the bench's answers."""
        return {
            "duty_permille": self.pilot.duty_permille,
            "signaled_a": self.pilot.offer_ma / 1000,
            "contactor_closed": self.contactor.asked,
            "a": [round(a, 2) for a in self.meter.measured.a],
            "vehicle": self.vehicle.state(),
        }
