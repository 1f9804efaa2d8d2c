"""Puts a simulated chip together before its firmware runs; nothing of it stays in the heap."""

import ffi
import json
import os
import sys

import vfs

import board_io
import chip
import registers

_MAP_SHARED_FIXED = 0x100001  # MAP_SHARED | MAP_FIXED_NOREPLACE
ROMFS_AT = 0x3C000000


def map_registers(libc, path: str, base: int, size: int) -> None:
    """Map the register file where the shim's modules expect it."""
    fd = libc.func("i", "open", "si")(path, 2)
    mmap = libc.func("P", "mmap", "Piiiii")
    if fd < 0 or mmap(base, size, 3, _MAP_SHARED_FIXED, fd, 0) != base:
        raise SystemExit("launch: cannot map " + path)


def mount_flash(board_dir: str, map_file) -> None:
    """The file system at /, and the firmware's code at /rom where it has a partition of its own."""
    image = chip.FlashImage(board_dir + "/flash.img")
    flash = vfs.VfsLfs2(image, readsize=32, progsize=32, lookahead=32)
    sys.path[:] = ["/chip", "", ".frozen", "/lib"]
    try:
        os.stat(board_dir + "/romfs.img")
        vfs.mount(vfs.VfsRom(map_file(board_dir + "/romfs.img", ROMFS_AT)), "/rom")
        sys.path += ["/rom", "/rom/lib"]  # as a chip's build with ROMFS does
    except OSError:
        pass
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix("/"), "/host")
    vfs.mount(flash, "/")
    os.chdir("/")


def assemble(board_dir: str, map_file) -> bool:
    """Put the chip together; tells whether each asyncio step shall be timed."""
    libc = ffi.open("libc.so.6")
    map_registers(libc, board_dir + "/registers", registers.BASE, registers.WORDS * 4)
    with open(board_dir + "/board.json") as file:
        parameters = json.load(file)
    bus = chip.ChipBus(board_dir + "/bus.sock")
    serial = bytes.fromhex(parameters["serial_hex"])
    board_io.attach(bus.transfer, libc.func("v", "_exit", "i"), serial)
    mount_flash(board_dir, map_file)
    return bool(parameters.get("steps"))
