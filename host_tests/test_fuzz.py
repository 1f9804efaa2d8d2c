"""Nonsense from every side: it never leaves a driver, never closes the contactor, never eats the heap."""

import asyncio
import random
import subprocess

import pytest
import virtual_time
from chip_bench import CsPin, Spi, now_s, run
from install import ROOT
from registers import level
from rig import CONFIG, Rig

from drivers.card_reader import ReaderError
from drivers.mfrc522 import Mfrc522
from sim.chips import mfrc522 as chip_model

MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
EACH = 25_000
CARDS = [bytes.fromhex(uid) for uid in ("DEADBEEF", "04A2B3C4D5E680", "04A1B2C3D4E5F6071829")]


@pytest.mark.parametrize("seed", [1, 2])
def test_on_micropython_nonsense_stays_in_the_drivers_and_leaves_the_heap_as_it_was(seed):
    """Modbus answers, a reader chip's registers, WebSocket frames: 25,000 of each."""
    script = ROOT / "host_tests" / "on_device" / "fuzz.py"
    command = [MICROPYTHON, "-X", "heapsize=96k", script, ROOT, str(seed), str(EACH)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        name: (int(count), int(good), int(grown))
        for name, count, good, grown in map(str.split, done.stdout.splitlines())
    }
    assert {name: row[0] for name, row in rows.items()} == {
        "modbus": EACH,
        "reader": EACH,
        "websocket": EACH,
    }
    assert all(row[2] <= 64 for row in rows.values()), rows
    assert rows["modbus"][1] > 100  # part of it was right, or only the doors were tried
    assert rows["websocket"][1] > 1000


class NoisySpi(Spi):
    """A line that turns a bit now and then."""

    def __init__(self, chip, cs, rate: float) -> None:
        super().__init__(chip, cs)
        self._rate = rate

    def write_readinto(self, out, into) -> None:
        super().write_readinto(out, into)
        if random.random() < self._rate:
            into[random.randrange(len(into))] ^= 1 << random.randrange(8)


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.2])
def test_a_card_over_a_noisy_line_is_read_rightly_or_not_at_all(rate):
    """Of a thousand readings, none raises anything but ReaderError or takes more than half a second."""
    random.seed(7)
    chip = chip_model.Mfrc522(now_s)
    cs = CsPin()
    spi = NoisySpi(chip, cs, 0)
    driver = Mfrc522(spi, cs)
    read = []

    async def story():
        await driver.start()
        spi._rate = rate
        for n in range(1000):
            uid = CARDS[n % 3]
            chip.put(uid)
            started_s = now_s()
            try:
                found = await driver.read_uid(True)
            except ReaderError:
                found = None
            assert now_s() - started_s < 0.5
            chip.remove(uid)
            if found is not None:
                read.append(found == uid)
            await asyncio.sleep(0.01)

    run(story())
    assert sum(read) >= {0.002: 500, 0.02: 100, 0.2: 0}[rate]
    assert (
        read.count(False) <= 10
    )  # the SPI lines have no check of their own: a turned bit may pass


class Nonsense:
    """A converter whose pilot does what it likes: levels that hold, jumps, noise, dropouts.

    The generator is well: while its PWM is low, so is the line.
    """

    def __init__(self, circuit: dict, pwm_pin: int) -> None:
        self._charging_uv = circuit["zero_uv"] + 6 * circuit["uv_per_v"]
        self._low_uv = circuit["zero_uv"] - 12 * circuit["uv_per_v"]
        self._pwm_pin = pwm_pin
        self._until_us = 0
        self._uv = 0
        self._noise_uv = 0
        self.asked_us = -1_000_000  # when it last looked like a car in C or D

    def __call__(self) -> int:
        now_us = virtual_time.clock.now_us
        if not level(self._pwm_pin):
            return self._low_uv
        if now_us >= self._until_us:
            self._until_us = now_us + random.choice((50, 5000, 40_000, 300_000, 4_000_000))
            kind = random.randrange(10)
            levels = (self._charging_uv,) * 7 + (
                self._charging_uv + 255_000,
                self._charging_uv + 510_000,
            )
            self._uv = levels[kind] if kind < 9 else random.randrange(3_100_000)
            self._noise_uv = random.choice((0, 4000, 20_000))
        uv = self._uv + random.randint(-self._noise_uv, self._noise_uv)
        if 1_270_000 <= uv <= 1_860_000:  # 1 … 7.9 V
            self.asked_us = now_us
        return min(max(uv, 0), 3_100_000)


@pytest.mark.parametrize("authorized", [False, True])
def test_whatever_the_pilot_s_converter_reads_the_contactor_closes_for_c_and_d_alone(
    tmp_path, authorized
):
    """15,000 steps: never without a session, never 150 ms after the last sample that was C or D."""
    random.seed(11)
    rig = Rig(tmp_path)
    converter = Nonsense(rig.circuit, CONFIG["pins"]["pilot_pwm"])
    rig.pilot.read_uv = converter
    rig.guard._watch = (*rig.guard._watch[:4], converter, rig.guard._watch[5])
    charger, clock, closings = rig.charger, virtual_time.clock, 0
    for _ in range(15_000):
        clock.now_us += 16_000
        if authorized and not charger.session:
            charger.start("CARD")
        was_on = bool(rig.coil.value())
        charger.step_once()
        rig.guard.look()
        if not charger.settled:
            charger._outbox.send_next()
        on = bool(rig.coil.value())
        closings += on and not was_on
        assert not on or charger.session
        assert not on or clock.now_us - converter.asked_us < 150_000
    assert (closings > 4) == authorized
