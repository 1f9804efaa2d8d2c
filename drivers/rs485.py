"""RS485 half duplex over a UART with a driver-enable pin: frames out, frames in.

The ESP32's UART has no RS485 mode in MicroPython, so software turns the line around: the driver
is held until txdone(), behind a frame of more than 10 ms plus however late the loop comes back to look.
A device that answers sooner than that loses its first bytes; real meters take 20 ms and more.
"""

import asyncio
from time import sleep_us

from core.clock import ticks_add, ticks_diff, ticks_ms
from micropython import const

_POLL_MS = const(5)
_LONG_POLL_MS = const(20)
_HOLD_US = const(10000)
_HOLD_LOOKS = const(6)
_BATCH_MS = const(30)  # a UART may hand its bytes over in batches that come this late
_TX_LATE_MS = const(500)  # a UART that has not sent by then is stuck


def _silence_ms(baudrate: int) -> int:
    """t3.5 of the Modbus serial line guide, 1.75 ms above 19200 baud, rounded up."""
    return max(2, (38500 + baudrate - 1) // baudrate)


class Rs485Port:
    """A UART (any, readinto, write, txdone) and the pin that turns its transceiver to sending.

    Frames are told apart by silence, which must show within the UART's own receive buffer: open it
    with rxbuf of at least the longest frame.
    """

    def __init__(self, uart, de_pin, baudrate: int = 9600) -> None:
        self._uart = uart
        self._de_pin = de_pin
        self._note_speed(baudrate)
        self._busy_ms = ticks_ms()  # when the line was last in use
        self._sent = b""  # what may come back as an echo
        self._echoes = False
        self._spare = bytearray(16)
        de_pin.value(0)

    def _note_speed(self, baudrate: int) -> None:
        self._silence_ms = _silence_ms(baudrate)
        self._byte_us = 11000000 // baudrate

    def set_line(self, baudrate: int, parity: "int | None", stop_bits: int) -> None:
        """Set the UART anew; parity None, 0 (even) or 1 (odd)."""
        self._uart.init(baudrate=baudrate, bits=8, parity=parity, stop=stop_bits)
        self._note_speed(baudrate)

    async def write(self, frame) -> None:
        """Send a frame, behind the silence that ends the one before.

        It must stay as it is until its answer is read: an echo is known by it.
        """
        await self._wait_silence()
        self._drop_input()
        self._sent = frame
        self._de_pin.value(1)
        try:
            if self._uart.write(frame) != len(frame):
                raise OSError("UART is full")
            await self._wait_sent(len(frame))
        finally:
            self._de_pin.value(0)
            self._busy_ms = ticks_ms()

    async def _wait_silence(self) -> None:
        rest_ms = self._silence_ms - ticks_diff(ticks_ms(), self._busy_ms)
        if 0 < rest_ms <= self._silence_ms:
            await asyncio.sleep_ms(rest_ms)

    async def _wait_sent(self, length: int) -> None:
        """Wait for the last byte; the last ten milliseconds hold the loop, which might come back too late."""
        wire_us = length * self._byte_us
        deadline = ticks_add(ticks_ms(), wire_us // 1000 + _TX_LATE_MS)
        if wire_us <= _HOLD_US:
            sleep_us(wire_us)
            for _ in range(_HOLD_LOOKS):
                if self._uart.txdone():
                    return
                sleep_us(500)
        else:
            await asyncio.sleep_ms((wire_us - _HOLD_US) // 1000)
            for _ in range(_HOLD_US // 500):  # whoever answers next must not meet the driver
                if self._uart.txdone():
                    return
                sleep_us(500)
        while not self._uart.txdone():
            if ticks_diff(deadline, ticks_ms()) < 0:
                raise OSError("UART does not send")
            await asyncio.sleep_ms(1)

    def _drop_input(self) -> None:
        for _ in range(64):  # more than any buffer holds; a line full of noise must not keep us
            if not self._uart.any():
                return
            self._uart.readinto(self._spare)

    def read(self, buffer) -> int:
        """Take what has come, without waiting; returns how much that is."""
        if not self._uart.any():
            return 0
        self._busy_ms = ticks_ms()
        return self._uart.readinto(buffer) or 0

    async def read_frame(self, buffer, timeout_ms: int, expected: int = 0) -> int:
        """Put the next frame into the buffer; return its length, 0 when none began in time.

        With an expected length the frame ends there, or with a longer silence before it. The
        echo of what was sent last, if the transceiver gives one, is left out.
        """
        deadline = ticks_add(ticks_ms(), timeout_ms)
        echo = len(self._sent)
        while True:
            ahead = echo if self._echoes else 0
            length = await self._receive(buffer, deadline, expected and expected + ahead)
            if not echo or length < echo or buffer[:echo] != self._sent[:]:
                return length
            self._echoes = True
            self._sent = b""
            if length > echo:
                buffer[: length - echo] = buffer[echo:length]
                return length - echo
            echo = 0

    async def _receive(self, buffer, deadline: int, expected: int) -> int:
        uart = self._uart
        silence_ms = max(self._silence_ms, _BATCH_MS) if expected else self._silence_ms
        seen = 0
        quiet_since = 0
        while True:
            waiting = uart.any()
            now = ticks_ms()
            if waiting > seen:
                seen = waiting
                quiet_since = now
                if waiting >= len(buffer) or 0 < expected <= waiting:
                    break
            elif seen:
                if ticks_diff(now, quiet_since) >= silence_ms:
                    break
            elif ticks_diff(deadline, now) <= 0:
                return 0
            # What is still to come takes its time on the wire; an exception's answer is short.
            rest_ms = (expected - seen) * self._byte_us // 1200 if seen else 0
            await asyncio.sleep_ms(max(_POLL_MS, min(rest_ms, _LONG_POLL_MS)))
        self._busy_ms = ticks_ms()
        return uart.readinto(buffer, seen) or 0
