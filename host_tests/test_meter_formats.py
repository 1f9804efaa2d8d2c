"""Register formats: each against struct, with every sign for "no value"."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meter.formats import LOW_WORD_FIRST, SIZE, decode
from meter.register_map import _code

SETTINGS_FORMATS = ["float"] + [
    f"int{bits}{factor}"
    for bits in (16, 32)
    for factor in ("", "*0.1", "*0.01", "*0.001", "*0.0001")[: 4 if bits == 16 else 5]
]
CODES = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float": "f",
    "double": "d",
}


def milli(fmt: str, data: bytes, factor: int = 1, low_word_first: bool = False):
    """What the firmware makes of a value's bytes, which stand behind another register."""
    code, exponent = _code(fmt)
    assert code & SIZE == len(data)
    if low_word_first:
        code |= LOW_WORD_FIRST
        data = b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))
    return decode(b"\xaa\xbb" + data, 2, code, exponent + 3, factor)


def packed(fmt: str, value) -> bytes:
    return struct.pack(">" + CODES[fmt.partition("*")[0]], value)


def factor_of(fmt: str) -> float:
    return float(fmt.partition("*")[2] or 1)


@pytest.mark.parametrize("low_word_first", [False, True])
@pytest.mark.parametrize("fmt", [*SETTINGS_FORMATS, "uint16*0.1", "uint32*0.01", "int64*0.001"])
@settings(max_examples=30)
@given(data=st.data())
def test_whole_numbers_of_each_format(fmt, low_word_first, data):
    kind = fmt.partition("*")[0]
    if kind == "float":
        raw = data.draw(st.integers(-(1 << 24), 1 << 24))
    else:
        bits = int(kind.lstrip("uint"))
        signed = kind[0] != "u"
        low, high = (1 - (1 << bits - 1), (1 << bits - 1) - 2) if signed else (0, (1 << bits) - 2)
        raw = data.draw(st.integers(low, high).filter(lambda n: n not in (1 << 31, (1 << 31) - 1)))
    exact = raw * 1000 / round(1 / factor_of(fmt))
    assert abs(milli(fmt, packed(fmt, raw), 1, low_word_first) - exact) <= 0.5 + abs(exact) * 1e-15


@pytest.mark.parametrize(
    ("fmt", "raw", "expected"),
    [
        ("int16", 231, 231000),
        ("int16", -1, -1000),
        ("int16*0.1", 2305, 230500),
        ("int16*0.01", 1599, 15990),
        ("int16*0.001", -32767, -32767),
        ("uint16*0.01", 40000, 400000),
        ("int32", 7360, 7360000),
        ("int32*0.01", -1, -10),
        ("int32*0.001", 1234567, 1234567),
        ("int32*0.0001", 12345, 1235),
        ("int32*0.0001", -12345, -1234),
        ("uint32*0.01", 0x80000001, 21474836490),
        ("int64*0.001", 1234567, 1234567),  # watt hours
        ("uint64*0.01", 123456789012, 1234567890120),
        ("float", 230.0, 230000),
        ("float", -230.0, -230000),
        ("float", 1e-45, 0),
        ("float*1000", 7.36, 7360000),  # kilowatts
        ("float*0.001", 1234567.0, 1234567),
        ("float*0.1", 2305.0, 230500),
        ("double*0.001", 123456789.0, 123456789),
    ],
)
def test_examples(fmt, raw, expected):
    data = packed(fmt, raw)
    assert milli(fmt, data) == milli(fmt, data, 1, low_word_first=True) == expected


@pytest.mark.parametrize(
    ("fmt", "data"),
    [
        ("float", "7FC00000"),
        ("float", "FFC00000"),
        ("float", "7F800000"),
        ("float", "FF800000"),
        ("float", "FFFFFFFF"),
        ("double", "7FF8000000000000"),
        ("double", "FFF0000000000000"),
        ("int16", "8000"),
        ("uint16", "FFFF"),
        ("int32*0.1", "7FFFFFFF"),
        ("int32*0.1", "80000000"),
        ("uint32*0.1", "FFFFFFFF"),
        ("uint32*0.1", "7FFFFFFF"),
        ("int64*0.001", "7FFFFFFFFFFFFFFF"),
        ("int64*0.001", "8000000000000000"),
        ("uint64*0.01", "FFFFFFFFFFFFFFFF"),
    ],
)
def test_the_signs_for_no_value(fmt, data):
    assert milli(fmt, bytes.fromhex(data)) is None


@pytest.mark.parametrize(
    ("fmt", "data", "expected"),
    [
        ("int16*0.001", "7FFF", 32767),  # 32.8 A
        ("uint16*0.1", "8000", 3276800),
        ("int32", "FFFFFFFF", -1000),
        ("float", "00000001", 0),
        ("float", "7F7FFFFF", None),  # 3.4e38 of anything
        ("double", "7FEFFFFFFFFFFFFF", None),
    ],
)
def test_values_next_to_those(fmt, data, expected):
    assert milli(fmt, bytes.fromhex(data)) == expected


@given(st.floats(-1e9, 1e9, width=32))
def test_floats_are_decoded_exactly(value):
    assert abs(milli("float", struct.pack(">f", value)) - value * 1000) <= 0.5


@given(st.floats(-1e12, 1e12))
def test_doubles_are_decoded_exactly(value):
    exact = math.fsum([value * 1000])
    assert abs(milli("double", struct.pack(">d", value)) - exact) <= 0.5 + abs(exact) * 1e-15


@given(st.floats(0, 1e6, width=32), st.integers(1, 500))
def test_a_transformers_ratio_is_applied_before_rounding(value, ratio):
    assert abs(milli("float", struct.pack(">f", value), ratio) - value * 1000 * ratio) <= 0.51
