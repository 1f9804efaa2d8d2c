"""A rig with all that watches the charger, and all that tells people about it."""

import json
from types import SimpleNamespace

import virtual_time
from rig import CONFIG, Rig


class Shown:
    """Stands for lamps and display: keeps what they were asked to show."""

    def __init__(self) -> None:
        self.lamps: dict = {}
        self.lcd: tuple = ()

    async def show(self, line1: str, line2: str) -> bool:
        """As drivers.lcd1602.Lcd1602."""
        self.lcd = (line1, line2)
        return True


class Queue:
    """Stands for ocpp16.queue."""

    def has_started(self, number: int) -> bool:
        """Nothing is queued."""
        return False


class FaultRig(Rig):
    """Given a charger with a connector, protections, panel and back office; settings as they differ."""

    def __init__(self, tmp_path, scheme: str = "etek", **settings) -> None:
        self._scheme = scheme
        super().__init__(tmp_path, 0.002, {"lcd1602": 1, **settings})

    def make_firmware(self) -> None:
        """What lib/firmware.py does."""
        super().make_firmware()
        from drivers.temperature import Thermistor
        from evse.environment import Environment
        from evse.panel import Panel
        from machine import ADC, Pin
        from ocpp16.adapter import Adapter
        from web.state import State

        thermistor = Thermistor(ADC(Pin(CONFIG["pins"]["temperature_adc"], Pin.IN)).read_uv)
        self.environment = Environment(self.settings, self.charger, lambda: 63000, thermistor)
        self.shown = Shown()
        lamps = SimpleNamespace(show=lambda patterns: setattr(self.shown, "lamps", patterns))
        self.panel = Panel(self.charger, lamps, self.shown, lambda: "backend", self._scheme)
        self.panel.starting = False
        self.office = Adapter(self.settings, self.charger, Queue(), str(self._path))
        self._services = SimpleNamespace(
            settings=self.settings,
            charger=self.charger,
            meter=self.charger.meter,
            charge_point=None,
            links=None,
            serial="",
            version="",
        )
        self._state = State(self._services)
        self.office.came_online()

    def warm(self, celsius: float) -> None:
        """Change the temperature; 5.0 degrees of calibration come off by default."""
        self.world.change("temperature_c", celsius)

    def fault(self, *names: str) -> float:
        """Put faults into the world; answers when, in virtual ms."""
        self.world.change("faults", set(names))
        return virtual_time.clock.now_us / 1000

    @property
    def api(self) -> dict:
        """GET /api/state."""
        return json.loads("{" + ",".join(self._state.members(self._state.values())) + "}")

    def told(self) -> dict:
        """The latest StatusNotification of connector 1."""
        payload: dict = {}
        while self.office.statuses:
            status = self.office.next_status()
            payload = status if status["connectorId"] == 1 else payload
        return payload

    def coroutines(self) -> tuple:
        """What runs beside the charger."""
        return (self.environment.run(), self.panel.run())

    def play(self, story) -> None:
        """Run a story, an async function of this rig."""
        import asyncio

        async def staged(rig):
            watching = [asyncio.create_task(coroutine) for coroutine in rig.coroutines()]
            await story(rig)
            for task in watching:
                assert not task.done(), task

        super().play(staged)

    async def charge(self, **car) -> None:
        """A car comes and charges."""
        import asyncio

        self.car(plugged=True, ready=True, **car)
        await asyncio.sleep(1.5)
        assert self.charger.start("CARD") == ""
        await asyncio.sleep(6)
        assert self.charger.status == "Charging"

    @property
    def has_opened(self) -> bool:
        """The contactor has opened since it first closed."""
        return self.saw("coil", False, self.when("coil", True))

    def assert_faulted(self, name: str, code: str, lamp: str, lcd: tuple) -> None:
        """Contactor open, no offer, and everybody is told."""
        assert self.coil() == 0
        assert self.pilot.duty_permille in (0, 1000)
        assert self.charger.status == self.api["status"] == "Faulted"
        assert (
            [fault["name"] for fault in self.api["active_faults"]] == self.api["faults"] == [name]
        )
        assert self.api["active_faults"][0]["reason"] == self.api["reason"] == self.charger.reason
        told = self.told()
        assert told == {**told, "status": "Faulted", "errorCode": code, "vendorErrorCode": name}, (
            told
        )
        assert told["info"] == self.charger.reason[:50]
        assert self.shown.lamps == {"red": lamp}
        assert self.shown.lcd == lcd, self.shown.lcd

    def assert_charging(self) -> None:
        """Well again, with the same session, and everybody is told."""
        assert self.coil() == 1
        assert (self.charger.status, self.charger.state, self.api["faults"]) == (
            "Charging",
            "C2",
            [],
        )
        assert self.charger.session.id_tag == "CARD" and self.charger.session.number == 1
        assert self.told()["errorCode"] == "NoError"
        assert self.shown.lamps == {"blue": "breathing"}
