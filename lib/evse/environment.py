"""What surrounds the charger and bounds it: settings, DIP switch, temperature."""

import asyncio

_PERIOD_MS = 1000


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
        settings.listen(self._apply)
        self._apply(None)

    def _apply(self, keys) -> None:
        get = self._settings.get
        charger = self._charger
        charger.limits.set("operator", int(get("output_current_limit") * 1000))
        charger.limits.set("hardware limit", int(get("max_output_current") * 1000))
        charger.stop_on_unplug = "Plug" in get("stop_mode")
        charger.ventilated = not get("pause_in_state_d")

    async def run(self) -> None:
        """Look at the switch and the sensor each second."""
        while True:
            self._charger.limits.set("DIP switch", self._dip_limit_ma())
            self._charger.temperature_dc = self._thermistor.read_dc()
            await asyncio.sleep_ms(_PERIOD_MS)
