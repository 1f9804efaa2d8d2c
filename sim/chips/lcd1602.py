"""LCD1602: an HD44780 display of 2 × 16 characters, wired in 4-bit mode behind a PCF8574.

Backpack wiring: P0 RS, P1 R/W, P2 E, P3 backlight, P4 … P7 D4 … D7. Instructions as in the
HD44780U data sheet, table 6; the controller takes a nibble on every falling edge of E.
"""

import time
from collections.abc import Callable

from sim.chips.pcf8574 import Pcf8574

_RS = 0x01
_RW = 0x02
_E = 0x04
_BACKLIGHT = 0x08
_LINE_CHARS = 40
_WIDTH = 16
_SLOW_S = 1.52e-3  # clear display and return home; everything else is done within one I2C byte
# Where the character ROM A00 differs from ASCII; 0 … 15 are the user's own characters.
_ROM = {0x5C: "¥", 0x7E: "→", 0x7F: "←", 0xDF: "°", 0xE4: "µ", 0xF4: "Ω", 0xFF: "█"}
_USER_CHARACTER = "□"


class Lcd1602(Pcf8574):
    """The display, addressed as the port expander on its back."""

    def __init__(self, clock_s: "Callable[[], float]" = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._latch = 0xFF & ~_E
        self._ready_s = 0.0
        self._wide = True  # 8-bit interface until told otherwise
        self._nibble: "int | None" = None  # the high one of a pair
        self._read_low = False
        self._ram = bytearray(b" " * (2 * _LINE_CHARS))
        self._character_ram = bytearray(64)
        self._address = 0  # in _ram, or in _character_ram while that is selected
        self._in_character_ram = False
        self._two_lines = False
        self._step = 1  # entry mode: 1 to the right, -1 to the left
        self._shifts = False  # entry mode: the display moves along
        self._offset = 0  # first character shown
        self.display_on = False
        self.cursor_on = False

    @property
    def backlight(self) -> bool:
        """Whether the light behind the glass is on."""
        return bool(self._latch & _BACKLIGHT)

    def lines(self) -> "list[str]":
        """The two lines on the glass, 16 characters each; blank while the display is off."""
        if not self.display_on:
            return [" " * _WIDTH] * 2
        return [self._visible(0), self._visible(1) if self._two_lines else " " * _WIDTH]

    def _visible(self, line: int) -> str:
        start = line * _LINE_CHARS
        places = ((self._offset + n) % _LINE_CHARS for n in range(_WIDTH))
        return "".join(_glyph(self._ram[start + place]) for place in places)

    def _set_latch(self, value: int) -> None:
        falling = self._latch & _E and not value & _E
        held = self._latch
        self._latch = value
        if not falling:
            return
        if held & _RW:
            self._read_low = not self._read_low and not self._wide
        elif self._clock_s() >= self._ready_s:  # a busy controller does not listen
            self._take(held >> 4, held & _RS)

    def read(self, n: int) -> bytes:
        """I2C read: with R/W and E high the controller drives busy flag and address counter."""
        if self._latch & (_RW | _E) == _RW | _E:
            busy = self._clock_s() < self._ready_s
            status = busy << 7 | self._counter()
            self.inputs = (status << 4 if self._read_low else status) & 0xF0 | 0x0F
        else:
            self.inputs = 0xFF
        return super().read(n)

    def _counter(self) -> int:
        if self._in_character_ram:
            return self._address
        line, place = divmod(self._address, _LINE_CHARS)
        return line * 0x40 + place

    def _take(self, nibble: int, is_data: int) -> None:
        """One falling edge of E: a whole byte in 8-bit mode, half of one in 4-bit mode."""
        if self._wide:
            byte = nibble << 4
        elif self._nibble is None:
            self._nibble = nibble
            return
        else:
            byte = self._nibble << 4 | nibble
        self._nibble = None
        if is_data:
            self._store(byte)
        else:
            self._execute(byte)

    def _store(self, byte: int) -> None:
        if self._in_character_ram:
            self._character_ram[self._address] = byte
            self._address = (self._address + self._step) % len(self._character_ram)
            return
        self._ram[self._address] = byte
        self._address = (self._address + self._step) % len(self._ram)
        if self._shifts:
            self._offset = (self._offset + self._step) % _LINE_CHARS

    def _execute(self, code: int) -> None:
        """The highest bit set tells the instruction."""
        if code & 0x80:
            line, place = divmod(code & 0x7F, 0x40)
            self._in_character_ram = False
            self._address = (line * _LINE_CHARS + place) % len(self._ram)
        elif code & 0x40:
            self._in_character_ram = True
            self._address = code & 0x3F
        elif code & 0x20:
            self._wide = bool(code & 0x10)
            self._two_lines = bool(code & 0x08)
        elif code & 0x10:
            self._shift(display=bool(code & 0x08), step=1 if code & 0x04 else -1)
        elif code & 0x08:
            self.display_on = bool(code & 0x04)
            self.cursor_on = bool(code & 0x02)
        elif code & 0x04:
            self._step = 1 if code & 0x02 else -1
            self._shifts = bool(code & 0x01)
        elif code:
            self._home(clear=code == 0x01)

    def _shift(self, display: bool, step: int) -> None:
        if display:
            self._offset = (self._offset - step) % _LINE_CHARS
        else:
            self._address = (self._address + step) % len(self._ram)

    def _home(self, clear: bool) -> None:
        if clear:
            self._ram[:] = b" " * len(self._ram)
            self._step = 1
        self._in_character_ram = False
        self._address = self._offset = 0
        self._ready_s = self._clock_s() + _SLOW_S


def _glyph(code: int) -> str:
    if code < 16:
        return _USER_CHARACTER
    return _ROM.get(code) or (chr(code) if 0x20 <= code < 0x7F else "?")
