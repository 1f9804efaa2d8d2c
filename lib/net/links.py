"""Keeps the owner's network joined, and opens the hotspot when somebody wants to set up.

What joining takes, what a scan takes and the hotspot itself are modules of their own, loaded while they
are needed: net.joining, net.scanning, net.hotspot.
"""

import asyncio

from core import clock, loading, log
from micropython import const

_CHECK_MS = const(2000)
_GRACE_MS = const(1500)  # the answer to a change of the network goes out by the network before
_FIRST_PAUSE_S = const(5)
_LONGEST_PAUSE_S = const(300)


class Links:
    """Wi-Fi, Ethernet and hotspot. wifi: drivers.wifi.WiFi; lan: drivers.lan.Lan or None.

    names_at: (address, port) of the hotspot's name server.
    """

    hotspot_ip = "192.168.4.1"

    def __init__(
        self, settings, wifi, serial: str, lan=None, names_at=("192.168.4.1", 53)
    ) -> None:
        self.settings = settings
        self.wifi = wifi
        self.lan = lan
        self.names_at = names_at
        self.hotspot_name = "OCPP_" + serial[-4:]  # ETEK manual 5.6
        self.hotspot = None  # net.hotspot.Hotspot while it is open
        self.hotspot_open = False
        self.changed = False  # the settings may want another network
        self.applied = None  # fingerprint of what they wanted last
        self.wants_wlan = False
        self.scanning = False
        self.wlan_ip = ""
        self.lan_ip = ""
        self.wlan_rssi_dbm = None
        self.wlan_trouble = ""  # why Wi-Fi is not joined
        self.operator = ""
        self.charge_point = None  # ocpp16's, where there is one
        settings.listen(self._on_change)

    def _on_change(self, keys) -> None:
        self.changed = True

    def condition(self) -> str:
        """What the yellow lamp tells: "backend" connected, "network", "" none, "off" none wanted."""
        if self.settings.get("chargepoint_type") == "Home" or not self.settings.get("backend_url"):
            return "off"
        if self.charge_point and self.charge_point.online:
            return "backend"
        return "network" if self.wlan_ip or self.lan_ip else ""

    async def run(self) -> None:
        """Join the network, join it again when it is lost, and tell when the address changes."""
        self.changed = True
        pause_s = due_s = 0
        while True:
            if self.changed:
                await asyncio.sleep_ms(_GRACE_MS)
                self.changed = False
                if await loading.once("net.joining", "apply", self):
                    pause_s = due_s = 0
            self._look()
            if self.wlan_ip:
                pause_s = due_s = 0
            elif self.wants_wlan and clock.uptime_s() >= due_s:
                self.wlan_trouble = await loading.once("net.joining", "join", self)
                pause_s = min(pause_s * 2 or _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                due_s = clock.uptime_s() + pause_s
                if self.wlan_trouble:
                    log.warning("net", "Wi-Fi: %s; again in %d s" % (self.wlan_trouble, pause_s))
                continue
            await asyncio.sleep_ms(_CHECK_MS)

    def _look(self) -> None:
        address = self.wifi.address()
        self.wlan_rssi_dbm = self.wifi.rssi_dbm() if address else None
        if address != self.wlan_ip:
            self.wlan_ip = address
            log.info("net", "Wi-Fi " + (address or "lost"))
        address = self.lan.address() if self.lan else ""
        if address != self.lan_ip:
            self.lan_ip = address
            log.info("net", "Ethernet " + (address or "lost"))

    def open_hotspot(self, on_purpose: bool = True) -> None:
        """Open the hotspot, or keep it open for another ten minutes.

        on_purpose: somebody at the station asks for it, and wants to see that it happens.
        """
        hotspot = self.hotspot or loading.once("net.hotspot", "Hotspot", self)
        hotspot.renew(on_purpose)
        self.hotspot, self.hotspot_open = hotspot, True

    def close_hotspot(self) -> None:
        """Close it."""
        if self.hotspot:
            self.hotspot.close()

    async def scan(self) -> list:
        """The networks in reach, strongest first, at most 20: "ssid", "rssi_dbm", "security".

        OSError when the radio is busy.
        """
        found = await loading.once("net.scanning", "scan", self)
        return [{"ssid": n[0], "rssi_dbm": n[1], "security": n[2]} for n in found]
