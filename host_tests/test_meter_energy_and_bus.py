"""The poller's energy count, its zero, and two meters on one bus, on pymodbus' bytes."""

import asyncio
import json

import pytest
from chip_bench import now_s
from meter.poller import Meter
from meter_rig import MeterRig


# The energy register


def test_an_energy_register_that_is_reset():
    rig = MeterRig()

    async def story():
        rig.change(kwh=0.0)
        await asyncio.sleep(5)
        assert rig.meter.energy_wh == 1234567
        rig.change(kwh=0.2)
        await asyncio.sleep(2)
        assert rig.meter.energy_wh == 1234767
        assert rig.meter.shown_wh == 200  # what the meter's own display says

    rig.play(story)


def test_the_count_goes_on_where_the_log_says_it_stood():
    rig = MeterRig()
    rig.make_meter(counted_wh=9000000, in_session=True)

    async def story():
        assert rig.meter.energy_wh == 9000000
        rig.change(kwh=1234.667)
        await asyncio.sleep(2)
        assert rig.meter.energy_wh == 9000100

    rig.play(story)


def test_a_session_that_begins_before_the_meter_has_answered():
    rig = MeterRig()
    rig.model.silent = True

    async def story():
        assert rig.meter.energy_wh is None
        rig.meter.hold_count()
        assert rig.meter.energy_wh == 0
        rig.model.silent = False
        await asyncio.sleep(3)
        assert (rig.meter.ok, rig.meter.energy_wh) == (True, 0)
        rig.meter.hold_count()  # the next session has nothing to hold
        rig.change(kwh=1234.667)
        await asyncio.sleep(2)
        assert rig.meter.energy_wh == 100

    rig.play(story)


# SetZero


def test_the_shown_energy_is_set_to_zero_and_stays_so_over_a_restart(tmp_path):
    path = tmp_path / "zero"
    rig = MeterRig()
    rig.make_meter(zero_path=str(path))

    async def story():
        assert rig.meter.set_zero() == ""
        assert (rig.meter.shown_wh, rig.meter.energy_wh) == (0, 1234567)
        rig.change(kwh=1234.667)
        await asyncio.sleep(2)
        assert (rig.meter.shown_wh, rig.meter.energy_wh) == (100, 1234667)

    rig.play(story)
    rig = MeterRig()
    rig.make_meter(zero_path=str(path))
    rig.change(kwh=1234.767)

    async def later():
        assert (rig.meter.shown_wh, rig.meter.energy_wh) == (200, 1234767)
        rig.change(kwh=0.05)  # another meter: its display counts
        await asyncio.sleep(5)
        assert (rig.meter.shown_wh, rig.meter.energy_wh) == (50, 1234767)

    rig.play(later)


def test_zero_cannot_be_set_before_the_meter_has_answered(tmp_path):
    rig = MeterRig()
    rig.make_meter(zero_path=str(tmp_path / "zero"))
    rig.model.silent = True

    async def story():
        assert rig.meter.shown_wh is None
        assert "has not told" in rig.meter.set_zero()
        assert not (tmp_path / "zero").exists()

    rig.play(story)


def test_zero_is_not_set_when_it_cannot_be_kept(tmp_path, monkeypatch):
    path = tmp_path / "zero"
    path.write_text(json.dumps(1000))
    rig = MeterRig()
    rig.make_meter(zero_path=str(path))
    monkeypatch.setattr("os.rename", lambda *_: (_ for _ in ()).throw(OSError(28)))

    async def story():
        with pytest.raises(OSError):
            rig.meter.set_zero()
        assert rig.meter.shown_wh == 1233567

    rig.play(story)


def test_a_damaged_zero_costs_only_itself(tmp_path):
    path = tmp_path / "zero"
    path.write_text("12a")
    rig = MeterRig()
    rig.make_meter(zero_path=str(path))

    async def story():
        assert rig.meter.shown_wh == 1234567

    rig.play(story)


# Two meters on one bus


def test_the_buildings_meter_beside_the_internal_one():
    rig = MeterRig()
    building = Meter(rig.master, rig.settings, address=2)

    async def story():
        assert building.ok and building.current_ma == [20000, 21000, 22000]
        assert building.voltage_mv == [None] * 3 and building.energy_wh is None
        assert rig.meter.ok and rig.meter.current_ma == [15900, 16000, 0]

    rig.play(story, building)


BUILDING_METERS = [
    "Eastron SDM630/SDM72D-M v2/SDM54",
    "Chint DTSU666",
    "Carlo Gavazzi EM340/ET340",
]


@pytest.mark.parametrize("name", BUILDING_METERS)
def test_the_buildings_meter_by_its_name_tells_what_is_exported(name):
    """Given a meter whose currents have no sign, when the sun shines on L2, then its power gives one."""
    rig = MeterRig(dlb_preset=name)
    rig.house_model.become(name)
    rig.house = rig.house._replace(a=(20.0, 7.0, 22.0), phase_w=[4600.0, -1610.0, 5060.0])
    building = Meter(rig.master, rig.settings, address=2)

    async def story():
        assert building.current_ma == [20000, -7000, 22000]
        assert building.voltage_mv == [None] * 3 and building.energy_wh is None  # unasked
        rig.settings.change(dlb_preset="Custom")
        rig.house_model.become("Custom")
        await asyncio.sleep(2)
        assert building.current_ma == [20000, 7000, 22000]

    rig.play(story, building, settle_s=2)


@pytest.mark.parametrize("fault", ["silent", "corrupt"])
def test_a_meter_that_fails_does_not_starve_the_other(fault):
    """Given both meters, when one fails for good, then the other is at most 1.6 s old all the time."""
    rig = MeterRig()
    building = Meter(rig.master, rig.settings, address=2)

    async def story():
        setattr(rig.model, fault, True)
        oldest_ms = 0
        for _ in range(600):
            await asyncio.sleep(0.1)
            oldest_ms = max(oldest_ms, building.age_ms())
        assert building.ok and not rig.meter.ok
        assert oldest_ms <= 1600

    rig.play(story, building)


def test_slow_meters_take_turns():
    rig = MeterRig(meter_preset="Phoenix EEM-350-D-MCB")  # four requests a measurement
    rig.model._turnaround_s = rig.house_model._turnaround_s = 0.3
    building = Meter(rig.master, rig.settings, address=2)

    async def story():
        oldest_ms = [0, 0]
        for _ in range(300):
            await asyncio.sleep(0.1)
            ages = (rig.meter.age_ms(), building.age_ms())
            oldest_ms = [max(pair) for pair in zip(oldest_ms, ages)]
        assert oldest_ms[0] <= 3500 and oldest_ms[1] <= 2000
        assert rig.meter.ok and building.ok

    rig.play(story, building, settle_s=5)


def test_a_silent_meter_takes_little_of_the_bus():
    rig = MeterRig()
    rig.model.silent = True
    asked = []
    answer = rig.model.answer
    rig.model.answer = lambda frame: asked.append(now_s()) or answer(frame)

    async def story():
        asked.clear()
        await asyncio.sleep(60)
        asked_often = len(asked)
        assert 20 <= asked_often <= 30

    rig.play(story, settle_s=10)
