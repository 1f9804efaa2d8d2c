"""Modbus RTU master: one request at a time on a port, answers checked and decoded into words.

The port is an object with `async write(frame)` and `async read_frame(buffer, timeout_ms,
expected)`, which returns the length of a frame, 0 for none; it keeps the silence between frames.
"""

import asyncio

from core.clock import ticks_add, ticks_diff, ticks_ms
from micropython import const
from modbus.crc import append_crc, crc16

READ_HOLDING = 3
READ_INPUT = 4

_TIMEOUT_MS = const(400)
_OVERHEAD = const(5)  # address, function, byte count, CRC
_EXCEPTION = const(0x80)


class ModbusError(Exception):
    """A request that brought no valid answer."""


class ModbusTimeout(ModbusError):
    """Nobody answered in time."""


class ModbusCrcError(ModbusError):
    """The answer was garbled."""


class ModbusException(ModbusError):
    """The device refused; .code is the exception code (1 function, 2 address, 3 value, …)."""

    def __init__(self, code: int) -> None:
        super().__init__("exception %d" % code)
        self.code = code


class Master:
    """The one that asks on a bus. Users share it: their requests take turns, first come, first served.

    max_registers bounds an answer, and with it the buffer that is kept. Who speaks on the port himself
    holds the lock meanwhile.
    """

    def __init__(self, port, timeout_ms: int = _TIMEOUT_MS, max_registers: int = 64) -> None:
        self.max_registers = max_registers
        self.port = port
        self._timeout_ms = timeout_ms
        self.lock = asyncio.Lock()
        self._request = bytearray(8)
        self._answer = bytearray(max(8, _OVERHEAD + 2 * max_registers))
        self._data = memoryview(self._answer)[3:]

    async def read(self, address: int, function: int, register: int, count: int):
        """Read registers with function READ_HOLDING or READ_INPUT: two bytes each, high byte first.

        register is the number in the protocol, from 0. What it returns holds until the caller waits
        for anything. Raises ModbusError.
        """
        if not 1 <= count <= self.max_registers:
            raise ValueError("registers in one request")
        async with self.lock:
            request = self._request
            request[0] = address
            request[1] = function
            request[2] = register >> 8
            request[3] = register & 0xFF
            request[4] = count >> 8
            request[5] = count & 0xFF
            await self._exchange(_OVERHEAD + 2 * count)
        return self._data

    async def set_line(self, baudrate: int, parity: "int | None", stop_bits: int) -> None:
        """Set the bus's line, between two requests; parity None, 0 (even) or 1 (odd)."""
        async with self.lock:
            self.port.set_line(baudrate, parity, stop_bits)

    async def _exchange(self, expected: int) -> None:
        """Send the request and have its answer, checked, in the buffer.

        Whole frames that are nobody's answer to it are passed over, as long as there is time.
        """
        append_crc(self._request, 6)
        await self.port.write(self._request)
        deadline = ticks_add(ticks_ms(), self._timeout_ms)
        left_ms = self._timeout_ms
        while left_ms > 0:
            length = await self.port.read_frame(self._answer, left_ms, expected)
            if not length:
                break
            if length < _OVERHEAD or crc16(self._answer, length):
                raise ModbusCrcError("garbled answer from %d" % self._request[0])
            if self._answer[0] == self._request[0]:
                return self._check(length, expected)
            left_ms = ticks_diff(deadline, ticks_ms())
        raise ModbusTimeout("no answer from %d" % self._request[0])

    def _check(self, length: int, expected: int) -> None:
        answer = self._answer
        if answer[1] == self._request[1] | _EXCEPTION:
            raise ModbusException(answer[2])
        if answer[1] != self._request[1] or length != expected or answer[2] + _OVERHEAD != length:
            raise ModbusError("unfit answer from %d" % answer[0])
