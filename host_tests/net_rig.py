"""A radio with networks in the air, and the firmware's links over it, in virtual time."""

import asyncio
import socket

import install
import virtual_time
from core import log
from sim.radio import Radio
from sim.registers import Registers
from sim.shim import registers as layout

SERIAL = "240AC400A1B2"
HOME = {"ssid": "Home", "rssi_dbm": -55, "security": "WPA2-PSK", "password": "right horse"}
AT_HOME = {"ssid": "Home", "ssid_password": "right horse", "setup_done": True}


def free_udp_port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NetRig:
    """Given a board's radio and settings as they differ; `play` runs the firmware's links over it.

    Without `names` the hotspot's name server finds no address: long stories are quicker.
    """

    def __init__(
        self, path, monkeypatch, lan: bool = False, names: bool = True, **settings
    ) -> None:
        from core.settings import Settings
        import network
        from drivers.lan import Lan
        from drivers.wifi import WiFi
        from net.links import Links

        self.dns_port = free_udp_port()
        names_at = ("127.0.0.1" if names else "192.0.2.1", self.dns_port)
        # a thread of the real world would take no virtual time
        monkeypatch.setattr("_thread.start_new_thread", lambda function, given: function(*given))
        network._static.clear()  # a chip that starts has forgotten it
        self.registers = Registers()
        install.use_registers(self.registers)
        self.registers[layout.LINKS] = 7
        self.air = Radio(self.registers)
        self.air.networks = [HOME]
        self.log: list[tuple[float, str]] = []
        monkeypatch.setattr(log, "_write", self._heard)
        self.settings = Settings(str(path / "settings.json"))
        if settings:
            self.settings.change(settings)
        circuit = {"mdc": 23, "mdio": 18, "phy_addr": 0}
        self.links = Links(self.settings, WiFi(), SERIAL, Lan(circuit) if lan else None, names_at)

    def _heard(self, severity: int, source: str, text: str) -> None:
        self.log.append((virtual_time.clock.now_us / 1e6, text))

    def __repr__(self) -> str:
        return "\n".join(f"{when_s:.1f} {text}" for when_s, text in self.log)

    def said(self, part: str) -> "list[float]":
        """When the log told of something, in seconds."""
        return [when_s for when_s, text in self.log if part in text]

    def reach(self, **links: bool) -> None:
        """Put networks in or out of reach."""
        bits = {"wlan": 1, "lan": 2}
        for name, on in links.items():
            now = self.registers[layout.LINKS]
            self.registers[layout.LINKS] = now | bits[name] if on else now & ~bits[name]

    def play(self, story) -> None:
        """Run a story, an async function of this rig, beside the links."""

        async def stage():
            running = asyncio.create_task(self.links.run())
            await story(self)
            assert not running.done(), running
            self.links.close_hotspot()

        virtual_time.run(stage())
