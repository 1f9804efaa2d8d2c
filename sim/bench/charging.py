"""Times of the charging itself, from the events of a bench at a small chip's speed."""

import random
import time

from sim.bench.browser import Browser, Load
from sim.bench.figures import Row, histogram_percentile, spread
from sim.bench.stand import PLUG_CHARGES, Stand, until
from sim.shim import registers as layout

SPEED = "esp32"
HOLD_MS = 2000
CARD_MS = 1000
WARM_UP_S = 2.0


class Charges:
    """Charges one after the other, and the times that they took."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._closed_ms = 0.0
        self.closing_ms: list[float] = []  # from S2, closed when authorized, to the coil on
        self.opening_ms: list[float] = []  # from the vehicle's leaving to the coil off
        self.lost = 0  # where the coil went off before the vehicle left

    def begin(self) -> None:
        """A vehicle comes and charges."""
        plugged_ms = self._stand.plug()
        asked_ms = self._stand.event("vehicle", lambda v: v.get("s2_closed") is True, plugged_ms)
        self._closed_ms = self._stand.closed(asked_ms)
        self.closing_ms.append(self._closed_ms - asked_ms)

    def end(self) -> None:
        """The vehicle leaves; returns when the next may come."""
        left_ms = self._stand.unplug()
        opened_ms = self._stand.opened(self._closed_ms)
        if opened_ms > left_ms:
            self.opening_ms.append(opened_ms - left_ms)
        else:
            self.lost += 1
        self._stand.idle(left_ms)
        time.sleep(random.uniform(0.1, 0.3))

    @property
    def trouble(self) -> str:
        """For the conditions: what should not be."""
        return f"; the coil went off by itself in {self.lost} more" if self.lost else ""


def open_and_close(charges: int) -> list[Row]:
    """Opening when the vehicle leaves, closing when it asks, with everything else busy."""
    with Stand(PLUG_CHARGES, speed=SPEED) as stand:
        stand.connected()
        done = Charges(stand)
        with Load(stand) as load:
            time.sleep(WARM_UP_S)
            for _ in range(charges):
                done.begin()
                time.sleep(random.uniform(0.2, 0.8))
                done.end()
    conditions = f"SPEED={SPEED}, plugging in charges (mode A.1), {load}{done.trouble}"
    left = "unplugged at random moments, " + conditions
    return [
        *spread("open_on_unplug_ms", done.opening_ms, left),
        *spread("close_ms", done.closing_ms, "S2 closes to coil on, " + conditions, "p50 max p99"),
    ]


def open_with_loop_held(charges: int) -> list[Row]:
    """Opening while a coroutine holds the loop: only the guard can do it."""
    with Stand(PLUG_CHARGES, speed=SPEED) as stand:
        stand.connected()
        chip = stand.chip()
        done = Charges(stand)
        with Load(stand) as load:
            for _ in range(charges):
                done.begin()
                time.sleep(random.uniform(0.2, 0.5))
                stand.put("hang", ms=HOLD_MS)
                until(lambda: not chip[layout.HANG_MS], "the loop is held")
                time.sleep(random.uniform(0.05, 0.6) * HOLD_MS / 1000)
                done.end()  # waits for the pilot, which only the loop sets
    conditions = f"SPEED={SPEED}, the loop held for {HOLD_MS} ms, unplugged within it, {load}"
    return spread("open_with_loop_held_ms", done.opening_ms, conditions + done.trouble, "p50 max")


def card(presentations: int) -> list[Row]:
    """From the card in the field to the decision, which shows as PWM on a plugged vehicle."""
    settings = {**PLUG_CHARGES, "rfid_reader": True}
    times_ms = []
    with Stand(settings, speed=SPEED) as stand:
        stand.connected()
        for _ in range(presentations):
            stand.plug(ready=False)
            time.sleep(
                random.uniform(1.9, 2.2)
            )  # a second after a card has gone it may come again
            before_ms = stand.now_ms()
            stand.card(hold_ms=CARD_MS)
            times_ms.append(stand.offered(before_ms) - before_ms)
            stand.idle(stand.unplug())
    conditions = (
        f"SPEED={SPEED}, mode A.2 (any card charges, decided on the board), "
        "from the call that puts the card into the field to PWM on the plugged vehicle"
    )
    return spread("card_ms", times_ms, conditions, "p50 max p99")


def steps(charges: int) -> list[Row]:
    """Length of the asyncio steps while everything is busy, of the longest at boot, and of the
    longest when settings are written too, which somebody does now and then."""
    with Stand(PLUG_CHARGES, speed=SPEED, steps=True) as stand:
        stand.connected()
        Browser(stand.web_port).get("/")  # the last that comes up
        chip = stand.chip()
        boot_us = chip[layout.STEP_MAX_US]
        counts, longest_us, load = _busy_steps(stand, charges, writes_settings=False)
        _, writing_us, writing = _busy_steps(stand, 1, writes_settings=True)
    p999_ms, binned = histogram_percentile(counts, 99.9), "in bins of 1 ms"
    if p999_ms == len(counts):  # the last bin holds all the longer ones
        p999_ms, binned = longest_us / 1000, f"over {len(counts) - 1} ms, at most the longest"
    conditions = f"SPEED={SPEED}, {charges} charges, {load}; n={sum(counts)} steps"
    boot = f"SPEED={SPEED}, from power on until the back office is in touch"
    return [
        Row("step_ms", round(boot_us / 1000, 1), "ms", boot, "boot_max"),
        Row(
            "step_ms",
            round(writing_us / 1000, 1),
            "ms",
            f"SPEED={SPEED}, {writing}",
            "settings_max",
        ),
        Row("step_ms", round(longest_us / 1000, 1), "ms", conditions, "max"),
        Row("step_ms", round(p999_ms, 1), "ms", f"{conditions}, {binned}", "p99.9"),
    ]


def _busy_steps(
    stand: Stand, charges: int, writes_settings: bool
) -> "tuple[list[int], int, Load]":
    """(histogram of the steps, the longest in µs, the load) over some charges."""
    chip = stand.chip()
    before = chip.steps()
    chip[layout.STEP_MAX_US] = 0
    done = Charges(stand)
    with Load(stand, writes_settings) as load:
        for _ in range(charges):
            done.begin()
            done.end()
    counts = [after - start for after, start in zip(chip.steps(), before)]
    return counts, chip[layout.STEP_MAX_US], load
