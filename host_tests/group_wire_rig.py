"""An RS485 group in virtual time: the firmware's own master and slaves, on a wire with true frame times.

Whole transmissions are on the wire, not single bytes (sim.rs485 does that): two at once garble each other.
"""

import asyncio
import random

import virtual_time
from core import loading
from dlm import rs485_slave
from dlm.follower import Follower
from dlm.group import Group
from dlm.group_auth import Seal
from dlm.rs485_master import Rs485Master
from dlm.rs485_slave import Rs485Slave
from drivers import rs485
from evse.limits import Limits
from modbus.rtu import Master as Bus
from virtual_time import clock

BAUD = 9600
SETTLED_S = 12
DEFAULTS = {
    "connection_mode": "Slave",
    "slave_number": 3,
    "group_address": 0,
    "group_baudrate": str(BAUD),
    "group_key": "",
    "dlb_function": "DLM",
    "llm_policy": "Uniform Distribution",
    "llm_grid_current": 60.0,
    "llm_fallback_current": 10.0,
    "llm_priority": 0,
    "llm_rotation": 15,
    "max_output_current": 32.0,
    "output_current_limit": 32.0,
    "phases": "3P+N400V",
    "connector_phase_rotation": "",
    "dlb_max_current": 45.0,
    "dlb_timeout": 10,
    "dlb_pid": "500,1800,10",
    "dlb_eco": "Disable",
}


def now_s() -> float:
    """Seconds of the virtual clock."""
    return clock.now_us / 1e6


class Settings:
    """The settings service, as far as a group uses it."""

    def __init__(self, **changes) -> None:
        self.values = self.stored = {**DEFAULTS, **changes}
        self._listeners = []

    def get(self, key):
        return self.values[key]

    def listen(self, callback) -> None:
        self._listeners.append(callback)

    def change(self, changes) -> None:
        for key, value in changes.items():
            self.values[key] = type(self.values[key])(value)
        for callback in self._listeners:
            callback(set(changes))


class Sent:
    """A transmission: who, when, what."""

    def __init__(self, talker, start_s: float, data: bytes) -> None:
        self.talker, self.start_s, self.data = talker, start_s, data
        self.end_s = start_s + len(data) * 10 / BAUD
        self.garbled = False


class Wire:
    """The pair of wires. noise: the chance that a transmission is garbled."""

    def __init__(self, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        self.noise = 0.0
        self.sent: list[Sent] = []
        self.bytes = 0
        self.watch: tuple = (b"never", None)  # call something behind what begins so

    def transmit(self, talker, data: bytes) -> Sent:
        new = Sent(talker, now_s(), bytes(data))
        if not talker.cut:
            for old in self.sent[-20:]:
                if old.end_s > new.start_s and not old.talker.cut:
                    old.garbled = new.garbled = True
            new.garbled = new.garbled or self.dice.random() < self.noise
            self.sent.append(new)
            self.bytes += len(data)
            if new.data.startswith(self.watch[0]):
                delay_s = new.end_s - new.start_s + 0.012
                asyncio.get_event_loop().call_later(delay_s, self.watch[1])
        return new


class WireUart:
    """A board's UART on the wire. cut: its wires are off; deaf, mute: one direction is."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._next = 0
        self._waiting = bytearray()
        self._last: Sent | None = None
        self.cut = self.deaf = False
        wire.sent or wire.sent.append(Sent(self, -1.0, b""))

    def any(self) -> int:
        sent = self._wire.sent
        while self._next < len(sent) and sent[self._next].end_s <= now_s():
            item = sent[self._next]
            self._next += 1
            if item.talker is not self and not self.cut and not self.deaf:
                data = bytes(byte ^ 0x5A for byte in item.data) if item.garbled else item.data
                self._waiting += data
        del self._waiting[:-256]
        return len(self._waiting)

    def readinto(self, buffer, count: int | None = None) -> int:
        count = min(self.any(), len(buffer), count or 1000)
        buffer[:count] = self._waiting[:count]
        del self._waiting[:count]
        return count

    def write(self, data) -> int:
        self._last = self._wire.transmit(self, data)
        return len(data)

    def txdone(self) -> bool:
        return self._last.end_s <= now_s()


class Pin:
    """A driver-enable pin that nobody looks at."""

    def value(self, level=None) -> int:
        return 0


class CarMeter:
    """A charger's own meter."""

    ok = True

    def __init__(self, charger) -> None:
        self._charger = charger

    @property
    def energy_wh(self) -> int:
        return int(self._charger.energy_wh)

    @property
    def current_ma(self) -> list:
        return [round(self._charger.drawn_ma)] * 3


class Session:
    """A charge that runs."""

    number = 1
    energy_wh = 0

    def __init__(self) -> None:
        self._start_s = now_s()

    def duration_s(self) -> int:
        return int(now_s() - self._start_s)


class Charger:
    """A charger with its car: offers its limit, the car follows within 5 s (here 3)."""

    status = "Available"
    error_code = "NoError"
    fault_bits = 0
    available = True

    def __init__(self) -> None:
        self.limits = Limits()
        self.limits.set("operator", 32000)
        self.meter = CarMeter(self)
        self.session = None
        self.wants_ma = 0
        self.drawn_ma = 0.0
        self.energy_wh = 0.0
        self.disobeys_ma = 0  # what it offers in spite of its limit
        self._heard: list = []

    @property
    def plugged(self) -> bool:
        return bool(self.wants_ma)

    @property
    def contactor_closed(self) -> bool:
        return self.signaled_ma > 0

    @property
    def signaled_ma(self) -> int:
        if self.disobeys_ma:
            return self.disobeys_ma
        return self.limits.ma if self.session and self.limits.ma >= 6000 else 0

    def arrive(self, wants_ma: int = 80000) -> None:
        self.wants_ma = wants_ma
        self.session = Session()
        self.status = "Charging"

    def leave(self) -> None:
        self.wants_ma = 0
        self.session = None
        self.status = "Available"

    def live(self, elapsed_s: float) -> None:
        """The car follows 3 s behind the offer."""
        self._heard.append((now_s() + 3, min(self.signaled_ma, self.wants_ma)))
        while self._heard and self._heard[0][0] <= now_s():
            self.drawn_ma = self._heard.pop(0)[1]
        self.energy_wh += self.drawn_ma / 1000 * 0.69 * elapsed_s / 3.6


class Station:
    """A controller on the wire, which power cuts end and start again."""

    def __init__(self, wire: Wire, number: int, serial: str = "", **settings) -> None:
        self.uart = WireUart(wire)
        self.serial = serial or "SN%02d" % number
        settings.setdefault("group_address", number)
        self.settings = Settings(**settings)
        self.charger = Charger()
        self.task = None

    def start(self) -> None:
        """Power comes."""
        self.charger.limits = Limits()
        self.charger.limits.set("operator", 32000)
        self.seal = Seal(self.settings.get("group_key").encode())
        self.port = rs485.Rs485Port(self.uart, Pin(), BAUD)
        self.make()
        self.task = asyncio.get_event_loop().create_task(self.carrier.run())

    def make(self) -> None:
        """A slave."""
        self.group = Follower(self.settings, self.charger, self.serial)
        number = self.settings.get("group_address")
        self.carrier = Rs485Slave(self.port, self.group, self.seal, number, self._assigned)

    def _assigned(self, number: int) -> None:
        self.settings.change({"group_address": number})
        self.carrier.set_number(number)

    def cut_power(self) -> None:
        """Power goes: the car draws nothing any more."""
        self.task.cancel()
        self.charger.limits.set("off", 0)


class MasterStation(Station):
    """The one that asks."""

    def __init__(self, wire: Wire, path, count: int = 3, **settings) -> None:
        settings = {"connection_mode": "Master-Slave", "slave_number": count, **settings}
        super().__init__(wire, 0, settings.pop("serial", "MASTER"), **settings)
        self.path = str(path)

    def make(self) -> None:
        count = self.settings.get("slave_number")
        self.group = Group(self.settings, self.charger, count, self.serial, self.path)
        self.carrier = Rs485Master(Bus(self.port, max_registers=2), self.group, self.seal)


class GroupRig:
    """Given a master and so many slaves; `run` lets time pass and holds the limit.

    look_ms: how often they look at the line; more costs time here, and 5 ms is what the firmware has.
    """

    def __init__(
        self, tmp_path, slaves: int = 3, seed: int = 1, look_ms: int = 10, **settings
    ) -> None:
        self._look_ms = look_ms
        self.wire = Wire(seed)
        self.master = MasterStation(self.wire, tmp_path / "group.json", slaves, **settings)
        settings.pop("slave_number", None)
        self.slaves = [Station(self.wire, n + 1, **settings) for n in range(slaves)]
        self.stations = [self.master, *self.slaves]
        self.limit_ma = self.master.settings.get("llm_grid_current") * 1000
        self.over_s = self.longest_over_s = 0.0
        self.most_ma = 0.0

    @property
    def group(self) -> Group:
        """The master's view."""
        return self.master.group

    @property
    def grants_a(self) -> list:
        """What each station is limited to."""
        return [station.charger.limits.ma / 1000 for station in self.stations]

    @property
    def drawn_a(self) -> list:
        """What each car draws."""
        return [station.charger.drawn_ma / 1000 for station in self.stations]

    def arrive(self, *indices: int) -> None:
        """Cars come; 0: at the master's own connector."""
        for index in indices:
            self.stations[index].charger.arrive()

    async def charge(self, *indices: int) -> None:
        """Given a group that has come up, and cars at all or some of its chargers."""
        await self.run(5)
        self.arrive(*(indices or range(len(self.stations))))
        await self.run(SETTLED_S)

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        end_s = now_s() + seconds
        while now_s() < end_s:
            await asyncio.sleep(0.25)
            for station in self.stations:
                station.charger.live(0.25)
            drawn_ma = sum(station.charger.drawn_ma for station in self.stations)
            self.most_ma = max(self.most_ma, drawn_ma)
            self.over_s = self.over_s + 0.25 if drawn_ma > self.limit_ma + 1 else 0.0
            self.longest_over_s = max(self.longest_over_s, self.over_s)

    def play(self, story) -> None:
        """Run a story in virtual time, from power on."""

        async def stage():
            for station in self.stations:
                station.start()
            try:
                await story(self)
            finally:
                for station in self.stations:
                    if station.task.done() and not station.task.cancelled():
                        station.task.result()

        patches = (
            (rs485, "_HOLD_US", 0),  # many controllers share one loop here: none may hold it
            (rs485, "_POLL_MS", self._look_ms),
            (rs485_slave, "_LOOK_MS", self._look_ms),
            (rs485_slave, "_IDLE_MS", 2 * self._look_ms),
        )
        before = [getattr(module, name) for module, name, _ in patches]
        for module, name, value in patches:
            setattr(module, name, value)
        try:
            virtual_time.run(stage())
        finally:
            for (module, name, _), value in zip(patches, before):
                setattr(module, name, value)
            loading.unload("dlm.rs485_finder")
