"""The chips' bus over its socket, as a board's process uses it."""

import socket
import struct

import pytest

from sim.board_bus import BoardBus
from sim.registers import Registers
from sim.shim import registers as layout

CS = 5


class SpiEcho:
    def __init__(self):
        self.transactions = 0

    def transfer(self, data, new_transaction):
        self.transactions += new_transaction
        return bytes(byte ^ 0xFF for byte in data)


class I2cMemory:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data = data

    def read(self, n):
        return self.data[:n].ljust(n, b"\0")


@pytest.fixture
def bus(tmp_path):
    registers = Registers()
    bus = BoardBus(str(tmp_path / "bus.sock"), registers)
    bus.registers = registers
    bus.spi[CS] = SpiEcho()
    bus.i2c[0x20] = I2cMemory()
    bus.start()
    bus.board = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bus.board.connect(str(tmp_path / "bus.sock"))
    yield bus
    bus.board.close()
    bus.close()


def ask(bus, kind, address, payload, answer_bytes):
    length = payload if kind == "R" else len(payload)
    bus.board.sendall(struct.pack("<BBH", ord(kind), address, length))
    if kind != "R":
        bus.board.sendall(payload)
    return bus.board.recv(answer_bytes, socket.MSG_WAITALL)


def test_i2c_writes_and_reads_are_acknowledged_where_a_chip_is(bus):
    assert ask(bus, "W", 0x20, b"\x12\x34", 1) == b"\1"
    assert ask(bus, "R", 0x20, 2, 3) == b"\1\x12\x34"
    assert ask(bus, "W", 0x20, b"", 1) == b"\1"  # a scan leaves it as it was
    assert ask(bus, "R", 0x20, 1, 2) == b"\1\x12"
    assert ask(bus, "W", 0x55, b"\0", 1) == b"\0"
    assert ask(bus, "R", 0x55, 2, 3) == b"\0\0\0"


def test_a_chip_select_edge_starts_a_transaction(bus):
    bus.registers[layout.EDGES0 + CS] = 1
    assert ask(bus, "S", 0, b"\x0f", 1) == b"\xf0"
    assert ask(bus, "S", 0, b"\x00\x01", 2) == b"\xff\xfe"
    bus.registers[layout.EDGES0 + CS] = 3
    ask(bus, "S", 0, b"\x00", 1)
    assert bus.spi[CS].transactions == 2


def test_without_a_selected_chip_the_line_reads_zero(bus):
    bus.registers[layout.OUT0 + CS] = 1
    assert ask(bus, "S", 0, b"\x0f", 1) == b"\0"
    bus.registers[layout.OUT0 + CS] = 0
    bus.muted = {CS}
    assert ask(bus, "S", 0, b"\x0f", 1) == b"\0"


def test_the_next_process_connects_after_one_was_killed(bus, tmp_path):
    bus.board.sendall(b"S\0\x10")  # cut in the middle of a request
    bus.board.close()
    bus.board = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bus.board.connect(str(tmp_path / "bus.sock"))
    assert ask(bus, "W", 0x20, b"\x01", 1) == b"\1"
