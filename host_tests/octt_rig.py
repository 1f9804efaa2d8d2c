"""A charging station for the cases of the OCA's test tool: the real charger, authorizer and charge point.

Only what is soldered on is of cardboard: pilot, coil, meter, lock, reader. Back office and charge point
are put together as lib/start_up.py does it, talk over real sockets, and live in virtual time.
"""

import asyncio
from types import SimpleNamespace

import data_rig
import install
import virtual_time
from cardboard import TAG, Board, Connector, Meter, Pilot, Supervisor, Surroundings
from core import clock
from core.settings import Settings
from ocpp_rig import IDENTITY, checked_office, connected_settings, run
from rig import CONFIG
from sim.registers import Registers
from sim.vehicle import Vehicle


PASS_MS = 100  # how often the charger looks: coarse, so that an hour takes little
OTHER_TAG, PARENT = "0BADCAFE", "FAMILY"
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


class Station(Surroundings):
    """Controller, car and back office. `play` tells a story; keywords are settings."""

    def __init__(self, path, patch, **settings) -> None:
        from drivers import chip
        from evse import charger

        patch.setattr(charger, "_ENERGISED_MS", PASS_MS)
        patch.setattr(charger, "_IDLE_MS", PASS_MS)
        patch.setattr(chip, "reset_cause", lambda: "power on")
        install.use_registers(Registers())
        (path / "data").mkdir()
        data_rig.use_directory(patch, path / "data")
        self.settings = connected_settings(
            "/data/settings.json", **{"chargepoint_type": "Public", **settings}
        )
        self.csms = checked_office(self.settings)
        self.checker = self.csms.watcher
        self.resets: list[str] = []
        self.meter = Meter()
        self.car = Vehicle()
        self.coil = False
        self._lived_us = virtual_time.clock.now_us

    # --- power

    def make_firmware(self) -> None:
        """What lib/start_up.py makes, of what counts here."""
        import start_up
        from evse.charger import Charger
        from evse.environment import Environment
        from evse.guard import Guard
        from evse.limits import Limits
        from evse.session import SessionLog

        circuits = CONFIG["pilot"]
        pilot = Pilot(self._live)
        guard = Guard(self._switch, lambda: 0, pilot, circuits)
        limits = Limits()
        limits.set("operator", 32000)
        log = SessionLog("/data/sessions")
        self.charger = Charger(pilot, guard, lambda: int(self.coil), limits, log, circuits)
        self.charger.beat = guard.look  # while the loop's sample is fresh
        self.charger.meter = self.meter
        self.connector = self.charger.connector = Connector(self.charger)
        warm = SimpleNamespace(read_dc=lambda: 253)
        environment = Environment(self.settings, self.charger, lambda: 63000, warm)
        self.services = self._services(environment)
        self.supervisor = Supervisor()
        start_up.start_backend(self.supervisor, Board(), self.services)
        self.point = self.services.charge_point
        self.point.line._backoff_ms = (200, 2000)
        self.point.on_reset = self.resets.append
        start_up.start_cards(self.supervisor, Board(), self.services)
        start_up.start_line(self.supervisor, Board(), self.services)
        self.authorizer = self.services.authorizer
        self.supervisor.start("environment", environment.run)
        self.supervisor.start("charger", self.charger.run)

    def _services(self, environment) -> SimpleNamespace:
        return SimpleNamespace(
            settings=self.settings,
            charger=self.charger,
            meter=self.meter,
            links=SimpleNamespace(open_hotspot=lambda: None, charge_point=None),
            environment=environment,
            charge_point=None,
            authorizer=None,
            panel=None,
            group=None,
            group_carrier=None,
            serial="C0FFEE",
            version="0.1.0",
        )

    def power_on(self, power_failed: bool = True) -> None:
        """Start, and see to the session that was cut short."""
        from evse import power_return

        self.checker.restarted()
        clock._boot_unix_s = 0
        self.settings = Settings("/data/settings.json")
        self.make_firmware()
        cut_short = self.charger.session_log.unfinished
        returning = power_return.run(self.settings, self.charger, power_failed, cut_short)
        self.returning = asyncio.create_task(returning)

    async def power_off(self) -> None:
        """Everything in memory is gone."""
        tasks = [*self.supervisor.tasks, self.returning]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.csms.cut(IDENTITY)
        self.coil = False
        await asyncio.sleep(0.1)

    async def restart(self, power_failed: bool = True) -> None:
        """Off, on, and back in touch."""
        await self.power_off()
        await asyncio.sleep(2)
        self.power_on(power_failed)
        await self.online()

    # --- the surroundings

    def _switch(self, level: int) -> None:
        self.coil = bool(level)

    # --- the back office

    @property
    def record(self):
        """What the back office knows of the charge point."""
        return self.csms.record(IDENTITY)

    def received(self, action: str) -> list:
        """Payloads of an action, oldest first."""
        return self.record.received(action)

    def count(self, action: str) -> int:
        """How often an action came."""
        return len(self.received(action))

    def forget(self) -> None:
        """What came so far does not count."""
        self.record.messages.clear()

    @property
    def actions(self) -> list:
        """CALLs that came, oldest first; without security events, which come when they will."""
        told = [message["action"] for message in self.record.messages]
        others = ("CALLRESULT", "CALLERROR", "SecurityEventNotification")
        return [action for action in told if action not in others]

    def statuses(self, connector: int = 1) -> list:
        """Statuses that were told of a connector, oldest first."""
        told = self.received("StatusNotification")
        return [status["status"] for status in told if status["connectorId"] == connector]

    async def ask(self, action: str, **payload) -> dict:
        """The back office asks; the answer's payload, or {"error": …}."""
        answer = await self.csms.call(IDENTITY, action, payload)
        return answer.get("result", answer)

    async def configure(self, **keys) -> None:
        """ChangeConfiguration for each; all have to be accepted."""
        for key, value in keys.items():
            answer = await self.ask("ChangeConfiguration", key=key, value=str(value))
            assert answer == ACCEPTED, (key, value, answer)

    async def value(self, key: str) -> "str | None":
        """A configuration key's value."""
        answer = await self.ask("GetConfiguration", key=[key])
        found = answer.get("configurationKey")
        return found[0].get("value") if found else None

    async def until(self, condition, limit_s: float = 60) -> None:
        """Let time pass until something holds."""
        for _ in range(int(limit_s / 0.1) + 1):
            if condition():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(
            f"not within {limit_s} s; {self.point.state}; {self.charger.status}; {self.actions[-12:]}"
        )

    async def online(self) -> None:
        """Wait until the charge point is registered and has told its statuses."""
        await self.until(lambda: self.point.online and not self.point.adapter.statuses)
        await self.until(lambda: "1" in self.record.status)
        await asyncio.sleep(0.5)

    async def offline(self) -> None:
        """The back office goes."""
        await self.csms.stop()
        await self.until(lambda: not self.point.online)

    async def back(self) -> None:
        """The back office returns, and gets what was queued."""
        await self.csms.start()
        await self.online()
        await self.delivered()

    async def delivered(self) -> None:
        """Wait until no transaction message is left."""
        await self.until(lambda: not self.point.queue.pending, 600)
        await asyncio.sleep(0.5)

    async def reports(self, status: str, connector: int = 1, limit_s: float = 30) -> dict:
        """Wait until the newest status of a connector is this; what was told with it."""

        def told():
            return self.record.status.get(str(connector), {}).get("status") == status

        await self.until(told, limit_s)
        return self.record.status[str(connector)]

    @property
    def transaction(self) -> dict:
        """The newest transaction in the back office's books."""
        return list(self.record.transactions.values())[-1]

    async def charge(self, tag: str = TAG) -> dict:
        """The tool's state Charging: cable, remote start, energy; the transaction."""
        before = len(self.record.transactions)
        await self.plug()
        await self.reports("Preparing")
        assert await self.ask("RemoteStartTransaction", idTag=tag, connectorId=1) == ACCEPTED
        await self.reports("Charging")
        await self.delivered()
        assert len(self.record.transactions) == before + 1
        return self.transaction

    # --- the story

    def play(self, story) -> None:
        """Run story(station) beside it all; the back office's line has to have been faultless."""

        async def stage():
            await self.csms.start()
            self.settings.change({"backend_url": self.csms.url + "/ocpp"})
            self.power_on()
            try:
                await story(self)
                ended = [task.get_name() for task in self.supervisor.tasks if task.done()]
                assert not ended, ended
            finally:
                await self.power_off()
                await self.csms.stop()

        run(stage())
        assert not self.checker.complaints, self.checker.complaints


def case(function):
    """Tell a coroutine function of a station as a test: `@case async def test_tc_003_…(s)`."""

    def test(station):
        async def told(station):
            await station.online()
            await function(station)

        station.play(told)

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__ = function.__doc__
    test.__module__ = function.__module__
    return test
