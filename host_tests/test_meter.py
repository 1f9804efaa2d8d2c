"""Meters: formats, and a poller that asks pymodbus' meters over the bus."""

import asyncio
import struct

import pytest
from chip_bench import BusRig, run
from hypothesis import given
from hypothesis import strategies as st
from meter import formats
from meter.poller import EnergyCount, Meter
from modbus.rtu import Master
from sim import meters

DEFAULTS = {
    "meter_function": "04",
    "meter_reg_v_l1": 21248,
    "meter_reg_v_l2": 21250,
    "meter_reg_v_l3": 21252,
    "meter_reg_a_l1": 21260,
    "meter_reg_a_l2": 21262,
    "meter_reg_a_l3": 21264,
    "meter_reg_w": 21288,
    "meter_reg_kwh": 21300,
    "meter_fmt_v": "float",
    "meter_fmt_a": "float",
    "meter_fmt_w": "float",
    "meter_fmt_kwh": "float",
}
EASTRON = {
    **{f"meter_reg_v_l{n}": 2 * n - 2 for n in (1, 2, 3)},
    **{f"meter_reg_a_l{n}": 2 * n + 4 for n in (1, 2, 3)},
    "meter_reg_w": 52,
    "meter_reg_kwh": 342,
}


class Settings:
    """The settings service, as far as a meter uses it."""

    def __init__(self, **changes) -> None:
        self._values = {**DEFAULTS, **changes}
        self._listeners = []

    def get(self, key):
        return self._values[key]

    def listen(self, callback) -> None:
        self._listeners.append(callback)

    def change(self, **values) -> None:
        self._values.update(values)
        for callback in self._listeners:
            callback(set(values))


class MeterRig(BusRig):
    """Given a meter on the bus and the firmware's poller on it."""

    def __init__(self, **settings) -> None:
        super().__init__()
        self.reading = meters.Reading((230.1, 231.2, 229.9), (15.9, 16.0, 0.0), 7357.79, 1234.567)
        self.model = meters.Meter(1, lambda: self.reading)
        self.bus.attach(self.model)
        house = meters.Reading((230.0,) * 3, (20.0, 21.0, 22.0), 14490.0, 5.0)
        self.bus.attach(meters.Meter(2, lambda: house))
        self.settings = Settings(**settings)
        self.master = Master(self.port)
        self.meter = Meter(self.master, self.settings)

    def change(self, **values) -> None:
        self.reading = self.reading._replace(**values)

    def play(self, story) -> None:
        async def stage():
            bus = asyncio.create_task(self.live())
            polls = asyncio.create_task(self.meter.run())
            await asyncio.sleep(1)
            await story()
            assert not bus.done() and not polls.done()

        run(stage())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"meter_function": "03"},
        EASTRON,
        {**EASTRON, "meter_reg_kwh": 72},
    ],
)
def test_reads_meters_of_several_kinds(settings):
    rig = MeterRig(**settings)

    async def story():
        assert rig.meter.ok and rig.meter.age_ms() < 1500
        assert rig.meter.voltage_mv == [230100, 231200, 229900]
        assert rig.meter.current_ma == [15900, 16000, 0]
        assert rig.meter.power_mw == pytest.approx(7357790, abs=1)
        assert rig.meter.energy_wh == 1234567

    rig.play(story)


def test_both_meters_answer_on_one_bus():
    rig = MeterRig()

    async def story():
        house = await rig.master.read(2, 3, 21260, 6)
        assert [formats.decode("float", house, n) for n in (0, 2, 4)] == [20000, 21000, 22000]

    rig.play(story)


def test_a_single_phase_meter_without_power_register():
    absent = {f"meter_reg_{q}_l{n}": formats.ABSENT for q in "va" for n in (2, 3)}
    rig = MeterRig(meter_reg_w=formats.ABSENT, **absent)

    async def story():
        assert rig.meter.voltage_mv == [230100, None, None]
        assert rig.meter.current_ma == [15900, None, None]
        assert rig.meter.power_mw == 3658590

    rig.play(story)


def test_one_register_for_several_values():
    """The vendor's manual shows a meter set up with L2's current for both L1 and L2."""
    rig = MeterRig(meter_reg_a_l1=21262)

    async def story():
        assert rig.meter.current_ma == [16000, 16000, 0]

    rig.play(story)


def test_no_registers_no_meter():
    rig = MeterRig(**{key: formats.ABSENT for key in DEFAULTS if "_reg_" in key})

    async def story():
        assert not rig.meter.ok
        assert rig.meter.voltage_mv == [None] * 3 and rig.meter.energy_wh is None

    rig.play(story)


@pytest.mark.parametrize("fault", ["silent", "corrupt"])
def test_a_meter_that_fails_and_returns(fault):
    rig = MeterRig()

    async def story():
        setattr(rig.model, fault, True)
        await asyncio.sleep(3)
        assert rig.meter.ok  # four seconds are no loss yet
        await asyncio.sleep(5)
        assert not rig.meter.ok
        assert rig.meter.current_ma == [None] * 3 and rig.meter.power_mw is None
        assert rig.meter.energy_wh == 1234567
        setattr(rig.model, fault, False)
        rig.change(kwh=1234.6)
        await asyncio.sleep(3)
        assert rig.meter.ok and rig.meter.energy_wh == 1234600

    rig.play(story)


def test_some_noise_is_ridden_over():
    rig = MeterRig()

    async def story():
        rig.bus.noise = 0.005
        for _ in range(60):
            await asyncio.sleep(1)
            assert rig.meter.ok
            assert rig.meter.current_ma == [15900, 16000, 0]

    rig.play(story)


@pytest.mark.parametrize(
    "absurd",
    [
        {"v": (501.0, 230.0, 230.0)},
        {"v": (-1.0, 230.0, 230.0)},
        {"a": (0.0, 201.0, 0.0)},
        {"w": 2.1e5},
        {"kwh": -1.0},
    ],
)
def test_absurd_values_are_not_believed(absurd):
    rig = MeterRig()

    async def story():
        rig.change(**absurd)
        await asyncio.sleep(7)
        assert not rig.meter.ok
        assert rig.meter.energy_wh == 1234567

    rig.play(story)


def test_not_a_number_means_the_meter_has_none():
    rig = MeterRig()

    async def story():
        rig.change(v=(230.0, float("nan"), float("nan")), w=float("nan"))
        await asyncio.sleep(2)
        assert rig.meter.ok
        assert rig.meter.voltage_mv == [230000, None, None]
        assert rig.meter.power_mw == 230000 * 15900 // 1000

    rig.play(story)


def test_registers_can_be_changed_while_it_runs():
    rig = MeterRig(meter_reg_w=40000)  # no such register: the meter refuses

    async def story():
        await asyncio.sleep(2)
        assert not rig.meter.ok
        rig.settings.change(meter_reg_w=21288)
        await asyncio.sleep(2)
        assert rig.meter.ok and rig.meter.energy_wh == 1234567

    rig.play(story)


def test_an_energy_register_that_is_reset():
    rig = MeterRig()

    async def story():
        rig.change(kwh=0.0)
        await asyncio.sleep(5)
        assert rig.meter.energy_wh == 1234567
        rig.change(kwh=0.2)
        await asyncio.sleep(2)
        assert rig.meter.energy_wh == 1234767

    rig.play(story)


def test_a_single_wrong_energy_value_leaves_no_trace():
    count = EnergyCount()
    wh = [count.update(value, 1000) for value in (5000, 9000000, 5001, 3, 5002, 9000000, 5003)]
    assert wh == [5000, 5000, 5001, 5001, 5002, 5002, 5003]


def test_energy_that_grew_while_nobody_looked():
    count = EnergyCount()
    count.update(5000, 1000)
    assert count.update(15000, 3600000) == 15000


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_energy_never_runs_backwards(register_wh):
    count = EnergyCount()
    counted = [count.update(value, 1000) for value in register_wh]
    assert counted == sorted(counted)


# Formats


@pytest.mark.parametrize(
    ("fmt", "words", "milli"),
    [
        ("int16", [231], 231000),
        ("int16", [0xFFFF], -1000),
        ("int16*0.1", [2305], 230500),
        ("int16*0.01", [1599], 15990),
        ("int16*0.001", [0x8000], -32768),
        ("int32", [0, 7360], 7360000),
        ("int32*0.1", [1, 0], 6553600),
        ("int32*0.01", [0xFFFF, 0xFFFF], -10),
        ("int32*0.001", [0x12, 0xD687], 1234567),
        ("int32*0.0001", [0, 12345], 1235),
        ("int32*0.0001", [0x7FFF, 0xFFFE], 214748365),
        ("int32", [0x7FFF, 0xFFFF], None),
        ("float", [0x4366, 0x0000], 230000),
        ("float", [0xC366, 0x0000], -230000),
        ("float", [0x0000, 0x0001], 0),
        ("float", [0x7FC0, 0x0000], None),
        ("float", [0xFF80, 0x0000], None),
    ],
)
def test_formats(fmt, words, milli):
    assert formats.words(fmt) == len(words)
    assert formats.decode(fmt, [99, *words], 1) == milli
    assert formats.decode(fmt, words[::-1], 0, low_word_first=True) == milli


@given(st.floats(-1e9, 1e9, width=32))
def test_floats_are_decoded_exactly(value):
    words = struct.unpack(">HH", struct.pack(">f", value))
    assert abs(formats.decode("float", words, 0) - value * 1000) <= 0.5
