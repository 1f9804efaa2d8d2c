"""Samples of the pilot that tell something else than what the car does, as a busy chip takes them."""

import asyncio

import pytest
from rig import Rig, charging


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_samples_that_missed_the_high_part_are_no_short_circuit(rig):
    """Given a busy chip that samples only the PWM's low part now and then, then charging goes on."""

    async def story(rig):
        await charging(rig)
        measure = rig.pilot.measure

        def blind():
            measure()
            rig.pilot.high_mv = rig.pilot.low_mv

        begun_ms = rig.car()
        for _ in range(20):
            rig.pilot.measure = blind
            await asyncio.sleep(0.03)
            rig.pilot.measure = measure
            await asyncio.sleep(0.1)
        assert not rig.saw("coil", False, begun_ms)
        assert (rig.charger.status, rig.charger.faults) == ("Charging", [])
        rig.pilot.measure = blind  # and for good: no car can be told any more
        await asyncio.sleep(1)
        assert rig.coil() == 0

    rig.play(story)


def test_a_short_circuit_is_no_unplugging(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"cp_short"})
        await asyncio.sleep(2)
        rig.world.change("faults", set())
        await asyncio.sleep(2)
        assert rig.charger.plugged
        assert rig.charger.session.id_tag == "CARD"
        assert rig.charger.plug_cycles == 1
        assert rig.charger.status == "Faulted"
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert (rig.charger.session, rig.charger.status) == (None, "Available")

    rig.play(story)


def test_single_odd_samples_in_quick_succession_do_not_open(rig):
    """Given a disturbed pilot, when every third sample is off, then charging goes on."""

    async def story(rig):
        await charging(rig)
        measure, looks = rig.pilot.measure, []

        def disturbed():
            measure()
            looks.append(1)
            if len(looks) % 3 == 0:
                rig.pilot.high_mv = 9000

        begun_ms = rig.car()
        rig.pilot.measure = disturbed
        await asyncio.sleep(3)
        assert len(looks) > 100
        assert not rig.saw("coil", False, begun_ms)
        assert rig.charger.status == "Charging"

    rig.play(story)
