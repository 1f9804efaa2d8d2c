"""A board, its car and the firmware's charging core in one process and in virtual time."""

import asyncio
import json

import install
import virtual_time
from sim.board_model import BoardModel
from sim.registers import Registers

CONFIG = json.loads((install.ROOT / "config.json").read_text())["board"]
WORLD_STEP_S = 0.001


class TestMeter:
    """Stands for the Modbus meter: reads the simulated one at once."""

    __test__ = False

    def __init__(self, energy_meter) -> None:
        self._meter = energy_meter
        self.base_wh = 1000

    @property
    def energy_wh(self) -> int:
        """Register in Wh."""
        return self.base_wh + round(self._meter.kwh * 1000)


class Rig:
    """Given a board and a car; `car` and `world` change things, `run` lets time pass."""

    def __init__(self, tmp_path, world_step_s: float = WORLD_STEP_S) -> None:
        self.registers = Registers()
        install.use_registers(self.registers)
        self.events: list[tuple[float, str, object]] = []
        self.world = BoardModel(self.registers, CONFIG, self._tell)
        self._step_s = world_step_s
        self.world.step(virtual_time.clock.now_us / 1e6)
        self._path = tmp_path
        self.make_firmware()

    def make_firmware(self) -> None:
        """What main.py does for the charging core."""
        from drivers.pilot import Pilot
        from evse.charger import Charger
        from evse.guard import Guard
        from evse.limits import Limits
        from evse.session import SessionLog
        from machine import ADC, PWM, Pin

        pins = CONFIG["pins"]
        self.coil = Pin(pins["contactor"], Pin.OUT, value=0)
        pwm = PWM(Pin(pins["pilot_pwm"]), freq=1000, duty_u16=65535)
        self.pilot = Pilot(pwm, ADC(Pin(pins["pilot_adc"], Pin.IN)).read_uv, CONFIG["pilot"])
        residual = Pin(pins["rcm_trip"], Pin.IN)
        self.guard = Guard(self.coil, residual, self.pilot, CONFIG["pilot"]["levels_mv"])
        self.limits = Limits()
        self.limits.set("operator", 32000)
        self.charger = Charger(
            self.pilot,
            self.guard,
            Pin(pins["contactor_feedback"], Pin.IN),
            self.limits,
            SessionLog(str(self._path / "sessions")),
            CONFIG["pilot"],
        )
        self.charger.meter = TestMeter(self.world.meter)

    def _tell(self, what: str, value: object) -> None:
        self.events.append((virtual_time.clock.now_us / 1000, what, value))

    def car(self, **values) -> float:
        """Change the vehicle; answers when, in virtual ms."""
        self.world.change_vehicle(values)
        self.world.step(virtual_time.clock.now_us / 1e6)
        return virtual_time.clock.now_us / 1000

    def when(self, what: str, value: object, since_ms: float = 0) -> float:
        """Virtual ms of the first such event since then."""
        for t_ms, kind, seen in self.events:
            if t_ms >= since_ms and kind == what and seen == value:
                return t_ms
        raise AssertionError(f"no {what} {value} since {since_ms}: {self.events[-12:]}")

    def saw(self, what: str, value: object, since_ms: float = 0) -> bool:
        """Whether there was such an event since then."""
        return any(t >= since_ms and k == what and v == value for t, k, v in self.events)

    async def _live(self) -> None:
        while True:
            self.world.step(virtual_time.clock.now_us / 1e6)
            await asyncio.sleep(self._step_s)

    async def _watch(self) -> None:
        while True:
            self.guard.look()
            await asyncio.sleep_ms(5)

    def play(self, story) -> None:
        """Run a story, an async function of this rig, beside the world, the guard and the loop."""

        async def stage():
            self.guard.look()
            self.tasks = [asyncio.create_task(c) for c in (self._live(), self._watch())]
            self.loop_task = asyncio.create_task(self.charger.run())
            await story(self)

        virtual_time.run(stage())
