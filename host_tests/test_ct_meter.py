"""Metering with current transformers: from microvolts at the ADC pins to what a session counts."""

import asyncio
import json
import math
import subprocess
from array import array

import install
import pytest
import virtual_time
from chip_bench import now_s
from ct_rig import Bench
from hypothesis import given
from hypothesis import strategies as st
from meter import ct_meter, wave_sums

from drivers import ct_sampler


def within(value, expected, permille: int) -> bool:
    return abs(value - expected) <= abs(expected) * permille / 1000


# Accuracy


@pytest.mark.parametrize("hz", [50, 60])
@pytest.mark.parametrize("phases", [1, 3])
def test_voltage_current_and_power_are_within_one_percent(phases, hz):
    bench = Bench(phases)
    bench.hz = hz

    async def story():
        for amps in (6, 10, 16, 20, 25, 32):
            bench.draw(amps)
            await asyncio.sleep(1.5)
            for _ in range(10):
                await asyncio.sleep(1)
                meter = bench.meter
                assert meter.ok and meter.age_ms() < 1200
                assert within(meter.voltage_mv[0], 230_000, 5)
                for phase in range(phases):
                    assert within(meter.current_ma[phase], amps * 1000, 10)
                assert within(meter.power_mw, bench.watts * 1000, 10)
                assert meter.voltage_mv[1:] == [None, None]
                assert meter.current_ma[phases:] == [None] * (3 - phases)

    bench.play(story)


@pytest.mark.parametrize("degrees", [0, 15, 30, 45, -30])
@pytest.mark.parametrize("phases", [1, 3])
def test_power_is_real_power(phases, degrees):
    bench = Bench(phases)
    bench.mains.lag = degrees / 360
    bench.draw(16)

    async def story():
        powers = []
        for _ in range(10):
            await asyncio.sleep(1)
            assert within(bench.meter.current_ma[0], 16_000, 10)
            powers.append(bench.meter.power_mw)
        assert within(sum(powers) / len(powers), bench.watts * 1000, 10)

    bench.play(story)


def test_a_transformer_the_wrong_way_round_does_not_matter():
    bench = Bench()
    bench.mains.lag = 0.5
    bench.draw(16)

    async def story():
        await asyncio.sleep(1)
        assert within(bench.meter.power_mw, 230 * 16 * 1000, 10)

    bench.play(story)


def test_unequal_phases_are_told_apart():
    bench = Bench(3)
    bench.amps = [6.0, 0.0, 32.0]

    async def story():
        await asyncio.sleep(1)
        currents = bench.meter.current_ma
        assert (
            within(currents[0], 6000, 10) and currents[1] == 0 and within(currents[2], 32000, 10)
        )
        assert within(bench.meter.power_mw, 38 * 230_000, 10)

    bench.play(story)


def test_noise_is_no_current():
    bench = Bench(3)

    async def story():
        await asyncio.sleep(600)
        assert bench.meter.current_ma == [0, 0, 0]
        assert (bench.meter.power_mw, bench.meter.energy_wh) == (0, 0)

    bench.play(story)


@pytest.mark.parametrize("hz", [47.5, 49.7, 50.2, 59.6, 60.3])
def test_the_mains_own_frequency_is_followed(hz):
    bench = Bench(3)
    bench.hz = hz
    bench.draw(16)

    async def story():
        for _ in range(5):
            await asyncio.sleep(1)
            assert bench.meter.ok
            assert within(bench.sampler.period_us, 1e6 / hz, 1)
            assert within(bench.meter.power_mw, bench.watts * 1000, 10)

    bench.play(story)


def test_a_wave_that_jumps_is_found_again_and_never_believed_meanwhile():
    bench = Bench()
    bench.draw(16)

    async def story():
        for hz in (60, 50, 60):
            bench.hz = hz
            for _ in range(40):
                await asyncio.sleep(0.1)
                assert within(bench.meter.current_ma[0], 16_000, 20)
            assert bench.meter.age_ms() < 1500

    bench.play(story)


# Energy


@pytest.mark.parametrize("phases", [1, 3])
def test_energy_is_integrated_without_drift(phases):
    bench = Bench(phases)

    async def story():
        last_wh = 0
        for minute in range(20):
            bench.draw((6, 16, 0, 32, 10)[minute % 5])
            for _ in range(6):
                await asyncio.sleep(10)
                assert bench.meter.energy_wh >= last_wh
                last_wh = bench.meter.energy_wh
        bench.draw(0)
        await asyncio.sleep(2)
        assert within(bench.meter.energy_wh, bench.kwh * 1000, 5)
        assert bench.meter.shown_wh == bench.meter.energy_wh

    bench.play(story)


def test_the_count_goes_on_after_a_restart():
    bench = Bench(counted_wh=123_456)
    bench.draw(32)

    async def story():
        assert bench.meter.energy_wh >= 123_456
        await asyncio.sleep(60)
        assert within(bench.meter.energy_wh - 123_456, bench.kwh * 1000, 30)

    bench.play(story)


# What goes wrong


@pytest.mark.parametrize("fault", ["meter_silent", "meter_corrupt"])
def test_sensors_that_come_off_are_told_and_believed_again_later(fault):
    bench = Bench(3)
    bench.draw(16)

    async def story():
        bench.faults.add(fault)
        await asyncio.sleep(3)
        assert bench.meter.ok and bench.meter.trouble
        await asyncio.sleep(4)
        assert not bench.meter.ok
        assert bench.meter.voltage_mv == bench.meter.current_ma == [None, None, None]
        assert bench.meter.power_mw is None
        counted_wh = bench.meter.energy_wh
        await asyncio.sleep(60)
        assert bench.meter.energy_wh == counted_wh
        assert bench.meter.age_ms() > 60_000
        bench.faults.clear()
        await asyncio.sleep(3)
        assert bench.meter.ok and bench.meter.trouble == ""
        assert within(bench.meter.power_mw, bench.watts * 1000, 10)
        assert counted_wh <= bench.meter.energy_wh <= counted_wh + 10

    bench.play(story)


def test_mains_that_fail_are_no_voltage_not_no_meter():
    bench = Bench()

    async def story():
        bench.volts = [0.0] * 3
        await asyncio.sleep(4)
        assert bench.meter.ok
        assert (bench.meter.voltage_mv[0], bench.meter.current_ma[0]) == (0, 0)
        bench.volts = [207.0] * 3
        await asyncio.sleep(4)
        assert within(bench.meter.voltage_mv[0], 207_000, 5)

    bench.play(story)


# Time


@pytest.fixture
def steps(monkeypatch):
    """Durations of the loop's steps in milliseconds."""
    durations = []
    step = asyncio.Handle._run

    def timed(handle):
        before_s = now_s()
        step(handle)
        durations.append((now_s() - before_s) * 1000)

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    return durations


@pytest.mark.parametrize(("phases", "conversion_us"), [(1, 75), (3, 75), (3, 40)])
def test_the_loop_is_never_held_over_its_20_ms(phases, conversion_us, steps):
    """75 µs is a conversion on a slow chip; what surrounds it takes its time there as well."""
    bench = Bench(phases, conversion_us)
    bench.draw(16)
    bench.volts = [0.0] * 3

    async def story():
        assert 13.5 < max(steps) < 14.5  # looking for mains that are not there
        bench.volts = [230.0] * 3
        await asyncio.sleep(3)
        steps.clear()
        await asyncio.sleep(20)
        assert within(bench.meter.current_ma[0], 16_000, 10)
        assert 4.9 < max(steps) < 6  # a burst
        assert sum(steps) < 0.08 * 20_000

    bench.play(story)


def test_a_loop_that_is_busy_is_no_hindrance():
    """Another task takes 15 ms of every 25."""
    bench = Bench(3, 60)
    bench.draw(16)

    async def bustle():
        while True:
            virtual_time.clock.now_us += 15_000
            await asyncio.sleep(0.010)

    async def story():
        busy = asyncio.create_task(bustle())
        for _ in range(20):
            await asyncio.sleep(1)
            assert bench.meter.ok
            assert within(bench.meter.power_mw, bench.watts * 1000, 20)
        busy.cancel()

    bench.play(story)


def test_places_that_stay_empty_are_bridged():
    """Two channels of 20 places: a straight line between the neighbours, across the end too."""
    wave = [0xFFFF, 1100, 1200, 0xFFFF, 0xFFFF, 1500, 1400, 1300, 1200, 0xFFFF]
    samples = array("H", wave + [7] * 10)
    ct_sampler.bridge(samples, array("i", [10, 2] + [0] * 8))
    assert list(samples[:10]) == [1133, 1100, 1200, 1300, 1400, 1500, 1400, 1300, 1200, 1166]
    assert list(samples[10:]) == [7] * 10


# The two twins


@given(
    st.lists(st.tuples(st.integers(0, 3100), st.integers(0, 3100)), min_size=4, max_size=100),
    st.integers(-200, 200),
)
def test_ulab_and_viper_compute_the_same(pairs, lead):
    x, y = (array("H", wave) for wave in zip(*pairs))
    by_viper = wave_sums.covariance_viper(x, y, lead)
    by_ulab = wave_sums.covariance_numpy(x, y, lead)
    n = len(pairs)
    exact = n * sum(a * y[(i + lead) % n] for i, a in enumerate(x)) - sum(x) * sum(y)
    assert by_viper == exact
    assert abs(by_ulab - exact) <= 1 + abs(exact) * 1e-9


def test_the_shim_has_ulab_and_the_meter_takes_it_where_it_is():
    assert wave_sums.covariance is wave_sums.covariance_numpy


@pytest.mark.parametrize("phases", [1, 3])
def test_both_twins_measure_the_same(phases, monkeypatch):
    bench = Bench(phases)
    bench.draw(13)

    async def story():
        waves = [bytes(wave) for wave in bench.sampler.waves]
        measured = []
        for twin in (wave_sums.covariance_viper, wave_sums.covariance_numpy):
            monkeypatch.setattr(ct_meter, "covariance", twin)
            meter = bench.meter
            meter._smooth = [0] * len(meter._smooth)
            measured.append(
                [meter._rms_milli(channel, 18000, 0) for channel in range(phases + 1)]
                + [meter._phase_mw(phase) for phase in range(phases)]
            )
        assert waves == [bytes(wave) for wave in bench.sampler.waves]
        assert measured[0] == pytest.approx(measured[1], abs=1)
        assert within(measured[0][1], 13_000, 10)

    bench.play(story)


ON_MICROPYTHON = """
import sys
sys.path[:0] = ["%(root)s/sim/shim", "%(root)s/lib", "%(root)s"]
import ffi
import micropython
import registers

libc = ffi.open("libc.so.6")
mmap = libc.func("P", "mmap", "Piiiii")
private = 0x100022  # MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
assert mmap(registers.BASE, registers.WORDS * 4, 3, private, -1, 0) == registers.BASE

from array import array
from drivers import ct_sampler
from machine import ADC, Pin
from meter import wave_sums

assert wave_sums.covariance is wave_sums.covariance_viper
x, y = array("H", %(x)r), array("H", %(y)r)
print([wave_sums.covariance(memoryview(x), memoryview(y), lead) for lead in (0, 1, -7, 50, 99)])

reads = tuple(ADC(Pin(pin, Pin.IN)).read_uv for pin in (32, 33))
samples = array("H", [0xFFFF] * 200)
cells = array("i", [100, 2, 40000, 0, 1000, 1000, 0, 0, 0, 0])
micropython.heap_lock()
ct_sampler.clear(samples, 100)
filled = ct_sampler.burst(reads, samples, cells)
ct_sampler.wait_us(samples, cells)
ct_sampler.lend(samples, cells)
ct_sampler.bridge(samples, cells)
ct_sampler.difference(samples, cells)
ct_sampler.find_crossings(reads[0], 1300, cells)
micropython.heap_unlock()
assert filled <= 14, filled
print("no allocation")
"""


@pytest.mark.parametrize("speed", ["micropython32", "micropython32-slow"])
def test_on_micropython_viper_counts_as_numpy_does_and_bursts_allocate_nothing(tmp_path, speed):
    x = [round(1300 + 845 * math.sin(n * math.tau / 50)) for n in range(100)]
    y = [round(1290 + 800 * math.sin(n * math.tau / 50 - 1) + n % 3) for n in range(100)]
    script = tmp_path / "waves.py"
    script.write_text(ON_MICROPYTHON % {"root": install.ROOT, "x": x, "y": y})
    interpreter = install.ROOT / "build" / "micropython" / speed
    run = subprocess.run([interpreter, script], capture_output=True, text=True, timeout=60)
    assert run.stdout.endswith("no allocation\n"), run.stdout + run.stderr
    on_board = json.loads(run.stdout.splitlines()[0])
    waves = array("H", x), array("H", y)
    for lead, value in zip((0, 1, -7, 50, 99), on_board):
        assert within(wave_sums.covariance_numpy(*waves, lead), value, 0.001)
