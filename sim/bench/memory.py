"""Heap and bytes: figures that no clock is part of, taken at the PC's speed."""

import time

from sim.bench.browser import Browser
from sim.bench.figures import Bar, Row, growth
from sim.bench.scenario import SCENARIO, SETTINGS, group_options, run_scenario
from sim.bench.stand import PLUG_CHARGES, Stand, StandError
from sim.shim import registers as layout

HEAPS_KB = range(40, 244, 4)
READINGS = 40
WARM_UP_SESSIONS = 50
CHARGE_EACH = 50


def min_heap(code: str, figure: str, slaves: int) -> list[Row]:
    """Smallest heap in which the whole scenario runs to its end; `code` as sim.run's option.

    slaves: of the group whose master the controller is.
    """
    heaps_kb = list(HEAPS_KB)
    reason = "runs in the smallest heap tried"
    low, high = 0, len(heaps_kb)
    while low < high:
        middle = (low + high) // 2
        trouble = _trouble(heaps_kb[middle], code, slaves)
        if trouble:
            low, reason = middle + 1, f"{heaps_kb[middle]} kB: {trouble}"
        else:
            high = middle
    if low == len(heaps_kb):
        return [Row(figure, None, "kB", "", error=reason)]
    conditions = f"SPEED=pc, CODE={code}, 4 kB steps, {slaves} slaves, {SCENARIO}; {reason}"
    return [Row(figure, heaps_kb[low], "kB", conditions)]


def _trouble(heap_kb: int, code: str, slaves: int) -> str:
    """Why the scenario does not run in a heap; empty where it does."""
    console = ""
    options = group_options(slaves)
    try:
        with Stand(SETTINGS, heap=f"{heap_kb}k", code=code, **options) as stand:
            try:
                run_scenario(stand)
            finally:
                console = stand.console
    except (StandError, OSError, ValueError) as error:
        return "MemoryError" if "MemoryError" in console else str(error) or type(error).__name__
    return "MemoryError" if "MemoryError" in console else ""


def heap_growth(sessions: int) -> list[Row]:
    """Bytes that the heap in use grows by over many sessions."""
    readings = []
    with Stand(PLUG_CHARGES) as stand:
        stand.connected()
        browser = Browser(stand.web_port)
        browser.login()
        each = max(1, sessions // READINGS)
        for number in range(-WARM_UP_SESSIONS, sessions + 1):
            _session(stand, charges=number % CHARGE_EACH == 0)
            browser.get("/api/state")
            if number >= 0 and number % each == 0:
                readings.append(stand.heap_used())
    grown, noise = growth(readings)
    conditions = (
        f"SPEED=pc, {sessions} sessions after {WARM_UP_SESSIONS} to warm up, every {CHARGE_EACH}th "
        f"of them charging, /api/state after each; heap in use after gc at the median of the last "
        f"quarter less that of the first, noise within one {noise:.0f} B"
    )
    return [Row("heap_growth_bytes", round(grown), "B", conditions, bar=Bar(round(noise)))]


def _session(stand: Stand, charges: bool) -> None:
    plugged_ms = stand.plug(ready=charges)
    stand.offered(plugged_ms)
    if charges:
        stand.closed(plugged_ms)
    stand.idle(stand.unplug())


def page_bytes() -> list[Row]:
    """What a browser without a cache receives on its first visit."""
    with Stand() as stand:
        stand.connected()
        browser = Browser(stand.web_port)
        fetched = browser.first_visit()
    conditions = "all answers with their heads, gzip where the controller has it: " + " ".join(
        fetched
    )
    return [Row("page_bytes", browser.received_bytes, "B", conditions)]


def flash_writes(seconds: int) -> list[Row]:
    """Writes to flash while a vehicle charges, scaled to an hour."""
    with Stand(PLUG_CHARGES) as stand:
        stand.connected()
        stand.closed(stand.plug())
        time.sleep(5)
        chip = stand.chip()
        words = (layout.FLASH_SYNCS, layout.FLASH_PROGRAMS, layout.FLASH_ERASES)
        before = [chip[word] for word in words]
        time.sleep(seconds)
        syncs, programs, erases = (chip[word] - start for word, start in zip(words, before))
    per_hour = 3600 / seconds
    conditions = (
        f"SPEED=pc, {seconds} s in the middle of a charge scaled to an hour, back office connected, "
        f"meter values every 600 s (the default): {syncs} times made durable by the file system, "
        f"{programs} page programs, {erases} sector erases in that time"
    )
    return [Row("flash_writes", round(syncs * per_hour), "1/h", conditions)]
