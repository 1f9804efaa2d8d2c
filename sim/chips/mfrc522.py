"""MFRC522: NXP's contactless reader on SPI, as the firmware sees its registers.

Modelled from the data sheet (rev. 3.9): registers with their reset values, FIFO, interrupt bits,
timer, CRC coprocessor, Transceive with bit frames and collisions, at the true times of 106 kbit/s.
Left out: MIFARE Crypto1, the serial test modes and baud rates above 106 kbit/s.
"""

import time
from collections.abc import Callable

from sim.chips.iso14443 import Card, crc_a, meet, to_bits, to_bytes

COMMAND, COM_IRQ, DIV_IRQ, ERROR = 0x01, 0x04, 0x05, 0x06
STATUS1, FIFO_DATA, FIFO_LEVEL, WATER_LEVEL = 0x07, 0x09, 0x0A, 0x0B
CONTROL, BIT_FRAMING, COLL, MODE = 0x0C, 0x0D, 0x0E, 0x11
TX_MODE, RX_MODE, TX_CONTROL, TX_ASK = 0x12, 0x13, 0x14, 0x15
CRC_HIGH, CRC_LOW, T_MODE, T_PRESCALER = 0x21, 0x22, 0x2A, 0x2B
T_RELOAD_HIGH, T_RELOAD_LOW, T_COUNTER_HIGH, T_COUNTER_LOW = 0x2C, 0x2D, 0x2E, 0x2F
VERSION = 0x37

_IDLE, _CALC_CRC, _NO_CHANGE, _TRANSCEIVE, _SOFT_RESET = 0x0, 0x3, 0x7, 0xC, 0xF

_RESET_VALUES = {
    COMMAND: 0x20, 0x02: 0x80, COM_IRQ: 0x14, STATUS1: 0x21, WATER_LEVEL: 0x08, CONTROL: 0x10,
    COLL: 0xA0, MODE: 0x3F, TX_CONTROL: 0x80, 0x16: 0x10, 0x17: 0x84, 0x18: 0x84, 0x19: 0x4D,
    0x1C: 0x62, 0x1F: 0xEB, CRC_HIGH: 0xFF, CRC_LOW: 0xFF, 0x24: 0x26, 0x26: 0x48, 0x27: 0x88,
    0x28: 0x20, 0x29: 0x20, 0x36: 0x40, VERSION: 0x92,
}  # fmt: skip
_READ_ONLY = {ERROR, STATUS1, CRC_HIGH, CRC_LOW, T_COUNTER_HIGH, T_COUNTER_LOW, VERSION}

_FIFO_BYTES = 64
_CARRIER_HZ = 13.56e6
_BIT_S = 128 / _CARRIER_HZ
_ANSWER_DELAY_S = 1236 / _CARRIER_HZ  # frame delay time of ISO/IEC 14443-3, last bit 1
_START_UP_S = 1e-3  # oscillator start after a soft reset
_CRC_BYTE_S = 1e-6
_CRC_PRESETS = (0x0000, 0x6363, 0xA671, 0xFFFF)
_NEVER = float("inf")

# ComIrq and DivIrq
_TX_IRQ, _RX_IRQ, _IDLE_IRQ, _HIGH_ALERT_IRQ = 0x40, 0x20, 0x10, 0x08
_LOW_ALERT_IRQ, _ERROR_IRQ, _TIMER_IRQ, _CRC_IRQ = 0x04, 0x02, 0x01, 0x04
# Error
_FIFO_OVERFLOW, _COLLISION, _CRC_ERROR = 0x10, 0x08, 0x04


class Mfrc522:
    """The chip with its antenna; `put` holds a card into the field."""

    def __init__(self, clock_s: "Callable[[], float]" = time.monotonic) -> None:
        self.silent = False  # fault: the chip's MISO stays low and it hears nothing
        self.cards: "tuple[Card, ...]" = ()
        self._clock_s = clock_s
        self._spi_address = 0
        self.reset()
        self._ready_s = 0.0  # powered long before the board talks

    # What the world does.

    def reset(self) -> None:
        """What SoftReset and a dip in the supply do."""
        self._registers = bytearray(64)
        for register, value in _RESET_VALUES.items():
            self._registers[register] = value
        self._fifo = bytearray()
        self._crc = 0xFFFF
        self._ready_s = self._clock_s() + _START_UP_S
        self._crc_done_s = self._sent_s = self._answer_s = self._timer_end_s = _NEVER
        self._answer: "list[int]" = []
        self._collision_bit = -1
        for card in self.cards:
            card.power_up()

    def put(self, uid: bytes) -> None:
        """Hold a card with this UID (4, 7 or 10 bytes) into the field."""
        self.cards = (*self.cards, Card(uid))

    def remove(self, uid: "bytes | None" = None) -> None:
        """Take the card with this UID away; without one, all cards."""
        self.cards = tuple(card for card in self.cards if uid not in (None, card.uid))

    @property
    def field_on(self) -> bool:
        """Whether both antenna drivers are on."""
        return self._registers[TX_CONTROL] & 0x03 == 0x03

    # SPI: an address byte (bit 7 read, bits 6 … 1 register), then data. On reading, every further
    # byte sent is the address of the next; on writing, all data goes to the one register.

    def transfer(self, data: bytes, new_transaction: bool) -> bytes:
        """Full duplex: the bytes on MISO while these go out on MOSI."""
        if self.silent:
            return bytes(len(data))
        reply = bytearray(len(data))
        for n, byte in enumerate(data):
            self._advance()
            if n == 0 and new_transaction:
                self._spi_address = byte
            elif self._spi_address & 0x80:
                reply[n] = self._read(self._spi_address >> 1 & 0x3F)
                self._spi_address = byte
            else:
                self._write(self._spi_address >> 1 & 0x3F, byte)
        return bytes(reply)

    # Registers

    def _read(self, register: int) -> int:
        if register == COMMAND and self._clock_s() < self._ready_s:
            return self._registers[COMMAND] | 0x10  # PowerDown stays set while it starts
        if register == FIFO_DATA:
            return self._fifo.pop(0) if self._fifo else 0
        if register == FIFO_LEVEL:
            return len(self._fifo)
        if register == STATUS1:
            return self._status1()
        if register in (T_COUNTER_HIGH, T_COUNTER_LOW):
            return self._timer_count() >> (8 if register == T_COUNTER_HIGH else 0) & 0xFF
        return self._registers[register]

    def _status1(self) -> int:
        registers = self._registers
        irq = registers[COM_IRQ] & registers[0x02] & 0x7F or registers[DIV_IRQ] & registers[0x03]
        alerts = self._alerts()
        return (
            (self._crc == 0) << 6
            | (self._crc_done_s == _NEVER) << 5
            | bool(irq) << 4
            | (self._timer_end_s < _NEVER) << 3
            | bool(alerts & _HIGH_ALERT_IRQ) << 1
            | bool(alerts & _LOW_ALERT_IRQ)
        )

    def _alerts(self) -> int:
        water = self._registers[WATER_LEVEL] & 0x3F
        high = len(self._fifo) >= _FIFO_BYTES - water
        low = len(self._fifo) <= water
        return high * _HIGH_ALERT_IRQ | low * _LOW_ALERT_IRQ

    def _write(self, register: int, value: int) -> None:
        if register in _READ_ONLY or self._clock_s() < self._ready_s:
            return
        special = {
            COMMAND: self._write_command,
            COM_IRQ: self._write_irq,
            DIV_IRQ: self._write_irq,
            FIFO_DATA: self._write_fifo,
            FIFO_LEVEL: self._write_fifo_level,
            CONTROL: self._write_control,
            BIT_FRAMING: self._write_bit_framing,
            COLL: self._write_coll,
            TX_CONTROL: self._write_tx_control,
        }.get(register)
        if special is None:
            self._registers[register] = value
        elif register in (COM_IRQ, DIV_IRQ):
            self._write_irq(value, register)
        else:
            special(value)

    def _write_irq(self, value: int, register: int = COM_IRQ) -> None:
        """Bit 7 (Set1, Set2): the marked bits are set when it is 1 and cleared when it is 0."""
        if value & 0x80:
            self._registers[register] |= value & 0x7F
        else:
            self._registers[register] &= ~value & 0x7F

    def _write_fifo(self, value: int) -> None:
        if len(self._fifo) >= _FIFO_BYTES:
            self._fail(_FIFO_OVERFLOW)
            return
        self._fifo.append(value)
        self._registers[COM_IRQ] |= self._alerts()
        self._schedule_crc()

    def _write_fifo_level(self, value: int) -> None:
        if value & 0x80:  # FlushBuffer also clears the overflow flag
            self._fifo.clear()
            self._registers[ERROR] &= ~_FIFO_OVERFLOW & 0xFF

    def _write_control(self, value: int) -> None:
        """Bits 7 and 6 (TStopNow, TStartNow) act at once and read as 0."""
        if value & 0x40:
            self._start_timer(self._clock_s())
        if value & 0x80:
            self._timer_end_s = _NEVER

    def _write_bit_framing(self, value: int) -> None:
        self._registers[BIT_FRAMING] = value
        if value & 0x80 and self._registers[COMMAND] & 0x0F == _TRANSCEIVE:
            self._send()

    def _write_coll(self, value: int) -> None:
        self._registers[COLL] = self._registers[COLL] & 0x7F | value & 0x80

    def _write_tx_control(self, value: int) -> None:
        was_on = self.field_on
        self._registers[TX_CONTROL] = value
        if self.field_on and not was_on:
            for card in self.cards:
                card.power_up()

    # Commands

    def _write_command(self, value: int) -> None:
        command = value & 0x0F
        if command == _NO_CHANGE:
            return
        self._crc_done_s = self._sent_s = self._answer_s = _NEVER
        self._registers[COMMAND] = value & 0x3F
        if command == _SOFT_RESET:
            self.reset()
        elif command == _CALC_CRC:
            self._registers[ERROR] = 0
            self._crc = _CRC_PRESETS[self._registers[MODE] & 0x03]
            self._schedule_crc()
        elif command == _TRANSCEIVE:
            self._registers[ERROR] = 0
            self._write_bit_framing(self._registers[BIT_FRAMING])
        elif command != _IDLE:  # unknown here: ends at once
            self._registers[COMMAND] &= 0x30
            self._registers[COM_IRQ] |= _IDLE_IRQ

    def _schedule_crc(self) -> None:
        """The coprocessor takes what is in the FIFO, and whatever comes, until told to stop."""
        if self._registers[COMMAND] & 0x0F == _CALC_CRC:
            self._crc_done_s = self._clock_s() + len(self._fifo) * _CRC_BYTE_S

    def _send(self) -> None:
        """StartSend: the FIFO goes out; cards answer, and their bits meet in the field."""
        data = bytes(self._fifo)
        self._fifo.clear()
        self._registers[COM_IRQ] |= self._alerts()
        last_bits = self._registers[BIT_FRAMING] & 0x07
        bits = to_bits(data)[: len(data) * 8 - (8 - last_bits if last_bits else 0)]
        if self._registers[TX_MODE] & 0x80:
            crc = crc_a(data, _CRC_PRESETS[self._registers[MODE] & 0x03])
            bits += to_bits(crc.to_bytes(2, "little"))
        self._sent_s = self._clock_s() + _frame_s(len(bits))
        self._answer, self._collision_bit = self._exchange(bits)
        self._answer_s = _NEVER
        if self._answer:
            self._answer_s = self._sent_s + _ANSWER_DELAY_S + _frame_s(len(self._answer))

    def _exchange(self, bits: "list[int]") -> "tuple[list[int], int]":
        """What the receiver gets, and the first bit on which answers differ (-1: none)."""
        # A type A card hears only 100 % amplitude modulation.
        hears = bits and self.field_on and self._registers[TX_ASK] & 0x40
        return meet(self.cards, bits) if hears else ([], -1)

    # Time

    def _advance(self) -> None:
        """Let happen what is due: CRC done, frame sent, answer received, timer run out."""
        now = self._clock_s()
        if now >= self._crc_done_s:
            self._finish_crc()
        if now >= self._sent_s:
            self._registers[COM_IRQ] |= _TX_IRQ
            if self._registers[T_MODE] & 0x80:  # TAuto: runs from the end of sending
                self._start_timer(self._sent_s)
            self._sent_s = _NEVER
        if self._answer_s < _NEVER and self._registers[T_MODE] & 0x80:
            begin = self._answer_s - _frame_s(len(self._answer))
            if begin <= min(now, self._timer_end_s):  # … to the first bit received
                self._timer_end_s = _NEVER
        if now >= self._timer_end_s:
            self._registers[COM_IRQ] |= _TIMER_IRQ
            self._timer_end_s = _NEVER
            if self._registers[T_MODE] & 0x10:
                self._start_timer(now)
        if now >= self._answer_s:
            self._receive()

    def _finish_crc(self) -> None:
        self._crc_done_s = _NEVER
        self._crc = crc_a(bytes(self._fifo), self._crc)
        self._fifo.clear()
        self._registers[CRC_HIGH], self._registers[CRC_LOW] = divmod(self._crc, 256)
        self._registers[DIV_IRQ] |= _CRC_IRQ
        self._registers[COM_IRQ] |= self._alerts()

    def _tick_s(self) -> float:
        prescaler = (self._registers[T_MODE] & 0x0F) << 8 | self._registers[T_PRESCALER]
        return (2 * prescaler + 1) / _CARRIER_HZ

    def _start_timer(self, now: float) -> None:
        reload = self._registers[T_RELOAD_HIGH] << 8 | self._registers[T_RELOAD_LOW]
        self._timer_end_s = now + (reload + 1) * self._tick_s()

    def _timer_count(self) -> int:
        if self._timer_end_s == _NEVER:
            return 0
        return max(0, int((self._timer_end_s - self._clock_s()) / self._tick_s()))

    def _receive(self) -> None:
        self._answer_s = _NEVER
        bits = list(self._answer)
        if self._registers[RX_MODE] & 0x80:
            bits = self._strip_crc(bits)
        align = self._registers[BIT_FRAMING] >> 4 & 0x07
        self._note_collision(bits, align)
        for byte in to_bytes([0] * align + bits):
            self._write_fifo(byte)
        last_bits = (align + len(bits)) % 8
        self._registers[CONTROL] = self._registers[CONTROL] & 0xF8 | last_bits
        self._registers[COM_IRQ] |= _RX_IRQ

    def _strip_crc(self, bits: "list[int]") -> "list[int]":
        if crc_a(to_bytes(bits), _CRC_PRESETS[self._registers[MODE] & 0x03]):
            self._fail(_CRC_ERROR)
        return bits[:-16]

    def _note_collision(self, bits: "list[int]", align: int) -> None:
        """CollPos counts from 1, as the bits lie in the FIFO; 0 stands for the 32nd."""
        coll = self._registers[COLL] & 0x80
        if self._collision_bit < 0:
            self._registers[COLL] = coll | 0x20
            return
        self._fail(_COLLISION)
        position = align + self._collision_bit + 1
        self._registers[COLL] = coll | (0x20 if position > 32 else position & 0x1F)
        if not coll:  # ValuesAfterColl = 0: what follows the collision is cleared
            after = self._collision_bit + 1
            bits[after:] = [0] * (len(bits) - after)

    def _fail(self, error: int) -> None:
        self._registers[ERROR] |= error
        self._registers[COM_IRQ] |= _ERROR_IRQ


def _frame_s(bits: int) -> float:
    """Time of a frame on the air: start bit, a parity bit a byte, end of frame."""
    return (bits + bits // 8 + 2) * _BIT_S
