"""The simulated radio below network.py: the networks' registers, and what they answer to a try to join."""

import time

import registers
from network import NOWHERE, host
from registers import peek, poke

_OPEN, _WPA2 = 0, 3  # kinds of security
_NO_AP_FOUND = 201  # reasons of the ESP32
_AUTH_FAIL = 202
_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211


def _text(index: int, words: int) -> str:
    """The zero-terminated text that begins at a register."""
    raw = bytearray()
    for word in range(index, index + words):
        value = peek(word)
        for shift in (0, 8, 16, 24):
            raw.append((value >> shift) & 255)
    return bytes(raw).split(b"\0")[0].decode()


def _put_text(index: int, words: int, text: str) -> None:
    raw = text.encode()[: 4 * words - 1]
    raw += bytes(4 * words - len(raw))
    for word in range(words):
        poke(index + word, int.from_bytes(raw[4 * word : 4 * word + 4], "little"))


def _in_reach() -> range:
    """Numbers of the networks in reach, from 1."""
    return range(1, peek(registers.NETWORKS) + 1) if peek(registers.LINKS) & 1 else range(0)


def _field(number: int, field: int) -> int:
    """Register of a network's field."""
    return registers.NETWORK0 + (number - 1) * registers.NETWORK_WORDS + field


def _ssid(number: int) -> str:
    return _text(_field(number, registers.NETWORK_SSID), registers.SSID_WORDS)


def _bssid(number: int) -> bytes:
    return bytes((2, 0, 0, 0, 1, number))


def _outcome(ssid: str, key: str, bssid) -> tuple:
    """(number of the network to join, 0), or (0, the reason why there is none to join)."""
    reason = _NO_AP_FOUND
    for number in _in_reach():
        if _ssid(number) != ssid or (bssid and bssid != _bssid(number)):
            continue
        security = peek(_field(number, registers.NETWORK_SECURITY))
        # With a key the chip takes WPA2 and better, as MicroPython does not lower its threshold.
        if (key and security < _WPA2) or (not key and security != _OPEN):
            reason = _NO_AP_FOUND_IN_AUTHMODE_THRESHOLD
        elif key != _text(_field(number, registers.NETWORK_KEY), registers.KEY_WORDS):
            reason = _AUTH_FAIL
        else:
            return number, 0
    return 0, reason


def connect(ssid: str, key: str, bssid) -> None:
    """WLAN.connect."""
    if not peek(registers.STATION_ON):
        raise OSError("Wifi Not Started")
    if peek(registers.STATION_WANTS):
        raise OSError("Wifi Internal State Error")
    number, reason = _outcome(ssid, key, bssid)
    poke(registers.STATION_NETWORK, number)
    poke(registers.STATION_REASON, reason)
    poke(registers.STATION_SINCE_MS, time.ticks_ms())
    poke(registers.STATION_WANTS, 1)


def config(is_hotspot: bool, names: tuple, values: dict):
    """WLAN.config."""
    if names:
        if names[0] != "mac":
            raise ValueError("unknown config param")
        return b"\x24\x0a\xc4\x00\x00\x01"
    for name, value in values.items():
        if is_hotspot:
            _configure(name, value)
        elif name != "reconnects":  # every try is one here: with 0 the chip does not try again
            raise OSError("AP required")
    return None


def _configure(name: str, value) -> None:
    if name == "ssid":
        _put_text(registers.TEXT_HOTSPOT_SSID, registers.SSID_WORDS, value)
    elif name == "key":
        _put_text(registers.TEXT_HOTSPOT_KEY, registers.KEY_WORDS, value)
    elif name == "security":
        poke(registers.HOTSPOT_SECURITY, value)
    elif name == "hidden":
        poke(registers.HOTSPOT_HIDDEN, 1 if value else 0)
    else:
        raise ValueError("unknown config param")


def records() -> list:
    """What WLAN.scan finds."""
    return [
        (
            _ssid(number).encode(),
            _bssid(number),
            peek(_field(number, registers.NETWORK_CHANNEL)),
            -peek(_field(number, registers.NETWORK_DBM)),
            peek(_field(number, registers.NETWORK_SECURITY)),
            False,
        )
        for number in _in_reach()
    ]


def set_addresses(static: dict, interface: int, values) -> None:
    """ifconfig with addresses or "dhcp"; static: what each interface was given."""
    if values == "dhcp":
        static.pop(interface, None)
    elif isinstance(values, tuple) and len(values) == 4:
        static[interface] = values
    else:
        raise ValueError("invalid arguments")


class LAN:
    """The Ethernet interface of a board that has the chip for it."""

    _static: dict = {}

    def __init__(self, id=0, *, mdc, mdio, phy_type, phy_addr, power=None) -> None:
        pass

    def active(self, is_active=None):
        """Switch the interface, or tell whether it is on."""
        if is_active is not None:
            poke(registers.LAN_ON, 1 if is_active else 0)
        return bool(peek(registers.LAN_ON))

    def isconnected(self) -> bool:
        """Tell whether the cable is in and there is an address."""
        return self.active() and bool(peek(registers.LINKS) & 2)

    def ifconfig(self, values=None):
        """As WLAN.ifconfig."""
        if values is not None:
            return set_addresses(self._static, 0, values)
        return (self._static.get(0) or host()) if self.isconnected() else NOWHERE
