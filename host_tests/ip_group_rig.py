"""A Gateway and Clients of cardboard on one network: real sockets, virtual time, cars that follow."""

import asyncio
from types import SimpleNamespace

import virtual_time
from dlm.follower import Follower
from dlm.group import Group
from dlm.ip_client import Client
from dlm.ip_gateway import Gateway
from dlm.relay import Relay
from evse.limits import Limits
from net_rig import free_udp_port
from ocpp_rig import run
from plain_settings import PlainSettings

COMMON = {
    "llm_group_id": "Yard",
    "group_key": "a key of the yard",
    "llm_group_size": 3,
    "llm_grid_current": 60.0,
    "llm_policy": "Uniform Distribution",
    "llm_fallback_current": 10.0,
    "llm_rotation": 15,
    "llm_priority": 0,
    "max_output_current": 32.0,
    "output_current_limit": 32.0,
    "phases": "3P+N400V",
    "connector_phase_rotation": "",
    "dlb_function": "Disable",
    "backend_url": "ws://127.0.0.1:9/ocpp",
}


class GroupSettings(PlainSettings):
    """… which a part of the firmware changes by itself."""

    def change(self, changes=(), **values) -> None:
        """As core.settings.Settings; by keywords, as tests do."""
        super().change(**dict(changes), **values)


class Charger:
    """What evse.charger.Charger shows to a group; its car draws what is offered, after a second."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.limits.set("operator", 32000)
        self.status, self.error_code = "Available", "NoError"
        self.fault_bits = 0
        self.plugged = False
        self.available = True
        self.session = None
        self.signaled_ma = 0
        self.drawn_ma = 0
        self.meter = SimpleNamespace(ok=True, energy_wh=0, current_ma=[0, 0, 0])

    @property
    def contactor_closed(self) -> bool:
        return self.signaled_ma > 0

    def arrive(self, number: int = 1) -> None:
        """A car comes, and may charge."""
        self.plugged = True
        self.status = "Charging"
        began_us = virtual_time.clock.now_us
        self.session = SimpleNamespace(
            number=number,
            energy_wh=0,
            duration_s=lambda: (virtual_time.clock.now_us - began_us) // 1000000,
        )

    def leave(self) -> None:
        """… and goes."""
        self.plugged, self.session, self.status = False, None, "Available"

    def step(self) -> None:
        """Half a second: the car follows, then the pilot the limit."""
        self.drawn_ma = self.signaled_ma
        limit_ma = self.limits.ma
        self.signaled_ma = limit_ma if self.session and limit_ma >= 6000 else 0
        self.meter.current_ma = [self.drawn_ma] * 3


class Links:
    """net.links.Links, as far as a group looks at it."""

    def __init__(self, host: int) -> None:
        self.lan_ip = ""
        self.wlan_ip = self._own = "127.0.0.%d" % host
        self.wifi = SimpleNamespace(do=lambda what: {"mask": "255.0.0.0"}[what])

    def reach(self, on: bool) -> None:
        """Put the network in or out of reach."""
        self.wlan_ip = self._own if on else ""


class Station:
    """A charger with its end of the group."""

    def __init__(self, rig: "IpGroupRig", host: int, **changes) -> None:
        self.serial = "SN%03d" % host
        self.settings = GroupSettings({**COMMON, **changes})
        self.charger = Charger()
        self.links = Links(host)
        self.host = host
        self._rig = rig
        self.task: "asyncio.Task | None" = None

    def switch_on(self) -> None:
        """Start its task, as start_ip_group does."""
        self.charger.limits.set("group", None)
        self.carrier = self.make()
        self.task = asyncio.create_task(self.carrier.run())

    def power_cut(self) -> None:
        """All in memory is gone, and the sockets with it."""
        if self.task:
            self.task.cancel()
        self.task = None
        self.carrier._hang_up(*self.farewell)
        self.charger.signaled_ma = 0

    def make(self):
        raise NotImplementedError


class GatewayStation(Station):
    """… as its Gateway."""

    farewell = ()

    def make(self):
        path = str(self._rig.path / ("group-%d.json" % self.host))
        others = self.settings.get("llm_group_size") - 1
        self.group = Group(self.settings, self.charger, others, self.serial, path)
        relay = Relay(self.settings, self._rig.most_lines)
        return Gateway(self.settings, self.group, self.links, self._rig.port, relay)


class ClientStation(Station):
    """… as a Client."""

    farewell = ("switched off",)

    def make(self):
        self.follower = Follower(self.settings, self.charger, self.serial)
        return Client(self.settings, self.follower, self.links, self._rig.port)


class IpGroupRig:
    """Given a Gateway at 127.0.0.2 and Clients at the addresses behind it; `play` runs a story."""

    def __init__(self, path, clients: int = 2, **changes) -> None:
        self.path = path
        self.port = free_udp_port()
        self.most_lines = 19
        self.gateway = GatewayStation(self, 2, **changes)
        self.clients = [ClientStation(self, 3 + n, **changes) for n in range(clients)]
        self.stations = [self.gateway, *self.clients]
        self.most_drawn_ma = 0

    @property
    def signaled_a(self) -> list:
        """What each offers its car, the Gateway first."""
        return [station.charger.signaled_ma / 1000 for station in self.stations]

    async def _live(self) -> None:
        while True:
            for station in self.stations:
                station.charger.step()
            drawn_ma = sum(station.charger.drawn_ma for station in self.stations)
            self.most_drawn_ma = max(self.most_drawn_ma, drawn_ma)
            await asyncio.sleep(0.5)

    async def joined(self) -> None:
        """Wait until every Client is heard from."""
        await self.until(lambda: all(m.heard for m in self.gateway.group.members))

    async def until(self, condition, limit_s: float = 90) -> None:
        """Let time pass until something holds."""
        for _ in range(int(limit_s * 4)):
            if condition():
                return
            await asyncio.sleep(0.25)
        states = [getattr(s.carrier, "state", "gateway") for s in self.stations]
        raise AssertionError(f"not within {limit_s} s: {self.signaled_a} {states}")

    def play(self, story) -> None:
        """Switch everything on, run a story, switch everything off."""

        async def stage():
            living = asyncio.create_task(self._live())
            for station in self.stations:
                station.switch_on()
            try:
                await story(self)
                assert not living.done(), living
                assert not any(station.task and station.task.done() for station in self.stations)
            finally:
                for station in self.stations:
                    if station.task:
                        station.power_cut()

        run(stage())
