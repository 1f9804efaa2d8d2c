"""The pilot circuit against SAE J1772's generator windows and the published tables."""

import pytest

from sim import circuit

# SAE J1772 Table A1: what a nominal generator shows for each state, millivolts.
WINDOWS = {"A": (11400, 12600), "B": (8360, 9560), "C": (5480, 6490), "D": (2620, 3250)}
LOADS = {
    "A": None,
    "B": circuit.vehicle_ohm(False, False),
    "C": circuit.vehicle_ohm(True, False),
    "D": circuit.vehicle_ohm(True, True),
}


@pytest.mark.parametrize("state", "ABCD")
def test_each_state_lies_in_its_window(state):
    high_mv, low_mv = circuit.pilot_levels_mv(LOADS[state])
    low_end, high_end = WINDOWS[state]
    assert low_end <= high_mv <= high_end
    assert low_mv == -12000  # the vehicle's diode blocks
    assert circuit.state_letter(high_mv) == state


@pytest.mark.parametrize("supply", [0.97, 1.03])
@pytest.mark.parametrize("state", "ABCD")
def test_the_supply_s_tolerance_does_not_change_the_state(state, supply):
    assert circuit.state_letter(circuit.pilot_levels_mv(LOADS[state], supply)[0]) == state


def test_a_pilot_short_reads_as_e():
    high_mv, _ = circuit.pilot_levels_mv(LOADS["C"], faults={"cp_short"})
    assert abs(high_mv) < 200
    assert circuit.state_letter(high_mv) == "E"


def test_without_its_diode_a_vehicle_loads_the_negative_half():
    high_mv, low_mv = circuit.pilot_levels_mv(LOADS["B"], faults={"diode_short"})
    assert circuit.state_letter(high_mv) == "B"
    assert low_mv > -10000


def test_an_open_earth_reads_as_a():
    assert circuit.pilot_levels_mv(LOADS["C"], faults={"pe_open"}) == (12000, -12000)


def test_the_converter_sees_the_divider_of_the_board():
    assert circuit.pilot_uv(-12000, 1190000, 85000) == 170_000
    assert circuit.pilot_uv(12000, 1190000, 85000) == 2_210_000


@pytest.mark.parametrize(
    "current_a, duty_u16",
    [(6, 6554), (10, 10923), (16, 17476), (32, 34953), (51, 55706), (63, 58458), (80, 62915)],
)
def test_current_and_duty_agree_both_ways(current_a, duty_u16):
    permille = circuit.duty_permille(current_a * 1000)
    assert round(permille * 65536 / 1000) == duty_u16
    assert circuit.allowed_ma(permille) == current_a * 1000
    assert circuit.offered_ma(duty_u16, 1000) == pytest.approx(current_a * 1000, abs=15)


@pytest.mark.parametrize(
    "permille, allowed_ma",
    [(29, 0), (50, 0), (75, 0), (80, 6000), (99, 6000), (965, 80000), (975, 0), (1000, 0)],
)
def test_the_ends_of_the_duty_table(permille, allowed_ma):
    assert circuit.allowed_ma(permille) == allowed_ma


def test_a_pwm_off_its_frequency_offers_nothing():
    assert circuit.offered_ma(34953, 500) == 0
    assert circuit.offered_ma(circuit.FULL_DUTY, 1000) == 0


def test_proximity_and_temperature_dividers():
    assert circuit.proximity_uv(None) == circuit.ADC_CLIP_UV
    assert circuit.proximity_uv(32) == 3_300_000 * 220 // 550
    assert circuit.temperature_uv(25) == 1_650_000
    assert circuit.temperature_uv(70) < circuit.temperature_uv(25) < circuit.temperature_uv(-20)
