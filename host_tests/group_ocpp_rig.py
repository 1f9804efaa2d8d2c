"""A master of a group, its back office and its slaves: real chargers, an RS485 line of cardboard."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import virtual_time
from cardboard import TAG, Connector, Meter, Pilot, Supervisor, Surroundings
from core.settings import Settings
from octt_rig import ACCEPTED, Station
from rig import CONFIG
from sim.vehicle import Vehicle

PASS_MS = 250
ROUND_S = 1
CALL_S = 0.12  # a call there and back at 9600 baud
RECORD_BYTES = 26


class Slave(Surroundings):
    """A charger that obeys, with its car. linked: the line to it is whole; powered: it lives."""

    def __init__(self, path, serial: str, **settings) -> None:
        path.mkdir()
        self.path = str(path)
        self.serial = serial
        self.settings = Settings(self.path + "/settings.json")
        self.settings.change({"chargepoint_type": "Public", "llm_fallback_current": 6, **settings})
        self.linked = self.powered = True
        self.calls: list[bytes] = []
        self.meter = Meter()
        self.car = Vehicle()
        self.coil = False
        self._lived_us = virtual_time.clock.now_us

    def replacement(self, serial: str) -> "Slave":
        """Another charger for the same place, with a past of its own."""
        other = Slave(Path(self.path + "-" + serial), serial)
        (Path(other.path) / "sessions").write_bytes(b"")
        return other

    def power_on(self) -> None:
        """Start, as lib/start_up.py does."""
        from auth.authorizer import Authorizer
        from core.journal import Journal
        from dlm.follower import Follower
        from dlm.slave_desk import SlaveDesk
        from evse import power_return
        from evse.charger import Charger
        from evse.guard import Guard
        from evse.limits import Limits
        from evse.session import SessionLog
        from ocpp16.charge_point import ChargePoint

        circuits = CONFIG["pilot"]
        pilot = Pilot(self._live)
        guard = Guard(self._switch, lambda: 0, pilot, circuits)
        log = SessionLog(self.path + "/sessions")
        charger = Charger(pilot, guard, lambda: int(self.coil), Limits(), log, circuits)
        charger.limits.set("operator", 32000)
        charger.beat = guard.look
        charger.meter = self.meter
        charger.temperature_dc = 253
        charger.connector = Connector(charger)
        self.charger = charger
        queue = Journal(self.path + "/ocpp", 65536)
        point = ChargePoint(self.settings, charger, queue, path=self.path)
        self.authorizer = Authorizer(self.settings, charger, point, self.path)
        self.follower = Follower(self.settings, charger, self.serial)
        SlaveDesk(self.follower, charger, point.adapter, self.authorizer, charger.connector)
        self.supervisor = Supervisor()
        for name, run in (
            ("charger", charger.run),
            ("authorizer", self.authorizer.run),
            ("ocpp", point.adapter.run),
            ("group", self._follow),
        ):
            self.supervisor.start(name, run)
        returning = power_return.run(self.settings, charger, True, log.unfinished)
        self.supervisor.tasks.append(asyncio.create_task(returning))
        self.powered = True

    async def _follow(self) -> None:
        while True:
            self.follower.step()
            await asyncio.sleep(1)

    async def power_off(self) -> None:
        """Everything in its memory is gone."""
        self.powered = False
        for task in self.supervisor.tasks:
            task.cancel()
        await asyncio.wait(self.supervisor.tasks)
        self.coil = False

    @property
    def is_heard(self) -> bool:
        """The master reaches it."""
        return self.linked and self.powered

    def _switch(self, level: int) -> None:
        self.coil = bool(level)


class Line:
    """The carrier: a poll of each slave in a round, and calls."""

    medium = "RS485"

    def __init__(self, group, slaves: list) -> None:
        self._group = group
        self.slaves = slaves
        self._told: dict = {}
        group.carrier = self

    async def run(self) -> None:
        """Rounds for ever."""
        group, record = self._group, bytearray(RECORD_BYTES)
        while True:
            for member, slave in zip(group.members[1:], self.slaves):
                if slave.is_heard:
                    follower = slave.follower
                    if follower.renewed or not member.serial:
                        follower.info(record, 0)
                        group.introduce(member, record)
                    length = follower.status(record, 0, True)
                    follower.polled()
                    group.heard(member, record, 0, length)
            await group.step()
            words = [group.word(member) for member in group.members[1:]]
            group.told()
            for word, slave in zip(words, self.slaves):
                if slave.is_heard:
                    slave.follower.take(word)
            await asyncio.sleep(ROUND_S)

    async def call(self, member, message: bytes, most: int) -> bytes:
        """As the carriers of dlm: OSError when nobody answers."""
        slave = self.slaves[member.number - 1]
        assert len(message) <= 96
        await asyncio.sleep(CALL_S)
        if not slave.is_heard:
            raise OSError("slave %d does not answer" % member.number)
        slave.calls.append(message)
        reply = slave.follower.answer(message)
        assert len(reply) <= most
        return reply


class GroupStation(Station):
    """octt_rig.Station as the master of slaves."""

    def __init__(self, path, patch, slaves: int = 2, **settings) -> None:
        super().__init__(
            path,
            patch,
            **{
                "llm_grid_current": 100,
                "llm_fallback_current": 6,
                "slave_number": slaves,
                "dlb_function": "DLM",
                **settings,
            },
        )
        for name in ("_ENERGISED_MS", "_IDLE_MS"):  # there are more chargers than in other stories
            patch.setattr("evse.charger." + name, PASS_MS)
        self.slaves = [Slave(path / f"slave{n}", f"SLAVE-{n}") for n in range(1, slaves + 1)]

    def make_firmware(self) -> None:
        """With the group."""
        super().make_firmware()
        from dlm.group import Group

        import start_connectors

        count = len(self.slaves)
        self.group = Group(self.settings, self.charger, count, "MASTER", "/data/group.json")
        carrier = Line(self.group, self.slaves)
        self.services.group, self.services.group_carrier = self.group, carrier
        self.supervisor.start("group", carrier.run)
        start_connectors.start(self.services, self.supervisor)

    def _services(self, environment) -> SimpleNamespace:
        services = super()._services(environment)
        services.group = services.group_carrier = None
        return services

    def power_on(self, power_failed: bool = True) -> None:
        """Slaves that have not been on yet start with it."""
        super().power_on(power_failed)
        for slave in self.slaves:
            if not hasattr(slave, "charger"):
                slave.power_on()

    async def restart_offline(self) -> None:
        """Off and on while the back office is away."""
        await self.power_off()
        await asyncio.sleep(2)
        self.power_on()
        await asyncio.sleep(10)

    async def online(self) -> None:
        """Wait until the statuses of all connectors were told."""
        await super().online()
        last = len(self.slaves) + 1
        await self.until(lambda: str(last) in self.record.status and self._is_told())

    def _is_told(self) -> bool:
        return not self.point.adapter.statuses

    def transactions_of(self, connector: int) -> list:
        """Those in the back office's books, oldest first."""
        books = self.record.transactions.values()
        return [entry for entry in books if entry["connectorId"] == connector]

    def play(self, story) -> None:
        """Run a story, and put the slaves away."""

        async def told(station):
            await station.online()
            try:
                await story(station)
            finally:
                for slave in self.slaves:
                    await slave.power_off()

        super().play(told)


def story(function):
    """Tell a coroutine function of a master with two slaves as a test."""

    def test(make_station):
        make_station().play(function)

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__ = function.__doc__
    return test


async def remote_start(s, connector: int, tag: str = TAG) -> dict:
    """A car comes to a slave, and is started from afar; the transaction."""
    slave = s.slaves[connector - 2]
    await slave.plug()
    await s.reports("Preparing", connector)
    before = len(s.transactions_of(connector))
    answer = await s.ask("RemoteStartTransaction", idTag=tag, connectorId=connector)
    assert answer == ACCEPTED
    await s.reports("Charging", connector)
    await s.until(lambda: len(s.transactions_of(connector)) == before + 1)
    return s.transactions_of(connector)[-1]
