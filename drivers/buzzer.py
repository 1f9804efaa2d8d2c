"""The buzzer on the I/O expander: what it tells, and how it sounds."""

import asyncio

from drivers.io_expander import BUZZER

# Milliseconds on, off, on, …
_ACCEPTED = (80,)
_REFUSED = (80, 80, 80, 80, 80)
_FAULT = (600, 300, 600)


class Buzzer:
    """Plays one pattern at a time; the newest wins."""

    def __init__(self, expander) -> None:
        self._expander = expander
        self._playing = None
        self._status = ""

    def decided(self, accepted: bool) -> None:
        """A card was accepted, or not."""
        self._start(_ACCEPTED if accepted else _REFUSED)

    def show(self, status: str) -> None:
        """The connector's status: sounds when it becomes Faulted."""
        if status == "Faulted" != self._status:
            self._start(_FAULT)
        self._status = status

    def _start(self, pattern: tuple) -> None:
        if self._playing:
            self._playing.cancel()
        self._playing = asyncio.create_task(self._play(pattern))

    async def _play(self, pattern: tuple) -> None:
        on = True
        try:
            for ms in pattern:
                self._expander.drive(BUZZER, on)
                on = not on
                await asyncio.sleep_ms(ms)
        finally:
            self._expander.drive(BUZZER, False)
