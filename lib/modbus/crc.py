"""CRC-16 of Modbus RTU: reflected polynomial 0xA001, preset 0xFFFF, sent low byte first."""

from micropython import const

# The remainders of the 16 nibbles: a fourth of the steps of the bitwise form.
_TABLE = const(
    (
        0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
        0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
    )
)  # fmt: skip


def crc16(data, length: int) -> int:
    """CRC of the first length bytes; 0 when these end with their own CRC."""
    table = _TABLE
    crc = 0xFFFF
    for i in range(length):
        crc ^= data[i]
        crc = crc >> 4 ^ table[crc & 15]
        crc = crc >> 4 ^ table[crc & 15]
    return crc


def append_crc(frame, length: int) -> int:
    """Write the CRC behind the first length bytes; return the new length."""
    crc = crc16(frame, length)
    frame[length] = crc & 0xFF
    frame[length + 1] = crc >> 8
    return length + 2
