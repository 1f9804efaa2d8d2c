"""The Wi-Fi interfaces: the hotspot for set-up, and the station that joins the owner's network."""

import network


class WiFi:
    """Hotspot and station of one radio."""

    def __init__(self) -> None:
        self._station = network.WLAN(network.STA_IF)
        self._hotspot = network.WLAN(network.AP_IF)

    def start_hotspot(self, name: str, password: str) -> None:
        """Open the hotspot at 192.168.4.1."""
        self._hotspot.active(True)
        self._hotspot.config(ssid=name, key=password, security=network.AUTH_WPA2_PSK)

    def join(self, ssid: str, password: str) -> None:
        """Start to join a network; the radio goes on trying by itself."""
        self._station.active(True)
        self._station.connect(ssid, password)

    def leave(self) -> None:
        """Switch the station off."""
        self._station.disconnect()
        self._station.active(False)

    def address(self) -> str:
        """The station's IPv4 address, empty while there is none."""
        return self._station.ifconfig()[0] if self._station.isconnected() else ""
