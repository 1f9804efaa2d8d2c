"""Keeps lamps, display and the slow measurements up to date."""

import asyncio

from core import log
from evse import status

_PERIOD_MS = 250


class Panel:
    """Shows the charger's condition; lamps: drivers.lamps.Lamps, lcd: drivers.lcd1602.Lcd1602 or None.

    link() tells the network's condition for the yellow lamp, as in evse.status.lamps.
    """

    def __init__(self, charger, lamps, lcd, link) -> None:
        self._charger = charger
        self._lamps = lamps
        self._lcd = lcd
        self._link = link

    async def run(self) -> None:
        """Show for ever."""
        while True:
            self._lamps.show(status.lamps(self._charger, self._link()))
            if self._lcd:
                await self._show_text()
            await asyncio.sleep_ms(_PERIOD_MS)

    async def _show_text(self) -> None:
        try:
            await self._lcd.show(*status.lcd_lines(self._charger))
        except OSError:
            log.warning("panel", "display does not answer")
            await asyncio.sleep_ms(10000)
