"""Reads what an official MicroPython .bin for an ESP32 says about its chip and flash layout.

Formats: Espressif's "Firmware Image Format" (header) and "Partition Tables" (ESP-IDF's guide).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from esptool.targets import CHIP_DEFS

_TABLE_ADDRESS = 0x8000  # of the partition table, in the flash
_TABLE_BYTES = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")  # magic, type, subtype, address, size, label, flags
_IMAGE_MAGIC = 0xE9  # of the bootloader, with which the file begins
_CHIP_ID_OFFSET = 12  # in the bootloader's header


class FirmwareError(Exception):
    """The file is not a MicroPython firmware that can be used; the text says why."""


@dataclass(frozen=True)
class Firmware:
    """Where a firmware file goes, and where it wants its file system."""

    chip: str  # esptool's name
    address: int  # of the file's first byte, in the flash
    vfs_address: int
    vfs_bytes: int
    romfs_address: int = 0  # 0: the firmware has no ROMFS partition
    romfs_bytes: int = 0

    @property
    def arch(self) -> str:
        """Return mpy-cross's name of the chip's architecture."""
        xtensa = self.chip in ("esp32", "esp32s2", "esp32s3")
        return "xtensawin" if xtensa else "rv32imc"


def read_firmware(content: bytes) -> Firmware:
    """Return what the content of a firmware .bin says about itself."""
    chip, address = _chip(content)
    found = {}
    for label, start, size in _partitions(content, _TABLE_ADDRESS - address):
        found[label] = (start, size)
    if b"vfs" not in found:
        raise FirmwareError("its partition table has no partition named vfs")
    return Firmware(chip, address, *found[b"vfs"], *found.get(b"romfs", (0, 0)))


def _chip(content: bytes) -> "tuple[str, int]":
    """Return (esptool's name of the chip, address of its bootloader)."""
    if len(content) < _TABLE_ADDRESS or content[0] != _IMAGE_MAGIC:
        raise FirmwareError("it does not begin with an ESP32 bootloader")
    chip_id = int.from_bytes(content[_CHIP_ID_OFFSET : _CHIP_ID_OFFSET + 2], "little")
    for name, chip in CHIP_DEFS.items():
        if getattr(chip, "IMAGE_CHIP_ID", None) == chip_id:
            return name, chip.BOOTLOADER_FLASH_OFFSET
    raise FirmwareError(f"its chip number {chip_id} is not known")


def _partitions(content: bytes, offset: int) -> "Iterator[tuple[bytes, int, int]]":
    """Yield (label, address, size) of each partition; the first other entry ends the table."""
    for at in range(offset, offset + _TABLE_BYTES, _ENTRY.size):
        magic, _, _, address, size, label, _ = _ENTRY.unpack_from(content, at)
        if magic != b"\xaa\x50":
            return
        yield label.rstrip(b"\0"), address, size
