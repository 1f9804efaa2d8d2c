"""The log entry of a fault: what was measured and driven when it rose. Loaded when there is one."""

from core import log
from evse import faults


def report(bits: int, seen: list) -> None:
    """Log each fault of a set; seen: as in fault_checks.FaultChecks.snapshot."""
    text = describe(seen)
    while bits:
        bit = bits & -bits
        bits ^= bit
        log.error("fault", faults.read_row(bit)[1] + ": " + text)


def describe(seen: list) -> str:
    """Vehicle state, duty, pilot levels, limit, volts, amperes, temperature, contact."""
    vehicle, duty_permille, high_mv, low_mv, limit_ma, temperature_dc, closed = seen[:7]
    text = "%s %d/1000 %d/%dmV %dmA" % (vehicle, duty_permille, high_mv, low_mv, limit_ma)
    if len(seen) > 7:
        text += " %sV %sA" % (_three(seen[7:10], 1000), _three(seen[10:13], 100))
    if temperature_dc is not None:
        text += " %dC" % ((temperature_dc + 5) // 10)
    return text + (" closed" if closed else " open")


def _three(thousandths: list, unit: int) -> str:
    """Three values in whole or tenths of units; "-" for what the meter does not have."""
    texts = []
    for value in thousandths:
        if value is None:
            texts.append("-")
        elif unit == 1000:
            texts.append("%d" % ((value + 500) // 1000))
        else:
            texts.append("%d.%d" % (value // 1000, value % 1000 // 100))
    return "/".join(texts)
