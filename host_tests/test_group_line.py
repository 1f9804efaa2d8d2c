"""The line that the boards of a bench share: what is on it is written down, and a stranger may talk too."""

import pytest

from sim import group_line
from sim.group_line import FOREIGN, GroupLine
from sim.light_port import DE_PIN, UART, LightPin, LightUart
from sim.registers import Registers
from sim.rs485 import BoardPort

BYTE_S = 10 / 9600


class Party:
    """A board's UART and driver, beside its port on the line."""

    def __init__(self) -> None:
        registers = Registers()
        self.uart = LightUart(registers)
        self.driver = LightPin(registers)
        self.port = BoardPort(registers, UART, DE_PIN)

    def say(self, data: bytes) -> None:
        self.driver.value(1)
        self.uart.write(data)

    def heard(self) -> bytes:
        buffer = bytearray(512)
        return bytes(buffer[: self.uart.readinto(buffer) or 0])


class Line:
    """Given two boards on a line, whose time passes when told."""

    def __init__(self) -> None:
        self.line = GroupLine()
        self.now_s = 100.0
        self.parties = {number: Party() for number in (1, 2)}
        for number, party in self.parties.items():
            self.line.add(number, party.port)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self.now_s += 0.001
            self.line.step(self.now_s)
            for party in self.parties.values():
                if party.uart.txdone() and not party.holds:
                    party.driver.value(0)

    def told(self) -> list:
        return [(frame["board"], frame["hex"]) for frame in self.line.frames(0)]


@pytest.fixture
def line():
    made = Line()
    for party in made.parties.values():
        party.holds = False
    return made


def test_frames_are_written_down_with_their_talkers_and_times(line):
    line.parties[1].say(b"\x65\x04")
    line.run(0.01)
    line.parties[2].say(b"\x01\x02\x03")
    line.run(0.02)
    assert line.told() == [(1, "6504"), (2, "010203")]
    first, second = line.line.frames(0)
    assert second["t_ms"] - second["start_ms"] == pytest.approx(3 * BYTE_S * 1000, abs=0.01)
    assert line.line.frames(first["t_ms"]) == [second]
    assert line.parties[2].heard() == b"\x65\x04"
    assert line.parties[1].heard() == b"\x01\x02\x03"


def test_a_board_that_is_cut_off_neither_hears_nor_is_heard(line):
    line.line.cut([2])
    line.parties[2].say(b"nobody")
    line.run(0.02)
    line.parties[1].say(b"alone")
    line.run(0.02)
    assert line.told() == [(1, b"alone".hex().upper())]
    assert line.parties[1].heard() == line.parties[2].heard() == b""
    assert line.line.state() == {"cut": [2], "noise": 0.0, "echo": []}


def test_a_board_that_holds_its_driver_garbles_the_others(line):
    line.parties[2].holds = True
    line.parties[2].driver.value(1)
    line.parties[1].say(b"12345678")
    line.run(0.02)
    ((board, heard),) = line.told()
    assert board == 1
    assert all(was != sent for was, sent in zip(bytes.fromhex(heard), b"12345678"))


def test_transceivers_that_echo_let_their_boards_hear_themselves(line):
    line.line.echo([1])
    line.parties[1].say(b"echo")
    line.run(0.02)
    assert line.parties[1].heard() == b"echo"
    line.line.echo([])
    line.parties[1].say(b"none")
    line.run(0.02)
    assert line.parties[1].heard() == b""


def test_a_stranger_waits_for_silence_and_is_heard_by_all(line):
    line.parties[1].say(b"a long frame of a board")
    line.run(0.005)
    line.line.say(b"first")
    line.line.say(b"second")
    line.run(0.1)
    assert line.told() == [
        (1, b"a long frame of a board".hex().upper()),
        (FOREIGN, b"first".hex().upper()),
        (FOREIGN, b"second".hex().upper()),
    ]
    assert line.parties[2].heard() == b"a long frame of a boardfirstsecond"
    ends = [(frame["start_ms"], frame["t_ms"]) for frame in line.line.frames(0)]
    for (_, end_ms), (start_ms, _) in zip(ends, ends[1:]):
        assert start_ms - end_ms > 3.5 * BYTE_S * 1000


def test_boards_of_a_group_find_their_addresses_keys_and_fallbacks():
    assert group_line.settings(1, 0, 0) == {}
    assert group_line.settings(1, 3, 0) == {"slave_number": 3}
    assert group_line.settings(3, 3, 0) == {"group_address": 2}
    master, slave = (group_line.settings(number, 3, 40) for number in (1, 2))
    assert master["dlb_function"] == "DLM" and slave["connection_mode"] == "Slave"
    assert master["group_key"] == slave["group_key"]
    assert master["llm_fallback_current"] * 4 == master["llm_grid_current"] == 40
    assert group_line.settings(2, 9, 40)["llm_fallback_current"] == 0  # 4 A is no offer
