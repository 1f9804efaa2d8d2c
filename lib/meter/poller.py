"""A meter on the bus: polled each second, judged, and kept as the charger's latest measurement."""

import asyncio

from core import loading, log
from core.clock import ticks_diff, ticks_ms
from meter import formats
from meter.energy_count import EnergyCount
from meter.measurement import Measurement
from micropython import const
from modbus.rtu import ModbusError, ModbusException, ModbusTimeout

_MAP = "meter.register_map"

# Slots of a measurement, as meter.register_map numbers them.
_CURRENT = const(3)
_POWER = const(6)
_ENERGY = const(7)
_PHASE_POWER = const(8)
_SLOTS = const(11)

_PERIOD_MS = const(1000)
_LOST_MS = const(10000)
_LOST_PERIOD_MS = const(2000)  # one that keeps silent leaves the bus to the others
_RETRIES = const(2)
_UNDECIDED_POLLS = const(60)

# What no charging station carries. A value outside makes the whole measurement worthless.
_MOST_MV = const(500000)
_MOST_MA = const(200000)
_MOST_MW = const(200000000)
_MOST_WH = 10**11


class Meter(Measurement):
    """A Modbus meter: at address 1 the internal one, at address 2 the building's.

    The registers are a preset's, or those of the settings meter_… and dlb_….
    counted_wh: where the energy count stood before a restart; in_session: that cut a session short.
    Where the energy register steps (a reset, another meter) and stays there for three polls, the
    count goes on from where it stood.
    """

    def __init__(
        self,
        master,
        settings,
        address: int = 1,
        counted_wh: "int | None" = None,
        in_session: bool = False,
        zero_path: str = "",
    ) -> None:
        super().__init__(counted_wh, zero_path)
        self.master = master
        self._settings = settings
        self._address = address
        self._values: list = [None] * _SLOTS
        self._groups = ()
        self._factors = ()
        self._function = 0
        self._due = True  # the registers are to be planned
        self._plan = None  # … and are, but the meter has not said what is needed yet
        self._gaps = True  # reads may span registers that nobody asked for
        self._undecided = 0  # polls until the meter's energy registers are looked at again
        self._energy = EnergyCount(counted_wh, in_session)
        settings.listen(self._changed)

    def hold_count(self) -> None:
        """A session begins: what the register grew by before the first look is not its energy."""
        if self._register_wh is None:
            self.energy_wh = self.energy_wh or 0
            self._energy.begin_at(self.energy_wh)

    async def run(self) -> None:
        """Poll each second, for ever."""
        while True:
            started = ticks_ms()
            if await self.poll():
                rest_ms = _PERIOD_MS - ticks_diff(ticks_ms(), started)
                await asyncio.sleep_ms(max(50, rest_ms))
            else:  # an answer that is late does not meet the next request
                lost = self.age_ms() > _LOST_MS
                await asyncio.sleep_ms(_LOST_PERIOD_MS if lost else _PERIOD_MS)

    async def poll(self) -> bool:
        """Take one measurement; False when the meter did not give it."""
        try:
            if self._due:
                await self._set_up()
            for group in self._groups:
                await self._read(group)
            self.trouble = ""
            if self._groups:
                self._accept()
                return True
        except (OSError, ValueError, MemoryError, ModbusError) as error:
            self.trouble = str(error)
            if self._gaps and isinstance(error, ModbusException):
                self._gaps = False  # it may refuse registers that it does not have
                self._due = True
        self._lose("meter %d" % self._address)
        return False

    def _changed(self, keys) -> None:
        prefix = "meter_" if self._address == 1 else "dlb_"
        for key in keys:
            if key.startswith(prefix):
                self._due = self._gaps = True
                self._plan = None

    async def _set_up(self) -> None:
        """Plan the reads, and have the meter tell what that needs."""
        self._due = planned = False
        try:
            plan = self._plan or await self._load_plan()
            self._plan = None if self._due else plan  # the settings may have changed meanwhile
            self._function = plan.function
            if self._address == 1:
                await self.master.set_line(*plan.line)
            await plan.ask(self._ask)
            planned = True
        finally:
            self._due = self._due or not planned
        plan.arrange(self.master.max_registers, self._gaps)
        self._groups = plan.groups
        self._factors = plan.factors
        self._undecided = _UNDECIDED_POLLS if plan.undecided else 0
        self._values = [None] * _SLOTS
        self._plan = None

    async def _load_plan(self):
        """A plan by the settings. What it takes is loaded, and given up again."""
        try:
            return await loading.load(_MAP).plan(self._settings, self._address)
        finally:
            loading.unload(_MAP)

    async def _read(self, group: tuple) -> None:
        """Read one group into the values. ValueError names what cannot be."""
        first, count, items = group
        data = await self._ask(first, count)
        for i in range(0, len(items), 4):
            slot = items[i]
            factor = self._factors[_factor_of(slot)]
            value = formats.decode(data, items[i + 1], items[i + 2], items[i + 3] - 8, factor)
            if value is not None and not _sane(slot, value):
                raise ValueError("register %d says %d" % (first + items[i + 1] // 2, value))
            self._values[slot] = value

    async def _ask(self, first: int, count: int):
        """Read registers, again where the answer was garbled."""
        retries = _RETRIES if self._heard else 0
        while True:
            try:
                return await self.master.read(self._address, self._function, first, count)
            except ModbusError as error:
                if not retries or isinstance(error, (ModbusTimeout, ModbusException)):
                    raise
                retries -= 1

    def _accept(self) -> None:
        values = self._values
        now = ticks_ms()
        for phase in range(3):
            self.voltage_mv[phase] = values[phase]
            self.current_ma[phase] = self._signed_ma(phase)
        self.power_mw = values[_POWER]
        if self.power_mw is None:
            self.power_mw = self._phase_mw()
        if values[_ENERGY] is not None:
            self._count(values[_ENERGY], ticks_diff(now, self._sampled_ms))
        if not self._heard:
            log.info("meter", "meter %d answers" % self._address)
        self._sampled_ms = now
        self._heard = True

    def _signed_ma(self, phase: int) -> "int | None":
        """A phase's current, with the sign of its power where the meter gives none."""
        values = self._values
        current_ma, power_mw = values[_CURRENT + phase], values[_PHASE_POWER + phase]
        if power_mw is None and values[_CURRENT + 1] is None and values[_CURRENT + 2] is None:
            power_mw = values[_POWER]
        if current_ma is not None and power_mw is not None and power_mw < 0 < current_ma:
            return -current_ma
        return current_ma

    def _count(self, register_wh: int, elapsed_ms: int) -> None:
        self.energy_wh = self._energy.update(register_wh, elapsed_ms)
        self._register_wh = self._energy.register_wh
        if self._undecided and not register_wh:
            self._undecided -= 1
            self._due = not self._undecided

    def _phase_mw(self) -> "int | None":
        """The phases' powers, or volts times amperes of those that have both; None without any."""
        total_mw = None
        for phase in range(3):
            power_mw = self._values[_PHASE_POWER + phase]
            voltage_mv, current_ma = self.voltage_mv[phase], self.current_ma[phase]
            if power_mw is None and voltage_mv is not None and current_ma is not None:
                power_mw = voltage_mv * current_ma // 1000
            if power_mw is not None:
                total_mw = (total_mw or 0) + power_mw
        return total_mw


def _factor_of(slot: int) -> int:
    """Volts have the first factor, amperes the second, watts the third, energy the fourth."""
    if slot < _POWER:
        return slot // 3
    return 3 if slot == _ENERGY else 2


def _sane(slot: int, value: int) -> bool:
    if slot < _CURRENT:
        return 0 <= value <= _MOST_MV
    if slot < _POWER:
        return -_MOST_MA <= value <= _MOST_MA
    if slot == _ENERGY:
        return 0 <= value <= _MOST_WH
    return -_MOST_MW <= value <= _MOST_MW
