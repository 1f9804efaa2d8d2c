"""A stranger's device on the group bus: it writes down every frame, and sends any that it is told to."""

from collections import deque
from typing import NamedTuple

from sim.rs485 import Bus, FrameNode, Node, Sent

KEPT = 5000
SILENCE_CHARACTERS = 3.5


class Frame(NamedTuple):
    """Bytes of one talker without a silence between them; times of the bench's clock."""

    talker: Node
    start_s: float
    end_s: float
    data: bytes


class Tap(FrameNode):
    """Hears at any baud rate, and sends at that of the last frame."""

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self._bus = bus
        self._frames: "deque[Frame]" = deque(maxlen=KEPT)
        self._bytes = bytearray()
        self._talker: Node = self
        self._start_s = self._end_s = 0.0
        self._to_send: "deque[bytes]" = deque()
        bus.attach(self)
        bus.probe = self.hear

    def hear(self, talker: Node, sent: Sent) -> None:
        """A byte on the wire."""
        if talker is not self._talker or sent.start_s - self._end_s > self._gap_s():
            self._close_frame()
            self._talker, self._start_s = talker, sent.start_s
        self._bytes.append(sent.byte)
        self._end_s = sent.end_s
        self._line = talker.line() or self._line

    def say(self, data: bytes) -> None:
        """Send bytes as soon as the line is silent; one frame after the other."""
        self._to_send.append(data)

    def frames(self) -> "list[Frame]":
        """Whole frames, oldest first."""
        if self._stepped_s - self._end_s > self._gap_s():
            self._close_frame()
        return list(self._frames)

    def answer(self, frame: bytes) -> bytes:
        return b""

    def advance(self, now_s: float) -> "list[Sent]":
        sent = super().advance(now_s)
        if self._to_send and not self._queue and now_s - self._end_s > self._gap_s():
            if not self._bus.is_driven(self):
                self._send(self._to_send.popleft(), now_s)
        return sent

    def _gap_s(self) -> float:
        return SILENCE_CHARACTERS * self._line.byte_s

    def _close_frame(self) -> None:
        if self._bytes:
            data = bytes(self._bytes)
            self._frames.append(Frame(self._talker, self._start_s, self._end_s, data))
            self._bytes.clear()
