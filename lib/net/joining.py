"""What the settings want of the networks, and joining a Wi-Fi. Loaded for each of the two."""

import asyncio
import binascii

from core import loading, log, storage
from micropython import const

_WANTS = ("wlan_enabled", "ssid", "ssid_password", "wlan_security", "connectivity", "lan_enabled")
_ADDRESSES = ("dhcp", "static_ip", "subnet_mask", "gateway", "dns")
_HOTSPOT = ("hotspot", "hotspot_password", "hide_ap_ssid", "setup_done")
_LOOK_MS = const(500)
_LOOKS = const(40)


async def wishes(settings) -> dict:
    """The settings of NETWORK, read in one go: none of them is kept in memory."""
    name = "core.setting_types"
    types = loading.load(name)
    loading.unload(name)
    keys = _WANTS + _ADDRESSES + _HOTSPOT
    wish = {}
    for block in storage.line_blocks(types.TABLE):
        for declaration in types.declarations_in(block, keys):
            key = declaration.key
            stored = settings.stored
            wish[key] = stored[key] if key in stored else types.default(declaration)
        if len(wish) == len(keys):
            break
        await asyncio.sleep_ms(0)  # reading takes a while
    return wish


def _addresses(wish: dict):
    """(own, mask, gateway, name server), or None when DHCP gives them."""
    if wish["dhcp"] != "Static":
        return None
    gateway = wish["gateway"]
    return wish["static_ip"], wish["subnet_mask"], gateway, wish["dns"] or gateway


def _uses_lan(links, wish: dict) -> bool:
    return bool(links.lan and wish["lan_enabled"] and wish["connectivity"] in ("Auto", "Ethernet"))


def _uses_wlan(wish: dict) -> bool:
    enabled = wish["wlan_enabled"] and wish["connectivity"] in ("Auto", "Wi-Fi")
    return bool(enabled and wish["ssid"])


async def apply(links) -> bool:
    """Bring the interfaces to what the settings want; tells whether that is something new."""
    wish = await wishes(links.settings)
    asked = repr([wish[key] for key in _WANTS + _ADDRESSES])
    fingerprint = binascii.crc32(asked.encode()) & 0x3FFFFFFF
    is_first, is_new = links.applied is None, links.applied != fingerprint
    if is_new:
        _switch(links, wish)
        links.applied = fingerprint
    alone = not links.wants_wlan and not _uses_lan(links, wish)
    if wish["hotspot"] == "Always" or (is_first and not wish["setup_done"]) or (is_new and alone):
        links.open_hotspot(False)
    if links.hotspot:
        links.hotspot.follow(wish)
    return is_new


def _switch(links, wish: dict) -> None:
    links.wants_wlan = _uses_wlan(wish)
    links.wlan_trouble = ""
    links.wifi.do("halt" if links.wants_wlan else "leave")
    if links.lan:
        links.lan.stop()
        if _uses_lan(links, wish):
            links.lan.start(_addresses(wish))
    elif wish["connectivity"] == "Ethernet":
        log.warning("net", "this board has no Ethernet")
    if wish["connectivity"] == "Cellular":
        log.warning("net", "this board has no modem")


async def join(links) -> str:
    """Try once to join the Wi-Fi of the settings; returns "", or why it is not joined."""
    wish = await wishes(links.settings)
    ssid, security = wish["ssid"], wish["wlan_security"]
    key = "" if security == "None" else wish["ssid_password"]
    bssid = None
    try:
        if security not in ("Auto", "None"):
            found = await loading.once("net.scanning", "scan", links)
            bssid, trouble = _access_point(found, ssid, security)
            if trouble:
                return trouble
        links.wifi.do("halt")
        await asyncio.sleep_ms(_LOOK_MS)  # the chip takes a late goodbye for a failure
        while links.scanning:
            await asyncio.sleep_ms(_LOOK_MS)
        own = None if _uses_lan(links, wish) else _addresses(wish)
        links.wifi.do("join", ssid, key, bssid, own)
        return await _outcome(links)
    except OSError as error:
        return str(error)


def _access_point(found: list, ssid: str, security: str) -> tuple:
    """(BSSID, "") of the strongest access point with the name and the security, or (None, why not)."""
    kinds = [kind for name, _, kind, _ in found if name == ssid]
    if not kinds:
        return None, "no such network in reach"
    for name, _, kind, bssid in found:
        if name == ssid and set(kind.split("+")) & set(security.split("+")):
            return bssid, ""
    return None, "its security is %s, not %s" % (kinds[0], security)


async def _outcome(links) -> str:
    wifi = links.wifi
    for _ in range(_LOOKS):
        await asyncio.sleep_ms(_LOOK_MS)
        if wifi.address() or links.changed:
            return ""
        if not wifi.is_joining():
            break
    trouble = wifi.do("failure")
    # A station that goes on looking for its network takes the hotspot off the air now and then.
    wifi.do("halt")
    return trouble
