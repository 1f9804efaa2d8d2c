"""An RS485 bus with true byte times: who talks when, who hears what, and what gets garbled."""

import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from sim.registers import Registers
from sim.shim import registers as layout

_COUNTER_MASK = (1 << 30) - 1
_NOBODY = (0.0, 0.0)


class Line(NamedTuple):
    """How a node's UART is set: nodes with different settings hear garbage from each other."""

    baudrate: int = 9600
    parity: int = 0  # 0 none, 1 even, 2 odd
    stop_bits: int = 1
    data_bits: int = 8

    @property
    def byte_s(self) -> float:
        """Time of one byte: start, data, parity and stop bits."""
        bits = 1 + self.data_bits + bool(self.parity) + self.stop_bits
        return bits / self.baudrate


class Sent(NamedTuple):
    """A byte that stood on the wire from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    byte: int


class Node(Protocol):
    """A participant of the bus."""

    def line(self) -> "Line | None":
        """Its UART settings, or None while the UART is closed."""

    def driving(self) -> bool:
        """Whether it drives the wire: it hears nothing, and garbles what others send."""

    def advance(self, now_s: float) -> "list[Sent]":
        """The bytes whose stop bit has passed since the last call."""

    def in_flight(self) -> "tuple[float, float]":
        """Start and end of the byte now being sent, or two equal times."""

    def receive(self, byte: int, at_s: float) -> None:
        """A byte heard at this time."""


class Bus:
    """The wire: `step` each millisecond moves what is due from its talkers to its listeners.

    probe(talker, sent), set from outside, hears each byte as it is on the wire, garbled or not.
    """

    def __init__(self, seed: "int | None" = None) -> None:
        self.noise = 0.0  # chance that a byte is corrupted
        self.probe: "Callable[[Node, Sent], None]" = lambda talker, sent: None
        self.cut: "set[Node]" = set()  # nodes whose wires are off
        self._nodes: "list[Node]" = []
        self._recent: "list[tuple[Node, Sent]]" = []
        self._random = random.Random(seed)

    def attach(self, node: Node) -> None:
        """Connect a node."""
        self._nodes.append(node)

    def detach(self, node: Node) -> None:
        """Take a node off the bus for good."""
        self._nodes.remove(node)
        self.cut.discard(node)

    def is_driven(self, but: Node) -> bool:
        """Whether another node than this one drives the wire."""
        others = (node for node in self._nodes if node is not but and node not in self.cut)
        return any(node.driving() for node in others)

    def step(self, now_s: float) -> None:
        """Deliver every byte whose stop bit has passed by now."""
        done = [(node, sent) for node in self._nodes for sent in node.advance(now_s)]
        if not done:
            return
        on_wire = [(node, sent) for node, sent in done if node not in self.cut]
        on_wire.sort(key=lambda item: item[1].end_s)
        self._recent += on_wire
        for talker, sent in on_wire:
            self._deliver(talker, sent)
        # A byte can only still overlap what ended less than a slow byte (1200 baud) ago.
        self._recent = [item for item in self._recent if item[1].end_s > now_s - 0.01]

    def _deliver(self, talker: Node, sent: Sent) -> None:
        byte = sent.byte
        if self._collides(talker, sent) or self._random.random() < self.noise:
            byte = self._garble(byte)
        self.probe(talker, sent._replace(byte=byte))
        line = talker.line()
        for node in self._nodes:
            if node is talker or node in self.cut or node.driving() or node.line() is None:
                continue
            node.receive(byte if node.line() == line else self._garble(byte), sent.end_s)

    def _garble(self, byte: int) -> int:
        return byte ^ self._random.randrange(1, 256)

    def _collides(self, talker: Node, sent: Sent) -> bool:
        """Whether another node stood on the wire during this byte, or held it without a byte."""
        others = [(other.start_s, other.end_s) for node, other in self._recent if node != talker]
        for node in self._nodes:
            if node == talker or node in self.cut:
                continue
            if node.driving():
                return True
            others.append(node.in_flight())
        return any(start < sent.end_s and end > sent.start_s for start, end in others)


class BoardPort:
    """A board's UART and transceiver: bytes move between its rings and the bus.

    A byte sent while the DE pin is low is lost. With `echo` the transceiver's receiver stays on
    while it drives, and the board hears itself.
    """

    def __init__(
        self, registers: Registers, uart_number: int, de_pin: int, echo: bool = False
    ) -> None:
        self._registers = registers
        self._block = layout.UART0 + uart_number * layout.UART_WORDS
        self._de_pin = de_pin
        self.echo = echo
        self._start_s: "float | None" = None  # of the byte now being shifted out
        self._free_s: "float | None" = None  # end of the last one, when more are waiting
        self._driven = False  # DE at the start of that byte

    def line(self) -> "Line | None":
        baudrate = self._registers[self._block + layout.UART_BAUD]
        if not baudrate:
            return None
        frame = self._registers[self._block + layout.UART_FRAME]
        return Line(baudrate, frame >> 4 & 0x0F, frame >> 8 & 0x0F or 1, frame & 0x0F or 8)

    def driving(self) -> bool:
        return bool(self._registers.level(self._de_pin))

    def in_flight(self) -> "tuple[float, float]":
        line = self.line()
        if self._start_s is None or not self._driven or line is None:
            return _NOBODY
        return self._start_s, self._start_s + line.byte_s

    def advance(self, now_s: float) -> "list[Sent]":
        if self._start_s is None and not self._waiting():
            self._free_s = None
            return []
        line = self.line()
        if line is None:
            self._start_s = None
            return []
        sent = []
        while self._start_s is not None or self._waiting():
            start_s = self._begin(now_s)
            end_s = start_s + line.byte_s
            if end_s > now_s:
                break
            byte = self._take()
            if self._driven and self.driving():
                sent.append(Sent(start_s, end_s, byte))
            self._start_s, self._free_s = None, end_s
        if self.echo:
            for item in sent:
                self.receive(item.byte, item.end_s)
        return sent

    def _begin(self, now_s: float) -> float:
        """When the byte now shifted out began: right behind the last one, or just now."""
        if self._start_s is None:
            self._start_s = now_s if self._free_s is None else self._free_s
            self._driven = self.driving()
        return self._start_s

    def _waiting(self) -> bool:
        head = self._registers[self._block + layout.UART_TX_HEAD]
        return head != self._registers[self._block + layout.UART_TX_TAIL]

    def _take(self) -> int:
        tail = self._registers[self._block + layout.UART_TX_TAIL]
        byte = self._registers.bytes[self._ring(layout.UART_TX_RING, tail)]
        self._registers[self._block + layout.UART_TX_TAIL] = (tail + 1) & _COUNTER_MASK
        return byte

    def _ring(self, ring: int, count: int) -> int:
        return (self._block + ring) * 4 + count % layout.UART_RING_BYTES

    def receive(self, byte: int, at_s: float) -> None:
        head = self._registers[self._block + layout.UART_RX_HEAD]
        tail = self._registers[self._block + layout.UART_RX_TAIL]
        if (head - tail) & _COUNTER_MASK >= layout.UART_RING_BYTES:
            return  # overrun: the board has not read in time
        self._registers.bytes[self._ring(layout.UART_RX_RING, head)] = byte
        self._registers[self._block + layout.UART_RX_HEAD] = (head + 1) & _COUNTER_MASK


class FrameNode:
    """A device that answers frames, which end after 3.5 characters of silence (Modbus RTU).

    Subclasses implement `answer(frame) -> bytes` (empty: keep silent).
    """

    def __init__(self, line: "Line | None" = None, turnaround_s: float = 0.02) -> None:
        self._line = line or Line()
        self._turnaround_s = turnaround_s  # from the end of the request to its answer
        self._frame = bytearray()
        self._heard_s = 0.0
        self._stepped_s = 0.0
        self._queue: "deque[Sent]" = deque()

    def answer(self, frame: bytes) -> bytes:
        """The reply to a complete frame."""
        raise NotImplementedError

    def line(self) -> "Line | None":
        return self._line

    def driving(self) -> bool:
        return bool(self._queue) and self._queue[0].start_s <= self._stepped_s

    def in_flight(self) -> "tuple[float, float]":
        return (self._queue[0].start_s, self._queue[0].end_s) if self._queue else _NOBODY

    def receive(self, byte: int, at_s: float) -> None:
        if self._frame and at_s - self._heard_s > self._silence_s() + self._line.byte_s:
            self._frame.clear()  # the silence fell into one step: too late to answer that
        self._frame.append(byte)
        self._heard_s = at_s

    def advance(self, now_s: float) -> "list[Sent]":
        # Bytes of this step are still to be heard; all of the last one's have been.
        if self._frame and self._stepped_s - self._heard_s >= self._silence_s():
            frame = bytes(self._frame)
            self._frame.clear()
            self._send(self.answer(frame), self._heard_s + self._turnaround_s)
        self._stepped_s = now_s
        sent = []
        while self._queue and self._queue[0].end_s <= now_s:
            sent.append(self._queue.popleft())
        return sent

    def _silence_s(self) -> float:
        """t3.5 of the Modbus serial line guide: at least 1.75 ms."""
        return max(3.5 * 11 / self._line.baudrate, 1.75e-3)

    def _send(self, data: bytes, start_s: float) -> None:
        start_s = max(start_s, self._heard_s + self._silence_s())
        byte_s = self._line.byte_s
        for n, byte in enumerate(data):
            self._queue.append(Sent(start_s + n * byte_s, start_s + (n + 1) * byte_s, byte))
