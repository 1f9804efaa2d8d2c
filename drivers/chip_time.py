"""The chip's own clock, by which mbedtls judges certificates. Loaded to set it."""

import time

from machine import RTC


def set_unix_s(seconds: int) -> None:
    """Set it, seconds since 1970 UTC. MicroPython's gmtime counts from 1970 or, on chips, from 2000."""
    if time.gmtime(0)[0] == 2000:
        seconds -= 946684800
    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
