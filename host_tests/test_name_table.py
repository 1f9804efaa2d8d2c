"""MicroPython's table of names, on MicroPython."""

import subprocess
from pathlib import Path

from core import name_table

ROOT = Path(__file__).parent.parent
MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
STORY = """
import gc, sys
sys.path.insert(0, "lib")
from core import name_table

def use(first, count):
    for number in range(first, first + count):
        hasattr(sys, "name_%d" % number)

use(0, 1100)  # a firmware that has started
assert name_table.grow()
gc.collect()
before = gc.mem_alloc()
use(1100, 1000)  # what its pages and messages bring
gc.collect()
assert gc.mem_alloc() - before < 16000, gc.mem_alloc() - before
assert not name_table.grow()
print("grown")
"""


def test_it_doubles_before_it_is_full_and_has_room_then():
    command = [str(MICROPYTHON), "-X", "heapsize=128k", "-c", STORY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout == "grown\n", done.stdout + done.stderr


def test_a_host_has_no_such_table():
    assert name_table.grow() is False
