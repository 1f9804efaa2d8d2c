"""What surrounds the charger and bounds it: settings, DIP switch, temperature, protections."""

import asyncio

from core import log
from core.clock import ticks_diff, ticks_ms
from evse import faults
from evse.protections import Protections
from evse.start_times import StartTimes
from evse.usage_history import UsageHistory
from micropython import const

_PERIOD_MS = const(250)
_SLOW_ROUNDS = const(4)
_MINUTE_ROUNDS = const(240)
_READER_ROUNDS = const(3)  # seconds until a card reader that does not answer is told


class Environment:
    """Keeps the limits and conditions of a charger up to date.

    dip_limit_ma() answers the DIP switch's limit in mA, 0 while it can't be read;
    thermistor: drivers.temperature.Thermistor.
    """

    def __init__(self, settings, charger, dip_limit_ma, thermistor) -> None:
        self._settings = settings
        self._charger = charger
        self._dip_limit_ma = dip_limit_ma
        self._thermistor = thermistor
        self.reader = None  # drivers.card_reader.CardReader, where there is one
        self._unread = 0
        self.beat = None  # called in each round: the supervisor's proof of life
        self._protections = Protections(settings, charger)
        self._start_times = StartTimes(settings, charger)
        self.history = UsageHistory()
        settings.listen(self._apply)
        self._apply(None)

    def _apply(self, keys) -> None:
        get = self._settings.get
        charger = self._charger
        charger.limits.set("operator", int(get("output_current_limit") * 1000))
        charger.limits.set("hardware limit", int(get("max_output_current") * 1000))
        no_card = get("plug_and_charge_id") or not get("rfid_reader")  # that could stop it
        charger.stop_on_unplug = bool(no_card) or "Plug" in get("stop_mode")
        charger.plug_timeout_s = get("connection_timeout")
        charger.resumes = get("resume_after_power_loss")
        charger.ventilated = not get("pause_in_state_d")
        log.show_debug(get("debug"))

    async def run(self) -> None:
        """Look at switch and sensor each second, at what was measured four times as often."""
        rounds = 0
        stepped_ms = ticks_ms()
        while True:
            if rounds % _SLOW_ROUNDS == 0:
                self._charger.limits.set("DIP switch", self._dip_limit_ma())
                self._read_temperature()
                self._watch_reader()
                self._start_times.step()
            if rounds % _MINUTE_ROUNDS == 0:
                self.history.note(self._charger.meter)
            rounds += 1
            now_ms = ticks_ms()
            # A held loop must not make one measurement count for seconds.
            self._protections.step(min(ticks_diff(now_ms, stepped_ms), 2 * _PERIOD_MS))
            stepped_ms = now_ms
            if self.beat:
                self.beat()
            await asyncio.sleep_ms(_PERIOD_MS)

    def _read_temperature(self) -> None:
        read_dc = self._thermistor.read_dc()
        if read_dc is not None:
            read_dc += self._settings.get("temperature_calibration")
        self._charger.temperature_dc = read_dc

    def _watch_reader(self) -> None:
        reader = self.reader
        lost = reader and reader.enabled and not reader.ok
        self._unread = min(self._unread + 1, _READER_ROUNDS) if lost else 0
        self._charger.book.set(faults.READER_FAULT, self._unread >= _READER_ROUNDS)
