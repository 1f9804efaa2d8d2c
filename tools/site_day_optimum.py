"""What somebody who knows the whole day beforehand could deliver: a linear program.

One variable for each car and each slot of time, the energy that it gets. Slots end where a car comes or goes,
so within one nothing changes, and the program's optimum is that of all ways to share, not only of those
that change with a clock. Nobody needs 6 A at least here, and nobody takes time to follow: the optimum is
as high as or higher than what a group of chargers could reach.
"""

from itertools import pairwise
from typing import NamedTuple

import highspy

from tools.site_day_cars import SUPPLY_V, Places

_WH_PER_AS = SUPPLY_V / 3600
_TOLERANCE_WH = 0.1


class Optimum(NamedTuple):
    """All energy, and the group's current in each slot: (from_s, to_s, A)."""

    energy_wh: float
    slots: list[tuple[int, int, float]]


def optimum(places: Places, limit_a: float) -> Optimum:
    """The most energy that these cars can get within the limit. RuntimeError if it isn't found."""
    visits = [visit for place in places for visit in place]
    slots = list(pairwise(sorted({at_s for visit in visits for at_s in visit[:2]})))
    program = highspy.Highs()
    program.setOptionValue("output_flag", False)
    program.changeObjectiveSense(highspy.ObjSense.kMaximize)
    by_slot: list[list] = [[] for _ in slots]
    for visit in visits:
        taken = []
        for slot, (from_s, to_s) in enumerate(slots):
            if visit.from_s <= from_s and to_s <= visit.to_s:
                most_wh = visit.most_a * _WH_PER_AS * (to_s - from_s)
                taken.append(program.addVariable(lb=0, ub=most_wh, obj=1))
                by_slot[slot].append(taken[-1])
        program.addConstr(program.qsum(taken) <= visit.energy_wh)
    for (from_s, to_s), taken in zip(slots, by_slot):
        if taken:
            program.addConstr(program.qsum(taken) <= limit_a * _WH_PER_AS * (to_s - from_s))
    energy_wh = _solve(program)
    _draw_early(program, by_slot, energy_wh)
    found = [
        (from_s, to_s, sum(program.val(one) for one in taken) / _WH_PER_AS / (to_s - from_s))
        for (from_s, to_s), taken in zip(slots, by_slot)
    ]
    return Optimum(energy_wh, found)


def _solve(program: highspy.Highs) -> float:
    program.run()
    status = program.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"no optimum: {program.modelStatusToString(status)}")
    return program.getObjectiveValue()


def _draw_early(program: highspy.Highs, by_slot: list[list], energy_wh: float) -> None:
    """Of the many ways to the same energy take the earliest: that is the one to look at."""
    everything = [one for taken in by_slot for one in taken]
    program.addConstr(program.qsum(everything) >= energy_wh - _TOLERANCE_WH)
    for slot, taken in enumerate(by_slot):
        for one in taken:
            program.changeColCost(one.index, -slot)
    _solve(program)
