"""machine for a simulated board: ESP32 semantics, as MicroPython documents them, over the registers."""

import board_io
import micropython
import registers
from registers import convert, drive, level, peek, poke

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def reset_cause() -> int:
    """Why the chip started last."""
    return peek(registers.RESET_CAUSE)


def unique_id() -> bytes:
    """Six bytes of the chip's own."""
    return board_io.unique_id


def reset() -> None:
    """Reset the chip as its reset pin would."""
    board_io.end(3)


def soft_reset() -> None:
    """Restart the interpreter."""
    board_io.end(5)


class Pin:
    """A GPIO."""

    IN = 1
    OUT = 3
    PULL_UP = 2
    PULL_DOWN = 1

    def __init__(self, id, mode=-1, pull=-1, *, value=None) -> None:
        if not 0 <= id < registers.PINS:
            raise ValueError("invalid pin")
        self._id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None) -> None:
        """Set mode and level; the level first, as the chip does, so that no glitch shows."""
        if mode == Pin.OUT and self._id >= 34:
            raise ValueError("pin can only be input")
        if value is not None:
            drive(self._id, 1 if value else 0)
        if mode != -1:
            poke(registers.FREQ0 + self._id, 0)
            poke(registers.MODE0 + self._id, 2 if mode == Pin.OUT else 1)

    def id(self) -> int:
        """The GPIO's number."""
        return self._id

    @micropython.native
    def value(self, x=None):
        """Read the level, or drive one."""
        if x is None:
            return level(self._id)
        drive(self._id, 1 if x else 0)

    @micropython.native
    def __call__(self, x=None):
        if x is None:
            return level(self._id)
        drive(self._id, 1 if x else 0)

    def on(self) -> None:
        """Drive high."""
        drive(self._id, 1)

    def off(self) -> None:
        """Drive low."""
        drive(self._id, 0)


class PWM:
    """An LEDC channel. Without a duty it starts at one half, as on the chip."""

    def __init__(self, dest, *, freq=5000, duty_u16=32768) -> None:
        self._id = dest.id()
        self._freq = freq
        self.duty_u16(duty_u16)
        poke(registers.MODE0 + self._id, 2)
        poke(registers.FREQ0 + self._id, freq)

    def duty_u16(self, value=None):
        """Duty in 1/65536; 65535 is steady high."""
        if value is None:
            return min(65535, peek(registers.DUTY0 + self._id))
        if not 0 <= value <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        poke(registers.DUTY0 + self._id, 65536 if value == 65535 else value)

    def freq(self, value=None):
        """Frequency in Hz."""
        if value is None:
            return self._freq
        self._freq = value
        poke(registers.FREQ0 + self._id, value)

    def deinit(self) -> None:
        """Stop, with the pin low."""
        drive(self._id, 0)
        poke(registers.FREQ0 + self._id, 0)


class ADC:
    """A channel of the first converter (GPIO 32 … 39)."""

    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, *, atten=0) -> None:
        self._id = pin.id()
        if self._id < 32:
            raise ValueError("the second converter fails while the radio is on")

    @micropython.viper
    def read_uv(self) -> int:
        """One conversion in microvolts."""
        return int(convert(int(self._id)))


class SPI:
    """A hardware SPI bus as master; the chip whose CS pin is low answers."""

    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=0, **pins):
        if (polarity, phase, bits, firstbit) != (0, 0, 8, SPI.MSB):
            raise ValueError("only mode 0 with 8 bits, most significant first, is wired")

    def write_readinto(self, write_buf, read_buf) -> None:
        """Full duplex transfer of equal lengths."""
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        board_io.transfer(0x53, 0, write_buf, read_buf)

    def write(self, buf) -> None:
        """Write, dropping what comes back."""
        board_io.transfer(0x53, 0, buf, bytearray(len(buf)))

    def readinto(self, buf, write=0) -> None:
        """Read while writing one value."""
        board_io.transfer(0x53, 0, bytes([write]) * len(buf), buf)


class I2C:
    """A hardware I2C bus as master. A chip that does not acknowledge raises OSError 19, ENODEV."""

    def __init__(self, id, *, scl=None, sda=None, freq=400000, timeout=50000) -> None:
        self._ack = bytearray(1)

    def writeto(self, addr, buf, stop=True) -> int:
        """Write; returns the count of acknowledged bytes."""
        board_io.transfer(0x57, addr, buf, self._ack)
        if not self._ack[0]:
            raise OSError(19)
        return len(buf)

    def readfrom_into(self, addr, buf, stop=True) -> None:
        """Read into a buffer."""
        answer = bytearray(len(buf) + 1)
        board_io.transfer(0x52, addr, len(buf), answer)
        if not answer[0]:
            raise OSError(19)
        buf[:] = answer[1:]

    def readfrom(self, addr, nbytes, stop=True) -> bytes:
        """Read into new bytes."""
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def scan(self) -> list:
        """Addresses that acknowledge."""
        found = []
        for addr in range(8, 0x78):
            board_io.transfer(0x57, addr, b"", self._ack)
            if self._ack[0]:
                found.append(addr)
        return found


class RTC:
    """The clock. Here it is the host's, which is right."""

    def datetime(self, value=None) -> None:
        """Set it."""


class WDT:
    """The task watchdog: once started it only stops with the chip."""

    def __init__(self, id=0, timeout=5000) -> None:
        poke(registers.WDT_TIMEOUT_MS, timeout)
        self.feed()

    def feed(self) -> None:
        """Tell that all is well."""
        poke(registers.WDT_FEEDS, peek(registers.WDT_FEEDS) + 1)


from uart import UART  # noqa: E402, F401  a file of its own for its rings
