"""One board's hardware and surroundings, as seen from its registers; time comes from outside."""

import math
from typing import Callable

from sim import circuit
from sim.contactor import Contactor
from sim.current_transformers import CurrentTransformers
from sim.energy_meter import EnergyMeter
from sim.lamp import Lamp
from sim.lock_motor import LockMotor
from sim.registers import Registers
from sim.residual_current import ResidualCurrentMonitor
from sim.shim import registers as layout
from sim.vehicle import Vehicle

SETTLE_S = 0.01  # how often slow things move when nothing else changes
ADC_NOISE_UV = 4000  # ± 47 mV at the pilot
WANDER = 0.003  # slow part of the ±12 V supply's deviation
WANDER_S = 97.0
LAMPS = ("blue", "green", "red", "yellow")
# Bits of the output expander, active low, and of the input expander.
LOCK_CLOSE, LOCK_OPEN, RCM_TEST, BUZZER = 1, 2, 4, 8
DIP_CODE, DIP_RESET, LOCK_CLOSED, EARTH = 7, 8, 16, 32


class BoardModel:
    """Reads what the board drives, lets the world answer, writes what the board senses.

    config is the "board" part of config.json; tell(what, value) hears every edge.
    supply_offset is the pilot supply's deviation from ±12 V (0.02: 2 % high).
    """

    def __init__(
        self,
        registers: Registers,
        config: dict,
        tell: "Callable[[str, object], None]" = lambda what, value: None,
        supply_offset: float = 0.0,
    ) -> None:
        self.registers = registers
        self.tell = tell
        self.vehicle = Vehicle()
        self.contactor = Contactor()
        self.lock = LockMotor()
        self.cable_in = False
        self.rcm = ResidualCurrentMonitor()
        self.meter = EnergyMeter()
        self.building = EnergyMeter()
        self.faults: set[str] = set()
        self.powered = True
        self._place_surroundings(config["dip_a"])
        self.expander_outputs = self.expander_inputs = 0xFF
        self.coil = False
        self.duty = self.frequency_hz = 0
        self.high_mv = self.low_mv = 0
        self.vehicle_state = ""
        self._supply_offset = supply_offset
        self._pilot_adc = config["pilot"]
        self._pins = config["pins"]
        self.transformers: "CurrentTransformers | None" = None
        if config.get("meter") == "ct":
            self.transformers = CurrentTransformers(registers, config)
        self._lamp_pins = {name: self._pins["led_" + name] for name in LAMPS}
        self._lamps = {name: self._lamp(name) for name in LAMPS}
        self._outputs: tuple = ()
        self._coil_edges = 0
        self._told: dict[str, object] = {}
        self._button_until_s = 0.0
        self._settled_s: "float | None" = None
        self._now_s = 0.0
        self.reset_inputs()

    def _place_surroundings(self, dip_codes: "list[int]") -> None:
        self.mains_v = [230.0, 230.0, 230.0]
        self.mains_hz = 50.0
        self.house_a = [0.0, 0.0, 0.0]
        self.temperature_c = 25.0
        self.dip_codes = dip_codes
        self.dip_a = dip_codes[-1]
        self.dip_factory_reset = False

    def reset_inputs(self) -> None:
        """Put the levels on the pins that the world drives; needed after a new register file."""
        words, pins = self.registers, self._pins
        words[layout.WAVE_ADC_PIN] = pins["pilot_adc"]
        words[layout.WAVE_PWM_PIN] = pins["pilot_pwm"]
        words[layout.ADC_NOISE_UV] = ADC_NOISE_UV
        words[layout.LINKS] = 7
        words[layout.IN0 + pins["button"]] = 1
        if self.transformers:
            self.transformers.connect()

    def reset_outputs(self, soft: bool = False) -> None:
        """Let go of what the board drove, as a chip in reset does.

        A soft reset stops the PWMs and ports and leaves the plain pins as they were.
        """
        words = self.registers.words
        first = layout.DUTY0 if soft else layout.MODE0
        if soft:
            for pin in range(layout.PINS):
                if words[layout.FREQ0 + pin]:
                    words[layout.OUT0 + pin] = 0
        for index in range(first, layout.UART0 + layout.UARTS * layout.UART_WORDS):
            words[index] = 0
        for index in range(layout.TEXT_VERSION, layout.TEXT_VERSION + 16):
            words[index] = 0
        self._coil_edges = 0

    def change(self, attribute: str, value: object) -> None:
        """Change something around the board; it takes effect with the next step."""
        setattr(self, attribute, value)
        self._outputs = ()

    def change_vehicle(self, values: dict) -> None:
        """Change the vehicle; `bcb` starts that many B-C-B toggles."""
        values = dict(values)
        toggles = values.pop("bcb", 0)
        for key, value in values.items():
            setattr(self.vehicle, key, value)
        if toggles and self.vehicle.plugged:
            self.vehicle.toggle(toggles, self._now_s)
        self._outputs = ()
        if values:
            self.tell("vehicle", values)

    def press_button(self, hold_s: float) -> None:
        """Press the board's button for a time."""
        self._button_until_s = self._now_s + hold_s
        self._outputs = ()

    @property
    def buzzer(self) -> bool:
        """True while it sounds."""
        return not self.expander_outputs & BUZZER

    @property
    def duty_permille(self) -> int:
        """Duty of the pilot; 1000 is steady +12 V, 0 steady -12 V."""
        return round(self.duty * 1000 / circuit.FULL_DUTY)

    @property
    def signaled_a(self) -> float:
        """Current that the pilot offers; 0 without a PWM."""
        return round(circuit.offered_ma(self.duty, self.frequency_hz) / 1000, 2)

    def lamp_patterns(self) -> dict[str, str]:
        """What each LED seems to do."""
        return {name: lamp.pattern(self._now_s) for name, lamp in self._lamps.items()}

    def step(self, now_s: float) -> None:
        """Bring the world around the board up to now_s, of any monotonic clock."""
        self._now_s = now_s
        outputs = self._read_outputs()
        changed = outputs != self._outputs
        if changed:
            self._outputs = outputs
            self._see_outputs(outputs)
        driven = ~self.expander_outputs
        faults = self.faults
        self.rcm.step(
            now_s, bool(driven & RCM_TEST), "rcm_trip" in faults, "rcm_test_fails" in faults
        )
        self.lock.step(
            now_s, bool(driven & LOCK_CLOSE), bool(driven & LOCK_OPEN), "lock_jams" in faults
        )
        was_closed = self.contactor.closed
        self.contactor.step(
            now_s,
            self.coil and self.powered,
            "welded_contactor" in faults,
            "contactor_fails_to_close" in faults,
        )
        self._drive_inputs(now_s)
        due = self._settled_s is None or now_s - self._settled_s >= SETTLE_S
        if changed or due or was_closed != self.contactor.closed:
            self._settle(now_s)

    def _lamp(self, name: str) -> Lamp:
        return Lamp(lambda value: self.tell("led", {name: value}))

    def _brightness(self, pin: int) -> int:
        words = self.registers.words
        if words[layout.FREQ0 + pin]:
            return words[layout.DUTY0 + pin] * 1000 >> 16
        return 1000 if words[layout.OUT0 + pin] else 0

    def _read_outputs(self) -> tuple:
        words, pins = self.registers.words, self._pins
        coil, pilot = pins["contactor"], pins["pilot_pwm"]
        return (
            words[layout.OUT0 + coil],
            words[layout.EDGES0 + coil],
            words[layout.FREQ0 + pilot],
            words[layout.DUTY0 + pilot],
            words[layout.OUT0 + pilot],
            self.expander_outputs,
            *map(self._brightness, self._lamp_pins.values()),
        )

    def _see_outputs(self, outputs: tuple) -> None:
        coil, edges, frequency_hz, duty, level = outputs[:5]
        pulses = (edges - self._coil_edges) & 0xFFFFFFFF
        if self._told and bool(coil) == self.coil and pulses >= 2:
            self._tell_edge("coil", not coil)  # a pulse shorter than the world's step
        self._coil_edges = edges
        self.coil = bool(coil)
        self.frequency_hz = frequency_hz
        self.duty = duty if frequency_hz else circuit.FULL_DUTY * bool(level)
        self._tell_edge("coil", self.coil)
        self._tell_edge("duty", self.duty_permille)

    def _tell_edge(self, what: str, value: object) -> None:
        if self._told.get(what) != value:
            self._told[what] = value
            self.tell(what, value)

    def _drive_inputs(self, now_s: float) -> None:
        words, pins = self.registers.words, self._pins
        words[layout.IN0 + pins["contactor_feedback"]] = self.contactor.closed
        words[layout.IN0 + pins["rcm_trip"]] = self.rcm.tripped
        words[layout.IN0 + pins["button"]] = now_s >= self._button_until_s
        self._tell_edge("contactor", self.contactor.closed)
        self._tell_edge("lock", self.lock.closed)

    def _settle(self, now_s: float) -> None:
        elapsed_s = now_s - self._settled_s if self._settled_s is not None else 0.0
        self._settled_s = now_s
        heard = self.powered and not self.faults & {"pe_open", "cp_short"}
        offer_ma = circuit.offered_ma(self.duty, self.frequency_hz) if heard else 0
        inlet_v = self.mains_v if self.contactor.closed else [0.0, 0.0, 0.0]
        state_f = bool(heard and self.duty == 0)
        amps = self.vehicle.step(now_s, elapsed_s, offer_ma, inlet_v, state_f)
        self.meter.pass_time(self.mains_v, amps, elapsed_s)
        if self.transformers:
            self.transformers.drive(self.mains_v, amps, self.mains_hz, self.faults)
        self._drive_pilot(now_s)
        self._drive_slow_inputs()
        for name, pin in self._lamp_pins.items():
            self._lamps[name].see(now_s, self._brightness(pin))
        if self._told.get("s2_closed", False) != self.vehicle.s2_closed:
            self._told["s2_closed"] = self.vehicle.s2_closed
            self.tell("vehicle", {"s2_closed": self.vehicle.s2_closed})

    def _drive_pilot(self, now_s: float) -> None:
        supply = 1 + self._supply_offset + WANDER * math.sin(now_s * math.tau / WANDER_S)
        if not self.powered:
            supply = 0.0
        high_mv, low_mv = circuit.pilot_levels_mv(self.vehicle.load_ohm(), supply, self.faults)
        zero_uv, uv_per_v = self._pilot_adc["zero_uv"], self._pilot_adc["uv_per_v"]
        words = self.registers.words
        words[layout.WAVE_HIGH_UV] = circuit.pilot_uv(high_mv, zero_uv, uv_per_v)
        words[layout.WAVE_LOW_UV] = circuit.pilot_uv(low_mv, zero_uv, uv_per_v)
        self.high_mv = high_mv if self.duty else low_mv
        self.low_mv = low_mv if self.duty < circuit.FULL_DUTY else high_mv
        unavailable = self.duty == 0 and low_mv < -10_000
        self.vehicle_state = "F" if unavailable else circuit.state_letter(high_mv)
        self._tell_edge("state", self.vehicle_state)

    def _drive_slow_inputs(self) -> None:
        words, pins = self.registers.words, self._pins
        # A locked plug hangs in the socket after its car has left.
        self.cable_in = self.vehicle.plugged or (self.cable_in and self.lock.closed)
        coded = self.cable_in and "pp_open" not in self.faults
        cable_a = self.vehicle.cable_a if coded else None
        if "proximity_adc" in pins:
            words[layout.ADC0 + pins["proximity_adc"]] = circuit.proximity_uv(cable_a)
        words[layout.ADC0 + pins["temperature_adc"]] = circuit.temperature_uv(self.temperature_c)
        on = self.dip_codes.index(self.dip_a)
        on |= DIP_RESET if self.dip_factory_reset else 0
        on |= LOCK_CLOSED if self.lock.closed else 0
        on |= 0 if "pe_open" in self.faults else EARTH
        self.expander_inputs = 0xFF & ~on
