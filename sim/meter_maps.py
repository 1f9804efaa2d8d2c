"""Register maps of energy meters: that of the firmware's default settings, and its table of presets.

Values are encoded with struct, apart from the firmware's own decoding.
"""

import math
import struct
from pathlib import Path
from typing import NamedTuple

from sim.rs485 import Line

CUSTOM = "Custom"
_TABLE = Path(__file__).resolve().parent.parent / "lib" / "meter" / "presets.tsv"
_CODES = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float": "f",
    "double": "d",
}
_PARITIES = {"N": 0, "E": 1, "O": 2}
_NEAR = 24  # registers between two of a map's that can be read as well


class Entry(NamedTuple):
    """A value in a map: where it is, what it is, and how it is written."""

    register: int
    quantity: str  # a Reading's field, "phase_w" among them, or "ct", "vt"
    phase: int
    fmt: str
    low_word_first: bool = False

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return struct.calcsize(_CODES[self.fmt.partition("*")[0]]) // 2

    def encode(self, value: float) -> list[int]:
        """The value's registers; NaN is written as the format's sign for no value."""
        kind, _, factor = self.fmt.partition("*")
        code = _CODES[kind]
        scaled = value / float(factor or 1)
        if code in "fd":
            data = struct.pack(">" + code, scaled)
        elif math.isnan(scaled):
            data = (b"\xff" if code.isupper() else b"\x7f") + b"\xff" * (2 * self.words - 1)
        else:
            data = struct.pack(">" + code, round(scaled))
        words = list(struct.unpack(f">{self.words}H", data))
        return words[::-1] if self.low_word_first else words


class MeterMap(NamedTuple):
    """What a meter serves: its entries, the ranges that can be read, and how."""

    entries: list[Entry]
    blocks: list[tuple[int, int]]  # first register and count
    functions: tuple[int, ...] = (3, 4)
    most_registers: int = 125
    line: Line = Line()

    def has(self, quantity: str) -> bool:
        """Whether there is a register for it."""
        return any(entry.quantity == quantity for entry in self.entries)


def _three(quantity: str, first: int) -> list[Entry]:
    return [Entry(first + 2 * phase, quantity, phase, "float") for phase in range(3)]


def default_map() -> MeterMap:
    """Float32 at the registers that the settings default to, and at those of an Eastron SDM630."""
    entries = _three("v", 21248) + _three("a", 21260)
    entries += _three("v", 0) + _three("a", 6) + _three("phase_w", 12)
    entries += [Entry(register, "w", 0, "float") for register in (21288, 52)]
    entries += [Entry(register, "kwh", 0, "float") for register in (21300, 72, 342)]
    return MeterMap(entries, [(0, 384), (21248, 54)])


def rows() -> dict[str, list[str]]:
    """The presets' rows by name."""
    lines = [line.split("\t") for line in _TABLE.read_text().splitlines() if line[0] != "#"]
    return {row[0]: row for row in lines}


def names() -> list[str]:
    """What a meter can be: the default map, or one of the presets."""
    return [CUSTOM, *rows()]


def preset_map(name: str, with_gaps: bool = True, without: str = "") -> MeterMap:
    """A preset's map less one quantity; with_gaps: what lies between its registers can be read too."""
    row = rows()[name]
    low_word_first = row[2] == "low"
    entries = []
    columns = (("v", 5, 6), ("a", 7, 8), ("w", 9, 11), ("phase_w", 10, 11), ("kwh", 12, 13))
    for quantity, column, fmt in columns:
        registers = row[column].split(",") if row[column] != "-" else []
        for phase, register in enumerate(registers):
            entries.append(Entry(int(register), quantity, phase, row[fmt], low_word_first))
    extras = dict(extra.split("=") for extra in row[14].split() if extra != "-")
    if "ratio" in extras:
        first = int(extras["ratio"])
        entries += [Entry(first, "ct", 0, "uint16"), Entry(first + 1, "vt", 0, "uint16*0.1")]
    if "secondary" in extras:
        entries.append(Entry(int(extras["secondary"]), "secondary_kwh", 0, row[13]))
    entries = [entry for entry in entries if entry.quantity != without]
    baudrate, frame = row[3].split(" ")
    line = Line(int(baudrate), _PARITIES[frame[1]], int(frame[2]))
    blocks = _blocks(entries, _NEAR if with_gaps else 0)
    return MeterMap(entries, blocks, (int(row[1]),), int(row[4]), line)


def _blocks(entries: list[Entry], near: int) -> list[tuple[int, int]]:
    blocks: list[tuple[int, int]] = []
    for entry in sorted(entries):
        end = entry.register + entry.words
        if blocks and entry.register <= sum(blocks[-1]) + near:
            first, count = blocks.pop()
            blocks.append((first, max(end, first + count) - first))
        else:
            blocks.append((entry.register, entry.words))
    return blocks
