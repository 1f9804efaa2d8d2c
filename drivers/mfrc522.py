"""NXP MFRC522 contactless reader on SPI: UIDs of ISO/IEC 14443 type A cards of 4, 7 and 10 bytes.

Every wait is bounded and gives way to other tasks; a poll without a card takes about 2 ms.
"""

import asyncio

from drivers.card_reader import ReaderError
from micropython import const

_COMMAND = const(0x01)
_COM_IRQ = const(0x04)
_DIV_IRQ = const(0x05)
_ERROR = const(0x06)
_FIFO_DATA = const(0x09)
_FIFO_LEVEL = const(0x0A)
_CONTROL = const(0x0C)
_BIT_FRAMING = const(0x0D)
_COLL = const(0x0E)
_MODE = const(0x11)
_TX_MODE = const(0x12)
_RX_MODE = const(0x13)
_TX_CONTROL = const(0x14)
_TX_ASK = const(0x15)
_CRC_HIGH = const(0x21)
_CRC_LOW = const(0x22)
_MOD_WIDTH = const(0x24)
_T_MODE = const(0x2A)
_T_PRESCALER = const(0x2B)
_T_RELOAD_HIGH = const(0x2C)
_T_RELOAD_LOW = const(0x2D)
_VERSION = const(0x37)

_IDLE = const(0x00)
_CALC_CRC = const(0x03)
_TRANSCEIVE = const(0x0C)
_SOFT_RESET = const(0x0F)

_START_SEND = const(0x80)
_FLUSH = const(0x80)
_RECEIVED = const(0x20)  # ComIrq: RxIRq
_TIMED_OUT = const(0x01)  # ComIrq: TimerIRq
_CRC_DONE = const(0x04)  # DivIrq: CRCIRq
_FAILED = const(0x13)  # Error: protocol, parity, FIFO overflow
_COLLISION = const(0x08)  # Error: CollErr

# Register settings at start. A timer tick is 25 µs and the timer 1 ms: cards answer after 90 µs.
_SETTINGS = const(
    (
        (_TX_MODE, 0x00),
        (_RX_MODE, 0x00),
        (_MOD_WIDTH, 0x26),
        (_T_MODE, 0x80),  # starts by itself at the end of sending
        (_T_PRESCALER, 0xA9),
        (_T_RELOAD_HIGH, 0),
        (_T_RELOAD_LOW, 40),
        (_TX_ASK, 0x40),  # 100 % modulation
        (_MODE, 0x3D),  # CRC preset 0x6363
        (_COLL, 0x00),  # clear what is received behind a collision
    )
)
_SLOWEST_MS = const(12)  # the longest frames and the timer together take under 3 ms

# ISO/IEC 14443-3
_REQA = const(0x26)
_WUPA = const(0x52)
_SHORT_FRAME_BITS = const(7)
_SELECT = const(b"\x93\x95\x97")
_CASCADE_TAG = const(0x88)
_UID_INCOMPLETE = const(0x04)  # SAK
_PART_BITS = const(40)  # four bytes of UID and their check byte
_HALT = const(b"\x50\x00\x57\xcd")


class Mfrc522:
    """The chip on an SPI bus of its own; cs_pin selects it when low.

    Call `start` first, and again after a ReaderError.
    """

    def __init__(self, spi, cs_pin) -> None:
        self._spi = spi
        self._cs = cs_pin
        self._out = bytearray(2)
        self._in = bytearray(2)
        # A frame goes to and from the FIFO in one transfer: the address byte, then the bytes.
        self._to_fifo = memoryview(bytearray(10))
        self._to_fifo[0] = _FIFO_DATA << 1
        self._from_fifo = memoryview(bytearray(10))
        self._frame = self._to_fifo[1:]
        self._answer = self._from_fifo[1:]
        self._read_fifo = memoryview(b"\x92\x92\x92\x92\x92\x92\x92\x92\x92\x00")
        self._level = bytearray(5)  # UID bytes of a cascade level and their check byte
        cs_pin.value(1)

    async def start(self) -> None:
        """Reset the chip, set it up and switch its field on; ReaderError when there is none."""
        self._write(_COMMAND, _SOFT_RESET)
        await asyncio.sleep_ms(50)
        if self.version() in (0x00, 0xFF):
            raise ReaderError("no reader")
        for register, value in _SETTINGS:
            self._write(register, value)
            await asyncio.sleep_ms(0)
        self._write(_TX_CONTROL, self._read(_TX_CONTROL) | 0x03)
        await asyncio.sleep_ms(5)  # cards may take that long to wake up in a new field

    def version(self) -> int:
        """The chip's version register, 0x91 or 0x92 from NXP; 0 or 0xFF when nobody answers."""
        return self._read(_VERSION)

    async def read_uid(self, wake_halted: bool = False) -> "bytes | None":
        """The UID of a card in the field, or None. The card is then halted: it answers again
        only to wake_halted, or after leaving the field.

        Of several cards one is read. A card that leaves in between gives None.
        """
        command = _WUPA if wake_halted else _REQA
        if await self._send(command, _SHORT_FRAME_BITS) < 0:
            return None
        uid = b""
        for code in _SELECT:
            if not await self._resolve(code):
                return None
            answer = await self._select(code)
            if answer is None:
                return None
            if not answer & _UID_INCOMPLETE:
                uid += bytes(self._level[:4])
                await self._halt()
                return uid
            if self._level[0] != _CASCADE_TAG:
                return None
            uid += bytes(self._level[1:4])
        return None

    async def _resolve(self, code: int) -> bool:
        """Anticollision: have in _level the UID bytes of one card, whole and checked.

        On a collision the bits up to it are kept, with the collided one as it was received:
        some card in the field has it like that. Asked again with these bits, only such cards
        answer, so that every round adds at least one bit.
        """
        level = self._level
        for i in range(5):
            level[i] = 0
        known = 0
        for _ in range(32):
            whole, bits = known >> 3, known & 7
            self._frame[0] = code
            self._frame[1] = 2 + whole << 4 | bits
            self._frame[2:7] = level
            received = await self._exchange(2 + whole + (bits > 0), bits, bits)
            if received < 0:
                return False
            self._merge(whole, bits, min(received, 5 - whole))
            if not self._read(_ERROR) & _COLLISION:
                return not level[0] ^ level[1] ^ level[2] ^ level[3] ^ level[4]
            known = self._collision_bit(known)
            if not known:
                return False
        return False

    def _merge(self, whole: int, bits: int, received: int) -> None:
        """Put the received bytes behind the known bits; they begin within byte `whole`."""
        level = self._level
        self._take(received)
        for i in range(received):
            byte = self._answer[i]
            if i == 0 and bits:
                keep = (1 << bits) - 1
                byte = level[whole] & keep | byte & ~keep & 0xFF
            level[whole + i] = byte

    def _collision_bit(self, known: int) -> int:
        """How many bits are valid, the collided one included; 0 when that makes no progress.

        The position counts from the byte in which the answer began.
        """
        position = self._read(_COLL)
        if position & 0x20:
            return 0  # not valid: outside the UID bits
        position = (position & 0x1F) or 32
        if position <= known:
            position += known & ~7
        return position if known < position <= 32 else 0

    async def _select(self, code: int) -> "int | None":
        """Select the card in _level; its SAK, or None."""
        frame = self._frame
        frame[0] = code
        frame[1] = 0x70
        frame[2:7] = self._level
        crc = await self._crc(7)
        frame[7], frame[8] = crc & 0xFF, crc >> 8
        if await self._exchange(9, 0, 0) != 3:
            return None
        self._take(3)
        answer = self._answer
        frame[0] = answer[0]
        crc = answer[1] | answer[2] << 8
        if self._read(_ERROR) & _COLLISION or await self._crc(1) != crc:
            return None
        return frame[0]

    async def _halt(self) -> None:
        self._frame[:4] = _HALT
        await self._exchange(4, 0, 0)  # a card that obeys does not answer

    async def _send(self, byte: int, bits: int) -> int:
        self._frame[0] = byte
        return await self._exchange(1, bits, 0)

    async def _exchange(self, length: int, last_bits: int, align: int) -> int:
        """Send bytes of _frame, of the last only last_bits; return how many bytes came, or -1.

        Received bits go into the FIFO from bit `align` on.
        """
        await asyncio.sleep_ms(0)
        self._write(_COMMAND, _IDLE)
        self._write(_COM_IRQ, 0x7F)
        await self._fill(length)
        self._write(_COMMAND, _TRANSCEIVE)
        self._write(_BIT_FRAMING, _START_SEND | align << 4 | last_bits)
        await asyncio.sleep_ms(1)
        irq = await self._wait(_COM_IRQ, _RECEIVED | _TIMED_OUT)
        self._write(_BIT_FRAMING, 0)
        if not irq & _RECEIVED or self._read(_ERROR) & _FAILED:
            return -1
        return self._read(_FIFO_LEVEL)

    async def _crc(self, length: int) -> int:
        """CRC_A of the first bytes of _frame, by the chip's coprocessor."""
        await asyncio.sleep_ms(0)
        self._write(_COMMAND, _IDLE)
        self._write(_DIV_IRQ, _CRC_DONE)
        await self._fill(length)
        self._write(_COMMAND, _CALC_CRC)
        await self._wait(_DIV_IRQ, _CRC_DONE)
        return self._read(_CRC_HIGH) << 8 | self._read(_CRC_LOW)

    async def _wait(self, register: int, bits: int) -> int:
        """Wait for one of the interrupt bits; a chip whose timer is set always gives one."""
        for _ in range(_SLOWEST_MS):
            value = self._read(register)
            if value == 0xFF:
                break  # bit 7 never reads 1: nobody drives the line
            if value & bits:
                return value
            await asyncio.sleep_ms(1)
        raise ReaderError("reader is silent")

    async def _fill(self, length: int) -> None:
        """Put the first bytes of _frame into an empty FIFO."""
        self._write(_FIFO_LEVEL, _FLUSH)
        self._burst(self._to_fifo[: length + 1], self._from_fifo[: length + 1])
        await asyncio.sleep_ms(0)  # half of an exchange's transfers are done

    def _take(self, length: int) -> None:
        """Take bytes from the FIFO into _answer. Every byte sent asks for the next."""
        self._burst(self._read_fifo[9 - length :], self._from_fifo[: length + 1])

    def _write(self, register: int, value: int) -> None:
        self._out[0] = register << 1
        self._out[1] = value
        self._burst(self._out, self._in)

    def _read(self, register: int) -> int:
        self._out[0] = register << 1 | 0x80
        self._out[1] = 0
        self._burst(self._out, self._in)
        return self._in[1]

    def _burst(self, out, into) -> None:
        self._cs.value(0)
        try:
            self._spi.write_readinto(out, into)
        finally:
            self._cs.value(1)
