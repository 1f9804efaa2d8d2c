"""What a member of a group and its master tell each other: records of 16-bit registers, high byte first.

Currents are in steps of 100 mA. The registers are those of docs/load-management.md.
"""

import struct

from micropython import const

LIGHT_BYTES = const(14)  # of a status record: what each round needs
FULL_BYTES = const(26)
INFO_BYTES = const(24)
SERIAL_BYTES = const(16)

STATUSES = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)

# Flags beside the status.
SESSION = const(16)
PLUGGED = const(32)
CONTACTOR = const(64)
WAITING = const(128)  # something waits for the master to fetch it
AVAILABLE = const(256)
FELL = const(512)  # on its fallback current

# The word that grants: bits 0 … 11 the current, 12 … 14 the reason.
HEARD = const(0x8000)  # the master has heard the member's last answer
CURRENT = const(0x0FFF)

_UNKNOWN = const(0x7FFF)  # a phase's current
_LIGHT = ">HHHHhhh"
_REST = ">IHHHBB"
_INFO = ">HHHH16s"
_VERSION = const(1)
_STEP_MA = const(100)


def pack_light(
    buffer, at: int, flags: int, request_ma: int, confirmed_ma: int, pwm_ma: int, lines
):
    """Write the first registers of a status record."""
    steps = [_UNKNOWN if ma is None else max(-32767, min(32766, ma // _STEP_MA)) for ma in lines]
    struct.pack_into(
        _LIGHT,
        buffer,
        at,
        flags,
        request_ma // _STEP_MA,
        (confirmed_ma + _STEP_MA - 1) // _STEP_MA,
        pwm_ma // _STEP_MA,
        steps[0],
        steps[1],
        steps[2],
    )


def pack_rest(
    buffer, at: int, meter_wh: int, session_wh: int, age_s: int, number: int, last: tuple
):
    """Write the other registers; last: (priority, index of the error code)."""
    struct.pack_into(
        _REST,
        buffer,
        at + LIGHT_BYTES,
        meter_wh & 0xFFFFFFFF,
        min(session_wh // 10, 0xFFFF),
        min(age_s // 10, 0xFFFF),
        number & 0xFFFF,
        last[0],
        last[1],
    )


def unpack_light(data, at: int) -> tuple:
    """(flags, request mA, confirmed mA, PWM mA, [L1, L2, L3] mA; None where nobody knows)."""
    flags, request, confirmed, pwm, *steps = struct.unpack_from(_LIGHT, data, at)
    lines = [None if step == _UNKNOWN else step * _STEP_MA for step in steps]
    return flags, request * _STEP_MA, confirmed * _STEP_MA, pwm * _STEP_MA, lines


def unpack_rest(data, at: int) -> tuple:
    """(meter Wh, session's Wh, its age in s, its number, priority, index of the error code)."""
    wh, tens_wh, tens_s, number, priority, code = struct.unpack_from(_REST, data, at + LIGHT_BYTES)
    return wh, tens_wh * 10, tens_s * 10, number, priority, code


def pack_info(buffer, at: int, rating_ma: int, fallback_ma: int, phases: int, serial: str) -> None:
    """Write what a member is."""
    steps = rating_ma // _STEP_MA, fallback_ma // _STEP_MA
    struct.pack_into(_INFO, buffer, at, _VERSION, steps[0], steps[1], phases, serial.encode())


def unpack_info(data, at: int) -> tuple:
    """(rating mA, fallback mA, phases, serial). ValueError: of another version, or nonsense."""
    version, rating, fallback, phases, serial = struct.unpack_from(_INFO, data, at)
    if version != _VERSION or not 0 < phases <= 7 or rating > CURRENT or fallback > CURRENT:
        raise ValueError("unfit record of a member")
    return rating * _STEP_MA, fallback * _STEP_MA, phases, str(serial, "utf-8").rstrip("\0")


def pack_word(heard: bool, reason: int, granted_ma: int) -> int:
    """The word that grants a current; reason: its place among the reasons."""
    return (HEARD if heard else 0) | reason << 12 | min(granted_ma // _STEP_MA, CURRENT)


def unpack_word(word: int) -> tuple:
    """(the master has heard the member, reason, granted mA)."""
    return bool(word & HEARD), word >> 12 & 7, (word & CURRENT) * _STEP_MA
