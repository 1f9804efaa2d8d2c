"""Two PCF8574 port expanders on I2C, one for slow inputs, one for slow outputs; active low."""

from core import log
from micropython import const

# Inputs: bits 0 … 2 are the current limit's DIP code.
_DIP_CODE = const(7)
_DIP_FACTORY_RESET = const(8)
_LOCK_CLOSED = const(16)

# Outputs, as numbers for `drive`.
LOCK_CLOSE = 0
LOCK_OPEN = 1
RCM_TEST = 2
BUZZER = 3


class IoExpander:
    """Reads raise OSError when the chip is missing; `ok` tells whether the last access worked."""

    def __init__(self, i2c, inputs_address: int, outputs_address: int) -> None:
        self.ok = True
        self._i2c = i2c
        self._inputs_address = inputs_address
        self._outputs_address = outputs_address
        self._buffer = bytearray(1)
        self._outputs = 0xFF  # everything off, also after a restart that left something on
        self._write(inputs_address, 0xFF)  # a pin is an input while its latch is high
        self.refresh()

    def dip_code(self) -> int:
        """Position of the current limit's DIP switches, 0 … 7."""
        return self._on() & _DIP_CODE

    def factory_reset(self) -> bool:
        """Whether the DIP switch for a factory reset is on."""
        return bool(self._on() & _DIP_FACTORY_RESET)

    def lock_closed(self) -> bool:
        """The socket lock's feedback."""
        return bool(self._on() & _LOCK_CLOSED)

    def drive(self, output: int, on: bool) -> bool:
        """Switch an output (LOCK_CLOSE … BUZZER); False when that did not reach the chip."""
        mask = 1 << output
        outputs = self._outputs & ~mask if on else self._outputs | mask
        if outputs == self._outputs and self.ok:
            return True
        self._outputs = outputs
        return self.refresh()

    def refresh(self) -> bool:
        """Write the outputs again, as after the chip was missing."""
        return self._write(self._outputs_address, self._outputs)

    def _on(self) -> int:
        try:
            self._i2c.readfrom_into(self._inputs_address, self._buffer)
        except OSError:
            self._tell(False)
            raise
        self._tell(True)
        return ~self._buffer[0] & 0xFF

    def _write(self, address: int, value: int) -> bool:
        self._buffer[0] = value
        try:
            self._i2c.writeto(address, self._buffer)
        except OSError:
            self._tell(False)
            return False
        self._tell(True)
        return True

    def _tell(self, ok: bool) -> None:
        if self.ok and not ok:
            log.warning("expander", "no answer on I2C")
        self.ok = ok
