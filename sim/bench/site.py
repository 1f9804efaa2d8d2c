"""How well a group shares: a busy site's day against the optimum, and random faults over weeks. In virtual time."""

import json
import subprocess
import sys

from sim.bench.figures import Bar, Row
from sim.bench.stand import ROOT, StandError

DAY_FIGURES = ("site_energy_ratio", "site_violations", "site_fairness", "site_longest_wait_s")
FAULT_FIGURES = ("group_faults_over_limit_ms", "group_faults_unserved_ms", "group_faults_blamed")
_RATIO = Bar(0.97, at_least=True)
_STUCK_MS = 150_000  # what the protocol takes to give a lost member's current to another, and its hysteresis


def _lines(module: str, *options: str) -> list[dict]:
    """What a program prints, which runs the firmware on CPython in a process of its own."""
    command = [sys.executable, "-m", module, *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise StandError(f"{module}: {ended.stderr.strip()[-300:]}")
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def day() -> list[Row]:
    """A crowded day, and the fullest recorded one, at 5, 10 and 20 chargers."""
    rows = []
    violations = 0
    for line in _lines("tools.site_day"):
        part = f"{line['members']} chargers, {line['day']}"
        conditions = (
            f"limit {line['limit_a']} A, {line['cars']} cars of ACN-Data, {line['energy_kwh']} kWh of "
            f"{line['optimum_kwh']} kWh by a linear program that knows the day"
        )
        rows.append(Row("site_energy_ratio", line["ratio"], "", conditions, part, bar=_RATIO))
        rows.append(
            Row("site_fairness", line["jain"], "", "Jain's index of the cars' shares", part)
        )
        wait_s = line["longest_wait_s"]
        rows.append(Row("site_longest_wait_s", wait_s, "s", "a car without current", part))
        violations += line["violations"]
    conditions = "cycles of 2 s with more than the limit, cars taking 5 s to follow"
    rows.append(Row("site_violations", violations, "", conditions, bar=Bar(0)))
    return rows


def faults(groups: int) -> list[Row]:
    """500 faults in each of so many groups."""
    lines = _lines("tools.group_faults", "--groups", str(groups))
    count, hours = (sum(line[key] for line in lines) for key in ("faults", "hours"))
    conditions = (
        f"{count} random faults (cut, deaf, noise, restarts, silent meters) in {hours:.0f} h of {groups} RS485 "
        f"groups of 2 to 6; every car draws the most that it was offered in the last 5 s"
    )
    over_ms = max(line["longest_over_limit_ms"] for line in lines)
    unserved_ms = max(line["longest_unserved_ms"] for line in lines)
    blamed = sum(len(line["blamed"]) for line in lines)
    return [
        Row(FAULT_FIGURES[0], over_ms, "ms", f"longest; {conditions}", bar=Bar(5000)),
        Row(FAULT_FIGURES[1], unserved_ms, "ms", f"longest; {conditions}", bar=Bar(_STUCK_MS)),
        Row(
            FAULT_FIGURES[2],
            blamed,
            "",
            f"obeying chargers called disobedient; {conditions}",
            bar=Bar(0),
        ),
    ]
