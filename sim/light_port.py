"""The UART and the driver's pin of a light slave: the same rings in the registers as a board's."""

from sim.registers import Registers
from sim.shim import registers as layout

UART, DE_PIN = 2, 15
_COUNT_MASK = (1 << 30) - 1


class LightPin:
    """The pin that turns the transceiver to sending."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def value(self, level: int) -> None:
        """Drive it."""
        self._registers[layout.OUT0 + DE_PIN] = level


class LightUart:
    """machine.UART, as far as drivers.rs485 uses it."""

    def __init__(self, registers: Registers, baudrate: int = 9600) -> None:
        self._registers = registers
        self._block = layout.UART0 + UART * layout.UART_WORDS
        self.init(baudrate)

    def init(self, baudrate, bits=8, parity=None, stop=1) -> None:  # type: ignore[no-untyped-def]
        """Set the line; what was received before is dropped."""
        code = 0 if parity is None else 1 + parity
        self._put(layout.UART_FRAME, bits | code << 4 | stop << 8)
        self._put(layout.UART_RX_TAIL, self._get(layout.UART_RX_HEAD))
        self._put(layout.UART_BAUD, baudrate)

    def any(self) -> int:
        """Bytes waiting."""
        return self._get(layout.UART_RX_HEAD) - self._get(layout.UART_RX_TAIL) & _COUNT_MASK

    def readinto(self, buffer: bytearray, most: "int | None" = None) -> "int | None":
        """Take waiting bytes; None when there are none."""
        count = min(self.any(), len(buffer) if most is None else min(most, len(buffer)))
        if not count:
            return None
        tail = self._get(layout.UART_RX_TAIL)
        for n in range(count):
            buffer[n] = self._registers.bytes[self._ring(layout.UART_RX_RING, tail + n)]
        self._put(layout.UART_RX_TAIL, tail + count & _COUNT_MASK)
        return count

    def write(self, data: bytes) -> int:
        """Queue bytes for the wire; returns how many fitted."""
        head = self._get(layout.UART_TX_HEAD)
        used = head - self._get(layout.UART_TX_TAIL) & _COUNT_MASK
        count = min(len(data), layout.UART_RING_BYTES - used)
        for n in range(count):
            self._registers.bytes[self._ring(layout.UART_TX_RING, head + n)] = data[n]
        self._put(layout.UART_TX_HEAD, head + count & _COUNT_MASK)
        return count

    def txdone(self) -> bool:
        """True when the last stop bit has left."""
        return self._get(layout.UART_TX_HEAD) == self._get(layout.UART_TX_TAIL)

    def _get(self, offset: int) -> int:
        return self._registers[self._block + offset]

    def _put(self, offset: int, value: int) -> None:
        self._registers[self._block + offset] = value

    def _ring(self, ring: int, count: int) -> int:
        return (self._block + ring) * 4 + count % layout.UART_RING_BYTES
