"""Protections by measurement: mains voltage, the car's current, temperature, and the sensors themselves."""

from array import array

from core import clock
from evse import faults
from evse.pilot_levels import MIN_MA
from micropython import const

_UNDER_VOLTAGE_MS = const(3000)  # a motor that starts nearby is no fault
_METER_SILENT_MS = const(10000)
_SENSOR_MS = const(3000)
_RECENT_S = const(7)  # a car has 5 s to follow the duty, a meter 2 s to show it (sequence 6)
_TOLERANCE_MA = const(500)
_OVERLOAD_PERCENT = const(110)
_OVERLOAD_MS = const(2000)
_OVER_CURRENT_MS = const(3000)  # the meter's second and 6 s for the car on top: 10 s in all
_TEMPERATURE_STEP_MS = const(60000)
_TEMPERATURE_BAND_DC = const(50)
_STEP_PERCENT = const(10)
_REDUCING = ("overload", "temperature")


class Protections:
    """Tells the charger's fault book what the measurements mean, and reduces its limit.

    `step` looks at the charger's latest measurements; call it about four times a second.
    """

    def __init__(self, settings, charger) -> None:
        self._get = settings.get
        self._charger = charger
        self._recent_ma = array("i", [0] * _RECENT_S)  # what was permitted, by second
        self._second = 0
        self._sagging_ms = 0
        self._blind_ms = 0
        self._overload_ms = 0
        self._excess_ms = 0
        self._reduced = 0  # percent that an overload takes off
        self._cooling = 0  # percent that the temperature takes off
        self._cooling_ms = _TEMPERATURE_STEP_MS  # since the last step of that
        self._session = None

    def step(self, elapsed_ms: int) -> None:
        """Look at the measurements of this moment."""
        meter = self._charger.meter
        silent = meter and not meter.ok and meter.trouble and meter.age_ms() >= _METER_SILENT_MS
        self._charger.book.set(faults.METER_FAULT, silent)
        if meter and meter.ok:
            self._watch_voltage(meter.voltage_mv, elapsed_ms)
            self._watch_current(meter.current_ma, elapsed_ms)
        self._watch_temperature(elapsed_ms)
        self._reduce("overload", self._reduced)
        self._reduce("temperature", self._cooling)

    # Voltage.

    def _watch_voltage(self, voltage_mv, elapsed_ms: int) -> None:
        get, book = self._get, self._charger.book
        phases = 3 if get("phases")[0] == "3" else 1
        seen = [mv for mv in voltage_mv[:phases] if mv is not None]
        if not seen or not get("voltage_monitoring"):
            for bit in (faults.OVER_VOLTAGE, faults.UNDER_VOLTAGE, faults.PHASE_LOSS):
                book.set(bit, False)
            return
        highest, lowest = max(seen), min(seen)
        most, least = get("max_voltage") * 1000, get("min_voltage") * 1000
        if book.bits & faults.OVER_VOLTAGE:
            most = min(most, get("high_voltage_hysteresis") * 1000)
        book.set(faults.OVER_VOLTAGE, highest > most)
        low_bits = book.bits & (faults.UNDER_VOLTAGE | faults.PHASE_LOSS)
        if low_bits:
            least = max(least, get("low_voltage_hysteresis") * 1000)
        sags = lowest < least or lowest * 2 < highest
        self._sagging_ms = min(self._sagging_ms + elapsed_ms, _UNDER_VOLTAGE_MS) if sags else 0
        sags = sags and (low_bits or self._sagging_ms >= _UNDER_VOLTAGE_MS)
        one = highest >= least or lowest * 2 < highest  # the others are there
        book.set(faults.PHASE_LOSS, sags and one)
        book.set(faults.UNDER_VOLTAGE, sags and not one)

    # The car's current.

    def _watch_current(self, current_ma, elapsed_ms: int) -> None:
        charger = self._charger
        checks = self._get("overload_check")
        if charger.session is not self._session or not checks:
            self._session = charger.session
            self._reduced = 0
        if not checks or not charger.guard.asked:
            self._excess_ms = self._overload_ms = 0
            charger.book.set(faults.OVER_CURRENT, False)
            return
        allowed_ma = self._permitted_ma() + _TOLERANCE_MA
        drawn_ma = max([ma for ma in current_ma if ma is not None] or (0,))
        excess = drawn_ma * 100 > allowed_ma * self._get("stop_limit")
        self._excess_ms = min(self._excess_ms + elapsed_ms, _OVER_CURRENT_MS) if excess else 0
        charger.book.set(faults.OVER_CURRENT, self._excess_ms >= _OVER_CURRENT_MS)
        overload = drawn_ma * 100 > allowed_ma * _OVERLOAD_PERCENT
        self._overload_ms = self._overload_ms + elapsed_ms if overload else 0
        if self._overload_ms >= _OVERLOAD_MS:
            self._overload_ms = -1000 * _RECENT_S  # the car's time to follow
            self._reduced = min(self._reduced + _STEP_PERCENT, 100)

    def _permitted_ma(self) -> int:
        """The highest current that was permitted in the last seconds, reductions for overload apart."""
        charger, recent = self._charger, self._recent_ma
        offers_ma = charger.limits.without(("overload",)) if charger.signaled_ma else 0
        now_s = clock.uptime_s()
        if now_s - self._second > _RECENT_S:
            self._second = now_s - _RECENT_S
        while self._second < now_s:
            self._second += 1
            recent[self._second % _RECENT_S] = 0
        place = now_s % _RECENT_S
        recent[place] = max(recent[place], offers_ma)
        return max(recent)

    # Temperature.

    def _watch_temperature(self, elapsed_ms: int) -> None:
        get, book = self._get, self._charger.book
        now_dc = self._charger.temperature_dc
        self._blind_ms = min(self._blind_ms + elapsed_ms, _SENSOR_MS) if now_dc is None else 0
        book.set(faults.TEMPERATURE_SENSOR, self._blind_ms >= _SENSOR_MS)
        if now_dc is None:
            return
        reduce_dc, stop_dc = get("temperature_1") * 10, get("temperature_2") * 10
        if book.bits & faults.OVER_TEMPERATURE:
            stop_dc = min(stop_dc, reduce_dc)
        book.set(faults.OVER_TEMPERATURE, now_dc >= stop_dc)
        percent = get("temperature_reduction")
        self._cooling_ms = min(self._cooling_ms + elapsed_ms, _TEMPERATURE_STEP_MS)
        if self._cooling_ms < _TEMPERATURE_STEP_MS:
            return
        if now_dc >= reduce_dc and percent and self._cooling < 100:
            self._cooling = min(self._cooling + percent, 100)
            self._cooling_ms = 0
        elif self._cooling and now_dc < reduce_dc - _TEMPERATURE_BAND_DC:
            self._cooling = max(self._cooling - (percent or 100), 0)
            self._cooling_ms = 0

    def _reduce(self, reason: str, percent: int) -> None:
        """Take a share off what the other sources allow; 6 A always stays."""
        limits = self._charger.limits
        if percent:
            share_ma = limits.without(_REDUCING) * (100 - percent) // 100
            limits.set(reason, max(share_ma, MIN_MA))
        elif reason in limits.slots():
            limits.set(reason, None)
