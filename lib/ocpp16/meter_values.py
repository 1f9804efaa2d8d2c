"""Samples of the meter: as bytes to keep, as sampledValues of OCPP 1.6 to send (sections 4.7 and 7.43).

Loaded when a sample is taken or sent. A sample is: connector, context, which of the items of
sampling.readings are in it, length of the interval in seconds, the items.
"""

import asyncio
import struct

from core import clock
from micropython import const
from ocpp16.sampling import CLOCK

_HEAD = "<BBHI"
_HEAD_BYTES = const(8)
_CONTEXTS = (
    "Sample.Periodic",
    "Sample.Clock",
    "Trigger",
    "Transaction.Begin",
    "Transaction.End",
    "Interruption.Begin",
    "Interruption.End",
)
# Measurand, unit, what a phase's name ends in, the first of its items.
_MEASURANDS = (
    ("Energy.Active.Import.Register", "Wh", None, 0),
    ("Power.Active.Import", "W", None, 1),
    ("Power.Offered", "W", None, 2),
    ("Current.Offered", "A", None, 3),
    ("Temperature", "Celsius", None, 4),
    ("Current.Import", "A", "", 5),
    ("Voltage", "V", "-N", 8),
)
_ENERGY = const(1)  # the item that is no average, as a bit
_TEMPERATURE = const(4)
_KELVIN_AT_0_C = const(273150)  # thousandths
_REFERENCE = "RST"
_PARTS_IN_TURN = const(3)


def items(measurands: str) -> int:
    """The items of a setting's measurands, as bits; of an empty one, by the standard, the energy."""
    wanted = [name.strip() for name in measurands.split(",")]
    bits = 0
    for name, _, phase, first in _MEASURANDS:
        if name in wanted:
            bits |= (1 if phase is None else 7) << first
    return bits or _ENERGY


def sample(
    connector: int, context: int, measurands: str, values: list, length_s: int = 0
) -> bytes:
    """What there is of the measurands among sampling.readings; empty when there is nothing."""
    bits = items(measurands)
    found = 0
    data = b""
    for item, value in enumerate(values):
        if value is not None and bits >> item & 1:
            found |= 1 << item
            data += struct.pack("<i", value)
    return struct.pack(_HEAD, connector, context, found, length_s) + data if found else b""


async def message(sample: bytes, transaction: "int | None", unix_s: int, phases: str) -> list:
    """A MeterValues payload in parts. phases: the setting ConnectorPhaseRotation."""
    bound = "" if transaction is None else '"transactionId":%d,' % transaction
    parts = [('{"connectorId":%d,%s"meterValue":[' % (sample[0], bound)).encode()]
    for text in meter_values(sample, unix_s, phases):
        parts.append(text.encode())
        if not len(parts) % _PARTS_IN_TURN:
            await asyncio.sleep_ms(0)
    parts.append(b"]}")
    return parts


def meter_values(sample: bytes, unix_s: int, phases: str, at_end: bool = False):
    """Generate the text of a sample's meterValue, in parts.

    Of a clock-aligned one there are two: averages bear the time at which their interval began
    (section 9.1.3, ClockAlignedDataInterval), the energy that of the reading. at_end: for a
    StopTransaction, whose schema spells Celsius in its own way: kelvin.
    """
    connector, context, found, length_s = struct.unpack(_HEAD, sample[:_HEAD_BYTES])
    values = _unpack(sample, found)
    order = _phase_order(phases, connector)
    comma = ""
    rounds = (~_ENERGY, _ENERGY) if context == CLOCK else (-1,)
    for part in rounds:
        if found & part:
            time = clock.iso8601(unix_s - (length_s if part == ~_ENERGY else 0))
            yield '%s{"timestamp":"%s","sampledValue":[' % (comma, time)
            for text in _sampled_values(values, found & part, _CONTEXTS[context], order, at_end):
                yield text
            yield "]}"
            comma = ","


def _unpack(sample: bytes, found: int) -> dict:
    values = {}
    offset = _HEAD_BYTES
    for item in range(16):
        if found >> item & 1:
            values[item] = struct.unpack("<i", sample[offset : offset + 4])[0]
            offset += 4
    return values


def _sampled_values(values: dict, found: int, context: str, order: list, at_end: bool):
    comma = ""
    for name, unit, suffix, first in _MEASURANDS:
        for index in range(1 if suffix is None else 3):
            item = first if suffix is None else first + order[index]
            if not found >> item & 1:
                continue
            value = values[item]
            more = ""
            if suffix is not None:
                more = ',"phase":"L%d%s"' % (index + 1, suffix)
            elif item == _TEMPERATURE:
                more = ',"location":"Body"'
                if at_end:
                    value, unit = value + _KELVIN_AT_0_C, "K"
            text = _decimal(value) if item else str(value)
            yield '%s{"value":"%s","context":"%s","measurand":"%s"%s,"unit":"%s"}' % (
                comma,
                text,
                context,
                name,
                more,
                unit,
            )
            comma = ","


def _decimal(thousandths: int) -> str:
    """Decimal text of a value in thousandths, without superfluous digits: 16000 -> 16."""
    sign = "-" if thousandths < 0 else ""
    text = "%s%d.%03d" % (sign, abs(thousandths) // 1000, abs(thousandths) % 1000)
    return text.rstrip("0").rstrip(".")


def _phase_order(rotation: str, connector: int) -> list:
    """Which of the meter's phases the connector's L1, L2 and L3 are.

    rotation: ConnectorPhaseRotation, such as 0.RST,1.STR, each connector's in respect to its meter.
    """
    for entry in rotation.split(","):
        number, _, letters = entry.strip().partition(".")
        order = [_REFERENCE.find(letter) for letter in letters]
        if number == str(connector) and sorted(order) == [0, 1, 2]:
            return order
    return [0, 1, 2]
