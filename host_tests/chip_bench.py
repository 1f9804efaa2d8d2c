"""Wires that join the firmware's drivers to the chip models, and buses that live in virtual time."""

import asyncio

import install
import virtual_time
from machine import UART, Pin
from sim.registers import Registers
from sim.rs485 import BoardPort, Bus
from virtual_time import clock

UART_NUMBER, DE_PIN = 1, 4


def now_s() -> float:
    """Seconds of the virtual clock, as chip models want it."""
    return clock.now_us / 1e6


class CsPin:
    """A chip select; counts its edges."""

    def __init__(self) -> None:
        self.level = 1
        self.falls = 0

    def value(self, level: int) -> None:
        self.falls += self.level and not level
        self.level = level


class Spi:
    """An SPI bus with one chip; a transfer takes transfer_us."""

    def __init__(self, chip, cs: CsPin, transfer_us: int = 20) -> None:
        self._transfer_us = transfer_us
        self._chip = chip
        self._cs = cs
        self._falls = 0
        self.transfers = 0

    def write_readinto(self, out, into) -> None:
        assert self._cs.level == 0, "transfer without chip select"
        clock.now_us += self._transfer_us
        self.transfers += 1
        into[:] = self._chip.transfer(bytes(out), self._cs.falls != self._falls)
        self._falls = self._cs.falls


class I2c:
    """An I2C bus with chips by address; a byte takes 90 µs, a missing chip raises OSError."""

    def __init__(self, chips: dict) -> None:
        self.chips = chips
        self.sent = 0

    def _chip(self, address: int):
        if address not in self.chips:
            raise OSError(19)
        return self.chips[address]

    def writeto(self, address: int, data) -> int:
        chip = self._chip(address)
        for byte in bytes(data):
            clock.now_us += 90
            chip.write(bytes((byte,)))
        self.sent += len(data)
        return len(data)

    def readfrom_into(self, address: int, into) -> None:
        chip = self._chip(address)
        clock.now_us += 90 * len(into)
        into[:] = chip.read(len(into))


class BusRig:
    """A board's UART on an RS485 bus."""

    def __init__(self, echo: bool = False, baudrate: int = 9600) -> None:
        from drivers import rs485

        rs485.sleep_us = self._sleep_us
        self.registers = Registers()
        install.use_registers(self.registers)
        self.bus = Bus(seed=1)
        self.board = BoardPort(self.registers, UART_NUMBER, DE_PIN, echo)
        self.bus.attach(self.board)
        self.uart = UART(UART_NUMBER, baudrate, tx=17, rx=16)
        self.de_pin = Pin(DE_PIN, Pin.OUT, value=0)
        self.port = rs485.Rs485Port(self.uart, self.de_pin, baudrate)

    def _sleep_us(self, us: int) -> None:
        """The bus lives on while the firmware holds its loop."""
        for _ in range(0, us, 500):
            clock.now_us += 500
            self.bus.step(now_s())

    async def live(self, step_s: float = 0.001) -> None:
        """Step the bus, for ever."""
        while True:
            self.bus.step(now_s())
            await asyncio.sleep(step_s)


def run(story) -> None:
    """Run a story in virtual time, beside a world that goes on."""

    async def stage():
        world = asyncio.create_task(asyncio.sleep(1e6))
        await story
        assert not world.done()

    virtual_time.run(stage())
