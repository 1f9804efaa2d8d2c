"""Register formats of meters, decoded into thousandths of the unit: V to mV, W to mW, kWh to Wh.

Everything is integer arithmetic: an ESP32's floats have 24 bits, a meter's energy may have more.
"""

ABSENT = 65535  # a register number that stands for "the meter has none"

_INFINITE = 255  # exponent of infinities and NaN in a float32
_NO_VALUE = 0x7FFFFFFF  # what meters with int32 registers give for a phase they do not have


def words(fmt: str) -> int:
    """How many registers a value takes, 1 or 2."""
    return 1 if fmt.startswith("int16") else 2


def decode(fmt: str, registers, index: int, low_word_first: bool = False) -> "int | None":
    """Thousandths of the value at registers[index], or None when there is none.

    fmt is "float", or "int16" or "int32" (signed) with an optional factor "*0.1" … "*0.0001".
    """
    if fmt.startswith("int16"):
        value = registers[index]
        return _scale(value - 0x10000 if value & 0x8000 else value, fmt)
    high, low = registers[index], registers[index + 1]
    if low_word_first:
        high, low = low, high
    if fmt == "float":
        return _float_milli(high, low)
    value = high << 16 | low
    if value == _NO_VALUE:
        return None
    return _scale(value - 0x100000000 if high & 0x8000 else value, fmt)


def _scale(value: int, fmt: str) -> int:
    """The factor's decimals move the value towards thousandths, rounding half up."""
    decimals = len(fmt) - fmt.find(".") - 1 if "." in fmt else 0
    if decimals <= 3:
        return value * 10 ** (3 - decimals)
    return (value + 5) // 10


def _float_milli(high: int, low: int) -> "int | None":
    """An IEEE 754 single, from its bits; None for NaN, infinities and what no meter measures."""
    exponent = high >> 7 & 0xFF
    if exponent == _INFINITE or exponent > 150 + 16:
        return None
    mantissa = (high & 0x7F) << 16 | low
    if exponent:
        mantissa |= 0x800000
    shift = 150 - (exponent or 1)  # the mantissa is an integer times 2**-shift
    milli = mantissa * 1000
    if shift > 40:
        return 0
    milli = (milli + (1 << (shift - 1))) >> shift if shift > 0 else milli << -shift
    return -milli if high & 0x8000 else milli
