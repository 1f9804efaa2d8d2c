"""The cars of a busy site: ten days of Caltech's car park, as ACN-Data recorded them.

The file: of each car the day, the space, when it came (seconds of its day, local time), how long it took to
be charged, how long it stayed, and its energy. docs/load-management.md tells where it is from.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tools.firmware_path import ROOT

SESSIONS = ROOT / "host_tests" / "data" / "acn_sessions.csv"

DAY_S = 86400
RATING_A = 32
SUPPLY_V = 230
_RECORDED_V = 208
_SMALL_A = 16
_NOISE_A = 0.5
_CHANGE_S = 60  # until the next car is plugged in


class Visit(NamedTuple):
    """A car at a charger: when it comes and goes (s of the day), what it needs, the most it takes."""

    from_s: int
    to_s: int
    energy_wh: int
    most_a: int

    @property
    def possible_wh(self) -> float:
        """What it would get if it were alone."""
        seconds = self.to_s - self.from_s
        return min(self.energy_wh, self.most_a * SUPPLY_V * seconds / 3600)


Places = list[list[Visit]]  # of each charger the cars that come to it, in order


def days(path: Path = SESSIONS) -> list[str]:
    """The recorded days, that with the most cars first."""
    with path.open() as file:
        cars = Counter(row["day"] for row in csv.DictReader(file))
    return sorted(cars, key=lambda day: (-cars[day], day))


def recorded(day: str, count: int, path: Path = SESSIONS) -> Places:
    """The cars of a day at those of the spaces that most came to."""
    spaces: dict[str, list[Visit]] = {}
    for row in _rows([day], path):
        spaces.setdefault(row["space"], []).append(_visit(row))
    busiest = sorted(spaces, key=lambda space: (-len(spaces[space]), space))[:count]
    empty: Places = [[] for _ in range(count - len(busiest))]
    return [sorted(spaces[space]) for space in busiest] + empty


def crowded(some_days: list[str], count: int, path: Path = SESSIONS) -> Places:
    """The cars of several days come on one: each to the charger that is free longest, or it drives on."""
    found: Places = [[] for _ in range(count)]
    for visit in sorted(_visit(row) for row in _rows(some_days, path)):
        place = min(found, key=_free_from_s)
        if _free_from_s(place) <= visit.from_s:
            place.append(visit)
    return found


def _free_from_s(place: list[Visit]) -> int:
    return place[-1].to_s + _CHANGE_S if place else 0


def _rows(some_days: list[str], path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [row for row in csv.DictReader(file) if row["day"] in some_days]


def _visit(row: dict[str, str]) -> Visit:
    """What took more current on the average than small cars do has a charger of 32 A on board."""
    from_s, energy_wh = int(row["connected_s"]), int(row["energy_wh"])
    hours = max(60, int(row["charged_s"])) / 3600
    small = energy_wh / hours / _RECORDED_V <= _SMALL_A + _NOISE_A
    to_s = min(from_s + int(row["stayed_s"]), DAY_S)
    return Visit(from_s, to_s, energy_wh, _SMALL_A if small else RATING_A)
