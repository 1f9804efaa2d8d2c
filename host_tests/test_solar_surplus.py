"""Charging with the sun: what the building exports, a cloud, the evening."""

import pytest
from building_rig import Car
from test_building import play


def test_it_follows_the_export():
    """Given 9 A of sun on each phase, then after a minute the car takes as much, and follows it."""

    async def story(rig):
        rig.plugged = True
        rig.house_a = [-9.0] * 3
        await rig.run(50)
        assert (rig.car.amps, rig.limits.reason) == (0, "solar surplus")
        await rig.run(60)
        assert rig.car.amps == pytest.approx(9, abs=0.3)
        rig.house_a = [-20.0, -10.0, -12.0]  # the supplier counts the sum
        await rig.run(120)
        assert rig.car.amps == pytest.approx(14, abs=0.3)

    play(story, dlb_eco="Surplus only")


def test_a_cloud_is_bridged_at_6_a_and_the_evening_pauses():
    async def story(rig):
        rig.house_a = [-15.0] * 3
        await rig.run(20)
        rig.plugged = True
        await rig.run(150)
        rig.house_a = [2.0] * 3
        await rig.run(100)
        assert rig.car.amps == 6
        rig.house_a = [-15.0] * 3
        await rig.run(120)
        assert rig.car.amps == pytest.approx(15, abs=0.3)
        rig.house_a = [2.0] * 3
        await rig.run(300)
        assert rig.car.amps == 0
        assert rig.offers.count(0) == 1

    play(story, dlb_eco="Surplus only")


def test_at_least_6_a_never_pauses_while_the_building_has_room():
    async def story(rig):
        rig.plugged = True
        await rig.run(60)
        assert rig.car.amps == 6
        rig.house_a = [-12.0] * 3
        await rig.run(180)
        assert rig.car.amps == pytest.approx(12, abs=0.3)
        rig.settings.change(dlb_max_current=44.0)  # what has nothing to do with the sun
        await rig.run(10)
        assert rig.car.amps == pytest.approx(12, abs=0.3)
        rig.settings.change(dlb_eco="Disable")
        await rig.run(20)
        assert rig.car.amps == 32
        assert "solar surplus" not in rig.limits.slots()

    play(story, dlb_eco="At least 6 A")


def test_a_single_phase_car_takes_the_export_of_all_phases():
    async def story(rig):
        rig.plugged = True
        await rig.run(20)
        rig.house_a = [-4.0] * 3
        await rig.run(200)
        assert rig.car.amps == pytest.approx(12, abs=0.3)

    play(story, Car(lines=1), dlb_eco="At least 6 A")
