"""The poller: what it makes of a meter's values, and of a meter that fails, on pymodbus' bytes."""

import asyncio

import pytest
from meter.register_map import ABSENT
from meter_rig import DEFAULTS, MeterRig

EASTRON = {
    **{f"meter_reg_v_l{n}": 2 * n - 2 for n in (1, 2, 3)},
    **{f"meter_reg_a_l{n}": 2 * n + 4 for n in (1, 2, 3)},
    "meter_reg_w": 52,
    "meter_reg_kwh": 342,
}
ONE_PHASE = {f"meter_reg_{q}_l{n}": ABSENT for q in "va" for n in (2, 3)}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"meter_function": "03"},
        EASTRON,
        {**EASTRON, "meter_reg_kwh": 72},
    ],
)
def test_reads_registers_of_the_settings(settings):
    rig = MeterRig(**settings)

    async def story():
        assert rig.meter.ok and rig.meter.age_ms() < 1500
        assert rig.meter.voltage_mv == [230100, 231200, 229900]
        assert rig.meter.current_ma == [15900, 16000, 0]
        assert rig.meter.power_mw == pytest.approx(7357790, abs=1)
        assert rig.meter.energy_wh == rig.meter.shown_wh == 1234567
        assert rig.meter.trouble == ""

    rig.play(story)


def test_a_custom_meter_with_whole_numbers_low_word_first():
    """An EM340 set up by hand: its voltages and its energy are never negative, whatever the format."""
    low = {f"meter_reg_{q}_l{n + 1}": r for q, r in (("v", 0), ("a", 12)) for n in range(3)}
    low = {key: value + 2 * (int(key[-1]) - 1) for key, value in low.items()}
    rig = MeterRig(
        meter_word_order="Low word first",
        meter_reg_w=40,
        meter_reg_kwh=52,
        meter_fmt_v="int32*0.1",
        meter_fmt_a="int32*0.001",
        meter_fmt_w="int32*0.1",
        meter_fmt_kwh="int32*0.1",
        **low,
    )
    rig.model.become("Carlo Gavazzi EM340/ET340")
    rig.change(w=-7357.8, a=(-15.9, -16.0, 0.0))

    async def story():
        assert rig.meter.voltage_mv == [230100, 231200, 229900]
        assert rig.meter.current_ma == [-15900, -16000, 0]
        assert (rig.meter.power_mw, rig.meter.energy_wh) == (-7357800, 1234600)

    rig.play(story)


def test_a_single_phase_meter_without_power_register():
    rig = MeterRig(meter_reg_w=ABSENT, **ONE_PHASE)

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


def test_no_registers_no_meter_and_no_trouble():
    rig = MeterRig(**{key: ABSENT for key in DEFAULTS if "_reg_" in key})

    async def story():
        assert (rig.meter.ok, rig.meter.trouble) == (False, "")
        assert rig.meter.voltage_mv == [None] * 3 and rig.meter.energy_wh is None

    rig.play(story)


# The sign of the current


def test_an_unsigned_current_takes_its_phases_sign():
    rig = MeterRig(meter_preset="ABB B23/B24")
    rig.change(a=(10.0, 11.0, 12.0), phase_w=(2300.0, -2530.0, 2760.0), w=2530.0)

    async def story():
        assert rig.meter.current_ma == [10000, -11000, 12000]
        assert rig.meter.power_mw == 2530000

    rig.play(story)


def test_the_only_current_takes_the_sign_of_the_power():
    rig = MeterRig(**ONE_PHASE)
    rig.change(a=(10.0, 0.0, 0.0), w=-2301.0)

    async def story():
        assert rig.meter.current_ma == [-10000, None, None]
        rig.change(a=(-10.0, 0.0, 0.0))  # a meter that has the sign itself
        await asyncio.sleep(1)
        assert rig.meter.current_ma == [-10000, None, None]
        rig.change(w=2301.0)
        await asyncio.sleep(1)
        assert rig.meter.current_ma == [-10000, None, None]

    rig.play(story)


def test_three_currents_cannot_tell_whose_the_total_power_is():
    rig = MeterRig()
    rig.change(w=-100.0)

    async def story():
        assert rig.meter.current_ma == [15900, 16000, 0]

    rig.play(story)


def test_power_of_the_phases_where_there_is_no_total():
    rig = MeterRig(meter_preset="Sinotimer DTS6619")
    rig.change(phase_w=(2300.0, -200.0, 2760.0))

    async def story():
        assert rig.meter.power_mw == 4860000
        assert rig.meter.current_ma == [15900, -16000, 0]

    rig.play(story)


# A meter that fails


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [("silent", "no answer from 1"), ("corrupt", "garbled answer from 1")],
)
def test_a_meter_that_fails_and_returns(fault, trouble):
    rig = MeterRig()

    async def story():
        setattr(rig.model, fault, True)
        await asyncio.sleep(3)
        assert rig.meter.ok  # four seconds are no loss yet
        assert rig.meter.trouble == trouble
        await asyncio.sleep(5)
        assert not rig.meter.ok
        assert 7000 <= rig.meter.age_ms() <= 9500
        assert rig.meter.current_ma == [None] * 3 and rig.meter.power_mw is None
        assert rig.meter.energy_wh == rig.meter.shown_wh == 1234567
        setattr(rig.model, fault, False)
        rig.change(kwh=1234.6)
        await asyncio.sleep(3.5)
        assert rig.meter.ok and rig.meter.energy_wh == 1234600
        assert rig.meter.trouble == "" and rig.meter.age_ms() < 1500

    rig.play(story)


def test_the_age_of_a_meter_that_never_answers_stops_at_an_hour():
    rig = MeterRig()
    rig.model.silent = True

    async def story():
        assert 900 <= rig.meter.age_ms() <= 1100
        rig.meter._sampled_ms = (rig.meter._sampled_ms - 3_595_000) % (1 << 30)
        await asyncio.sleep(30)
        assert 3_600_000 <= rig.meter.age_ms() <= 3_603_000
        assert not rig.meter.ok

    rig.play(story)


def test_some_noise_is_ridden_over():
    rig = MeterRig()

    async def story():
        rig.bus.noise = 0.002
        for _ in range(60):
            await asyncio.sleep(1)
            assert rig.meter.ok
            assert rig.meter.current_ma == [15900, 16000, 0]

    rig.play(story)


@pytest.mark.parametrize(
    ("absurd", "trouble"),
    [
        ({"v": (501.0, 230.0, 230.0)}, "register 21248 says 501000"),
        ({"v": (-1.0, 230.0, 230.0)}, "register 21248 says -1000"),
        ({"a": (0.0, 201.0, 0.0)}, "register 21262 says 201000"),
        ({"w": 2.1e5}, "register 21288 says 210000000"),
        ({"kwh": -1.0}, "register 21300 says -1000"),
        ({"kwh": 1.1e8}, "register 21300 says 110000000000"),
    ],
)
def test_absurd_values_are_not_believed(absurd, trouble):
    rig = MeterRig()

    async def story():
        rig.change(**absurd)
        await asyncio.sleep(7)
        assert (rig.meter.ok, rig.meter.trouble) == (False, trouble)
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


def test_a_register_that_the_meter_lacks_is_named_and_can_be_changed_while_it_runs():
    rig = MeterRig(meter_reg_w=40000)

    async def story():
        await asyncio.sleep(2)
        assert (rig.meter.ok, rig.meter.trouble) == (False, "exception 2")
        rig.settings.change(meter_reg_w=21288)
        await asyncio.sleep(3)
        assert rig.meter.ok and rig.meter.energy_wh == 1234567

    rig.play(story)


def test_settings_that_change_while_the_registers_are_planned(monkeypatch):
    """Given a change in each turn of the planning, then the last one counts."""
    for turn in range(12):
        rig = MeterRig(meter_preset="ABB B23/B24")

        async def story(rig=rig, turn=turn):
            rig.model.become("Custom")
            rig.settings.change(meter_preset="Siemens PAC2200")
            while rig.meter._due:
                await asyncio.sleep(0.001)
            for _ in range(turn):
                await asyncio.sleep(0)
            rig.settings.change(meter_preset="Custom")
            await asyncio.sleep(4)
            assert rig.meter.ok and rig.meter.current_ma == [15900, 16000, 0]

        rig.play(story)


def test_a_silent_meter_is_planned_once():
    """Chint's ratios have to be asked for: what that needs is not loaded again at each try."""
    rig = MeterRig(meter_preset="Chint DTSU666")
    rig.model.silent = True
    loads = []
    load = rig.meter._load_plan

    async def counted():
        loads.append(1)
        return await load()

    rig.meter._load_plan = counted

    async def story():
        await asyncio.sleep(20)
        assert len(loads) == 1
        rig.model.silent = False
        await asyncio.sleep(4)
        assert rig.meter.ok and len(loads) == 1

    rig.play(story)


def test_a_wrong_function_code_is_told():
    rig = MeterRig(meter_preset="ABB B23/B24")

    async def story():
        rig.settings.change(meter_preset="Custom")
        await asyncio.sleep(3)
        assert rig.meter.trouble == "exception 1"

    rig.play(story)


@pytest.mark.parametrize("error", [OSError("UART is full"), MemoryError("no memory")])
def test_what_fails_below_the_poller_does_not_end_it(error, monkeypatch):
    rig = MeterRig()

    async def story():
        async def failing(frame):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(rig.port, "write", failing)
            await asyncio.sleep(7)
            assert (rig.meter.ok, rig.meter.trouble) == (False, str(error))
        await asyncio.sleep(4)
        assert rig.meter.ok

    rig.play(story)


def test_an_answer_that_comes_late_is_not_taken_for_that_to_another_request():
    """Given a meter that takes 0.7 s now and then, when two of its reads have one length."""
    energy = {"meter_reg_v_l1": 6, "meter_reg_w": ABSENT, **ONE_PHASE}
    rig = MeterRig(**energy, meter_reg_a_l1=72, meter_reg_kwh=342)

    async def story():
        rig.change(v=(0.0,) * 3, a=(230.0, 0.0, 0.0), kwh=16.0)  # 230 V if they were mixed up
        await asyncio.sleep(2)
        for _ in range(20):
            rig.model._turnaround_s = 0.7
            await asyncio.sleep(1.6)
            rig.model._turnaround_s = 0.03
            await asyncio.sleep(1.6)
            assert rig.meter.voltage_mv[0] in (None, 230000)
            assert rig.meter.current_ma[0] in (None, 16000)

    rig.play(story)
