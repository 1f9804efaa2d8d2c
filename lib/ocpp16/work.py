"""What an order of the back office starts beside everything else: it may be cancelled, and tells how it goes.

Loaded for as long as one goes on, like the modules that derive theirs from it.
"""

import asyncio

from micropython import const

TICK_MS = const(1000)
_OFFLINE_TICKS = const(600)  # how long a status waits for the line


class Work:
    """One order being carried out; the newest of its kind is charge_point.works[its name]."""

    name = ""

    def __init__(self, charge_point) -> None:
        self._charge_point = charge_point
        self._task: asyncio.Task = None  # type: ignore[assignment]

    def start(self, former=None) -> None:
        """Begin; one of the kind that goes on already ends first."""
        self._task = asyncio.create_task(self._run(former))

    async def _run(self, former) -> None:
        raise NotImplementedError

    async def cancel(self) -> None:
        """End it, wherever it is."""
        task = self._task
        if task:
            task.cancel()
            while not task.done():
                await asyncio.sleep_ms(0)

    def _leave(self) -> None:
        """It is over; a newer one stays where it is."""
        works = self._charge_point.works
        if works.get(self.name) is self:
            works.pop(self.name)

    async def _send(self, action: str, payload: dict) -> None:
        """Send a status; waits for the line a while."""
        for _ in range(_OFFLINE_TICKS):
            if self._charge_point.online:
                try:
                    await self._charge_point.tell(action, payload)
                    return
                except OSError:
                    pass  # the line was lost: then on the next one
            await asyncio.sleep_ms(TICK_MS)
