"""machine.UART of a simulated board: two byte rings in the registers, emptied and filled by the world."""

import micropython
import registers
from registers import peek, poke

_RING_MASK = registers.UART_RING_BYTES - 1
_COUNT_MASK = (1 << 30) - 1


@micropython.viper
def _store(address: int, head: int, buf, n: int):
    ring = ptr8(address)
    data = ptr8(buf)
    for i in range(n):
        ring[(head + i) & 511] = data[i]


@micropython.viper
def _load(address: int, tail: int, buf, n: int):
    ring = ptr8(address)
    data = ptr8(buf)
    for i in range(n):
        data[i] = ring[(tail + i) & 511]


class UART:
    """An asynchronous serial port; the wire's time passes in the world, at the baud rate set."""

    def __init__(
        self, id, baudrate=115200, bits=8, parity=None, stop=1, *, tx=None, rx=None, **other
    ):
        if not 0 <= id < registers.UARTS:
            raise ValueError("UART(%d) does not exist" % id)
        self._block = registers.UART0 + id * registers.UART_WORDS
        self._tx_ring = registers.BASE + 4 * (self._block + registers.UART_TX_RING)
        self._rx_ring = registers.BASE + 4 * (self._block + registers.UART_RX_RING)
        if tx is not None:
            self._put(registers.UART_TX_PIN, tx.id() if hasattr(tx, "id") else tx)
        self.init(baudrate, bits, parity, stop)

    def _get(self, offset: int) -> int:
        return peek(self._block + offset)

    def _put(self, offset: int, value: int) -> None:
        poke(self._block + offset, value)

    def init(self, baudrate=115200, bits=8, parity=None, stop=1, **other) -> None:
        """Set the line; what was received before is dropped."""
        code = 0 if parity is None else 1 + parity  # machine: 0 even, 1 odd
        self._put(registers.UART_FRAME, bits | code << 4 | stop << 8)
        self._put(registers.UART_RX_TAIL, self._get(registers.UART_RX_HEAD))
        self._put(registers.UART_BAUD, baudrate)

    def any(self) -> int:
        """Bytes waiting."""
        return (
            self._get(registers.UART_RX_HEAD) - self._get(registers.UART_RX_TAIL)
        ) & _COUNT_MASK

    def readinto(self, buf, nbytes=None):
        """Take waiting bytes, at most nbytes; None when there are none."""
        n = min(self.any(), len(buf) if nbytes is None else min(nbytes, len(buf)))
        if not n:
            return None
        tail = self._get(registers.UART_RX_TAIL)
        _load(self._rx_ring, tail & _RING_MASK, buf, n)
        self._put(registers.UART_RX_TAIL, (tail + n) & _COUNT_MASK)
        return n

    def read(self, nbytes=None):
        """Take waiting bytes as a new object; None when there are none."""
        buf = bytearray(self.any() if nbytes is None else min(nbytes, self.any()))
        return bytes(buf) if self.readinto(buf) else None

    def write(self, buf) -> int:
        """Queue bytes for the wire; returns how many fitted."""
        head = self._get(registers.UART_TX_HEAD)
        room = registers.UART_RING_BYTES - (
            (head - self._get(registers.UART_TX_TAIL)) & _COUNT_MASK
        )
        n = min(len(buf), room)
        _store(self._tx_ring, head & _RING_MASK, buf, n)
        self._put(registers.UART_TX_HEAD, (head + n) & _COUNT_MASK)
        return n

    def txdone(self) -> bool:
        """True when the last stop bit has left."""
        return self._get(registers.UART_TX_HEAD) == self._get(registers.UART_TX_TAIL)

    def deinit(self) -> None:
        """Close the port."""
        self._put(registers.UART_BAUD, 0)
