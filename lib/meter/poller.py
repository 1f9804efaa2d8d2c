"""A meter on the bus: polled each second, judged, and kept as the charger's latest measurement."""

import asyncio

from core import log
from core.clock import ticks_diff, ticks_ms
from meter import formats
from micropython import const
from modbus.rtu import ModbusError

# Slots of a measurement: voltages, currents, total power, energy; each with its settings' keys.
INTERNAL = (
    ("meter_reg_v_l1", "meter_fmt_v"),
    ("meter_reg_v_l2", "meter_fmt_v"),
    ("meter_reg_v_l3", "meter_fmt_v"),
    ("meter_reg_a_l1", "meter_fmt_a"),
    ("meter_reg_a_l2", "meter_fmt_a"),
    ("meter_reg_a_l3", "meter_fmt_a"),
    ("meter_reg_w", "meter_fmt_w"),
    ("meter_reg_kwh", "meter_fmt_kwh"),
)
_CURRENT = const(3)
_POWER = const(6)
_ENERGY = const(7)

_PERIOD_MS = const(1000)
_STALE_MS = const(5000)
_NEVER_MS = const(3600000)
_RETRIES = const(2)

# What no charging station carries. A value outside makes the whole measurement worthless.
_MOST_MV = const(500000)
_MOST_MA = const(200000)
_MOST_MW = const(200000000)

# The energy register: how fast it can grow, and how often a step has to show to be believed.
_STEP_WH = const(1000)
_WH_PER_S = const(84)  # 500 V · 200 A · 3 phases
_STEP_POLLS = const(3)


class Meter:
    """A meter's latest measurement. What the meter does not have, or has not told lately, is None.

    `slots` names the settings behind each value, in the order of INTERNAL; (None, None)
    leaves one out.

    energy_wh never runs backwards and never jumps: where the register does (a reset, another
    meter) and stays there for three polls, the count goes on from where it stood.
    """

    def __init__(
        self,
        master,
        settings,
        address: int = 1,
        function_key: str = "meter_function",
        slots: tuple = INTERNAL,
        low_word_first: bool = False,
    ) -> None:
        self.voltage_mv = [None, None, None]
        self.current_ma = [None, None, None]
        self.power_mw = None
        self.energy_wh = None
        self._master = master
        self._settings = settings
        self._address = address
        self._function_key = function_key
        self._slots = slots
        self._low_word_first = low_word_first
        self._values: list = [None] * len(slots)
        self._words = [0] * master.max_registers
        self._groups = ()
        self._function = 0
        self._sampled_ms = 0
        self._heard = False  # within _STALE_MS, as of the last poll
        self._energy = EnergyCount()
        settings.listen(self._changed)
        self._plan()

    @property
    def ok(self) -> bool:
        """True while the last complete and sane measurement is less than five seconds old."""
        return self.age_ms() < _STALE_MS

    def age_ms(self) -> int:
        """Milliseconds since the last measurement; an hour when there is none."""
        return ticks_diff(ticks_ms(), self._sampled_ms) if self._heard else _NEVER_MS

    async def run(self) -> None:
        """Poll each second, for ever."""
        while True:
            started = ticks_ms()
            await self.poll()
            await asyncio.sleep_ms(max(50, _PERIOD_MS - ticks_diff(ticks_ms(), started)))

    async def poll(self) -> bool:
        """Take one measurement; False when the meter did not give it."""
        trouble = "no registers set"
        try:
            for group in self._groups:
                trouble = await self._read(group)
                if trouble:
                    break
        except (OSError, ModbusError) as error:
            trouble = str(error)
        if trouble:
            self._lose(trouble)
            return False
        self._accept()
        return True

    def _changed(self, keys) -> None:
        for register, fmt in self._slots:
            if register in keys or fmt in keys:
                self._plan()
                return
        if self._function_key in keys:
            self._plan()

    def _plan(self) -> None:
        """Group adjacent registers: (first, count, ((slot, offset, format), …))."""
        get = self._settings.get
        self._function = int(get(self._function_key))
        wanted = []
        for slot, (register, fmt) in enumerate(self._slots):
            if register and get(register) != formats.ABSENT:
                wanted.append((get(register), slot, get(fmt)))
        groups = []
        for register, slot, fmt in sorted(wanted):
            end = register + formats.words(fmt)
            last = groups[-1] if groups else None
            if last and register <= last[1] and end - last[0] <= self._master.max_registers:
                last[1] = max(last[1], end)
                last[2].append((slot, register - last[0], fmt))
            else:
                groups.append([register, end, [(slot, 0, fmt)]])
        self._groups = tuple((first, end - first, tuple(items)) for first, end, items in groups)
        self._values = [None] * len(self._slots)

    async def _read(self, group: tuple) -> str:
        """Read one group into the values; return what is wrong with them, or ''."""
        first, count, items = group
        await self._ask(first, count)
        for slot, offset, fmt in items:
            value = formats.decode(fmt, self._words, offset, self._low_word_first)
            if value is not None and not _sane(slot, value):
                return "value %d in register %d" % (value, first + offset)
            self._values[slot] = value
        return ""

    async def _ask(self, first: int, count: int) -> None:
        for attempt in range(_RETRIES + 1):
            try:
                read = self._master.read
                await read(self._address, self._function, first, count, self._words)
                return
            except ModbusError:
                if attempt == _RETRIES:
                    raise

    def _accept(self) -> None:
        values = self._values
        now = ticks_ms()
        for phase in range(3):
            self.voltage_mv[phase] = values[phase]
            self.current_ma[phase] = values[_CURRENT + phase]
        self.power_mw = values[_POWER] if values[_POWER] is not None else self._apparent_mw()
        if values[_ENERGY] is not None:
            elapsed_ms = ticks_diff(now, self._sampled_ms) if self._heard else _NEVER_MS
            self.energy_wh = self._energy.update(values[_ENERGY], elapsed_ms)
        if not self._heard:
            log.info("meter", "meter %d answers" % self._address)
        self._sampled_ms = now
        self._heard = True

    def _apparent_mw(self) -> "int | None":
        """Volts times amperes of the phases that have both; None without any."""
        total = None
        for phase in range(3):
            voltage_mv, current_ma = self.voltage_mv[phase], self.current_ma[phase]
            if voltage_mv is not None and current_ma is not None:
                total = (total or 0) + voltage_mv * current_ma // 1000
        return total

    def _lose(self, trouble: str) -> None:
        """Forget a measurement that has become too old; the energy count stays."""
        if self._heard and not self.ok:
            self._heard = False
            log.warning("meter", "meter %d lost: %s" % (self._address, trouble))
            for phase in range(3):
                self.voltage_mv[phase] = self.current_ma[phase] = None
            self.power_mw = None


def _sane(slot: int, value: int) -> bool:
    if slot < _CURRENT:
        return 0 <= value <= _MOST_MV
    if slot < _POWER:
        return -_MOST_MA <= value <= _MOST_MA
    if slot == _POWER:
        return -_MOST_MW <= value <= _MOST_MW
    return value >= 0


class EnergyCount:
    """A count of energy that only grows, made from a register that may be reset or replaced."""

    def __init__(self) -> None:
        self._register_wh = None
        self._offset_wh = 0
        self._step_wh = 0  # the value that a suspected step led to
        self._step_polls = 0

    def update(self, register_wh: int, elapsed_ms: int) -> int:
        """Take the register's value, elapsed_ms after the last; return the count in Wh."""
        last_wh = self._register_wh
        if last_wh is None:
            last_wh = self._register_wh = register_wh
        most_wh = _STEP_WH + elapsed_ms // 1000 * _WH_PER_S
        if 0 <= register_wh - last_wh <= most_wh:
            self._register_wh = register_wh
            self._step_polls = 0
        elif self._step_stays(register_wh):
            self._offset_wh += last_wh - register_wh
            self._register_wh = register_wh
            log.warning("meter", "energy register went from %d to %d Wh" % (last_wh, register_wh))
        return self._register_wh + self._offset_wh

    def _step_stays(self, register_wh: int) -> bool:
        """True once a step has shown in enough polls in a row, each near the one before."""
        near = self._step_polls and 0 <= register_wh - self._step_wh <= _STEP_WH
        self._step_polls = self._step_polls + 1 if near else 1
        self._step_wh = register_wh
        if self._step_polls < _STEP_POLLS:
            return False
        self._step_polls = 0
        return True
