"""A StopTransaction with transactionData (OCPP 1.6 section 4.10), never whole in memory. Loaded to send it."""

import asyncio
import struct

from core import loading
from core.journal import scan
from ocpp16.meter_values import meter_values, sample
from ocpp16.queue import UPTIME
from ocpp16.sampling import CLOCK, END, PERIODIC
from ocpp16.transaction_data import CONTEXT, HEAD, HEAD_BYTES, ORIGIN, SAMPLE, stride

loading.unload("ocpp16.meter_values")  # these go when this module goes
loading.unload("ocpp16.transaction_data")


class _Outline:
    """What has to be known of a file before it is sent."""

    def __init__(self, origin_s: int) -> None:
        self.counts = [0, 0]
        self.origins: list = []  # of the undated samples, each up to so many records
        self.length = 0
        self.end = -1  # the record with the last sample of all
        self._origin_s = origin_s

    async def read(self, path: str) -> None:
        """Read the file."""
        for kind, payload in scan(path):
            if kind == ORIGIN:
                self.origins.append((self.length, struct.unpack("<I", payload)[0]))
            elif payload[CONTEXT] == END:
                self.end = self.length
            elif payload[CONTEXT] in (PERIODIC, CLOCK):
                self.counts[payload[CONTEXT]] = struct.unpack("<I", payload[:4])[0] + 1
            self.length += 1
            await asyncio.sleep_ms(0)
        self.origins.append((self.length, self._origin_s))

    def is_sent(self, place: int, number: int, context: int) -> bool:
        """Whether a sample belongs to what is sent."""
        if context in (PERIODIC, CLOCK):
            return number % stride(self.counts[context]) == 0
        # after a power cut there may be two ends: the last is of what StopTransaction tells
        return context != END or place == self.end

    def unix_s(self, place: int, base: int, time_s: int) -> int:
        """When a sample was taken."""
        if base != UPTIME:
            return time_s
        return time_s + next(origin for length, origin in self.origins if place <= length)


async def parts(head: str, path: str, end: tuple, origin_s: int, phases: str):
    """Generate a StopTransaction payload's parts.

    head: what comes before the transactionData, without the last brace; path: the file; end: unix time
    and Wh, where a power cut has kept the end from the file;
    origin_s: when the present time line of undated samples began; phases: ConnectorPhaseRotation.
    """
    outline = _Outline(origin_s)
    await outline.read(path)
    return _parts(head, path, end, outline, phases)


def _parts(head: str, path: str, end: tuple, outline: _Outline, phases: str):
    yield head.encode()
    before = ',"transactionData":['
    for data, unix_s in _samples(path, end, outline):
        for text in meter_values(data, unix_s, phases, True):
            yield (before + text).encode()
            before = ""
        before = ","
    yield b"]}" if before == "," else b"}"


def _samples(path: str, end: tuple, outline: _Outline):
    """Generate (sample, unix time) of what is sent."""
    place = -1
    for kind, payload in scan(path):
        place += 1
        if kind == SAMPLE:
            number, base, time_s = struct.unpack(HEAD, payload[:HEAD_BYTES])
            if outline.is_sent(place, number, payload[CONTEXT]):
                yield payload[HEAD_BYTES:], outline.unix_s(place, base, time_s)
    if outline.end < 0:
        unix_s, meter_stop_wh = end
        yield sample(1, END, "", [meter_stop_wh]), unix_s
