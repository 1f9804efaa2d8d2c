"""Mains, current transformers and the meter on them, in virtual time."""

import asyncio
import json
import math

import install
import virtual_time
from chip_bench import now_s
from machine import ADC, Pin
from meter.ct_meter import CtMeter
from sim.current_transformers import CurrentTransformers
from sim.registers import Registers
from sim.run import merged
from sim.shim import registers as layout

from drivers.ct_sampler import CtSampler

BOARDS = install.ROOT / "docs" / "boards"
REFERENCE = json.loads((install.ROOT / "config.json").read_text())
NOISE_UV = 4000


def board_config(phases: int) -> dict:
    """The board section of a variant with current transformers."""
    name = {1: "ct_one_phase", 3: "ct_three_phases"}[phases]
    return merged(REFERENCE, json.loads((BOARDS / f"{name}.json").read_text()))["board"]


class Bench:
    """Given mains, current transformers and the meter on them.

    conversion_us: how long the converter takes; the virtual clock stands still otherwise.
    """

    def __init__(self, phases: int = 1, conversion_us: int = 30, counted_wh=None) -> None:
        self.phases = phases
        self.config = board_config(phases)
        self.registers = Registers()
        install.use_registers(self.registers)
        self.registers[layout.ADC_NOISE_UV] = NOISE_UV
        self.mains = CurrentTransformers(self.registers, self.config)
        self.mains.connect()
        self.volts, self.amps, self.hz, self.faults = [230.0] * 3, [0.0] * 3, 50.0, set()
        self.kwh = 0.0
        self._conversion_us = conversion_us
        pins, circuit = self.config["pins"], self.config["ct"]
        names = ["mains_adc"] + [f"ct_l{n + 1}_adc" for n in range(phases)]
        reads = tuple(self._converter(pins[name]) for name in names)
        self.sampler = CtSampler(reads, circuit["zero_uv"])
        self.meter = CtMeter(self.sampler, circuit, counted_wh)

    def _converter(self, pin: int):
        read_uv = ADC(Pin(pin, Pin.IN)).read_uv

        def read() -> int:
            virtual_time.clock.now_us += self._conversion_us
            return read_uv()

        return read

    def draw(self, amps: float) -> None:
        """Draw that much on every phase that is measured."""
        self.amps = [amps if phase < self.phases else 0.0 for phase in range(3)]

    @property
    def watts(self) -> float:
        """Real power in the world."""
        cosine = math.cos(self.mains.lag * math.tau)
        return sum(v * a for v, a in zip(self.volts, self.amps)) * cosine

    async def _live(self) -> None:
        before_s = now_s()
        while True:
            self.mains.drive(self.volts, self.amps, self.hz, self.faults)
            await asyncio.sleep(0.01)
            self.kwh += self.watts * (now_s() - before_s) / 3.6e6
            before_s = now_s()

    def play(self, story) -> None:
        """Run a story beside the mains and the meter, which had a second to find them."""

        async def stage():
            live = asyncio.create_task(self._live())
            run = asyncio.create_task(self.meter.run())
            await asyncio.sleep(1.5)
            await story()
            assert not live.done() and not run.done()

        virtual_time.run(stage())
