"""What is soldered on a board, of cardboard: for stories that are about the back office."""

import asyncio
import time
from types import SimpleNamespace

import virtual_time
from sim import circuit

FASTER = 60  # so that seconds of a charge make as many Wh as minutes do
MAINS_V = [230.0, 230.0, 230.0]
TAG = "04A1B2C3"


class StillPilot:
    """drivers.pilot.Pilot without the converter: its level is what was put there."""

    is_blind = False
    torn = 0
    span_us = 150
    read_uv = None
    low_mv = 12000

    def __init__(self) -> None:
        self.high_mv = 12000
        self.duty_x10 = 10000
        self.sampled_ms = 0

    def sample(self, read_uv, result, span_us) -> None:
        """For the guard, which finds the loop's samples fresh here."""

    def threshold_uv(self, level_mv: int) -> int:
        """Of a converter that reads microvolts of its own."""
        return level_mv * 1000

    def set_duty(self, duty_x10: int) -> bool:
        """Tells whether that is a change."""
        changed = duty_x10 != self.duty_x10
        self.duty_x10 = duty_x10
        return changed

    @property
    def duty_permille(self) -> int:
        """On the wire."""
        return (self.duty_x10 + 5) // 10

    def measure(self) -> None:
        """The level is there already."""
        self.sampled_ms = time.ticks_ms()


class Pilot(StillPilot):
    """Looking at it moves the car."""

    def __init__(self, live) -> None:
        super().__init__()
        self._live = live

    def measure(self) -> None:
        """Live until now."""
        self._live()
        super().measure()


class Meter:
    """Counts what flows; it keeps its count when power goes."""

    ok = True
    trouble = ""

    def __init__(self) -> None:
        self.mwh = 1_000_000.0
        self.current_ma = [0, 0, 0]
        self.voltage_mv = [230000, 230000, 230000]

    @property
    def power_mw(self) -> int:
        """Of all phases."""
        return sum(self.current_ma) * 230

    @property
    def energy_wh(self) -> int:
        """Register in Wh."""
        return int(self.mwh / 1000)

    def hold_count(self) -> None:
        """It has always answered."""


class Connector:
    """evse.connector.Connector: a lock that opens, or does not."""

    ready = alive = True
    outlet = None

    def __init__(self, charger) -> None:
        self._charger = charger
        self.opens = True
        self.unlocks = 0

    async def unlock(self) -> bool:
        """Let the plug go once the contactor is open."""
        self.unlocks += 1
        while self._charger.contactor_closed:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        return self.opens


class Board:
    """What start_up asks of drivers.board.Board here."""

    def buzzer(self) -> None:
        """None."""

    def card_reader(self, on_card) -> SimpleNamespace:
        """One that nobody holds a card to: stories present tags themselves."""
        return SimpleNamespace(run=lambda: asyncio.sleep(1 << 30), enabled=True, ok=True)


class Supervisor:
    """core.tasks.Supervisor that fails a story when a task ends."""

    def __init__(self) -> None:
        self.tasks: list = []

    def start(self, name: str, coroutine, stale_ms: int = 0) -> SimpleNamespace:
        """As core.tasks.Supervisor."""

        async def run() -> None:
            await asyncio.sleep(1 if name == "ocpp" else 0)  # by then the charger has looked
            await coroutine()

        self.tasks.append(asyncio.create_task(run(), name=name))
        return SimpleNamespace(beat=lambda: None)


class Surroundings:
    """A car at a charger, its meter and a card: what both the charger and its stories move.

    Has charger, car, meter, coil, authorizer and _lived_us of who derives from it.
    """

    def _live(self) -> None:
        """The car, the pilot's level, the meter."""
        now_us = virtual_time.clock.now_us
        elapsed_s = (now_us - self._lived_us) / 1e6
        self._lived_us = now_us
        pilot = self.charger.pilot
        offer_ma = circuit.offered_ma(round(pilot.duty_x10 * 6.5536), 1000)
        inlet_v = MAINS_V if self.coil else [0.0] * 3
        amps = self.car.step(now_us / 1e6, elapsed_s, offer_ma, inlet_v)
        self.meter.mwh += sum(amps) * 230 * elapsed_s / 3.6 * FASTER
        self.meter.current_ma = [round(a * 1000) for a in amps]
        high_mv, low_mv = circuit.pilot_levels_mv(self.car.load_ohm(), 1.0, ())
        pilot.high_mv = high_mv if pilot.duty_x10 else low_mv
        pilot.low_mv = high_mv if pilot.duty_x10 == 10000 else low_mv

    async def plug(self, **car) -> None:
        """A car comes; the charger has noticed."""
        for name, value in car.items():
            setattr(self.car, name, value)
        self.car.plugged = True
        await asyncio.sleep(0.5)

    async def unplug(self) -> None:
        """The car leaves; the charger has noticed."""
        self.car.plugged = False
        await asyncio.sleep(1)

    async def swipe(self, tag: str = TAG) -> str:
        """Present a tag; the AuthorizationStatus that was decided."""
        return await self.authorizer.card(tag)
