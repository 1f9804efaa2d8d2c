"""Charging only at certain times, and not at once: a session that is authorized waits by a limit of 0 A.

Settings charging_reservation, start_time, stop_time, start_delay and start_delay_max (ETEK's manual,
AUTHORIZATION). While there is no session the limits stand as well, so that a new one never has an offer
for a moment.
"""

import os

from core import clock, loading, log
from micropython import const

_WINDOW = "start time"
_DELAY = "start delay"
_LOOK_S = const(300)  # until the window is worked out anew: summer time may have begun


class StartTimes:
    """Steps the two limits of a charger (evse.charger.Charger)."""

    def __init__(self, settings, charger) -> None:
        self._settings = settings
        self._charger = charger
        unfinished = charger.session_log.unfinished
        self._session = unfinished.number if unfinished else 0  # has had its delay
        self._is_open = True
        self._change_s = 0  # unix time at which the window opens or closes
        self._look_s = 0
        self._boot_unix_s = 0  # the clock that the window was worked out by
        self._delayed_to_s = 0  # uptime
        settings.listen(self._apply)

    def _apply(self, keys) -> None:
        self._look_s = min(self._look_s, 0)

    def step(self) -> None:
        """Once a second: set the limits, and the seconds left of a pause."""
        charger = self._charger
        waits_s = self._to_window_s() if self._settings.get("charging_reservation") else 0
        rest_s = self._rest_s(waits_s)
        self._hold(_WINDOW, waits_s)
        self._hold(_DELAY, rest_s)
        if charger.limit_reason == _WINDOW:
            charger.limits.left_s = waits_s
        elif charger.limit_reason == _DELAY:
            charger.limits.left_s = rest_s

    def _hold(self, reason: str, left_s: int) -> None:
        limits = self._charger.limits
        if (left_s > 0) != (reason in limits.slots()):
            limits.set(reason, 0 if left_s else None)

    def _to_window_s(self) -> int:
        """Seconds until charging is allowed; 0 when it is, or nobody knows the time."""
        now_s = clock.unix_s()
        uptime_s = clock.uptime_s()
        if not now_s:
            if self._look_s >= 0:
                log.warning("charger", "the clock is not set: charging whatever the start time")
            self._look_s = -1
            return 0
        is_same_clock = clock.boot_unix_s() == self._boot_unix_s
        if uptime_s >= self._look_s or now_s >= self._change_s or not is_same_clock:
            self._boot_unix_s = clock.boot_unix_s()
            self._look_s = uptime_s + _LOOK_S
            found = loading.once("evse.charging_window", "look", self._settings, now_s)
            self._is_open, self._change_s = found
        return 0 if self._is_open else self._change_s - now_s

    def _rest_s(self, waits_s: int) -> int:
        """Seconds left of the random delay, which begins with the session or when the window opens."""
        session = self._charger.session
        wanted = self._settings.get("start_delay")
        if session is None:
            return 1 if wanted else 0  # it will be drawn
        if waits_s:
            self._session = 0
            return 0
        if (
            session.number != self._session
        ):  # also where no delay is wanted: then none begins later
            self._session = session.number
            most_s = self._settings.get("start_delay_max") if wanted else 0
            self._delayed_to_s = clock.uptime_s() + _random_s(most_s)
        return max(0, self._delayed_to_s - clock.uptime_s()) if wanted else 0


def _random_s(most_s: int) -> int:
    two = os.urandom(2)
    return (two[0] << 8 | two[1]) % (most_s + 1)
