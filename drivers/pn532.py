"""NXP PN532 contactless reader on SPI: UIDs of ISO/IEC 14443 type A cards of 4, 7 and 10 bytes.

The chip does anticollision by itself: it gets a command and is looked at now and then until it has the
answer. It shifts each byte with its lowest bit first; bits are turned round here (UM0701-02, 6.2.5).
"""

import asyncio

from core.clock import ticks_add, ticks_diff, ticks_ms
from drivers.card_reader import ReaderError
from micropython import const

# First byte of a transaction, as the wire needs it: 0x01, 0x02, 0x03 turned round.
_WRITE = const(0x80)
_STATUS = const(0x40)
_READ = const(0xC0)
_READY = const(0x01)  # status

_FROM_HOST = const(0xD4)
_TO_HOST = const(0xD5)
# Places in the buffers: a frame stands behind the transaction's first byte.
_FRAME = const(1)
_LENGTH = const(4)
_DATA = const(6)
_ACK = const(b"\x00\x00\xff\x00\xff")
_START = const(b"\x00\x00\xff")
_NACK = const(b"\x00\x00\xff\xff\x00\x00")
_MOST_BYTES = const(60)  # a 10-byte card's answer with the longest ATS in use

_SAM_CONFIGURATION = const(b"\x14\x01\x14\x01")  # no security module, the card search may take 1 s
_GET_FIRMWARE_VERSION = const(b"\x02")
_MAX_RETRIES = const(b"\x32\x05\xff\x01\x01")  # look for a card twice, not for ever
_LIST_ONE_TYPE_A = const(b"\x4a\x01\x00")
_FIELD_OFF = const(b"\x32\x01\x00")

_WAKE_MS = const(10)
_ACK_MS = const(20)  # the chip takes under 1 ms
_ANSWER_MS = const(300)  # two searches take about 40 ms
_LOOK_MS = const(4)

_NIBBLES = b"\x00\x08\x04\x0c\x02\x0a\x06\x0e\x01\x09\x05\x0d\x03\x0b\x07\x0f"


def _mirror(buffer) -> None:
    """Turn round the bits of each byte."""
    for i in range(len(buffer)):
        byte = buffer[i]
        buffer[i] = _NIBBLES[byte & 15] << 4 | _NIBBLES[byte >> 4]


class Pn532:
    """The chip on an SPI bus of its own; cs_pin selects it when low.

    Call `start` first, and again after a ReaderError.
    """

    def __init__(self, spi, cs_pin) -> None:
        self._spi = spi
        self._cs = cs_pin
        self._out = memoryview(bytearray(_MOST_BYTES))
        self._in = memoryview(bytearray(_MOST_BYTES))
        self._version = 0
        cs_pin.value(1)

    async def start(self) -> None:
        """Wake the chip and set it up; ReaderError when there is none."""
        self._cs.value(0)
        try:
            self._shift(0, 1)
            await asyncio.sleep_ms(_WAKE_MS)
        finally:
            self._cs.value(1)
        await self._ask(_SAM_CONFIGURATION)
        await self._ask(_GET_FIRMWARE_VERSION)
        self._version = self._in[_DATA + 2]
        await self._ask(_MAX_RETRIES)

    def version(self) -> int:
        """The chip's kind as it told at the start: 0x32."""
        return self._version

    async def read_uid(self, wake_halted: bool = False) -> "bytes | None":
        """The UID of a card in the field, or None. Of several cards it is the same one each time.

        Each search begins with a new field, in which a card has forgotten that it was halted.
        """
        length = await self._ask(_LIST_ONE_TYPE_A)
        target = self._in[_DATA + 2 : _DATA + length]
        if length < 8 or not target[0]:
            return None
        uid = bytes(target[6 : 6 + target[5]])
        if len(uid) not in (4, 7, 10):
            return None
        await self._ask(_FIELD_OFF)
        return uid

    async def _ask(self, command: bytes) -> int:
        """Send a command; its answer's data is in _in from _DATA on then. Returns the data's length."""
        self._send(command)
        await self._wait(_ACK_MS)
        self._transact(_READ, len(_ACK))
        if bytes(self._in[_FRAME : _FRAME + len(_ACK)]) != _ACK:
            raise ReaderError("reader does not acknowledge")
        await self._wait(_ANSWER_MS)
        length = self._take() or await self._take_again()
        if self._in[_DATA] != _TO_HOST or self._in[_DATA + 1] != command[0] + 1:
            raise ReaderError("reader refuses command 0x%02X" % command[0])
        return length

    def _send(self, command: bytes) -> None:
        out = self._out
        length = len(command) + 1
        end = _DATA + length
        out[_FRAME:_LENGTH] = _START
        out[_LENGTH] = length
        out[_LENGTH + 1] = -length & 0xFF
        out[_DATA] = _FROM_HOST
        out[_DATA + 1 : end] = command
        out[end] = -(_FROM_HOST + sum(command)) & 0xFF
        out[end + 1] = 0
        self._write(end + 1)

    async def _wait(self, timeout_ms: int) -> None:
        """Wait until the chip has something to read."""
        deadline = ticks_add(ticks_ms(), timeout_ms)
        late = False
        while not late:
            await asyncio.sleep_ms(_LOOK_MS)
            late = ticks_diff(ticks_ms(), deadline) >= 0
            self._transact(_STATUS, 1)
            if self._in[1] == _READY:
                return
        raise ReaderError("reader is silent")

    async def _take_again(self) -> int:
        """Have a frame that came damaged sent once more."""
        await asyncio.sleep_ms(0)
        self._out[_FRAME : _FRAME + len(_NACK)] = _NACK
        self._write(len(_NACK))
        await self._wait(_ACK_MS)
        length = self._take()
        if not length:
            raise ReaderError("reader's answer is damaged")
        return length

    def _take(self) -> int:
        """Read a frame into _in; returns the length of its data, 0 when it is damaged."""
        into = self._in
        self._cs.value(0)
        try:
            self._out[0] = _READ
            self._shift(0, _DATA)
            length = into[_LENGTH]
            if bytes(into[_FRAME:_LENGTH]) != _START or (length + into[_LENGTH + 1]) & 0xFF:
                return 0
            if not 1 <= length <= _MOST_BYTES - _DATA - 2:
                return 0
            self._shift(_DATA, _DATA + length + 2)
        finally:
            self._cs.value(1)
        return 0 if sum(into[_DATA : _DATA + length + 1]) & 0xFF else length

    def _write(self, length: int) -> None:
        """Send what stands in _out as a frame."""
        _mirror(self._out[_FRAME : _FRAME + length])
        self._transact(_WRITE, length)

    def _transact(self, operation: int, length: int) -> None:
        self._out[0] = operation
        self._cs.value(0)
        try:
            self._shift(0, _FRAME + length)
        finally:
            self._cs.value(1)

    def _shift(self, start: int, end: int) -> None:
        """Exchange these places of the buffers with the chip."""
        into = self._in[start:end]
        self._spi.write_readinto(self._out[start:end], into)
        _mirror(into)
