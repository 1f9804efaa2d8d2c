"""Starts the firmware on a simulated board.

    micropython -X heapsize=160k launch.py BOARD_DIR

Stands for what a chip's read-only memory does before Python code runs: maps the shim's compiled modules,
BOARD_DIR/chip.img, has them put the chip together, and runs what is on its flash. All of that stays outside the Python
heap, as the machine modules of a real chip do.
"""

import ffi
import os
import sys
import uctypes
import vfs

CHIP_AT = 0x3E000000  # MicroPython's small integers end at 0x3FFFFFFF


def map_file(path: str, address: int):
    """Map a file read-only at an address; a memoryview of it."""
    libc = ffi.open("libc.so.6")
    fd = libc.func("i", "open", "si")(path, 0)
    size = os.stat(path)[6]
    mmap = libc.func("P", "mmap", "Piiiii")
    if (
        fd < 0 or mmap(address, size, 1, 0x100001, fd, 0) != address
    ):  # shared, fixed, never replacing
        raise SystemExit("launch: cannot map " + path)
    return memoryview(uctypes.bytearray_at(address, size))


vfs.mount(vfs.VfsRom(map_file(sys.argv[1] + "/chip.img", CHIP_AT)), "/chip")
sys.path[:] = ["/chip", ".frozen"]
import power_on  # noqa: E402

timed = power_on.assemble(sys.argv[1], map_file)
power_on = map_file = sys.modules["power_on"] = None
execfile("boot.py")  # noqa: F821  MicroPython's own
__import__("chip").hook_loop(timed)
execfile("main.py")  # noqa: F821
