"""A building with a charger and a car, around dlm.building, in virtual time: meters, delays, ramps, noise."""

import asyncio
import random

import virtual_time
from dlm.building import Building
from evse.limits import Limits
from plain_settings import PlainSettings
from virtual_time import clock

STEP_S = 0.1
OFFER_REST_S = 5  # a larger offer goes out that long after the last change (sequence 6)

DEFAULTS = {
    "dlb_function": "DLB",
    "dlb_max_current": 45.0,
    "llm_fallback_current": 10.0,
    "dlb_timeout": 10,
    "dlb_pid": "500,1800,10",
    "dlb_eco": "Disable",
    "phases": "3P+N400V",
    "connector_phase_rotation": "",
}


class Car:
    """Follows the offer: late by delay_s, then by amps_per_s; on the charger's first lines."""

    def __init__(self, delay_s=0.3, amps_per_s=20.0, lines=3, max_a=32.0) -> None:
        self.delay_s = delay_s
        self.amps_per_s = amps_per_s
        self.lines = lines
        self.max_a = max_a
        self.amps = 0.0
        self._heard = []  # (when, offer in A)

    def step(self, offer_a: float, elapsed_s: float) -> None:
        now_s = clock.now_us / 1e6
        if not self._heard or self._heard[-1][1] != offer_a:
            self._heard.append((now_s + self.delay_s, offer_a))
        due = [entry for entry in self._heard if entry[0] <= now_s]
        target = min(due[-1][1], self.max_a) if due else 0.0
        self._heard = due[-1:] + [entry for entry in self._heard if entry[0] > now_s]
        reach = self.amps_per_s * elapsed_s
        self.amps += max(-reach, min(reach, target - self.amps))


class OwnMeter:
    """The charger's own meter, read each second."""

    def __init__(self, rig) -> None:
        self._rig = rig
        self.current_ma = [0, 0, 0]
        self.silent = False
        self._read_s = 0.0

    @property
    def ok(self) -> bool:
        return self.age_ms() < 5000

    def age_ms(self) -> int:
        return round((clock.now_us / 1e6 - self._read_s) * 1000)

    async def run(self) -> None:
        while True:
            if not self.silent:
                self.current_ma = [round(a * 1000) for a in self._rig.lines_a()]
                self._read_s = clock.now_us / 1e6
            await asyncio.sleep(1.0)


class BuildingMeter:
    """The second meter, as meter.poller.Meter polls it."""

    def __init__(self, rig) -> None:
        self._rig = rig
        self.current_ma = [None, None, None]
        self.silent = False
        self.phases = 3
        self.noise_ma = 0

    async def poll(self) -> bool:
        await asyncio.sleep(0.4 if self.silent else 0.08)
        if self.silent:
            return False
        told = [round(a * 1000) + self._noise() for a in self._rig.building_a()]
        self.current_ma = told[: self.phases] + [None] * (3 - self.phases)
        return True

    def _noise(self) -> int:
        return self._rig.dice.randint(-self.noise_ma, self.noise_ma)


class BuildingRig:
    """Given a house, a charger and a car; stories change them, `run` lets time pass.

    lines: which grid phase each of the charger's lines is on.
    """

    def __init__(
        self, car=None, house_a=(10, 10, 10), lines=(0, 1, 2), seed=1, **settings
    ) -> None:
        self.dice = random.Random(seed)
        self.settings = PlainSettings({**DEFAULTS, **settings})
        self.limit_a = self.settings.get("dlb_max_current")
        self.car = car or Car()
        self.house_a = list(house_a)
        self.lines = lines
        self.limits = Limits()
        self.limits.set("operator", 32000)
        self.meter = OwnMeter(self)
        self.building_meter = BuildingMeter(self)
        self.offer_a = 0.0
        self.plugged = False
        self._changed_s = -OFFER_REST_S
        self.building = Building(self.settings, self, self.building_meter)
        self.longest_over_s = 0.0
        self._over_s = 0.0
        self.offers: list[float] = []  # each change of the duty
        self.history: list[float] = []

    @property
    def signaled_ma(self) -> int:
        """What the pilot offers, as the charger's facade tells it."""
        return round(self.offer_a * 1000)

    def lines_a(self) -> list:
        """On the charger's own lines."""
        return [self.car.amps if n < self.car.lines else 0.0 for n in range(3)]

    def building_a(self) -> list:
        """On the grid's phases."""
        own = self.lines_a()
        total = list(self.house_a)
        for line, phase in enumerate(self.lines):
            total[phase] += own[line]
        return total

    async def _live(self) -> None:
        while True:
            self._drive_pilot()
            self.car.step(self.offer_a, STEP_S)
            self._watch()
            await asyncio.sleep(STEP_S)

    def _drive_pilot(self) -> None:
        """As evse.state_machine does: down at once, up 5 s after the last change."""
        wanted_a = self.limits.ma / 1000 if self.plugged and self.limits.ma >= 6000 else 0.0
        now_s = clock.now_us / 1e6
        if wanted_a < self.offer_a or (
            wanted_a > self.offer_a and now_s - self._changed_s >= OFFER_REST_S
        ):
            self.offer_a = wanted_a
            self._changed_s = now_s
            self.offers.append(wanted_a)

    def _watch(self) -> None:
        """How long any phase is above the limit because of the car."""
        own = self.lines_a()
        over = False
        for line, phase in enumerate(self.lines):
            over = over or (own[line] > 0.1 and self.building_a()[phase] > self.limit_a + 0.15)
        self._over_s = self._over_s + STEP_S if over else 0.0
        self.longest_over_s = max(self.longest_over_s, self._over_s)
        self.history.append(self.car.amps)

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def play(self, story) -> None:
        """Run a story, an async function of this rig, beside the world and the controller."""

        async def stage():
            tasks = [
                asyncio.create_task(part)
                for part in (self._live(), self.meter.run(), self.building.run())
            ]
            await story(self)
            for task in tasks:
                assert not task.done(), task.exception()

        virtual_time.run(stage())
