"""network for a simulated board: the radio and its surroundings; sockets are the host's own."""

import registers
from registers import peek

STA_IF = 0
AP_IF = 1
AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201


def hostname(name=None) -> str:
    """The name that the board gives itself."""
    return "mpevse"


class WLAN:
    """One of the radio's two interfaces."""

    IF_STA = STA_IF
    IF_AP = AP_IF

    def __init__(self, interface_id=STA_IF) -> None:
        self._ap = interface_id == AP_IF
        self._active = False
        self._ssid = ""
        self._config = {"ssid": "", "channel": 1, "hidden": False}

    def active(self, is_active=None):
        """Switch the interface, or tell whether it is on."""
        if is_active is None:
            return self._active
        self._active = bool(is_active)
        return self._active

    def config(self, *names, **values):
        """Read one parameter, or set some; "mac" as the interface's address."""
        if names:
            return b"\x24\x0a\xc4\x00\x00\x01" if names[0] == "mac" else self._config[names[0]]
        self._config.update(values)
        return None

    def connect(self, ssid=None, key=None) -> None:
        """Start to join a network."""
        self._ssid = ssid or ""

    def disconnect(self) -> None:
        """Leave the network."""
        self._ssid = ""

    def isconnected(self) -> bool:
        """Station: joined and in reach. Access point: on."""
        if self._ap:
            return self._active
        return self._active and bool(self._ssid) and bool(peek(registers.LINKS) & 1)

    def status(self, param=None):
        """Where joining stands."""
        if not self._ssid:
            return STAT_IDLE
        return STAT_GOT_IP if self.isconnected() else STAT_NO_AP_FOUND

    def ifconfig(self, values=None):
        """(address, mask, gateway, DNS); zeros while there is no network."""
        if self._ap:
            return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        if not self.isconnected():
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
