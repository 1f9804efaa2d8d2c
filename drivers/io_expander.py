"""Two PCF8574 port expanders on I2C, one for slow inputs, one for slow outputs; active low."""

from core import log
from core.clock import ticks_add, ticks_diff, ticks_ms
from micropython import const

# Inputs: bits 0 … 2 are the current limit's DIP code.
_DIP_CODE = const(7)
_DIP_FACTORY_RESET = const(8)
_LOCK_CLOSED = const(16)
_EARTH = const(32)

# Outputs, as numbers for `drive`.
LOCK_CLOSE = const(0)
LOCK_OPEN = const(1)
RCM_TEST = const(2)
BUZZER = const(3)

_STALE_MS = const(1000)


class IoExpander:
    """One reader, `poll`, for all who look at the inputs; they get an OSError when that is 1 s ago.

    `ok` tells whether the last access worked.
    """

    def __init__(self, i2c, inputs_address: int, outputs_address: int) -> None:
        self.ok = True
        self.dip_a = ()  # current limits of the DIP code's eight positions
        self._i2c = i2c
        self._inputs_address = inputs_address
        self._outputs_address = outputs_address
        self._buffer = bytearray(1)
        self._on = 0  # inputs that are on, as last read
        self._read_ms = ticks_add(ticks_ms(), -_STALE_MS)
        self._outputs = 0xFF  # everything off, also after a restart that left something on
        self._written = False  # the chip has them
        self._write(inputs_address, 0xFF)  # a pin is an input while its latch is high
        self.refresh()
        self.poll()

    def poll(self) -> bool:
        """Read the inputs, and write the outputs that did not reach their chip."""
        if not self._written and not self.refresh():
            return False
        try:
            self._i2c.readfrom_into(self._inputs_address, self._buffer)
        except OSError:
            return self._tell(False)
        self._on = ~self._buffer[0] & 0xFF
        self._read_ms = ticks_ms()
        return self._tell(True)

    def dip_limit_ma(self) -> int:
        """Current limit that the DIP switch sets; 0 when it can't be read."""
        try:
            return self.dip_a[self.dip_code()] * 1000
        except OSError:
            log.error("board", "DIP switch can't be read")
            return 0

    def dip_code(self) -> int:
        """Position of the current limit's DIP switches, 0 … 7."""
        return self._is_on(_DIP_CODE)

    def factory_reset(self) -> bool:
        """Whether the DIP switch for a factory reset is on."""
        return bool(self._is_on(_DIP_FACTORY_RESET))

    def lock_closed(self) -> bool:
        """The socket lock's feedback."""
        return bool(self._is_on(_LOCK_CLOSED))

    def earthed(self) -> bool:
        """The ground monitor: protective earth is present."""
        return bool(self._is_on(_EARTH))

    def drive(self, output: int, on: bool) -> bool:
        """Switch an output (LOCK_CLOSE … BUZZER); False when that did not reach the chip."""
        mask = 1 << output
        outputs = self._outputs & ~mask if on else self._outputs | mask
        if outputs == self._outputs and self._written:
            return True
        self._outputs = outputs
        return self.refresh()

    def test_monitor(self, on: bool) -> bool:
        """Switch the residual-current monitor's test output."""
        return self.drive(RCM_TEST, on)

    def refresh(self) -> bool:
        """Write the outputs again, as after the chip was missing."""
        self._written = self._write(self._outputs_address, self._outputs)
        return self._written

    def _is_on(self, mask: int) -> int:
        if not 0 <= ticks_diff(ticks_ms(), self._read_ms) < _STALE_MS:
            raise OSError("inputs not read")
        return self._on & mask

    def _write(self, address: int, value: int) -> bool:
        self._buffer[0] = value
        try:
            self._i2c.writeto(address, self._buffer)
        except OSError:
            return self._tell(False)
        return self._tell(True)

    def _tell(self, ok: bool) -> bool:
        if self.ok and not ok:
            log.warning("expander", "no answer on I2C")
        self.ok = ok
        return ok
