"""Reset, OCPP 1.6 section 5.14."""

import asyncio

from core import clock, log
from micropython import const

_GRACE_MS = const(5000)
_TICK_MS = const(100)


def _reset(charge_point, payload: dict) -> tuple:
    if not charge_point.on_reset:
        return {"status": "Rejected"}, None
    kind = payload["type"]

    def begin() -> None:
        adapter = charge_point.adapter
        for connector in (adapter,) + adapter.others:
            connector.stop(kind + "Reset")
        charge_point.resetting = asyncio.create_task(_finish_reset(charge_point, kind))

    return {"status": "Accepted"}, begin


async def _finish_reset(charge_point, kind: str) -> None:
    """Give a StopTransaction a few seconds to go out; what does not is on flash."""
    queue = charge_point.queue
    until = clock.ticks_add(clock.ticks_ms(), _GRACE_MS)
    adapter = charge_point.adapter
    while clock.ticks_diff(until, clock.ticks_ms()) > 0:
        settled = all([connector.settled for connector in (adapter,) + adapter.others])
        if settled and not (charge_point.online and queue.pending):
            break
        await asyncio.sleep_ms(_TICK_MS)
    queue.settle(now=True)
    for _ in range(charge_point.settings.get("reset_retries") + 1):
        try:
            charge_point.on_reset(kind)
            return
        except (MemoryError, OSError) as error:  # of the flash, on which a restart is noted
            log.error("ocpp", "%s reset: %s" % (kind, error))
            await asyncio.sleep_ms(_GRACE_MS)


HANDLERS = {"Reset": ((("type", True, ("Hard", "Soft")),), _reset)}
