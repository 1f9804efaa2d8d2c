"""The virtual world: boards and what is between them, stepped every millisecond in real time."""

import threading
import time

from sim.board import Board
from sim.events import EventLog
from sim.group_line import GroupLine
from sim.light_slaves import LightSlaves
from sim.shim import registers as layout

STEP_S = 0.001
POLL_S = 0.004  # how often ends of processes and watchdogs are looked for
BUILDING_S = 0.02


class World:
    """Holds the boards, steps them in a thread, watches their processes in another.

    lock is held during a step; the bench's API takes it to look or to change something.
    """

    def __init__(self) -> None:
        self.boards: dict[int, Board] = {}
        self.events = EventLog()
        self.group_line = GroupLine()
        self.light: "LightSlaves | None" = None
        self.lock = threading.RLock()
        self.now_s = time.monotonic()
        self._building_s = self.now_s
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._step_for_ever, name="world", daemon=True),
            threading.Thread(target=self._watch_processes, name="processes", daemon=True),
        ]

    def add(self, board: Board) -> None:
        """Put a board on the group bus and into the world."""
        self.boards[board.number] = board
        self.group_line.add(board.number, board.group_port)

    def add_light(self, slaves: LightSlaves) -> None:
        """Put light slaves on the group bus and into the world."""
        self.light = slaves
        slaves.connect(self.group_line)

    def tell(self, board: int, what: str, value: object) -> None:
        """Note an event now."""
        self.events.add(time.monotonic(), board, what, value)

    def start(self) -> None:
        """Let time pass and switch the boards on."""
        for thread in self._threads:
            thread.start()
        for board in self.boards.values():
            board.power(True)
        if self.light:
            self.light.start()

    def close(self) -> None:
        """Stop time and end every board."""
        self._ends.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for board in self.boards.values():
            board.close()
        if self.light:
            self.light.close()

    def step(self, now_s: float) -> None:
        """Bring everything up to now_s."""
        with self.lock:
            self.now_s = now_s
            self.group_line.step(now_s)
            for board in self.boards.values():
                board.step(now_s)
            if now_s - self._building_s >= BUILDING_S:
                self._measure_building(now_s)

    def _measure_building(self, now_s: float) -> None:
        """The second meter sees its board's house load and all the bench's chargers."""
        elapsed_s = now_s - self._building_s
        self._building_s = now_s
        models = [board.model for board in self.boards.values()]
        drawn = [model.meter.a for model in models]
        if self.light:
            drawn.append(self.light.amps())
        chargers_a = [sum(amps[phase] for amps in drawn) for phase in range(3)]
        unix_s = int(time.time())
        for model in models:
            amps = [house_a + a for house_a, a in zip(model.house_a, chargers_a)]
            model.building.pass_time(model.mains_v, amps, elapsed_s)
            model.registers[layout.UNIX_S] = unix_s

    def _step_for_ever(self) -> None:
        next_s = time.monotonic()
        while not self._ends.is_set():
            now_s = time.monotonic()
            self.step(now_s)
            next_s = max(next_s + STEP_S, now_s)  # late steps are left out: a step takes any time
            time.sleep(max(0.0002, next_s - time.monotonic()))

    def _watch_processes(self) -> None:
        while not self._ends.is_set():
            for board in self.boards.values():
                board.process.poll(time.monotonic())
            time.sleep(POLL_S)
