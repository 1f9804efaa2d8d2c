"""The RS485 line that the boards of a bench share: who is on it, how it is disturbed, what was on it."""

from collections.abc import Iterable

from sim.bus_tap import Tap
from sim.rs485 import BoardPort, Bus

FOREIGN = 0  # the number of the device that is no board
MOST_SLAVES = 19
KEY = "the bench's group"
LEAST_A = 6  # less is no offer


def settings(number: int, slaves: int, grid_a: int) -> dict:
    """What sets new board n apart on the line: board 1 may become the master, the others are its slaves.

    grid_a: they share that current from the start, and fall back to equal parts of it; 0: each for itself.
    """
    place: dict = {"group_address": number - 1} if number > 1 else {"slave_number": slaves}
    if not grid_a or not slaves:
        return place if slaves else {}
    part_a = grid_a // (slaves + 1)
    common = {"group_key": KEY, "llm_fallback_current": part_a if part_a >= LEAST_A else 0}
    if number > 1:
        return {**place, **common, "connection_mode": "Slave"}
    return {**place, **common, "dlb_function": "DLM", "llm_grid_current": grid_a}


class GroupLine:
    """Ports by the numbers of their boards."""

    def __init__(self) -> None:
        self._bus = Bus()
        self._tap = Tap(self._bus)
        self._ports: dict[int, BoardPort] = {}

    @property
    def numbers(self) -> "list[int]":
        """Who is on the line, connected or not."""
        return list(self._ports)

    def add(self, number: int, port: BoardPort) -> None:
        """Connect a board's port."""
        self._ports[number] = port
        self._bus.attach(port)

    def step(self, now_s: float) -> None:
        """Deliver what has been sent by now."""
        self._bus.step(now_s)

    def cut(self, numbers: "Iterable[int]") -> None:
        """Take these off the line, and only these."""
        self._bus.cut = {self._ports[number] for number in numbers}

    def disturb(self, noise: float) -> None:
        """Chance that a byte is corrupted."""
        self._bus.noise = noise

    def echo(self, numbers: "Iterable[int]") -> None:
        """Let these hear themselves: transceivers whose receiver is always on."""
        wanted = set(numbers)
        for number, port in self._ports.items():
            port.echo = number in wanted

    def state(self) -> dict:
        """How it is disturbed."""
        return {
            "cut": [number for number, port in self._ports.items() if port in self._bus.cut],
            "noise": self._bus.noise,
            "echo": [number for number, port in self._ports.items() if port.echo],
        }

    def say(self, data: bytes) -> None:
        """Have the foreign device send a frame."""
        self._tap.say(data)

    def frames(self, since_ms: float) -> "list[dict]":
        """What was on the wire, garbled or not: whole frames that ended later than since_ms."""
        numbers = {port: number for number, port in self._ports.items()}
        told = [
            {
                "t_ms": round(frame.end_s * 1000, 3),
                "start_ms": round(frame.start_s * 1000, 3),
                "board": numbers.get(frame.talker, FOREIGN),  # type: ignore[call-overload]
                "hex": frame.data.hex().upper(),
            }
            for frame in self._tap.frames()
        ]
        return [frame for frame in told if frame["t_ms"] > since_ms]
