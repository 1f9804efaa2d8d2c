"""Ten thousand random faults of RS485 groups, over weeks of virtual time, as host_tests/test_group_faults has some.

Prints a line of JSON for each group. As a program: python -m tools.group_faults [--groups 20] [--faults 500]
"""

import argparse
import json
import random
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tools.firmware_path import use_firmware

EVERY_S = 120


def measure(faults: int, seed: int) -> dict:
    """A group's life with so many faults: what the outside saw."""
    use_firmware()
    from group_faults_rig import World, driven_by_hand
    from group_troubles_rig import Troubles

    with driven_by_hand(seed), tempfile.TemporaryDirectory() as directory:
        world = World(random.Random(seed), Path(directory))
        began_ms = world.now_ms
        Troubles(world, EVERY_S).run(faults)
        return {
            "group": seed,
            "members": len(world.posts),
            "limit_a": world.limit_a,
            "fallback_a": world.fallback_a,
            "faults": faults,
            "hours": round((world.now_ms - began_ms) / 3_600_000, 1),
            "longest_over_limit_ms": world.longest_over_ms,
            "longest_unserved_ms": world.longest_unserved_ms,
            "blamed": world.blamed,
        }


def main() -> None:
    """Measure and print, two groups at a time."""
    parser = argparse.ArgumentParser(prog="tools.group_faults", description=__doc__)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--faults", type=int, default=500, help="of each group, one in 2 min")
    parser.add_argument("--first", type=int, default=0, help="seed of the first group")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.groups)
    with ProcessPoolExecutor(2) as pool:
        for line in pool.map(partial(measure, options.faults), seeds):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
