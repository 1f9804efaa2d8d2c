"""What holds over any trace of inputs: for the state machine by itself, and for the whole board."""

import asyncio
import random

import pytest
import virtual_time
from evse.pilot_levels import duty_x10
from evse.state_machine import STATE_F_X10, STEADY_X10, Inputs, StateMachine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rig import Rig
from virtual_time import ticks_add

START_MS = (1 << 30) - 3000  # the ticks wrap within most traces
NEVER_MS = -100_000
OFFERS = [0, *(duty_x10(ma) for ma in range(1000, 90001, 7300))]


def mostly(common, *rare):
    """One value more often than the others."""
    return st.sampled_from((common,) * 6 + rare)


# Stretches of a trace: how many samples, how many ms between them, which inputs change before.
STRETCH = st.tuples(
    st.integers(1, 12),
    st.sampled_from((4, 16, 16, 40, 100, 600, 5000)),
    st.fixed_dictionaries(
        {},
        optional={
            "level": st.sampled_from("AABBCCCCDE"),
            "diode_ok": mostly(True, False),
            "authorized": mostly(True, False),
            "available": mostly(True, False),
            "faults": mostly(0, 16),
            "lasting": mostly(0, 16),
            "offer_x10": st.sampled_from(OFFERS),
            "ventilated": st.booleans(),
            "permitted": mostly(True, False),
            "draws": st.booleans(),
        },
    ),
)
CHARGE = [(3, 40, {"level": "B"}), (12, 100, {"level": "C"}), (12, 5000, {"offer_x10": 2667})]


class Witness:
    """Steps a machine and knows, in words of its own, what must never be."""

    def __init__(self, circuit):
        self.now_ms = START_MS
        self.t_ms = 0  # as now_ms, without wraps
        self.step_ms = self.last_step_ms = 0
        self.machine = StateMachine(self.now_ms, circuit)
        self.inputs = Inputs()
        self.inputs.authorized = self.inputs.permitted = self.inputs.diode_ok = True
        self.inputs.offer_x10 = 5333
        self.samples = 0  # in a row at one level
        self.level_ms = 0
        self.offer = 0
        self.changed_ms = NEVER_MS
        self.glitch_ms = NEVER_MS
        self.stopped_ms = None
        self.diode_seen = self.closed = self.waking = False
        self.stood = False  # C or D for 500 ms, and nothing else for 60 ms since
        self.closings = 0

    def live(self, trace):
        """Live through a trace."""
        for samples, ms, changes in trace:
            for name, value in changes.items():
                if name == "level" and value != self.inputs.level:
                    self.samples = 0
                setattr(self.inputs, name, value)
            self.inputs.faults |= self.inputs.lasting
            for _ in range(samples):
                self.step(ms)

    def step(self, ms):
        """One sample."""
        machine, inputs = self.machine, self.inputs
        self.last_step_ms, self.step_ms = self.step_ms, ms
        self.t_ms += ms
        self.now_ms = ticks_add(self.now_ms, ms)
        self.samples += 1
        if self.samples == 1:
            self.level_ms = self.t_ms
        at_pwm = machine.offered_x10
        if machine.duty_x10 != STATE_F_X10:  # there the samples tell nothing
            self.watch_level()
        machine.step(inputs, self.now_ms)
        self.check_duty()
        self.diode_seen = machine.offered_x10 and (self.diode_seen or (at_pwm and inputs.diode_ok))
        if machine.offered_x10 or not machine.contactor:
            self.stopped_ms = None
        elif self.stopped_ms is None:
            self.stopped_ms = self.t_ms
        if machine.contactor:
            self.check_closed()
        self.closings += machine.contactor and not self.closed
        self.closed = machine.contactor

    def watch_level(self):
        """Whether C or D has stood."""
        stands_ms = self.t_ms - self.level_ms
        if self.inputs.level in "CD":
            self.stood = self.stood or stands_ms >= 500
        elif self.samples > 1 and stands_ms >= 60:
            self.stood = False

    def check_duty(self):
        """A current that a car may read, not more than allowed, and not sooner than allowed."""
        machine, inputs = self.machine, self.inputs
        duty = machine.duty_x10
        assert duty in (STATE_F_X10, STEADY_X10) or 1000 <= duty <= 9600
        offer = machine.offered_x10
        assert offer == (0 if duty in (STATE_F_X10, STEADY_X10) else duty)
        wanted = inputs.authorized and inputs.available and not inputs.faults
        assert offer <= (inputs.offer_x10 if wanted else 0)
        if offer > self.offer and not self.waking:
            assert self.t_ms - self.changed_ms >= 5000
        if offer != self.offer:
            self.changed_ms = self.t_ms
            if self.closed and offer and inputs.level in "CD":
                self.glitch_ms = self.t_ms
        if machine.vehicle == "A":
            self.changed_ms = NEVER_MS
        self.offer = offer
        self.waking = machine.waking

    def check_closed(self):
        """The contactor is closed, and may be."""
        machine, inputs = self.machine, self.inputs
        assert machine.vehicle in "CD"
        assert inputs.permitted and not inputs.faults
        if not self.closed:
            assert inputs.level in "CD" and machine.offered_x10 and self.diode_seen
            assert self.stood
            assert machine.vehicle == "C" or inputs.ventilated
        if self.stopped_ms is not None:
            assert self.t_ms - self.stopped_ms < 6000
        if self.closed and self.samples > 1 and self.t_ms - self.level_ms >= 8:
            assert inputs.level not in "AE"
            if inputs.level == "B":  # a car's glitch: till the end of the window and two samples
                bound_ms = 550 + self.step_ms + self.last_step_ms
                assert self.t_ms - self.glitch_ms < bound_ms


@settings(max_examples=300, deadline=None)
@given(st.lists(STRETCH, max_size=40), st.sampled_from((0, 300)), st.sampled_from((0, 2, 30)))
@example(CHARGE, 300, 30)
def test_no_trace_closes_without_permission_or_gives_a_duty_that_is_none(trace, hold_ms, wake_s):
    """Outside C and D, with a fault, without guard, diode, session or a limit of 6 A."""
    Witness({"fault_hold_ms": hold_ms, "wake_up_s": wake_s}).live(trace)


def test_the_witness_sees_charges():
    """Otherwise the property above would tell nothing."""
    witness = Witness({})
    witness.live(CHARGE)
    assert witness.closings == 1
    assert witness.closed


@pytest.mark.parametrize("days", [1, 7, 20])
def test_nothing_is_forgotten_or_begun_anew_when_the_ticks_have_wrapped(days):
    """Given states that stand for days, then a duty may grow at once and F is not shown again."""
    witness = Witness({})
    witness.live([*CHARGE, (days * 864, 100_000, {})])
    witness.live([(1, 100, {"offer_x10": 5333})])
    assert witness.machine.duty_x10 == 5333
    witness.live([(days * 864, 100_000, {"faults": 16})])
    assert witness.machine.duty_x10 == STEADY_X10


# The whole board: car, contactor, guard and loop.

DEEDS = (
    *[("car", {"ready": False}), ("car", {"ready": True})] * 3,
    ("car", {"plugged": False}),
    ("car", {"ventilation": True}),
    ("car", {"ventilation": False}),
    ("car", {"bcb": 2}),
    *[("limit", 6000), ("limit", 10000), ("limit", 16000), ("limit", 80000)] * 2,
    ("limit", 0),
    *[("come", None)] * 8,
    ("stop", None),
    ("fault", "rcm_trip"),
    ("fault", "cp_short"),
    ("fault", "diode_short"),
    ("hold", 0.4),
    ("hold", 4),
)


class Life:
    """Does things at random to a board, and looks at the coil each millisecond or two."""

    def __init__(self, rig, seed):
        self.rig = rig
        self.random = random.Random(seed)
        self.out_ms = None  # since when the car is out of C and D
        self.tripped_ms = None
        self.changed_ms = NEVER_MS
        self.duty = self.closings = 0
        self.was_on = False
        step = rig.world.step

        def watched(now_s):
            step(now_s)
            self.look(now_s * 1000)

        rig.world.step = watched

    def look(self, now_ms):
        """What must hold at any moment."""
        world = self.rig.world
        permille = world.duty_permille
        assert permille in (0, 1000) or 100 <= permille <= 850 or 850 < permille <= 960
        if permille != self.duty:
            self.duty, self.changed_ms = permille, now_ms
        inside = world.vehicle_state in "CDF"
        self.out_ms = None if inside else self.out_ms or now_ms
        self.tripped_ms = (self.tripped_ms or now_ms) if "rcm_trip" in world.faults else None
        if world.coil:
            self.check_on(now_ms)
        self.closings += world.coil and not self.was_on
        self.was_on = world.coil

    def check_on(self, now_ms):
        """The coil is on, and may be."""
        world, charger = self.rig.world, self.rig.charger
        if not self.was_on:
            assert charger.session and not charger.fault_bits
            assert world.vehicle_state in "CD" and 0 < self.duty < 1000
            assert "diode_short" not in world.faults
        if self.tripped_ms:
            assert now_ms - self.tripped_ms <= 40
        if self.out_ms:
            glitch = world.vehicle_state == "B" and self.out_ms - self.changed_ms < 550
            assert now_ms - self.out_ms <= (650 if glitch else 100)

    async def act(self):
        """One deed and a pause."""
        rig = self.rig
        deed, value = self.random.choice(DEEDS)
        if deed == "car":
            rig.car(**value)
        elif deed == "limit":
            rig.limits.set("load management", value)
        elif deed == "come":
            if rig.charger.fault_bits:
                rig.car(plugged=False)
                await asyncio.sleep(0.3)
            rig.car(plugged=True, ready=True)
            await asyncio.sleep(0.3)
            rig.charger.start("CARD")
        elif deed == "stop":
            rig.charger.stop("Remote")
        elif deed == "fault":
            rig.world.change("faults", {value})
        else:
            self.hold(value)
        await asyncio.sleep(self.random.choice((0.05, 0.3, 1, 2, 4)))
        if deed == "fault":
            rig.world.change("faults", set())

    def hold(self, seconds):
        """Something holds the loop: only world and guard live on, and the car may leave."""
        for number in range(int(seconds * 200)):
            virtual_time.clock.sleep_us(5000)
            if number == 20 and self.random.random() < 0.5:
                self.rig.car(**self.random.choice(({"ready": False}, {"plugged": False})))
            self.rig.world.step(virtual_time.clock.now_us / 1e6)
            self.rig.guard.look()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_the_coil_is_on_only_in_c_and_d(tmp_path, seed):
    rig = Rig(tmp_path, world_step_s=0.002)
    life = Life(rig, seed)

    async def story(rig):
        for _ in range(60):
            await life.act()
        assert not rig.loop_task.done()

    rig.play(story)
    assert life.closings >= 2  # there was something to be seen
