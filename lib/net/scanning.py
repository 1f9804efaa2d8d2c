"""Looking for networks. Loaded for a scan."""

import _thread
import asyncio

from micropython import const

_LOOK_MS = const(200)
_LOOKS = const(150)


async def scan(links) -> list:
    """What is in reach, strongest first, at most 20: (SSID, dBm, security, BSSID).

    The chip's scan takes seconds: it runs in a thread, and the asyncio loop goes on. OSError when
    the radio stays busy with something else.
    """
    wifi = links.wifi
    await _until(lambda: not links.scanning and not wifi.is_joining())
    links.scanning = True
    try:
        found = await _in_thread(wifi.do("scanner"))
    finally:
        links.scanning = False
    return wifi.do("networks", found)


async def _until(is_so) -> None:
    for _ in range(_LOOKS):
        if is_so():
            return
        await asyncio.sleep_ms(_LOOK_MS)
    raise OSError("the radio is busy")


async def _in_thread(function):
    """What a function returns, called in a thread."""
    answer = []

    def call() -> None:
        try:
            answer.append(function())
        except Exception as error:  # for the caller, who waits in another thread
            answer.append(error)

    _thread.start_new_thread(call, ())
    await _until(lambda: answer)
    if isinstance(answer[0], Exception):
        raise OSError("the radio does not scan: %s" % answer[0])
    return answer[0]
