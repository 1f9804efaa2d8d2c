"""Modbus energy meters on the bus, served by pymodbus: its RTU framer, decoder and data store."""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from sim.rs485 import FrameNode, Line

# Float32, big-endian, two registers each. First the map that the firmware's settings default to,
# then that of an Eastron SDM630; both can be read with function 3 and with function 4.
_DEFAULT_MAP = {"v": (21248, 21250, 21252), "a": (21260, 21262, 21264)}
_EASTRON_MAP = {"v": (0, 2, 4), "a": (6, 8, 10), "phase_w": (12, 14, 16)}
_TOTAL_W = (21288, 52)
_TOTAL_KWH = (21300, 72, 342)
_BLOCKS = ((0, 384), (21248, 54))  # first register and count of each range that can be read


class Reading(NamedTuple):
    """What a meter measures: volts and amperes a phase, watts in total, energy counter."""

    v: "tuple[float, float, float]"
    a: "tuple[float, float, float]"
    w: float
    kwh: float


class Meter(FrameNode):
    """A three-phase meter; `reading` is asked for the live values at each request."""

    def __init__(
        self,
        address: int,
        reading: "Callable[[], Reading]",
        line: "Line | None" = None,
        turnaround_s: float = 0.03,
    ) -> None:
        super().__init__(line, turnaround_s)
        self.silent = False  # fault: does not answer
        self.corrupt = False  # fault: its answers carry a wrong CRC
        self._address = address
        self._reading = reading
        self._framer = FramerRTU(DecodePDU(True))
        blocks = [
            SimData(first, count=count, values=0, datatype=DataType.REGISTERS, readonly=True)
            for first, count in _BLOCKS
        ]
        self._store: Any = SimCore(SimDevice(address, simdata=blocks, action=self._refresh))

    def answer(self, frame: bytes) -> bytes:
        if self.silent or frame[0] != self._address:
            return b""
        _, request = self._framer.handleFrame(frame, self._address, 0)
        if request is None:
            return b""
        response = _finish(request.datastore_update(self._store, self._address))
        response.dev_id = self._address
        reply = self._framer.buildFrame(response)
        return reply[:-1] + bytes((reply[-1] ^ 0xFF,)) if self.corrupt else reply

    async def _refresh(
        self,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        registers: "list[int]",
        set_values: Any,
    ) -> None:
        """pymodbus calls this before it serves a request."""
        for register, value in _registers_of(self._reading()):
            if address - 1 <= register < address + count:
                at = register - start_address
                registers[at : at + 2] = struct.unpack(">HH", struct.pack(">f", value))


def _registers_of(reading: Reading) -> "list[tuple[int, float]]":
    """Register numbers and the values behind them."""
    phase_w = tuple(v * a for v, a in zip(reading.v, reading.a, strict=True))
    values = {"v": reading.v, "a": reading.a, "phase_w": phase_w}
    pairs = [(register, reading.w) for register in _TOTAL_W]
    pairs += [(register, reading.kwh) for register in _TOTAL_KWH]
    for register_map in (_DEFAULT_MAP, _EASTRON_MAP):
        for quantity, registers in register_map.items():
            pairs += zip(registers, values[quantity], strict=True)
    return pairs


def _finish(coroutine: Any) -> Any:
    """Result of a coroutine that never has to wait, such as pymodbus' data store here."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the data store waited")
