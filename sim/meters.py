"""Modbus energy meters on the bus, served by pymodbus: its RTU framer, decoder and data store."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from sim import meter_maps
from sim.rs485 import FrameNode, Line

_ILLEGAL_FUNCTION, _ILLEGAL_VALUE = 1, 3


class Reading(NamedTuple):
    """What a meter measures: volts and amperes a phase, watts in total, energy counter."""

    v: "tuple[float, float, float]"
    a: "tuple[float, float, float]"
    w: float
    kwh: float
    phase_w: "tuple[float, ...] | None" = None  # where they are not volts times amperes


class Meter(FrameNode):
    """A three-phase meter; `reading` is asked for the live values at each request.

    It serves the map of the firmware's default settings until it becomes a preset. Behind
    transformers (`ct`, `vt`) it measures their secondary side; its energy is the primary side's
    all the same, unless `primary_energy` is off.
    """

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
        self.ct = 1.0
        self.vt = 1.0
        self.primary_energy = True
        self.preset = meter_maps.CUSTOM
        self._address = address
        self._reading = reading
        self._framer = FramerRTU(DecodePDU(True))
        self._serve(meter_maps.default_map())

    def become(self, preset: str, with_gaps: bool = True, without: str = "") -> None:
        """Be a meter of another kind, with its map and its serial line, less one quantity."""
        if preset == meter_maps.CUSTOM:
            self._serve(meter_maps.default_map())
        else:
            self._serve(meter_maps.preset_map(preset, with_gaps, without))
        self.preset = preset
        self._line = self._map.line

    def _serve(self, served: meter_maps.MeterMap) -> None:
        self._map = served
        blocks = [
            SimData(first, count=count, values=0, datatype=DataType.REGISTERS, readonly=True)
            for first, count in served.blocks
        ]
        device = SimDevice(self._address, simdata=blocks, action=self._refresh)
        self._store: Any = SimCore(device)

    def answer(self, frame: bytes) -> bytes:
        if self.silent or frame[0] != self._address:
            return b""
        _, request = self._framer.handleFrame(frame, self._address, 0)
        if request is None:
            return b""
        response = self._respond(request)
        response.dev_id = self._address
        reply = self._framer.buildFrame(response)
        return reply[:-1] + bytes((reply[-1] ^ 0xFF,)) if self.corrupt else reply

    def _respond(self, request: Any) -> Any:
        if request.function_code not in self._map.functions:
            return ExceptionResponse(request.function_code, _ILLEGAL_FUNCTION)
        if request.count > self._map.most_registers:
            return ExceptionResponse(request.function_code, _ILLEGAL_VALUE)
        return _finish(request.datastore_update(self._store, self._address))

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
        values = self._values()
        for entry in self._map.entries:
            if entry.register < address + count and address < entry.register + entry.words:
                at = entry.register - start_address
                words = entry.encode(values[entry.quantity][entry.phase])
                registers[at : at + entry.words] = words

    def _values(self) -> "dict[str, tuple[float, ...]]":
        """What the registers hold, by quantity and phase."""
        reading, ct, vt = self._reading(), self.ct, self.vt
        phase_w = reading.phase_w or [v * a for v, a in zip(reading.v, reading.a, strict=True)]
        secondary_kwh = reading.kwh / ct / vt
        kwh = reading.kwh if self.primary_energy else secondary_kwh
        if not self.primary_energy and self._map.has("secondary_kwh"):
            kwh = 0.0
        return {
            "v": tuple(v / vt for v in reading.v),
            "a": tuple(a / ct for a in reading.a),
            "w": (reading.w / ct / vt,),
            "phase_w": tuple(math.nan if w is None else w / ct / vt for w in phase_w),
            "kwh": (kwh,),
            "secondary_kwh": (secondary_kwh,),
            "ct": (ct,),
            "vt": (vt,),
        }


def _finish(coroutine: Any) -> Any:
    """Result of a coroutine that never has to wait, such as pymodbus' data store here."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the data store waited")
