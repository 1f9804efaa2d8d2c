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
        self.silent_since_ms: "int | None" = None

    @property
    def voltage_mv(self) -> list:
        """Of the three phases."""
        return [round(v * 1000) for v in self._meter.v]

    @property
    def current_ma(self) -> list:
        """Of the three phases."""
        return [round(a * 1000) for a in self._meter.a]

    @property
    def power_mw(self) -> int:
        """Of all phases."""
        return round(self._meter.w * 1000)

    @property
    def shown_wh(self) -> int:
        """Register in Wh."""
        return self.energy_wh

    @property
    def trouble(self) -> str:
        """Why there is no new measurement."""
        return "" if self.silent_since_ms is None else "no answer"

    @property
    def ok(self) -> bool:
        """The last measurement is less than five seconds old."""
        return self.age_ms() < 5000

    def age_ms(self) -> int:
        """Since the last measurement."""
        if self.silent_since_ms is None:
            return 0
        return round(virtual_time.clock.now_us / 1000) - self.silent_since_ms

    def silence(self, silent: bool = True) -> None:
        """Let it answer no more, or again."""
        self.silent_since_ms = round(virtual_time.clock.now_us / 1000) if silent else None

    @property
    def energy_wh(self) -> int:
        """Register in Wh."""
        return self.base_wh + round(self._meter.kwh * 1000)

    def hold_count(self) -> None:
        """It has always answered."""


class TestBus:
    """The I2C bus with the two port expanders, on the world's side of it."""

    __test__ = False

    def __init__(self, world) -> None:
        self._world = world
        self.missing = False
        self.reads = 0

    def writeto(self, address: int, data: bytes) -> None:
        """To the outputs' latch; the inputs' own stays high."""
        if self.missing:
            raise OSError(19)
        if address == CONFIG["i2c"]["outputs"]:
            self._world.expander_outputs = data[0]

    def readfrom_into(self, address: int, buffer: bytearray) -> None:
        """From the inputs."""
        if self.missing:
            raise OSError(19)
        self.reads += 1
        buffer[0] = self._world.expander_inputs


class Repeated:
    """What is done again and again, a thousand times a second: a task for it would take twice the time."""

    def __init__(self, action, period_s: float) -> None:
        self._action = action
        self._period_s = period_s
        self._loop = asyncio.get_running_loop()
        self._do()

    def _do(self) -> None:
        self._action()
        self._handle = self._loop.call_later(self._period_s, self._do)

    def cancel(self) -> None:
        """Do it no more."""
        self._handle.cancel()


class Rig:
    """Given a board and a car; `car` and `world` change things, `run` lets time pass.

    settings: what differs from the defaults; given, the board has what is around its connector.
    """

    def __init__(
        self, tmp_path, world_step_s: float = WORLD_STEP_S, settings: "dict | None" = None
    ) -> None:
        self._new_settings = settings
        self.registers = Registers()
        install.use_registers(self.registers)
        self.events: list[tuple[float, str, object]] = []
        self.world = BoardModel(self.registers, CONFIG, self._tell)
        self._step_s = world_step_s
        self.world.step(virtual_time.clock.now_us / 1e6)
        self._path = tmp_path
        self.circuit = dict(CONFIG["pilot"])
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
        self.pilot = Pilot(pwm, ADC(Pin(pins["pilot_adc"], Pin.IN)).read_uv, self.circuit)
        residual = Pin(pins["rcm_trip"], Pin.IN)
        self.guard = Guard(self.coil, residual, self.pilot, self.circuit)
        self.limits = Limits()
        self.limits.set("operator", 32000)
        self.charger = Charger(
            self.pilot,
            self.guard,
            Pin(pins["contactor_feedback"], Pin.IN),
            self.limits,
            SessionLog(str(self._path / "sessions")),
            self.circuit,
        )
        self.charger.meter = TestMeter(self.world.meter)
        self.connector = None
        if self._new_settings is not None:
            self._make_connector()

    def _make_connector(self) -> None:
        from core.settings import Settings
        from drivers.io_expander import IoExpander
        from drivers.lock import Lock
        from drivers.proximity import Proximity
        from evse.connector import Connector
        from machine import ADC, Pin

        pins, addresses = CONFIG["pins"], CONFIG["i2c"]
        self.bus = TestBus(self.world)
        self.expander = IoExpander(self.bus, addresses["inputs"], addresses["outputs"])
        self.settings = Settings(str(self._path / "settings.json"))
        self.settings.change(self._new_settings)
        proximity = Proximity(ADC(Pin(pins["proximity_adc"], Pin.IN)).read_uv, CONFIG["proximity"])
        self.connector = self.charger.connector = Connector(
            self.charger,
            self.settings,
            self.expander,
            Pin(pins["contactor_feedback"], Pin.IN),
            Pin(pins["rcm_trip"], Pin.IN),
            lambda expander: (Lock(self.expander, CONFIG["lock"]), proximity),
            True,
        )

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

    def _live(self) -> "Repeated":
        return Repeated(lambda: self.world.step(virtual_time.clock.now_us / 1e6), self._step_s)

    def watch(self) -> "Repeated":
        """The guard's thread."""
        return Repeated(self.guard.look, 0.005)

    def play(self, story) -> None:
        """Run a story, an async function of this rig, beside the world, the guard and the loop."""

        async def stage():
            self.guard.look()
            self.tasks = [self._live(), self.watch()]
            self.loop_task = asyncio.create_task(self.charger.run())
            if self.connector:
                self.connector_task = asyncio.create_task(self.connector.run())
            await asyncio.sleep_ms(0)  # the charger has seen that nobody is plugged in
            await story(self)

        virtual_time.run(stage())


async def charging(rig, **car):
    """Given a car that charges."""
    rig.car(plugged=True, ready=True, **car)
    await asyncio.sleep(1)
    assert rig.charger.start("CARD") == ""
    await asyncio.sleep(5)
    assert rig.charger.status == "Charging"
