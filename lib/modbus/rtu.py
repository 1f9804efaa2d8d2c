"""Modbus RTU master: one request at a time on a port, answers checked and decoded into words.

The port is an object with `async write(frame)` and `async read_frame(buffer, timeout_ms,
expected)`, which returns the length of a frame, 0 for none; it keeps the silence between frames.
"""

import asyncio

from micropython import const
from modbus.crc import append_crc, crc16

READ_HOLDING = 3
READ_INPUT = 4

_TIMEOUT_MS = const(300)
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
    """The one that asks on a bus. Users may share it: requests queue up.

    max_registers bounds an answer, and with it the buffer that is kept.
    """

    def __init__(self, port, timeout_ms: int = _TIMEOUT_MS, max_registers: int = 64) -> None:
        self.max_registers = max_registers
        self._port = port
        self._timeout_ms = timeout_ms
        self._lock = asyncio.Lock()
        self._request = bytearray(8)
        self._answer = bytearray(max(8, _OVERHEAD + 2 * max_registers))

    async def read(self, address: int, function: int, register: int, count: int, into=None):
        """Read registers (function READ_HOLDING or READ_INPUT) into `into`, or a new list.

        register is the number in the protocol, from 0. Raises ModbusError.
        """
        if not 1 <= count <= self.max_registers:
            raise ValueError("registers in one request")
        words = [0] * count if into is None else into
        async with self._lock:
            request = self._request
            request[0] = address
            request[1] = function
            request[2] = register >> 8
            request[3] = register & 0xFF
            request[4] = count >> 8
            request[5] = count & 0xFF
            await self._exchange(_OVERHEAD + 2 * count)
            answer = self._answer
            for i in range(count):
                words[i] = answer[3 + 2 * i] << 8 | answer[4 + 2 * i]
        return words

    async def _exchange(self, expected: int) -> None:
        """Send the request and have its answer, checked, in the buffer."""
        append_crc(self._request, 6)
        await self._port.write(self._request)
        length = await self._port.read_frame(self._answer, self._timeout_ms, expected)
        if not length:
            raise ModbusTimeout("no answer from %d" % self._request[0])
        self._check(length, expected)

    def _check(self, length: int, expected: int) -> None:
        answer = self._answer
        if length < _OVERHEAD or crc16(answer, length):
            raise ModbusCrcError("garbled answer from %d" % self._request[0])
        if answer[0] != self._request[0]:
            raise ModbusError("answer from %d to a request to %d" % (answer[0], self._request[0]))
        if answer[1] == self._request[1] | _EXCEPTION:
            raise ModbusException(answer[2])
        if answer[1] != self._request[1] or length != expected or answer[2] + _OVERHEAD != length:
            raise ModbusError("unfit answer from %d" % answer[0])
