"""The chip itself: its serial number, why it started, its watchdog and reset."""

import machine
from machine import WDT

_WATCHDOG_MS = 8000

reset = machine.reset
CAUSES = {1: "power on", 2: "reset", 3: "watchdog", 4: "deep sleep", 5: "soft reset"}


def serial() -> str:
    """The controller's serial number, from the chip's id."""
    return "".join("%02X" % byte for byte in machine.unique_id())


def reset_cause() -> str:
    """Why the chip started, for the log."""
    return CAUSES.get(machine.reset_cause(), "unknown")


def watchdog():
    """Start the hardware watchdog."""
    return WDT(timeout=_WATCHDOG_MS)
