"""What follows a start: the session that it cut short, and a pause before the mains are loaded again.

After a power failure all stations of a street would begin at once (cold load pickup, HQ 200 manual
8.4.3), so a charge that begins by itself waits a random time. Loaded at the start only.
"""

import asyncio
import os

from core import log
from micropython import const

_SLOT = "cold load pickup"
_LEAST_S = const(120)
_LOOK_MS = const(100)  # the first sample is taken by then
_SETTLE_MS = const(900)  # by then one in state C is seen too


def hold(charger) -> None:
    """Offer nothing until it is known what follows."""
    charger.limits.set(_SLOT, 0)


async def run(settings, charger, power_failed: bool, cut_short) -> None:
    """Resume or end the session that was cut short (None: none); after a power failure hold the load off.

    A session that somebody has started meanwhile need not wait.
    """
    try:
        await asyncio.sleep_ms(_LOOK_MS)
        was_there = charger.began_plugged
        if was_there:
            await asyncio.sleep_ms(_SETTLE_MS)
        charger.recover("PowerLoss" if power_failed else "Reboot")
        free = settings.get("free_charging") and not settings.get("rfid_reader")
        goes_on = cut_short and charger.session is cut_short
        if power_failed and (goes_on or (free and was_there)):
            await _wait(charger, _random_s(settings.get("cold_load_max_delay")))
    finally:
        charger.limits.left_s = 0
        charger.limits.set(_SLOT, None)


def _random_s(most_s: int) -> int:
    two = os.urandom(2)
    return _LEAST_S + (two[0] << 8 | two[1]) % (most_s - _LEAST_S + 1)


async def _wait(charger, delay_s: int) -> None:
    """Count down; a car that comes later, or somebody's new start, need not wait."""
    log.info("start", "charging is held off for %d s after the power failure" % delay_s)
    session = charger.session
    while delay_s and charger.plugged:
        charger.limits.left_s = delay_s
        delay_s -= 1
        await asyncio.sleep_ms(1000)
        if session and charger.session is not session:
            return
        session = charger.session
