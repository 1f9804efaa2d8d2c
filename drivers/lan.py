"""Ethernet, on boards with a PHY: config.json's board.ethernet. Loaded only there."""

import network
from machine import Pin


class Lan:
    """The Ethernet interface.

    circuit: "mdc" and "mdio" pins, "phy_addr", and where there is one the "power" pin; the PHY is a
    LAN8720.
    """

    def __init__(self, circuit: dict) -> None:
        power = circuit.get("power")
        self._interface = network.LAN(  # type: ignore[call-arg]  # the ESP32's has these
            0,
            mdc=Pin(circuit["mdc"]),
            mdio=Pin(circuit["mdio"]),
            power=None if power is None else Pin(power),
            phy_type=network.PHY_LAN8720,
            phy_addr=circuit["phy_addr"],
        )

    def start(self, addresses) -> None:
        """Switch it on. addresses: (own, mask, gateway, DNS), None for DHCP."""
        self._interface.active(True)
        self._interface.ifconfig(addresses or "dhcp")

    def stop(self) -> None:
        """Switch it off."""
        self._interface.active(False)

    def address(self) -> str:
        """Its IPv4 address, empty while there is none."""
        return self._interface.ifconfig()[0] if self._interface.isconnected() else ""

    def mask(self) -> str:
        """The mask of its network."""
        return self._interface.ifconfig()[1]
