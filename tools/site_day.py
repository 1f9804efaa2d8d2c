"""A day of a busy site at groups of 5, 10 and 20 chargers, against the optimum.

Prints a line of JSON for each group. As a program: python -m tools.site_day [--more-days 9] [--plots docs/img]
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from tools.firmware_path import use_firmware
from tools.site_day_cars import RATING_A, Places, crowded, days, recorded
from tools.site_day_optimum import optimum
from tools.site_day_plot import Plot

GROUPS = (5, 10, 20)
CROWD_DAYS = 5
CROWDED = "the cars of five days on one"


def limit_a(count: int) -> float:
    """A third of what all chargers could draw, in whole steps of 100 mA."""
    return count * RATING_A * 10 // 3 / 10


def measure(title: str, at: Places, cycle_s: int = 2) -> tuple[dict, str]:
    """The figures of a day at a group, and its picture."""
    from site_day_rig import SiteDay  # of host_tests, which has the firmware on its path

    count = len(at)
    best = optimum(at, limit_a(count))
    done = SiteDay(at, limit_a(count), cycle_s)
    line = {
        "day": title,
        "members": count,
        "limit_a": limit_a(count),
        "cars": len(done.cars),
        "energy_kwh": round(done.energy_wh / 1000, 1),
        "optimum_kwh": round(best.energy_wh / 1000, 1),
        "ratio": round(done.energy_wh / best.energy_wh, 4),
        "violations": done.violations,
        "jain": round(done.fairness, 4),
        "longest_wait_s": done.longest_wait_s,
    }
    note = (
        f"{line['cars']} cars get {line['energy_kwh']} kWh of {line['optimum_kwh']} kWh that are possible "
        f"({line['ratio']:.1%}); Jain's index {line['jain']}; longest wait {line['longest_wait_s']} s"
    )
    picture = Plot(f"{count} chargers, {title}", at, limit_a(count))
    return line, picture.svg(done.flow_a, best.slots, note)


def stories(count: int, more_days: int) -> Iterator[tuple[str, Places]]:
    """What is measured at a group: a crowded day, the day with the most cars, and so many more."""
    yield CROWDED, crowded(days()[:CROWD_DAYS], count)
    for day in days()[: 1 + more_days]:
        yield day, recorded(day, count)


def main() -> None:
    """Measure and print; the crowded day's pictures go to --plots."""
    parser = argparse.ArgumentParser(prog="tools.site_day", description=__doc__)
    parser.add_argument("--more-days", type=int, default=0, help="recorded days, at most 9")
    parser.add_argument("--cycle", type=int, default=2, help="of the master, in s")
    parser.add_argument("--plots", type=Path, help="directory for the pictures")
    options = parser.parse_args()
    use_firmware()
    for count in GROUPS:
        for title, at in stories(count, options.more_days):
            line, picture = measure(title, at, options.cycle)
            print(json.dumps(line), flush=True)
            if options.plots and title == CROWDED:
                (options.plots / f"site-day-{count}.svg").write_text(picture)


if __name__ == "__main__":
    main()
