"""Keeps the hotspot open and the owner's Wi-Fi joined."""

import asyncio

from core import log

_HOTSPOT_PASSWORD = "88888888"  # ETEK manual 5.6
_CHECK_S = 5


class Links:
    """The Wi-Fi link; wifi is drivers.wifi.WiFi."""

    def __init__(self, settings, wifi, serial: str) -> None:
        self._settings = settings
        self._wifi = wifi
        self._name = "OCPP_" + serial[-4:]
        self._rejoin = True
        self.wlan_ip = ""
        self.lan_ip = ""
        self.operator = ""
        self.charge_point = None  # ocpp16's, where there is one
        settings.listen(self._changed)

    def _changed(self, keys) -> None:
        self._rejoin = self._rejoin or bool(keys & {"ssid", "ssid_password", "wlan_enabled"})

    def condition(self) -> str:
        """What the yellow lamp tells: "backend" connected, "network", "" none, "off" none wanted."""
        if self._settings.get("chargepoint_type") == "Home" or not self._settings.get("backend_url"):
            return "off"
        if self.charge_point and self.charge_point.online:
            return "backend"
        return "network" if self.wlan_ip or self.lan_ip else ""

    async def run(self) -> None:
        """Open the hotspot, join the network, and tell when the address changes."""
        self._wifi.start_hotspot(self._name, _HOTSPOT_PASSWORD)
        log.info("net", "hotspot %s open" % self._name)
        while True:
            if self._rejoin:
                self._rejoin = False
                self._join()
            address = self._wifi.address()
            if address != self.wlan_ip:
                self.wlan_ip = address
                log.info("net", "Wi-Fi " + (address or "lost"))
            await asyncio.sleep_ms(_CHECK_S * 1000)

    def _join(self) -> None:
        settings = self._settings
        if settings.get("wlan_enabled") and settings.get("ssid"):
            self._wifi.join(settings.get("ssid"), settings.get("ssid_password"))
        else:
            self._wifi.leave()
