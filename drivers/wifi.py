"""The radio's two interfaces: the station in the owner's network, and the hotspot for set-up.

What is asked of them now and then is in drivers.wifi_setup, loaded for the call.
"""

import network

from core import loading


class WiFi:
    """Station and hotspot of one radio."""

    def __init__(self) -> None:
        self.station = network.WLAN(network.STA_IF)
        self.hotspot = network.WLAN(network.AP_IF)

    def do(self, function: str, *arguments):
        """Call a function of drivers.wifi_setup."""
        return loading.once("drivers.wifi_setup", function, self, *arguments)

    def address(self) -> str:
        """The station's IPv4 address, empty while there is none."""
        return self.station.ifconfig()[0] if self.station.isconnected() else ""

    def is_joining(self) -> bool:
        """Tell whether joining a network is under way."""
        return self.station.status() == network.STAT_CONNECTING

    def rssi_dbm(self) -> "int | None":
        """Signal strength of the network that it is in."""
        try:
            return self.station.status("rssi")
        except OSError:  # it has just gone
            return None

    def guests(self) -> int:
        """How many devices have joined the hotspot."""
        return len(self.hotspot.status("stations"))  # type: ignore[arg-type]  # a list for these
