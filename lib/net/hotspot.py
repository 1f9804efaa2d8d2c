"""The hotspot while it is open: who is on it, when it closes, its name server. Loaded until then."""

import asyncio

from core import clock, loading, log
from micropython import const

_IDLE_S = const(600)
_FLASH_S = const(10)  # all lamps (ETEK manual 5.8.1.5)
_TURN_MS = const(200)
_TURNS = const(5)  # in a second


class Hotspot:
    """Opens with the next turn of the loop; closes after ten minutes with nobody on it, or by close()."""

    def __init__(self, links) -> None:
        self._links = links
        self._wish = {}  # the settings of NETWORK
        self._opened_with = None  # (password, hidden)
        self._on_purpose = False
        self._busy_s = self._flash_until_s = clock.uptime_s()
        self.signal = ""  # for the lamps: "all" it has just been opened, "blue" it is in use
        self._names = None
        self._task = asyncio.create_task(self._run())

    def renew(self, on_purpose: bool) -> None:
        """Somebody asks for it: ten minutes from now."""
        self._busy_s = clock.uptime_s()
        if on_purpose:
            self._on_purpose = True
            self._flash_until_s = self._busy_s + _FLASH_S
            self._signal(0)

    def follow(self, wish: dict) -> None:
        """The settings have changed: another password or visibility takes its guests off."""
        self._wish = wish

    def close(self) -> None:
        """Close now; from another task than its own."""
        self._task.cancel()
        self._shut("")

    async def _run(self) -> None:
        reason = " after ten minutes with nobody on it"
        try:
            if not self._wish:  # opened by somebody at the station
                self._wish = await loading.once("net.joining", "wishes", self._links.settings)
            self._start_names()
            while self._watch():
                for _ in range(_TURNS):
                    if self._names:
                        self._names.serve()
                    await asyncio.sleep_ms(_TURN_MS)
        except Exception as error:  # of the radio, or no memory: it can be opened again
            reason = ": %s" % error
        self._shut(reason)

    def _start_names(self) -> None:
        links = self._links
        host, port = links.names_at
        try:
            self._names = loading.once(
                "net.captive_dns", "NameServer", host, port, links.hotspot_ip
            )
        except OSError as error:  # pages are reached by the address all the same
            log.warning("net", "no names on the hotspot: %s" % error)

    def _watch(self) -> bool:
        """Once a second; False when it shall close."""
        wish = self._wish
        opened_with = (wish["hotspot_password"], wish["hide_ap_ssid"])
        if opened_with != self._opened_with:
            self._opened_with = opened_with
            self._links.wifi.do("open_hotspot", self._links.hotspot_name, *opened_with)
            log.info("net", "hotspot %s open" % self._links.hotspot_name)
        guests = self._links.wifi.guests()
        now_s = clock.uptime_s()
        if guests or wish["hotspot"] == "Always":
            self._busy_s = now_s
        self._signal(guests)
        return now_s - self._busy_s < _IDLE_S

    def _signal(self, guests: int) -> None:
        if clock.uptime_s() < self._flash_until_s:
            self.signal = "all"
        else:
            self.signal = "blue" if guests or self._on_purpose else ""

    def _shut(self, reason: str) -> None:
        links = self._links
        if self._names:
            self._names.close()
        links.hotspot = None
        links.hotspot_open = False
        links.wifi.do("close_hotspot")
        log.info("net", "hotspot closed" + reason)
