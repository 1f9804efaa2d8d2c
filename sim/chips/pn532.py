"""PN532: NXP's contactless reader on SPI, as the firmware sees its frames.

Modelled from the user manual (UM0701-02): bytes with the lowest bit first, status polling, frames with
both checksums, ACK and NACK, waking up, the wait for SAMConfiguration, searching for a card at the pace
of the real chip. Left out: the other card types, data exchange with a card, and power-down by command.
"""

import time
from collections.abc import Callable

from sim.chips.iso14443 import Card, activate

WRITE, STATUS, READ = 0x01, 0x02, 0x03  # first byte of a transaction
READY = 0x01

GET_FIRMWARE_VERSION, SAM_CONFIGURATION = 0x02, 0x14
RF_CONFIGURATION, IN_LIST_PASSIVE_TARGET = 0x32, 0x4A
RF_FIELD, MAX_RETRIES = 0x01, 0x05  # items of RFConfiguration

ACK = bytes((0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00))
NACK = bytes((0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00))
SYNTAX_ERROR = bytes((0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00))

_START = bytes((0x00, 0xFF))
_FROM_HOST, _TO_HOST = 0xD4, 0xD5
_FIRMWARE = bytes((0x32, 0x01, 0x06, 0x07))  # IC, version 1.6, ISO 14443 A and B, ISO 18092
_ISO14443_4 = 0x20  # SAK
_ATS = bytes((0x05, 0x78, 0x80, 0x70, 0x02))
_WAKE_S = 2e-3  # oscillator start
_ACK_S = 0.5e-3
_COMMAND_S = 1e-3
_TRY_S = 16e-3  # a request without an answer, until the next
_SELECT_S = 4e-3  # anticollision and selection of a cascade level
_FOR_EVER = 0xFF


def mirror(data: bytes) -> bytes:
    """Each byte with its bits in reverse order."""
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


def frame(data: bytes) -> bytes:
    """A normal information frame."""
    checked = bytes((len(data), -len(data) & 0xFF)) + data
    return b"\0" + _START + checked + bytes((-sum(data) & 0xFF, 0x00))


class Pn532:
    """The chip with its antenna; `put` holds a card into the field."""

    def __init__(self, clock_s: "Callable[[], float]" = time.monotonic) -> None:
        self.silent = False  # fault: the chip's MISO stays low and it hears nothing
        self.cards: "tuple[Card, ...]" = ()
        self._clock_s = clock_s
        self.reset()

    # What the world does.

    def reset(self) -> None:
        """What a dip in its supply does: asleep, and every setting lost."""
        self.field_on = False
        self._awake_s: "float | None" = None
        self._configured = False  # by SAMConfiguration; before it there is no radio
        self._retries = _FOR_EVER
        self._operation = 0
        self._heard = b""  # of the frame that is being written
        self._due: "list[tuple[float, bytes]]" = []  # frames for the host, with their times
        self._sending = b""  # rest of the frame that the host reads
        self._last = ACK  # what a NACK asks for again
        self._try_s: "float | None" = None  # next request for a card
        self._tries_left = 0

    def put(self, uid: bytes) -> None:
        """Hold a card with this UID (4, 7 or 10 bytes) into the field."""
        self.cards = (*self.cards, Card(uid))

    def remove(self, uid: "bytes | None" = None) -> None:
        """Take the card with this UID away; without one, all cards."""
        self.cards = tuple(card for card in self.cards if uid not in (None, card.uid))

    # SPI

    def transfer(self, data: bytes, new_transaction: bool) -> bytes:
        """Full duplex: the bytes on MISO while these go out on MOSI."""
        if self.silent:
            return bytes(len(data))
        return mirror(
            bytes(self._shift(byte, n, new_transaction) for n, byte in enumerate(mirror(data)))
        )

    def _shift(self, byte: int, n: int, new_transaction: bool) -> int:
        now = self._clock_s()
        if self._awake_s is None:
            self._awake_s = now + _WAKE_S  # woken by the chip select; deaf until then
        if now < self._awake_s:
            self._operation = 0
            return 0
        self._search(now)
        if n == 0 and new_transaction:
            self._begin(byte, now)
            return 0
        if self._operation == STATUS:
            return READY if self._is_ready(now) else 0
        if self._operation == READ:
            sent, self._sending = self._sending[:1], self._sending[1:]
            return sent[0] if sent else 0
        if self._operation == WRITE:
            self._hear(byte, now)
        return 0

    def _begin(self, operation: int, now: float) -> None:
        self._operation = operation
        self._heard = b""
        self._sending = b""
        if operation == READ and self._is_ready(now):
            self._last = self._sending = self._due.pop(0)[1]

    def _is_ready(self, now: float) -> bool:
        return bool(self._due) and now >= self._due[0][0]

    # Frames

    def _hear(self, byte: int, now: float) -> None:
        """Take a byte of the host's frame; the preamble before the start code may have any length."""
        self._heard += bytes((byte,))
        start = self._heard.find(_START)
        body = self._heard[start + len(_START) :]
        if start < 0 or len(body) < 2:
            return
        if body[:2] in (b"\x00\xff", b"\xff\x00"):
            self._due.clear()
            self._try_s = None  # the host's ACK ends a command
            if body[:2] == b"\xff\x00":
                self._due.append((now, self._last))
            self._operation = 0
        elif len(body) >= body[0] + 3:
            self._operation = 0
            data, check = body[2 : 2 + body[0]], body[2 + body[0]]
            if not (body[0] + body[1]) & 0xFF and not (sum(data) + check) & 0xFF:
                self._command(data, now)

    def _command(self, data: bytes, now: float) -> None:
        """A new command ends the one before."""
        self._try_s = None
        self._due = [(now + _ACK_S, ACK)]
        answer = self._execute(data, now) if data[:1] == bytes((_FROM_HOST,)) else SYNTAX_ERROR
        if answer:
            self._due.append((now + _COMMAND_S, answer))

    def _execute(self, data: bytes, now: float) -> bytes:
        """The answer's frame; empty when it comes later."""
        code, parameters = data[1] if len(data) > 1 else 0, data[2:]
        if code == GET_FIRMWARE_VERSION:
            return _answer(code, _FIRMWARE)
        if code == SAM_CONFIGURATION and len(parameters) >= 2:
            self._configured = True
            return _answer(code)
        if code == RF_CONFIGURATION and self._configured and len(parameters) >= 2:
            self._configure(parameters)
            return _answer(code)
        if code == IN_LIST_PASSIVE_TARGET and self._configured and parameters[1:] == b"\0":
            self._switch_field(True)
            self._tries_left = self._retries + 1
            self._try_s = now + _COMMAND_S
            return b""
        return SYNTAX_ERROR

    def _configure(self, parameters: bytes) -> None:
        if parameters[0] == RF_FIELD:
            self._switch_field(bool(parameters[1] & 0x01))
        elif parameters[0] == MAX_RETRIES and len(parameters) == 4:
            self._retries = parameters[3]

    # Cards

    def _switch_field(self, on: bool) -> None:
        if on and not self.field_on:
            for card in self.cards:
                card.power_up()
        self.field_on = on

    def _search(self, now: float) -> None:
        """Let happen the requests for a card that are due."""
        while self._try_s is not None and now >= self._try_s:
            found = activate(self.cards)
            at_s, self._try_s = self._try_s, self._try_s + _TRY_S
            if self._retries != _FOR_EVER:
                self._tries_left -= 1
            if found:
                at_s += _SELECT_S * (1 + len(found[2]) // 4)
                self._due.append((at_s, _answer(IN_LIST_PASSIVE_TARGET, _target(*found))))
            elif not self._tries_left:
                self._due.append((self._try_s, _answer(IN_LIST_PASSIVE_TARGET, b"\0")))
            if found or not self._tries_left:
                self._try_s = None


def _answer(code: int, data: bytes = b"") -> bytes:
    return frame(bytes((_TO_HOST, code + 1)) + data)


def _target(atqa: bytes, sak: int, uid: bytes) -> bytes:
    """InListPassiveTarget's record of a type A card; one of ISO 14443-4 has been activated at once."""
    ats = _ATS if sak & _ISO14443_4 else b""
    return bytes((1, 1, atqa[1], atqa[0], sak, len(uid))) + uid + ats
