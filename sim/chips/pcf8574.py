"""PCF8574: eight quasi-bidirectional port pins on I2C."""


class Pcf8574:
    """A pin reads 1 only when its latch is 1 and nothing outside pulls it low."""

    def __init__(self) -> None:
        self.inputs = 0xFF  # levels that the outside pulls to; a bit at 0 pulls its pin low
        self._latch = 0xFF  # power-up: all pins weakly high

    @property
    def outputs(self) -> int:
        """Levels that the latch drives."""
        return self._latch

    def write(self, data: bytes) -> None:
        """I2C write: each byte in turn goes to the latch."""
        for value in data:
            self._set_latch(value)

    def read(self, n: int) -> bytes:
        """I2C read: the levels at the pins, once for every byte asked."""
        return bytes(self._latch & self.inputs for _ in range(n))

    def _set_latch(self, value: int) -> None:
        self._latch = value
