"""A transaction goes on without energy when its tag turns out invalid (StopTransactionOnInvalidId false).

Loaded when there is a note of such a session, which may have outlasted a power cut.
"""

import asyncio
import os

from core import log, storage
from micropython import const

_SLOT = "card refused"
_LOOK_MS = const(1000)


def note(path: str, session, most_wh: int) -> None:
    """Keep in a file that a running session may take so much energy more (MaxEnergyOnInvalidId)."""
    storage.write_json(path, [session.number, session.meter_stop_wh + most_wh])


async def watch(path: str, charger, session) -> None:
    """Pause a session that was refused, once it has had its energy; until it ends."""
    try:
        kept = storage.read_json(path)
    except ValueError:
        log.error("ocpp", "note of a refused tag is damaged")
        kept = None
    if not isinstance(kept, list) or len(kept) != 2 or kept[0] != session.number:
        os.remove(path)  # of a session that has ended
        return
    try:
        while charger.session is session:
            if session.meter_stop_wh >= kept[1]:
                charger.limits.set(_SLOT, 0)
            await asyncio.sleep_ms(_LOOK_MS)
    finally:
        charger.limits.set(_SLOT, None)
