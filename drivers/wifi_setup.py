"""What is asked of the radio now and then: joining and leaving a network, scans, the hotspot's switch.

Loaded for a call (drivers.wifi.WiFi.do), which hands over the WiFi object first.
"""

import network

# Names of the numbers that a scan gives, in their order.
_SECURITY = (
    "None",
    "WEP",
    "WPA-PSK",
    "WPA2-PSK",
    "WPA-PSK+WPA2-PSK",
    "WPA2-Enterprise",
    "WPA3-PSK",
    "WPA2-PSK+WPA3-PSK",
)
_MOST = 20
# Reasons for which joining fails: 802.11's, and from 200 on the ESP32's own (esp_wifi_types.h).
_WRONG_PASSWORD = (2, 14, 15, 23, 202, 204)
_NOT_FOUND = (201, 212)
_OTHER_SECURITY = (210, 211)
_SILENT = (4, 39, 200)


def join(wifi, ssid: str, key: str, bssid, addresses) -> None:
    """Start to join a network, once: the caller tries again. Not within half a second after `halt`.

    bssid: of one access point of it, or None. addresses: (own, mask, gateway, DNS), None for DHCP.
    """
    station = wifi.station
    if not station.active():
        station.active(True)
    station.config(reconnects=0)
    station.ifconfig(addresses or "dhcp")
    if bssid:
        station.connect(ssid, key or None, bssid=bssid)
    else:
        station.connect(ssid, key or None)


def halt(wifi) -> None:
    """Leave the network, or give up joining one. Switching the station off and on would take long."""
    if wifi.station.active():
        wifi.station.disconnect()


def leave(wifi) -> None:
    """Leave the network for good: switch the station off."""
    halt(wifi)
    if wifi.station.active():
        wifi.station.active(False)


def mask(wifi) -> str:
    """The mask of the network that the station is in."""
    return wifi.station.ifconfig()[1]


def failure(wifi) -> str:
    """Why joining has failed, for people."""
    reason = wifi.station.status()
    if reason in _WRONG_PASSWORD:
        return "wrong password"
    if reason in _NOT_FOUND:
        return "no such network in reach"
    if reason in _OTHER_SECURITY:
        return "its security does not do: WPA2 or better with a password, none without"
    if reason in _SILENT:
        return "it does not answer any more"
    if reason in (network.STAT_CONNECTING, network.STAT_IDLE):
        return "no address from it"
    return "reason %d" % reason


def scanner(wifi):
    """The function that scans: it takes seconds, so call it in a thread.

    It needs the station on.
    """
    wifi.station.active(True)
    return wifi.station.scan


def networks(wifi, found: list) -> list:
    """What a scan found, strongest first, at most 20: (SSID, dBm, security, BSSID).

    Of access points with the same name and security it is the strongest.
    """
    named = []
    for ssid, bssid, _, rssi_dbm, security, _ in found:
        try:
            name = ssid.decode()
        except UnicodeError:  # nobody can type it
            continue
        if name:  # a hidden one has none
            kind = _SECURITY[security] if security < len(_SECURITY) else "other"
            named.append((-rssi_dbm, name, kind, bssid))
    named.sort()
    kept = {}
    for weakness, name, kind, bssid in named:
        if (name, kind) not in kept and len(kept) < _MOST:
            kept[name, kind] = (name, -weakness, kind, bssid)
    return sorted(kept.values(), key=lambda network: -network[1])


def open_hotspot(wifi, name: str, password: str, hidden: bool) -> None:
    """Open the hotspot; the chip gives it the address 192.168.4.1 and serves DHCP there."""
    wifi.hotspot.active(True)
    wifi.hotspot.config(
        ssid=name, key=password, security=network.AUTH_WPA2_PSK, hidden=bool(hidden)
    )


def close_hotspot(wifi) -> None:
    """Close it."""
    wifi.hotspot.active(False)
