"""LCD1602: HD44780 display of 2 × 16 characters in 4-bit mode behind a PCF8574 on I2C.

Only what has changed is written, a character at a time, so that the loop goes on in between.
"""

import asyncio

from core import log
from micropython import const

_WIDTH = const(16)
_RS = const(0x01)
_E = const(0x04)
_BACKLIGHT = const(0x08)

_FUNCTION_SET = const(0x28)  # 4 bits, 2 lines, 5 × 8 dots
_CLEAR = const(0x01)
_ENTRY_MODE = const(0x06)  # to the right, display stands still
_DISPLAY_ON = const(0x0C)  # no cursor
_SET_ADDRESS = const(0x80)
_SECOND_LINE = const(0x40)

# Beyond ASCII: what the character ROM A00 has, by code.
_SPECIAL = const((("°", 0xDF), ("µ", 0xE4), ("Ω", 0xF4), ("→", 0x7E), ("←", 0x7F)))


class Lcd1602:
    """The display. It is set up by the first `show`, and again after it was missing."""

    def __init__(self, i2c, address: int = 0x27) -> None:
        self.ok = False
        self._i2c = i2c
        self._address = address
        self._bytes = bytearray(4)
        self._nibble = bytearray(2)
        self._shown = bytearray(2 * _WIDTH)
        self._lines = ("", "")  # as they were asked for last

    async def show(self, line1: str, line2: str) -> bool:
        """Show two lines, cut or filled up to 16 characters; False while there is no display."""
        if self.ok and (line1, line2) == self._lines:
            return True  # comparing the characters takes a small chip 10 ms
        try:
            if not self.ok:
                await self._start()
            await self._show_line(0, line1)
            await self._show_line(1, line2)
            self._lines = (line1, line2)
        except OSError:
            if self.ok:
                log.warning("lcd", "display lost")
            self.ok = False
        return self.ok

    async def _start(self) -> None:
        """Initialise by instruction, HD44780U data sheet, figure 24."""
        for nibble, wait_ms in ((0x30, 5), (0x30, 1), (0x30, 1), (0x20, 1)):
            self._nibble[0] = nibble | _BACKLIGHT | _E
            self._nibble[1] = nibble | _BACKLIGHT
            self._i2c.writeto(self._address, self._nibble)
            await asyncio.sleep_ms(wait_ms)
        for code in (_FUNCTION_SET, _CLEAR, _ENTRY_MODE, _DISPLAY_ON):
            self._send(code, 0)
            await asyncio.sleep_ms(3)  # clearing takes 1.5 ms
        for i in range(2 * _WIDTH):
            self._shown[i] = 0x20
        self.ok = True

    async def _show_line(self, line: int, text: str) -> None:
        cursor = -1  # where the display's own address stands in this line
        for place in range(_WIDTH):
            code = _code(text[place]) if place < len(text) else 0x20
            index = line * _WIDTH + place
            if self._shown[index] == code:
                continue
            if cursor != place:
                self._send(_SET_ADDRESS | line * _SECOND_LINE | place, 0)
            self._send(code, _RS)
            self._shown[index] = code
            cursor = place + 1
            await asyncio.sleep_ms(0)

    def _send(self, value: int, kind: int) -> None:
        """Two nibbles, each taken when E falls; at 100 kHz a byte on I2C outlasts any command."""
        high = value & 0xF0 | kind | _BACKLIGHT
        low = (value & 0x0F) << 4 | kind | _BACKLIGHT
        buffer = self._bytes
        buffer[0] = high | _E
        buffer[1] = high
        buffer[2] = low | _E
        buffer[3] = low
        self._i2c.writeto(self._address, buffer)


def _code(character: str) -> int:
    code = ord(character)
    if 0x20 <= code < 0x7E and code != 0x5C:  # the ROM has a yen sign for the backslash
        return code
    for special, code in _SPECIAL:
        if special == character:
            return code
    return 0x3F
