"""network for a simulated board, as the ESP32's: a radio with networks in reach; sockets are the host's own.

What a chip does without Python's heap is in radio.py, loaded for a call.
"""

import sys
import time

import registers
from registers import peek, poke

STA_IF = 0
AP_IF = 1
AUTH_WPA2_PSK = 3
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
PHY_LAN8720 = 0
_JOINED_MS = 800  # scan, handshake, DHCP
_FAILED_MS = 2500
_BEACON_TIMEOUT = 200
_SCAN_MS = 1500

NOWHERE = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")

_static = {}  # by interface: what ifconfig was given


def host() -> tuple:
    """What DHCP gives in any network: each board has an address of its own on the host."""
    return (
        "127.0.0.%d" % (peek(registers.LAN_HOST) or 1),
        "255.0.0.0",
        "127.0.0.1",
        "127.0.0.1",
    )


def hostname(name=None) -> str:
    """The name that the board gives itself."""
    return "mpevse"


def __getattr__(name: str):
    if name == "LAN":
        return _air("LAN")
    raise AttributeError(name)


def _air(name: str):
    """A function of radio.py."""
    found = getattr(__import__("radio"), name)
    sys.modules.pop("radio", None)
    return found


class WLAN:
    """One of the radio's two interfaces. What it is set to is in the radio: registers."""

    def __init__(self, interface_id=STA_IF) -> None:
        self._ap = interface_id == AP_IF

    def active(self, is_active=None):
        """Switch the interface, or tell whether it is on."""
        word = registers.HOTSPOT_ON if self._ap else registers.STATION_ON
        if is_active is not None:
            poke(word, 1 if is_active else 0)
            if not self._ap and not is_active:
                poke(registers.STATION_WANTS, 0)
        return bool(peek(word))

    def config(self, *names, **values):
        """Set some parameters, or read one."""
        return _air("config")(self._ap, names, values)

    def connect(self, ssid=None, key=None, *, bssid=None) -> None:
        """Start to join a network."""
        _air("connect")(ssid or "", key or "", bssid)

    def disconnect(self) -> None:
        """Leave the network."""
        if not self.active():
            raise OSError("Wifi Not Started")
        poke(registers.STATION_WANTS, 0)

    def isconnected(self) -> bool:
        """Station: has an address. Access point: somebody has joined it."""
        if self._ap:
            return bool(self.status("stations"))
        return self.status() == STAT_GOT_IP

    def status(self, param=None):
        """Where joining stands; "rssi" of the joined network, "stations" that joined the hotspot."""
        if param == "stations":
            guests = peek(registers.HOTSPOT_GUESTS) if peek(registers.HOTSPOT_ON) else 0
            return [(bytes((2, 0, 0, 0, 2, guest)),) for guest in range(guests)]
        if param == "rssi":
            if not self.isconnected():
                raise OSError("Wifi Not Connected")
            first = (peek(registers.STATION_NETWORK) - 1) * registers.NETWORK_WORDS
            return -peek(registers.NETWORK0 + first + registers.NETWORK_DBM)
        if not peek(registers.STATION_WANTS):
            return STAT_IDLE
        waited_ms = time.ticks_diff(time.ticks_ms(), peek(registers.STATION_SINCE_MS))
        reason = peek(registers.STATION_REASON)
        if waited_ms < (_FAILED_MS if reason else _JOINED_MS):
            return STAT_CONNECTING
        in_reach = peek(registers.NETWORKS) if peek(registers.LINKS) & 1 else 0
        if not reason and peek(registers.STATION_NETWORK) > in_reach:
            reason = _BEACON_TIMEOUT
            poke(registers.STATION_REASON, reason)
        return reason or STAT_GOT_IP

    def ifconfig(self, values=None):
        """(address, mask, gateway, DNS), zeros while there is no network; sets them, or "dhcp"."""
        if values is not None:
            return _air("set_addresses")(_static, STA_IF, values)
        if self._ap:
            return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        return (_static.get(STA_IF) or host()) if self.isconnected() else NOWHERE

    def scan(self) -> list:
        """(SSID, BSSID, channel, dBm, security, hidden) of what is in reach; takes its time."""
        if not self.active():
            raise OSError("STA must be active")
        if self.status() == STAT_CONNECTING:
            raise OSError("Wifi Internal State Error")
        time.sleep_ms(_SCAN_MS)
        return _air("records")()
