"""What a measurement brings: its rows, their bars and the statistics behind them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Number = float  # ints are as welcome


@dataclass(frozen=True)
class Bar:
    """A bound that a figure has to keep."""

    limit: Number
    at_least: bool = False

    def holds(self, value: Number) -> bool:
        """Whether a value keeps it."""
        return value >= self.limit if self.at_least else value <= self.limit


BARS = {  # by figure and part
    ("open_on_unplug_ms", "max"): Bar(100),
    ("open_with_loop_held_ms", "max"): Bar(100),
    ("close_ms", "p99"): Bar(2000),
    ("card_ms", "p99"): Bar(800),
    ("step_ms", "p99.9"): Bar(40),
    ("boot_ms", "pilot_safe"): Bar(300),
    ("boot_ms", "page_answers"): Bar(5000),
    ("boot_ms", "boot_notification"): Bar(8000),
    ("idle_cpu_permille", "idle"): Bar(500),
    ("idle_cpu_permille", "charging"): Bar(600),
    ("state_requests_per_s", "ratio"): Bar(0.3, at_least=True),
    ("min_heap_kb", ""): Bar(128),
    ("page_bytes", ""): Bar(100_000),
    ("tag_lookup_ms", "hit"): Bar(50),
    ("tag_lookup_ms", "miss"): Bar(50),
    ("offline_replay_per_s", ""): Bar(5, at_least=True),
    ("flash_writes", ""): Bar(360),
    ("group_cycle_ms", "max"): Bar(2500),
    ("group_reaction_ms", "max"): Bar(5000),
    ("ocpp_heap_kb", "idle"): Bar(24),
    ("ocpp_heap_kb", "peak"): Bar(40),
}


@dataclass(frozen=True)
class Row:
    """One value, under the conditions it was taken. `part` tells values of one figure apart."""

    figure: str
    value: "Number | None"
    unit: str
    conditions: str
    part: str = ""
    error: str = ""
    bar: "Bar | None" = None  # for one that only the measurement can tell

    def line(self) -> dict:
        """The row as it is printed."""
        line: dict = {"figure": self.figure}
        if self.part:
            line["part"] = self.part
        line |= {"value": self.value, "unit": self.unit, "conditions": self.conditions}
        bar = self.bar or BARS.get((self.figure, self.part))
        if bar:
            line["bar"] = bar.limit
            line["ok"] = self.value is not None and bar.holds(self.value)
        if self.error:
            line["error"] = self.error
        return line


def percentile(values: Sequence[Number], percent: Number) -> Number:
    """The smallest value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(
    figure: str, values_ms: Sequence[Number], conditions: str, parts: str = "p50 p99 max"
) -> list[Row]:
    """Rows of times: those percentiles, rounded to 0.1 ms, and how many times there are."""
    shown = f"{conditions}; n={len(values_ms)}"
    rows = []
    for part in parts.split():
        percent = 100.0 if part == "max" else float(part[1:])
        value = round(percentile(values_ms, percent), 1)
        rows.append(Row(figure, value, "ms", shown, part))
    return rows


def histogram_percentile(counts: Sequence[int], percent: Number) -> Number:
    """Upper edge of the bin that the percentile falls into; bin n counts n … n+1."""
    rank = math.ceil(sum(counts) * percent / 100)
    seen = 0
    for index, count in enumerate(counts):
        seen += count
        if count and seen >= rank:
            return index + 1
    raise ValueError("an empty histogram")


def growth(readings: Sequence[Number]) -> tuple[Number, Number]:
    """How much later readings are above earlier ones, and the noise that hides within that.

    Compares the medians of the first and last quarter; noise is the larger spread of the two.
    A steady rise shows: between the quarters it is three times what it is within one.
    """
    quarter = len(readings) // 4
    if not quarter:
        raise ValueError("four readings at least")
    first, last = readings[:quarter], readings[-quarter:]
    noise = max(max(first) - min(first), max(last) - min(last))
    return median(last) - median(first), noise
