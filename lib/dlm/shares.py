"""Shares of a room in proportion to weights: with floors, caps and three phases.

A level rises for all at once, from nothing; each one's share is the level times its weight, but never below
6 A nor above its cap. Viper, since a level is looked for over all members nine times: a small chip's
bytecode would take a tenth of a second. Unit: steps of 100 mA.
"""

from array import array

import micropython
from dlm.member import ANY_MA, MIN_MA, STEP_MA
from micropython import const

_MIN_STEPS = const(60)
_ROW = const(3)  # weight, cap, bits of the phases


@micropython.viper
def _full_phases(rows, count: int, level: int, widest: int, room) -> int:
    """Bits of the phases on which the shares at a level, beyond 6 A each, do not fit."""
    row = ptr32(rows)
    left = ptr32(room)
    first = second = third = place = 0
    while count > 0:
        more = level * row[place] // widest
        above = more - row[place + 1]
        if above > 0:
            more -= above
        more -= _MIN_STEPS
        if more > 0:
            phases = row[place + 2]
            if phases & 1:
                first += more
            if phases & 2:
                second += more
            if phases & 4:
                third += more
        place += _ROW
        count -= 1
    full = 0
    if first > left[0]:
        full = 1
    if second > left[1]:
        full |= 2
    if third > left[2]:
        full |= 4
    return full


class Shares:
    """Finds the shares of at most so many members."""

    def __init__(self, most: int) -> None:
        self._rows = array("i", [0] * (_ROW * most))
        self._room = array("i", (0, 0, 0))

    def fill(self, members: list, room_ma: list):
        """Set the targets of these, who have 6 A each already; take what is more off the room.

        A generator: it gives way between the parts of its work.
        """
        widest = 1
        for member in members:
            widest = max(widest, member.rating_ma // STEP_MA)
        while members:
            self._note(members, room_ma)
            yield
            level, full = self._level(len(members), widest)
            yield
            left = []
            for member in members:
                if not self._settle(member, level, widest, full, room_ma):
                    left.append(member)
            members = left
            yield

    def _note(self, members: list, room_ma: list) -> None:
        """Bring what is looked at for each level into arrays."""
        rows, room = self._rows, self._room
        place = 0
        for member in members:
            rows[place] = member.rating_ma // STEP_MA
            rows[place + 1] = member.usable_ma // STEP_MA
            rows[place + 2] = member.phases
            place += _ROW
        for phase in range(3):
            room[phase] = max(0, room_ma[phase]) // STEP_MA

    def _level(self, count: int, widest: int) -> tuple:
        """The highest level that there is room for, and the phases that are full above it."""
        rows, room = self._rows, self._room
        if not _full_phases(rows, count, widest, widest, room):
            return widest, 0
        low, high = 0, widest
        while high - low > 1:
            level = (low + high) // 2
            if _full_phases(rows, count, level, widest, room):
                high = level
            else:
                low = level
        return low, _full_phases(rows, count, high, widest, room)

    def _settle(self, member, level: int, widest: int, full: int, room_ma: list) -> bool:
        """Set a target; True when it can't rise with the others of a next round."""
        usable_ma = member.usable_ma // STEP_MA * STEP_MA
        share_ma = level * (member.rating_ma // STEP_MA) // widest * STEP_MA
        member.target_ma = max(MIN_MA, min(share_ma, usable_ma))
        if level < widest and not member.phases & full and member.target_ma < usable_ma:
            return False
        take(room_ma, member.phases, member.target_ma - MIN_MA)
        return True


def take(room_ma: list, phases: int, current_ma: int) -> None:
    """Take a current off the room on these phases."""
    if phases & 1:
        room_ma[0] -= current_ma
    if phases & 2:
        room_ma[1] -= current_ma
    if phases & 4:
        room_ma[2] -= current_ma


def least(room_ma: list, phases: int) -> int:
    """What is left on all of these phases."""
    left_ma = ANY_MA
    if phases & 1:
        left_ma = room_ma[0]
    if phases & 2 and room_ma[1] < left_ma:
        left_ma = room_ma[1]
    if phases & 4 and room_ma[2] < left_ma:
        left_ma = room_ma[2]
    return left_ma
