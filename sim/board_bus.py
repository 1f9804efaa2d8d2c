"""The SPI and I2C lines of a board: serves its process's requests from the chip models."""

import os
import socket
import threading
from typing import Protocol

from sim.registers import Registers
from sim.shim import registers as layout

SPI, WRITE, READ = ord("S"), ord("W"), ord("R")


class SpiChip(Protocol):
    """A chip behind a chip select."""

    def transfer(self, data: bytes, new_transaction: bool) -> bytes:
        """Shift bytes in and out."""


class I2cChip(Protocol):
    """A chip at an address."""

    def write(self, data: bytes) -> None:
        """Take bytes."""

    def read(self, n: int) -> bytes:
        """Give bytes."""


class BoardBus:
    """A Unix socket that the board's process connects to; requests come one after the other.

    lock guards the chips: the bench holds it too when it changes one.
    """

    def __init__(self, path: str, registers: Registers) -> None:
        self.spi: dict[int, SpiChip] = {}  # by the GPIO of the chip select
        self.i2c: dict[int, I2cChip] = {}  # by 7-bit address
        self.muted: set[int] = set()  # chip selects whose chip does not answer
        self.lock = threading.Lock()
        self._registers = registers
        self._edges: dict[int, int] = {}
        self._path = path
        if os.path.exists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve, name="chips " + path, daemon=True)

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a board
        self._listener.close()
        if os.path.exists(self._path):
            os.unlink(self._path)

    def answer(self, kind: int, address: int, length: int, payload: bytes) -> bytes:
        """Do one request with the chip that it means."""
        with self.lock:
            if kind == SPI:
                return self._transfer(payload)
            chip = self.i2c.get(address)
            if chip is None:
                return bytes(1 + length) if kind == READ else b"\0"
            if kind == READ:
                return b"\1" + chip.read(length)
            if payload:  # an empty write only asks whether the chip is there
                chip.write(payload)
            return b"\1"

    def _transfer(self, payload: bytes) -> bytes:
        for pin, chip in self.spi.items():
            if self._registers[layout.OUT0 + pin] or pin in self.muted:
                continue
            edges = self._registers[layout.EDGES0 + pin]
            fresh = edges != self._edges.get(pin)
            self._edges[pin] = edges
            return chip.transfer(payload, fresh)
        return bytes(len(payload))  # nobody drives the line

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with connection:
                try:
                    self._serve_board(connection)
                except OSError:
                    pass  # the board's process was killed in the middle

    def _serve_board(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb", buffering=4096)
        while len(header := stream.read(4)) == 4:
            length = header[2] | header[3] << 8
            payload = b"" if header[0] == READ else stream.read(length)
            if header[0] != READ and len(payload) < length:
                return
            connection.sendall(self.answer(header[0], header[1], length, payload))
