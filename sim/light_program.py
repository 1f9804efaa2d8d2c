"""The process of the light slaves: python -m sim.light_program DIRECTORY.

It runs the firmware's charger and its slave of an RS485 group on CPython, many times side by side. A line of JSON on
standard input sets them up, further ones change their cars; lines on standard output tell their states.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from sim import light_charger
from sim.board import chip_id
from sim.light_port import LightPin, LightUart
from sim.registers import Registers

ROOT = Path(__file__).resolve().parent.parent
STEP_S = 0.1
TELL_EVERY = 5  # steps, where nothing has changed sooner
RATING_MA = 32000
TAG = "LIGHT"


class RealTime:
    """MicroPython's clock and pauses, as host_tests/shim/install.py wants them."""

    PERIOD = 1 << 30

    def ticks_us(self) -> int:
        """Like time.ticks_us."""
        return int(time.monotonic() * 1e6) & (self.PERIOD - 1)

    def ticks_ms(self) -> int:
        """Like time.ticks_ms."""
        return int(time.monotonic() * 1e3) & (self.PERIOD - 1)

    def sleep_us(self, us: int) -> None:
        """Pass time without giving way."""
        time.sleep(us / 1e6)


def become_micropython() -> None:
    """Make this interpreter look like a board's, for the firmware's modules."""
    sys.path.insert(0, str(ROOT / "host_tests" / "shim"))
    importlib.import_module("install").install(RealTime())


class Slave:
    """A charger whose car needs no card, in a group."""

    def __init__(self, number: int, settings: dict, directory: Path, output: Any) -> None:
        self._number = number
        self._output = output
        self.outlet = light_charger.Outlet(self._duty_changed)
        home = directory / f"home-{number}"
        home.mkdir()
        self._charger = self._make_charger(home)
        (home / "settings.json").write_text(json.dumps(settings))
        self._settings = firmware("core.settings").Settings(str(home / "settings.json"))
        self._slave = self._make_slave(Registers(str(directory / str(number))))

    def _make_charger(self, home: Path) -> Any:
        outlet = self.outlet
        limits = firmware("evse.limits").Limits()
        limits.set("operator", RATING_MA)
        config = json.loads((ROOT / "config.json").read_text())
        charger = firmware("evse.charger").Charger(
            outlet.pilot,
            outlet.contactor,
            outlet.contactor.contacts,
            limits,
            firmware("evse.session").SessionLog(str(home / "sessions")),
            config["board"]["pilot"],
        )
        charger.meter = outlet.meter
        return charger

    def _make_slave(self, registers: Registers) -> Any:
        settings = self._settings
        baudrate = int(settings.get("group_baudrate"))
        uart, driver = LightUart(registers, baudrate), LightPin(registers)
        return firmware("dlm.rs485_slave").Rs485Slave(
            firmware("drivers.rs485").Rs485Port(uart, driver, baudrate),
            firmware("dlm.follower").Follower(
                settings, self._charger, chip_id(self._number).upper()
            ),
            firmware("dlm.group_auth").Seal(settings.get("group_key").encode()),
            settings.get("group_address"),
            lambda number: settings.change({"group_address": number}),
        )

    def start(self, supervisor: Any) -> None:
        """Charge and obey, for ever."""
        supervisor.start(f"charger {self._number}", self._charger.run)
        supervisor.start(f"group {self._number}", self._slave.run)

    async def live(self) -> None:
        """Let its car live, and tell of it."""
        steps = 0
        while True:
            self.outlet.step()
            charger = self._charger
            if charger.plugged and not charger.session and not charger.finished:
                charger.start(TAG)
            if steps % TELL_EVERY == 0:
                self._tell()
            steps += 1
            await asyncio.sleep(STEP_S)

    def _duty_changed(self, duty_permille: int) -> None:
        self._tell()

    def _tell(self) -> None:
        line = {"number": self._number, "t_s": time.monotonic(), **self.outlet.state()}
        self._output.write(json.dumps(line) + "\n")
        self._output.flush()


def firmware(name: str) -> Any:
    """A module of the firmware: the rest of the bench knows nothing of those."""
    return importlib.import_module(name)


async def serve(directory: Path, output: Any) -> None:
    """Set the slaves up and let them live until standard input ends."""
    lines = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    settings = json.loads(await lines.readline())["settings"]
    slaves = {int(n): Slave(int(n), own, directory, output) for n, own in settings.items()}
    supervisor = firmware("core.tasks").Supervisor()
    for slave in slaves.values():
        slave.start(supervisor)
    tasks = [asyncio.create_task(slave.live()) for slave in slaves.values()]
    for task in tasks:
        task.add_done_callback(end_on_failure)
    while line := await lines.readline():
        message = json.loads(line)
        outlet = slaves[message["number"]].outlet
        for key, value in message["vehicle"].items():
            setattr(outlet.vehicle, key, value)


def end_on_failure(task: asyncio.Task) -> None:
    """A slave that fails ends them all, for everybody to see."""
    if not task.cancelled() and (error := task.exception()):
        sys.print_exception(error)  # type: ignore[attr-defined]  # of the shim
        os._exit(1)


if __name__ == "__main__":
    told, sys.stdout = sys.stdout, sys.stderr  # the firmware's log goes to the console
    become_micropython()
    asyncio.run(serve(Path(sys.argv[1]), told))
