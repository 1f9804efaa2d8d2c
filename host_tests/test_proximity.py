"""The cable's coding: from the converter to ohms to the current that it allows."""

import asyncio

import pytest
from drivers.proximity import Proximity
from evse.outlet import rating_ma
from rig import CONFIG, Rig
from sim import circuit
from rig import charging
from test_connector import SOCKET


def read_ohm(value_uv, pullup_ohm=330, supply_mv=3300):
    parts = {"pullup_ohm": pullup_ohm, "supply_mv": supply_mv}
    return Proximity(lambda: value_uv, parts).read_ohm()


@pytest.mark.parametrize("ohm", [60, 80, 100, 140, 220, 680, 936, 1500, 2460, 4500])
@pytest.mark.parametrize("pullup_ohm", [330, 1000, 10000])
def test_reads_ohms_to_one_ohm_or_percent(ohm, pullup_ohm):
    value_uv = round(3_300_000 * ohm / (pullup_ohm + ohm))
    assert read_ohm(value_uv, pullup_ohm) == pytest.approx(ohm, rel=0.01, abs=1)


@pytest.mark.parametrize("ohm", [60, 100, 220, 680, 1500, 2460, 4500])
def test_another_supply_is_another_number(ohm):
    """As where the pull-up goes to 2.4 V: all lies in the straight part of an ESP32's converter."""
    value_uv = 2_400_000 * ohm // (330 + ohm)
    assert read_ohm(value_uv, supply_mv=2400) == pytest.approx(ohm, rel=0.01, abs=1)
    for open_uv in (2_360_000, 2_400_000, 2_440_000):
        assert read_ohm(open_uv, supply_mv=2400) > 4500


def test_an_open_contact_and_a_short_are_outside():
    assert read_ohm(circuit.ADC_CLIP_UV) > 4500
    assert read_ohm(3_300_000) > 4500
    assert read_ohm(0) == 0


def test_the_mean_of_four_conversions_counts():
    values = iter([1_300_000, 1_340_000, 1_310_000, 1_330_000])
    circuit_ = {"pullup_ohm": 330, "supply_mv": 3300}
    assert Proximity(lambda: next(values), circuit_).read_ohm() == read_ohm(1_320_000)


@pytest.mark.parametrize(
    "ohm, amperes",
    [
        (0, 0), (59, 0), (60, 63), (80, 63), (140, 63),
        (141, 32), (163, 32), (164, 32), (308, 32),
        (309, 20), (400, 20), (936, 20),
        (937, 13), (1100, 13), (2460, 13), (2461, 13), (4500, 13),
        (4501, 0), (100000, 0),
    ],
)  # fmt: skip
def test_between_two_ranges_the_lower_rating_counts(ohm, amperes):
    """Ranges of IEC 61851-1 annex B: 80-140, 164-308, 400-936, 1100-2460 ohms."""
    assert rating_ma(ohm) == amperes * 1000


@pytest.mark.parametrize(
    "cable_a, offered_ma", [(13, 13000), (20, 20000), (32, 32000), (63, 32000)]
)
def test_a_charge_keeps_to_the_cable(tmp_path, cable_a, offered_ma):
    async def story(rig):
        await charging(rig, cable_a=cable_a)
        assert rig.charger.signaled_ma == offered_ma
        assert rig.limits.slots()["cable"] == cable_a * 1000
        if cable_a < 32:
            assert rig.charger.limit_reason == "cable"
        begun_ms = rig.car()
        assert rig.when("duty", round(offered_ma / 60)) < begun_ms
        rig.car(plugged=False)
        await asyncio.sleep(3)
        assert "cable" not in rig.limits.slots()

    Rig(tmp_path, settings=SOCKET).play(story)


def test_nothing_is_offered_before_the_cable_is_known(tmp_path):
    async def story(rig):
        rig.charger.start("CARD")
        await asyncio.sleep(1)
        plugged_ms = rig.car(plugged=True, ready=True, cable_a=13)
        await asyncio.sleep(2)
        duties = [v for t, what, v in rig.events if what == "duty" and t > plugged_ms]
        assert duties == [217]  # 13 A, and never more
        assert rig.when("duty", 217) - plugged_ms <= 600

    Rig(tmp_path, settings=SOCKET).play(story)


def test_a_cable_without_coding_does_not_charge_and_a_good_one_does(tmp_path):
    async def story(rig):
        rig.world.change("faults", {"pp_open"})
        plugged_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        assert rig.charger.faults == ["pp_error"]
        assert rig.charger.start("CARD") == "faulted"
        await asyncio.sleep(5)
        assert not rig.saw("coil", True, plugged_ms)
        rig.world.change("faults", set())
        await asyncio.sleep(2)
        assert rig.charger.faults == ["pp_error"]
        await asyncio.sleep(2.5)  # it has been well for 3 s
        assert rig.charger.faults == []
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"

    Rig(tmp_path, settings=SOCKET).play(story)


def test_a_coding_that_is_lost_opens_the_contactor_and_charging_goes_on_when_it_is_back(tmp_path):
    async def story(rig):
        await charging(rig)
        lost_ms = rig.car()
        rig.world.change("faults", {"pp_open"})
        await asyncio.sleep(1)
        assert 100 < rig.when("coil", False, lost_ms) - lost_ms <= 500
        assert rig.charger.faults == ["pp_error"]
        assert rig.charger.error_code == "OtherError"
        assert rig.world.lock.closed
        rig.world.change("faults", set())
        await asyncio.sleep(10)
        assert (rig.charger.faults, rig.charger.status) == ([], "Charging")

    Rig(tmp_path, settings=SOCKET).play(story)


def test_a_single_wrong_reading_changes_nothing(tmp_path):
    """Given a charge, when every tenth look at the contact meets nothing, then it goes on."""

    async def story(rig):
        await charging(rig)
        proximity = rig.connector.outlet.proximity
        read_ohm, looks = proximity.read_ohm, []

        def disturbed():
            looks.append(1)
            return 100000 if len(looks) % 10 == 0 else read_ohm()

        begun_ms = rig.car()
        proximity.read_ohm = disturbed
        await asyncio.sleep(10)
        assert len(looks) > 60
        assert not rig.saw("coil", False, begun_ms)
        assert rig.charger.signaled_ma == 32000

    Rig(tmp_path, settings=SOCKET).play(story)


def test_a_held_loop_does_not_make_one_wrong_reading_count_for_seconds(tmp_path):
    async def story(rig):
        await charging(rig)
        outlet = rig.connector.outlet
        outlet.proximity.read_ohm = lambda: 100000
        rig.connector.step((rig.connector._stepped_ms + 2000) & 0x3FFFFFFF)
        assert not rig.charger.fault_bits

    Rig(tmp_path, settings=SOCKET).play(story)


def test_a_fixed_cable_has_no_coding_to_look_at(tmp_path):
    async def story(rig):
        rig.world.change("faults", {"pp_open"})
        await charging(rig)
        assert "cable" not in rig.limits.slots()
        assert not rig.saw("lock", True)

    Rig(tmp_path, settings={}).play(story)


def test_the_configuration_matches_the_simulated_circuit():
    assert CONFIG["proximity"]["pullup_ohm"] == circuit.PROXIMITY_PULLUP_OHM
    assert CONFIG["proximity"]["supply_mv"] * 1000 == circuit.RAIL_UV
