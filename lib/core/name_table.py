"""MicroPython's table of names: it doubles when it is full, and wants nine kilobytes in one piece for that."""

import gc
import sys

from micropython import const

_LEAST_GROWTH = const(6000)
_MOST_NAMES = const(320)
_AT_ONCE = const(16)  # counting the heap takes a chip a millisecond


def grow() -> bool:
    """Have it double now, while there is such a piece: afterwards any module that is loaded could fail.

    Tells whether it has grown. MemoryError: there is no such piece.
    """
    if sys.implementation.name != "micropython":
        return False
    gc.collect()
    before = gc.mem_alloc()
    for number in range(_MOST_NAMES):
        hasattr(sys, "~%d" % number)  # what is asked for becomes a name
        if number % _AT_ONCE == 0 and gc.mem_alloc() - before > _LEAST_GROWTH:
            return True
    return False
