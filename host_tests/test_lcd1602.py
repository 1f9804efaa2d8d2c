"""The display and the port expanders, driver against model."""

import pytest
from chip_bench import I2c, now_s, run

from drivers import io_expander
from drivers.io_expander import IoExpander
from drivers.lcd1602 import Lcd1602
from sim.chips import lcd1602 as display_model
from sim.chips.pcf8574 import Pcf8574


@pytest.fixture
def glass():
    return display_model.Lcd1602(now_s)


@pytest.fixture
def wires(glass):
    return I2c({0x27: glass})


def test_shows_two_lines(glass, wires):
    lcd = Lcd1602(wires)

    async def story():
        assert glass.lines() == [" " * 16] * 2
        assert await lcd.show("Charging", "7.4 kW  31.9 A")
        assert glass.lines() == ["Charging        ", "7.4 kW  31.9 A  "]
        assert await lcd.show("Finished", "12.345 kWh is longer than it")
        assert glass.lines() == ["Finished        ", "12.345 kWh is lo"]
        assert glass.backlight and glass.display_on and not glass.cursor_on

    run(story())


def test_writes_only_what_changed(glass, wires):
    lcd = Lcd1602(wires)

    async def story():
        await lcd.show("31.9 A", "12:00:01")
        before = wires.sent
        await lcd.show("31.9 A", "12:00:01")
        assert wires.sent == before
        await lcd.show("31.8 A", "12:00:02")
        assert wires.sent - before == 4 * 4  # two places: an address and a character each
        assert glass.lines()[1].startswith("12:00:02")

    run(story())


def test_special_characters(glass, wires):
    async def story():
        await Lcd1602(wires).show("25 °C → µΩ", "back\\slash ž")
        assert glass.lines() == ["25 °C → µΩ      ", "back?slash ?    "]

    run(story())


def test_a_display_that_comes_later(glass, wires):
    lcd = Lcd1602(wires)

    async def story():
        del wires.chips[0x27]
        assert not await lcd.show("a", "b")
        wires.chips[0x27] = glass
        assert await lcd.show("a", "b")
        del wires.chips[0x27]
        assert not await lcd.show("c", "b")
        glass.__init__(now_s)  # it was unplugged: forgotten everything
        wires.chips[0x27] = glass
        assert await lcd.show("c", "b")
        assert [line.strip() for line in glass.lines()] == ["c", "b"]

    run(story())


def test_finds_its_nibbles_again_after_a_restart_in_the_middle(glass, wires):
    async def story():
        await Lcd1602(wires).show("before", "")
        wires.writeto(0x27, bytes((0x4C, 0x48)))  # the board was reset after one nibble
        await Lcd1602(wires).show("after", "")
        assert glass.lines()[0] == "after           "

    run(story())


class Controller:
    """Given an HD44780 in 4-bit mode, driven nibble by nibble."""

    def __init__(self, glass) -> None:
        self.glass = glass
        for nibble in (0x30, 0x30, 0x30, 0x20):
            self._nibble(nibble)
        self.command(0x28, 0x0C, 0x06)

    def _nibble(self, value: int) -> None:
        self.glass.write(bytes((value | 0x0C, value | 0x08)))

    def command(self, *codes: int) -> None:
        for code in codes:
            self._nibble(code & 0xF0)
            self._nibble(code << 4 & 0xF0)

    def text(self, text: bytes) -> None:
        for code in text:
            self._nibble(code & 0xF0 | 1)
            self._nibble(code << 4 & 0xF0 | 1)


def test_display_shift_and_entry_mode(glass):
    controller = Controller(glass)
    controller.text(b"0123456789ABCDEFGHIJ")
    controller.command(0x18)  # shift the display left
    assert glass.lines()[0] == "123456789ABCDEFG"
    controller.command(0x1C, 0x1C)  # and twice right: the line's end comes round
    assert glass.lines()[0] == " 0123456789ABCDE"
    controller.command(0x80 | 5, 0x04)  # write leftwards
    controller.text(b"cba")
    controller.command(0x18)
    assert glass.lines()[0] == "012abc6789ABCDEF"


def test_line_ends_and_display_off(glass):
    controller = Controller(glass)
    controller.command(0x80 | 0x27)
    controller.text(b"xy")  # beyond the first line's 40 places the second begins
    assert glass.lines()[1][0] == "y"
    controller.command(0x08)
    assert glass.lines() == [" " * 16] * 2
    controller.command(0x40)
    controller.text(b"\x1f" * 8)  # a character of its own
    controller.command(0x80, 0x0C)
    controller.text(b"\x00")
    assert glass.lines()[0][0] == "□"


def test_busy_flag_and_address_counter(glass):
    controller = Controller(glass)
    controller.text(b"abc")
    glass.write(bytes((0xF6 | 0x08,)))
    assert glass.read(1)[0] & 0xF0 == 0x00  # not busy, address 0x03
    glass.write(bytes((0xF2 | 0x08, 0xF6 | 0x08)))
    assert glass.read(1)[0] & 0xF0 == 0x30


# Port expanders


class Panel:
    """Given the board's two port expanders."""

    def __init__(self) -> None:
        self.inputs, self.outputs = Pcf8574(), Pcf8574()
        self.wires = I2c({0x20: self.inputs, 0x21: self.outputs})
        self.expander = IoExpander(self.wires, 0x20, 0x21)


def test_reads_switches_and_lock():
    panel = Panel()
    assert panel.expander.dip_code() == 0
    assert not panel.expander.earthed()
    panel.inputs.inputs = 0xFF & ~(5 | 8 | 16 | 32)
    assert panel.expander.dip_code() == 0  # as it was read last
    assert panel.expander.poll()
    assert panel.expander.dip_code() == 5
    assert panel.expander.factory_reset() and panel.expander.lock_closed()
    assert panel.expander.earthed()


def test_what_was_read_a_second_ago_is_no_answer(clock):
    panel = Panel()
    clock.sleep_us(900_000)
    assert panel.expander.dip_code() == 0
    clock.sleep_us(200_000)
    with pytest.raises(OSError):
        panel.expander.dip_code()
    with pytest.raises(OSError):
        panel.expander.lock_closed()
    panel.expander.poll()
    assert panel.expander.dip_code() == 0


def test_drives_outputs_active_low():
    panel = Panel()
    assert panel.outputs.outputs == 0xFF
    assert panel.expander.drive(io_expander.LOCK_CLOSE, True)
    assert panel.expander.drive(io_expander.BUZZER, True)
    assert panel.outputs.outputs == 0xFF & ~(1 | 8)
    panel.expander.drive(io_expander.LOCK_CLOSE, False)
    assert panel.outputs.outputs == 0xFF & ~8


def test_outputs_are_off_after_a_restart():
    panel = Panel()
    panel.outputs.write(b"\x00")
    IoExpander(panel.wires, 0x20, 0x21)
    assert panel.outputs.outputs == 0xFF


def test_a_missing_expander_gets_its_outputs_when_it_is_back():
    panel = Panel()
    chips = dict(panel.wires.chips)
    panel.wires.chips.clear()
    assert not panel.expander.poll()
    assert not panel.expander.drive(io_expander.RCM_TEST, True)
    assert not panel.expander.ok
    panel.wires.chips.update(chips)
    assert panel.expander.poll()
    assert panel.expander.ok
    assert panel.outputs.outputs == 0xFF & ~4
