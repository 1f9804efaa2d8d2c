"""Measures figures and prints them, a line of JSON each: python -m sim.bench --only card_ms."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from sim.bench import charging, controller, group, memory, ocpp, outage, site, tags
from sim.bench.figures import Row
from sim.bench.stand import ROOT, end_all
from sim.group_line import MOST_SLAVES

OUTPUT = ROOT / "build" / "bench.json"
Measure = Callable[[], list[Row]]
Measurements = list[tuple[tuple[str, ...], Measure]]


def timed(charges: int) -> Measurements:
    """Figures with a clock in them: alone on the machine, one after the other."""
    few = max(1, charges // 3)
    return [
        (("open_on_unplug_ms", "close_ms"), partial(charging.open_and_close, charges)),
        (("open_with_loop_held_ms",), partial(charging.open_with_loop_held, few)),
        (("card_ms",), partial(charging.card, max(1, charges * 3 // 4))),
        (("step_ms",), partial(charging.steps, few)),
        (("boot_ms",), partial(controller.boot, 5)),
        (("idle_cpu_permille",), partial(controller.cpu, 20)),
        (("state_requests_per_s",), partial(controller.state_requests, 5)),
        (("offline_replay_per_s",), partial(outage.offline_replay, 10)),
        (("meter_values_ms",), ocpp.round_trip),
        (("wss_connect_ms",), ocpp.secure_connect),
        (("group_cycle_ms", "group_reaction_ms"), partial(group.times, 5)),
        (("tag_lookup_ms",), tags.lookup),
    ]


def untimed(sessions: int, slaves: int = 3) -> Measurements:
    """Figures that do not mind company: side by side. slaves: in the group of the scenario for the heap."""
    heap = "min_heap_code_in_heap_kb"
    return [
        (("heap_growth_bytes",), partial(memory.heap_growth, sessions)),
        (("min_heap_kb",), partial(memory.min_heap, "romfs", "min_heap_kb", slaves)),
        ((heap,), partial(memory.min_heap, "heap", heap, slaves)),
        (("flash_writes",), partial(memory.flash_writes, 180)),
        (("page_bytes",), memory.page_bytes),
        (("ocpp_heap_kb",), ocpp.heap),
        (site.DAY_FIGURES, site.day),
        (site.FAULT_FIGURES, partial(site.faults, 4)),
    ]


def measured(names: tuple[str, ...], measure: Measure) -> list[Row]:
    """A measurement's rows; where it fails, rows that say why."""
    try:
        return measure()
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        print(text, *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
        return [Row(name, None, "", "", error=text) for name in names]


def rows(first: Measurements, then: Measurements) -> Iterator[Row]:
    """All rows as they come: `first` one by one, `then` side by side."""
    for names, measure in first:
        yield from measured(names, measure)
    with ThreadPoolExecutor(len(then) or 1) as pool:
        try:
            for done in as_completed([pool.submit(measured, *one) for one in then]):
                yield from done.result()
        except BaseException:
            end_all()  # the pool waits for its threads
            raise


def parse(arguments: "list[str] | None" = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="sim.bench", description="Measures the figures.")
    parser.add_argument("--only", default="", help="names, with commas between them")
    parser.add_argument("--charges", type=int, default=40, help="for the times of charging")
    parser.add_argument(
        "--slaves",
        type=int,
        default=3,
        choices=range(MOST_SLAVES + 1),
        metavar=f"0 … {MOST_SLAVES}",
        help="of the group's master for min_heap_kb",
    )
    parser.add_argument("--sessions", type=int, default=1000, help="for heap_growth_bytes")
    options = parser.parse_args(arguments)
    known = [name for names, _ in timed(1) + untimed(1) for name in names]
    options.only = [name for name in options.only.split(",") if name] or known
    unknown = [name for name in options.only if name not in known]
    if unknown:
        parser.error(f"no figure {unknown[0]}; there are {', '.join(known)}")
    return options


def wanted(measurements: Measurements, only: list[str]) -> Measurements:
    """Those that bring one of the figures."""
    return [one for one in measurements if set(one[0]) & set(only)]


def keep(lines: list[dict], output: Path) -> None:
    """Write the figures, and leave those that were not measured this time as they are."""
    new = {line["figure"] for line in lines}
    try:
        old = [line for line in json.loads(output.read_text()) if line["figure"] not in new]
    except (OSError, ValueError):
        old = []
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(old + lines, indent=1, ensure_ascii=False) + "\n")


def main(arguments: "list[str] | None" = None, output: Path = OUTPUT) -> int:
    """Measure, print, write; 1 when a figure could not be measured."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lines = []
    first = wanted(timed(options.charges), options.only)
    then = wanted(untimed(options.sessions, options.slaves), options.only)
    try:
        for row in rows(first, then):
            if row.figure in options.only:
                lines.append(row.line())
                print(json.dumps(lines[-1], ensure_ascii=False), flush=True)
    except KeyboardInterrupt:
        return 130
    keep(lines, output)
    return int(any(line["value"] is None for line in lines))


if __name__ == "__main__":
    sys.exit(main())
