"""Light slaves: members of an RS485 group that run only the firmware's slave code, all in one CPython process.

They share the group's line with the boards, byte by byte. A charger of theirs is a pilot without wires,
and a car; they have neither page, display, flash nor back office.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable

from sim import board_process
from sim.group_line import GroupLine
from sim.light_charger import Outlet
from sim.light_port import DE_PIN, UART
from sim.registers import Registers
from sim.rs485 import BoardPort

ROOT = Path(__file__).resolve().parent.parent


class LightSlaves:
    """Slaves with their settings, by their numbers, which follow those of the boards.

    tell(t_s, number, what, value) hears the edges of their duties.
    """

    def __init__(
        self,
        settings: "dict[int, dict]",
        directory: Path,
        tell: "Callable[[float, int, str, object], None]",
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._tell = tell
        new = Outlet(lambda duty: None).state()
        self._states: dict[int, dict] = {number: new for number in settings}
        self._process: "subprocess.Popen | None" = None
        self._closing = False
        self._reader = threading.Thread(target=self._read, name="light slaves", daemon=True)

    @property
    def numbers(self) -> "list[int]":
        """Of all."""
        return list(self._states)

    def connect(self, line: GroupLine) -> None:
        """Put their ports on the line."""
        for number in self._settings:
            registers = Registers(str(self._directory / str(number)))
            line.add(number, BoardPort(registers, UART, DE_PIN))

    def start(self) -> None:
        """Start the process; call it from a thread that lives as long as the bench."""
        with open(self._directory / "console.log", "wb") as console:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sim.light_program", str(self._directory)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                preexec_fn=board_process.die_with_the_bench,
                start_new_session=True,
            )
        self._send({"settings": self._settings})
        self._reader.start()

    def close(self) -> None:
        """End it."""
        self._closing = True
        if self._process:
            self._process.kill()
            self._process.wait()
            self._reader.join()

    def change(self, number: int, values: dict) -> None:
        """Change a slave's car."""
        self._send({"number": number, "vehicle": values})

    def state(self) -> "list[dict]":
        """What each told last."""
        return [{"id": number, **state} for number, state in self._states.items()]

    def amps(self) -> "list[float]":
        """What their cars draw, by phase."""
        return [sum(state["a"][phase] for state in self._states.values()) for phase in range(3)]

    def _send(self, message: dict) -> None:
        assert self._process and self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process and self._process.stdout
        for line in self._process.stdout:
            state = json.loads(line)
            number, t_s = state.pop("number"), state.pop("t_s")
            duty = state["duty_permille"]
            if self._states[number]["duty_permille"] != duty:
                self._tell(t_s, number, "duty", duty)
            self._states[number] = state
        if not self._closing:
            raise ChildProcessError((self._directory / "console.log").read_text()[-2000:])
