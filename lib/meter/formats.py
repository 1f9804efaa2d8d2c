"""Register values of meters as thousandths of the unit: V to mV, W to mW, kWh to Wh.

Everything is integer arithmetic: an ESP32's floats have 24 bits, a meter's energy may have more.
"""

import struct

from micropython import const

# A format's code: how many bytes, and what they are.
SIZE = 0x0F
UNSIGNED = 0x10
FLOAT = 0x20  # IEEE 754, single or double by its size
LOW_WORD_FIRST = 0x40

_LARGEST_SHIFT = const(-16)  # of a float's mantissa: what no meter measures is above
_SMALLEST_SHIFT = const(120)


def decode(data, at: int, code: int, exponent: int, factor: int = 1) -> "int | None":
    """The value at data[at] times factor and a power of ten, rounded half up; None for none.

    Meters say "none" by NaN, by all bits set, or by the ends of the signed range.
    """
    size = code & SIZE
    raw = struct.unpack_from(">I" if size == 4 else ">H" if size == 2 else ">Q", data, at)[0]
    if code & LOW_WORD_FIRST:
        raw = _swapped(raw, size)
    if code & FLOAT:
        return _float(raw, size, exponent, factor)
    sign = 1 << (8 * size - 1)
    if raw == (2 * sign - 1 if code & UNSIGNED else sign):
        return None
    if size > 2 and raw in (sign - 1, sign):
        return None
    if raw & sign and not code & UNSIGNED:
        raw -= 2 * sign
    return _scale(raw * factor, exponent)


def _swapped(raw: int, size: int) -> int:
    """The words in the other order."""
    words = 0
    for _ in range(0, size, 2):
        words = words << 16 | raw & 0xFFFF
        raw >>= 16
    return words


def _scale(value: int, exponent: int, divisor: int = 1) -> int:
    """value / divisor · 10**exponent."""
    if exponent < 0:
        divisor *= 10**-exponent
    else:
        value *= 10**exponent
    return (value + divisor // 2) // divisor


def _float(raw: int, size: int, exponent: int, factor: int) -> "int | None":
    """From a float's bits; None for NaN, infinities and what no meter measures."""
    bits, highest = (23, 255) if size == 4 else (52, 2047)
    power = raw >> bits & highest
    mantissa = raw & (1 << bits) - 1
    if power:
        mantissa |= 1 << bits
    shift = bits + highest // 2 - (power or 1)  # the mantissa is an integer times 2**-shift
    if power == highest or shift < _LARGEST_SHIFT:
        return None
    if shift > _SMALLEST_SHIFT:
        return 0
    if raw >> (8 * size - 1):
        mantissa = -mantissa
    if shift < 0:
        return _scale(mantissa * factor << -shift, exponent)
    return _scale(mantissa * factor, exponent, 1 << shift)
