"""When charging is allowed by the settings start_time and stop_time, in local time. Loaded when asked."""

from core import loading
from micropython import const

_DAY_S = const(86400)


def look(settings, unix_s: int) -> tuple:
    """(True inside the window, unix time of its next beginning or end). Equal times: always inside."""
    start_s = _seconds(settings.get("start_time"))
    stop_s = _seconds(settings.get("stop_time"))
    zone = settings.get("time_zone")
    local_s = (unix_s + loading.once("core.time_zone", "offset_s", zone, unix_s)) % _DAY_S
    if start_s == stop_s:
        return True, unix_s + _DAY_S
    since_start_s = (local_s - start_s) % _DAY_S
    is_open = since_start_s < (stop_s - start_s) % _DAY_S  # over midnight as well
    change_s = stop_s if is_open else start_s
    return is_open, unix_s + (change_s - local_s) % _DAY_S


def _seconds(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60
