"""The vehicle's manners at the pilot, in virtual time."""

import pytest

from sim.vehicle import Vehicle

MAINS = [230.0, 230.0, 230.0]
DEAD = [0.0, 0.0, 0.0]


class Road:
    """A vehicle and its time."""

    def __init__(self, **attributes):
        self.vehicle = Vehicle()
        self.now_s = 100.0
        self.amps = DEAD
        for key, value in {"plugged": True, **attributes}.items():
            setattr(self.vehicle, key, value)

    def drive(self, seconds, offer_ma, inlet_v=MAINS, state_f=False):
        for _ in range(round(seconds * 100)):
            self.now_s += 0.01
            self.amps = self.vehicle.step(self.now_s, 0.01, offer_ma, inlet_v, state_f)
        return self


def test_it_asks_within_two_seconds_of_the_pwm_and_draws_what_is_offered():
    road = Road().drive(1, 0)
    assert not road.vehicle.s2_closed
    road.drive(2, 16000)
    assert road.vehicle.s2_closed
    road.drive(3, 16000)
    assert road.amps == [16.0, 0.0, 0.0]


def test_it_follows_a_smaller_duty_within_five_seconds():
    road = Road(max_a=80).drive(10, 80000)
    assert road.amps[0] == 80
    assert road.drive(5, 6000).amps[0] == 6


def test_it_never_draws_more_than_its_own_maximum_and_uses_its_phases():
    road = Road(max_a=11, phases=3).drive(5, 32000)
    assert road.amps == [11.0, 11.0, 11.0]


def test_it_stops_and_opens_s2_within_three_seconds_of_the_pwm_s_end():
    road = Road().drive(6, 32000)
    road.drive(3, 0)
    assert road.amps == DEAD
    assert not road.vehicle.s2_closed


def test_a_disobedient_one_keeps_s2_closed_and_draws_on():
    road = Road(max_a=20).drive(6, 16000)
    road.vehicle.obeys_pilot = False
    road.drive(10, 0)
    assert road.vehicle.s2_closed
    assert road.amps[0] == 16


def test_a_disobedient_one_ignores_a_smaller_offer():
    road = Road(max_a=20, obeys_pilot=False).drive(6, 16000)
    assert road.amps[0] == 20


def test_a_dead_inlet_draws_nothing():
    assert Road().drive(6, 16000, DEAD).amps == DEAD


def test_unplugging_ends_everything_at_once():
    road = Road().drive(6, 16000)
    road.vehicle.plugged = False
    road.drive(0.01, 16000)
    assert (road.amps, road.vehicle.load_ohm()) == (DEAD, None)


def test_near_its_full_battery_it_tapers_and_then_opens_s2():
    road = Road(soc=0.985, battery_kwh=1).drive(6, 32000)
    assert 0 < road.amps[0] < 20
    road.drive(60, 32000)
    assert road.vehicle.soc == pytest.approx(0.995, abs=0.001)
    assert not road.vehicle.s2_closed


def test_energy_fills_the_battery():
    road = Road(battery_kwh=10).drive(10, 16000)
    before = road.vehicle.soc
    road.drive(36, 16000)  # 3.68 kW for 0.01 h
    assert road.vehicle.soc - before == pytest.approx(3.68 * 0.01 * 0.9 / 10, rel=0.01)


def test_bcb_toggles_are_pulses_of_300_ms():
    road = Road(ready=False).drive(2, 16000)
    road.vehicle.toggle(2, road.now_s)
    seen = []
    for _ in range(150):
        road.drive(0.01, 16000)
        seen.append(road.vehicle.s2_closed)
    edges = [n for n in range(1, len(seen)) if seen[n] != seen[n - 1]]
    assert [b - a for a, b in zip(edges, edges[1:])] == [30, 30]
    assert not seen[-1]


def test_a_sleeping_one_hears_the_pwm_only_after_three_seconds_of_state_f():
    road = Road(asleep=True).drive(30, 16000)
    assert not road.vehicle.s2_closed
    road.drive(2.9, 0, state_f=True).drive(5, 16000)
    assert (road.vehicle.asleep, road.vehicle.s2_closed) == (True, False)
    road.drive(3.1, 0, state_f=True).drive(5, 16000)
    assert (road.vehicle.asleep, road.amps[0]) == (False, 16)


def test_a_sleeping_one_wakes_when_it_is_unplugged():
    road = Road(plugged=False, asleep=True).drive(1, 0)
    assert road.vehicle.asleep  # not before it has come
    road.vehicle.plugged = True
    road.drive(1, 0)
    road.vehicle.plugged = False
    road.drive(0.1, 0)
    assert not road.vehicle.asleep


def test_a_new_duty_makes_a_glitching_one_fall_back_to_b():
    road = Road(glitch_ms=500).drive(10, 16000)
    closed_ohm = road.vehicle.load_ohm()
    road.drive(0.01, 10000)
    assert road.vehicle.load_ohm() == pytest.approx(2740)
    assert road.amps[0] > 10  # S2 itself stays closed
    road.drive(0.48, 10000)
    assert road.vehicle.load_ohm() == pytest.approx(2740)
    road.drive(0.02, 10000)
    assert road.vehicle.load_ohm() == closed_ohm


def test_one_without_s2_shows_c_and_draws_no_more_than_10_a():
    road = Road(simplified=True).drive(1, 0)
    assert (road.vehicle.s2_closed, road.amps) == (True, DEAD)
    assert road.drive(5, 16000).amps[0] == 10
    assert road.drive(5, 0).amps == DEAD
    assert road.vehicle.s2_closed
