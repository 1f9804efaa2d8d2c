"""Keeps lamps and display up to date: texts and patterns are rows of conditions.tsv and faults.tsv.

It looks at the button too.
"""

import asyncio

from core import log
from evse import faults, status
from micropython import const

_PERIOD_MS = const(250)
_NO_DISPLAY_ROUNDS = const(40)
_COLOURS = ("blue", "green", "red", "yellow")
_SET_UP = "flashing fast"  # "Local web settings" in ETEK's manual, section 6
# Columns of a row.
_ETEK = const(1)
_BLINK = const(2)
_LCD = const(3)


class Panel:
    """Shows the charger's condition; lamps: drivers.lamps.Lamps, lcd: drivers.lcd1602.Lcd1602 or None.

    link() tells the network's condition: "" none, "network", "backend" connected, "off" none wanted.
    scheme: config.json's board.lamps, "etek" or "blink".
    """

    def __init__(self, charger, lamps, lcd, link, scheme: str) -> None:
        self.starting = True
        self._charger = charger
        self._lamps = lamps
        self._lcd = lcd
        self._link = link
        self._column = _BLINK if scheme == "blink" else _ETEK
        self._start_row = status.find_row("Starting")
        self._rest = 0  # rounds in which the display is left alone
        self._lit_for = None  # what the lamps' patterns were made of last
        self.button = None  # drivers.button.Button, where there is one
        self.links = None  # net.links.Links, for what its hotspot signals

    async def run(self) -> None:
        """Show for ever."""
        while True:
            row = self._row()
            self._light(row)
            if self.button:
                self.button.poll()
            if self._rest:
                self._rest -= 1
            elif self._lcd:
                await self._show_text(row)
            await asyncio.sleep_ms(_PERIOD_MS)

    def _row(self) -> list:
        charger = self._charger
        if self.starting and not charger.fault_bits:
            return self._start_row
        return charger.condition.row or self._start_row

    def _light(self, row) -> None:
        """Have the lamps show it; most rounds find nothing new."""
        hotspot = self.links and self.links.hotspot
        signal = hotspot.signal if hotspot else ""
        text = row[self._column]
        if self._column == _BLINK:
            link = "off"  # no lamp tells it
            fault = self._charger.book.first(self._charger.fault_bits)
            if fault and self._charger.book.is_spent(fault):
                text = "red:on"  # nothing but unplugging, or service, helps
        else:
            link = "off" if self.starting else self._link()
        wanted = (text, link, signal)
        if wanted != self._lit_for:
            self._lit_for = wanted
            self._lamps.show(_patterns(text, link, signal))

    async def _show_text(self, row) -> None:
        charger = self._charger
        notice = charger.book.first(faults.NOTICES)
        if notice:
            lines = charger.book.row(notice)[-2:]
            row = row[:_LCD] + lines if lines[0] else row
        second = charger.condition.fill(row[_LCD + 1], charger)
        if row[_LCD + 1] == "{about}" and self._link() == "backend":
            second += " " * (12 - len(second)) + "OCPP"
        try:
            await self._lcd.show(row[_LCD], second)
        except OSError:
            log.warning("panel", "display does not answer")
            self._rest = _NO_DISPLAY_ROUNDS


def _patterns(text: str, link: str, signal: str) -> dict:
    """Patterns by colour (ETEK manual section 6; HQ 200 manual table 14)."""
    if signal == "all":
        return {colour: _SET_UP for colour in _COLOURS}
    shown = dict([part.split(":") for part in text.split(",")]) if text else {}
    if link in ("", "network"):
        shown.setdefault("yellow", "flashing fast" if link else "on")
    if signal:
        shown.setdefault("blue", _SET_UP)
    return shown
