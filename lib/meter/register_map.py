"""Which registers of a meter are read, and as what: a row of presets.tsv, or the registers in the settings.

Loaded to set a meter up, and given up again: what stays is the plan of its reads.
"""

import asyncio

from core import loading, storage
from meter.formats import FLOAT, LOW_WORD_FIRST, SIZE, UNSIGNED, decode
from micropython import const
from modbus.rtu import ModbusException

ABSENT = 65535  # a register number that stands for "the meter has none"
CUSTOM = "Custom"
_TABLE = __file__.rsplit("/", 1)[0] + "/presets.tsv"

# Slots of a measurement: three each, except the total power and the energy.
_VOLTAGE = const(0)
_CURRENT = const(3)
_POWER = const(6)
_ENERGY = const(7)
_PHASE_POWER = const(8)

_BUILDING_KEYS = (
    "dlb_preset",
    "dlb_function_code",
    "dlb_fmt",
    "dlb_reg_l1",
    "dlb_reg_l2",
    "dlb_reg_l3",
)
_VALUES = "core.setting_values"

_SIZES = {"int16": 2, "int32": 4, "int64": 8, "float": 4, "double": 8}
_PARITIES = {"N": None, "E": 0, "O": 1}
_GAP = const(24)  # one register more takes 2 ms at 9600 baud, another request 50 ms
_BIAS = const(8)


async def plan(settings, address: int) -> "RegisterMap":
    """The plan by the settings, made in turns with other tasks. ValueError for an unknown preset."""
    if address != 1:
        values = loading.load(_VALUES)
        loading.unload(_VALUES)
        settings = await values.read(settings, _BUILDING_KEYS)
    await asyncio.sleep_ms(0)
    preset_row = row(settings, address)
    await asyncio.sleep_ms(0)
    return RegisterMap(settings, address, preset_row)


def row(settings, address: int) -> list:
    """The row of the preset that is set; empty where the registers are in the settings."""
    name = settings.get("meter_preset" if address == 1 else "dlb_preset")
    return [] if name == CUSTOM else preset(name)


def preset(name: str) -> list:
    """A preset's row. ValueError when there is none of that name."""
    for block in storage.line_blocks(_TABLE):
        start = ("\n" + block).find("\n" + name + "\t")
        if start >= 0:
            return block[start:].split("\n")[0].split("\t")
    raise ValueError("no meter preset " + name)


def _code(fmt: str) -> tuple:
    """A format such as uint32*0.1 as its code and its power of ten."""
    kind, _, factor = fmt.partition("*")
    code = _SIZES[kind[1:] if kind[0] == "u" else kind]
    if kind[0] == "u":
        code |= UNSIGNED
    elif kind[0] != "i":
        code |= FLOAT
    if "." in factor:
        return code, 2 - len(factor)
    return code, max(0, len(factor) - 1)


class RegisterMap:
    """The plan of a meter's reads, by a preset's row or, where that is empty, the settings.

    groups: (first register, count, items), where an item is four bytes: slot, place in the answer,
    format code, power of ten + 8 to get tenths of thousandths. factors: tenths, for V, A, W and kWh.
    line: (baud rate, parity, stop bits). undecided: ask again which energy register counts.
    """

    def __init__(self, settings, address: int, preset_row: list) -> None:
        self.function = 0
        self.groups = ()
        self.line = (9600, None, 1)
        self.undecided = False
        self._most = 125
        self._low_first = False
        self._wanted = []  # (register, slot, format code, power of ten)
        self._ratio = 0  # register of the current transformers' ratio, the voltage's behind it
        self._other_energy = 0  # in secondary units; counts where the usual one does not
        ct = 1
        if address == 1:
            ct = settings.get("meter_ct_ratio")
            if preset_row:
                self._take_preset(preset_row)
            else:
                self._take_internal(settings.get)
            self._take_line(settings.get("meter_serial_line"))
        elif preset_row:
            self._take_preset(preset_row, (_CURRENT, _PHASE_POWER))
        else:
            self._take_building(settings.get)
        self.factors = [10, 10 * ct, 10 * ct, 10 * ct]

    def _take_internal(self, get) -> None:
        self.function = int(get("meter_function"))
        self._low_first = get("meter_word_order") == "Low word first"
        for phase in range(3):
            line = "_l%d" % (phase + 1)
            self._want(_VOLTAGE + phase, get("meter_reg_v" + line), "u" + get("meter_fmt_v"))
            self._want(_CURRENT + phase, get("meter_reg_a" + line), get("meter_fmt_a"))
        self._want(_POWER, get("meter_reg_w"), get("meter_fmt_w"))
        self._want(_ENERGY, get("meter_reg_kwh"), "u" + get("meter_fmt_kwh"))

    def _take_building(self, get) -> None:
        self.function = int(get("dlb_function_code"))
        for phase in range(3):
            self._want(_CURRENT + phase, get("dlb_reg_l%d" % (phase + 1)), get("dlb_fmt"))

    def _take_preset(self, row: list, only: tuple = ()) -> None:
        """only: the slots that are wanted, if not all; a phase's power has the sign of its current."""
        self.function = int(row[1])
        self._low_first = row[2] == "low"
        self._take_line(row[3])
        self._most = int(row[4])
        columns = ((_VOLTAGE, 5, 6), (_CURRENT, 7, 8), (_POWER, 9, 11))
        for slot, column, fmt in columns + ((_PHASE_POWER, 10, 11), (_ENERGY, 12, 13)):
            if row[column] != "-" and (not only or slot in only):
                for phase, register in enumerate(row[column].split(",")):
                    self._want(slot + phase, int(register), row[fmt])
        for extra in row[14].split():
            key, _, register = extra.partition("=")
            if key == "ratio":
                self._ratio = int(register)
            elif key == "secondary" and not only:
                self._other_energy = int(register)

    def _take_line(self, text: str) -> None:
        """ "9600 8E1"; anything that does not begin with a number leaves what is set."""
        if text[0].isdigit():
            baudrate, frame = text.split(" ")
            self.line = (int(baudrate), _PARITIES[frame[1]], int(frame[2]))

    def _want(self, slot: int, register: int, fmt: str) -> None:
        if register != ABSENT:
            if fmt == "ufloat":  # the settings' formats say nothing of the sign
                fmt = "float"
            code, exponent = _code(fmt)
            if self._low_first:
                code |= LOW_WORD_FIRST
            self._wanted.append((register, slot, code, exponent))

    async def ask(self, read) -> None:
        """Have the meter tell its transformers' ratios, and which of its energy registers counts."""
        primary = self.factors[3]
        if self._ratio:
            data = await read(self._ratio, 2)
            amps = primary * (data[0] << 8 | data[1] or 1)
            volts = data[2] << 8 | data[3] or 10
            self.factors = [volts, amps, amps * volts // 10, primary]
        if self._other_energy:
            await self._choose_energy(read)

    async def _choose_energy(self, read) -> None:
        energy = next(want for want in self._wanted if want[1] == _ENERGY)
        usual = await self._try(read, energy)
        if usual:
            return
        other = (self._other_energy,) + energy[1:]
        value = await self._try(read, other)
        if value or usual is None:
            self._wanted[self._wanted.index(energy)] = other
            self.factors[3] = self.factors[2]
        self.undecided = not value

    async def _try(self, read, want: tuple) -> "int | None":
        """A value; None where the meter has no such register."""
        register, _, code, exponent = want
        try:
            return decode(await read(register, (code & SIZE) // 2), 0, code, exponent + 3)
        except ModbusException:
            return None

    def arrange(self, most: int, gaps: bool) -> None:
        """Group the registers into as few reads as can be, with gaps between them if wanted."""
        most = min(most, self._most)
        gap = _GAP if gaps else 0
        groups = []
        for register, slot, code, exponent in sorted(self._wanted):
            end = register + (code & SIZE) // 2
            if not groups or register > groups[-1][1] + gap or end - groups[-1][0] > most:
                groups.append([register, end, bytearray()])
            last = groups[-1]
            last[1] = max(last[1], end)
            last[2].extend(bytes((slot, 2 * (register - last[0]), code, exponent + 2 + _BIAS)))
        self.groups = tuple((first, end - first, bytes(items)) for first, end, items in groups)
