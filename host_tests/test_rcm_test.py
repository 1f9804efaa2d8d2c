"""The residual-current monitor's self-test, on its own and around a charge."""

import asyncio

import pytest
from drivers.io_expander import RCM_TEST
from evse.rcm_test import RcmTest
from rig import Rig
from rig import charging

RCM = {"rcmu": True}


class Monitor:
    """A monitor that trips so long after its test began, and holds so long after its end."""

    def __init__(self, trip_ms, hold_ms):
        self.trip_ms, self.hold_ms = trip_ms, hold_ms
        self.now_ms = 1000
        self.edges = []
        self.tripped = False
        self._since_ms = 0

    def drive(self, on):
        self._since_ms = self.now_ms
        self.edges.append((self.now_ms, on))
        return True

    def trip(self):
        if self.edges[-1][1]:
            self.tripped = self.now_ms - self._since_ms >= self.trip_ms
        elif self.now_ms - self._since_ms >= self.hold_ms:
            self.tripped = False
        return self.tripped

    def run(self):
        """(passed, ms until then)."""
        test = RcmTest(self.drive, self.trip, self.now_ms)
        begun_ms = self.now_ms
        while True:
            self.now_ms += 20
            passed = test.step(self.now_ms)
            if passed is not None:
                return passed, self.now_ms - begun_ms


@pytest.mark.parametrize(
    "trip_ms, hold_ms, passes, within_ms",
    [
        (0, 0, True, 100),
        (50, 100, True, 250),
        (480, 1900, True, 2500),
        (520, 0, False, 600),
        (10**6, 0, False, 600),
        (50, 2100, False, 2200),
        (50, 10**6, False, 2200),
    ],
)
def test_it_has_to_trip_in_500_ms_and_let_go_in_2_s(trip_ms, hold_ms, passes, within_ms):
    monitor = Monitor(trip_ms, hold_ms)
    passed, took_ms = monitor.run()
    assert passed is passes
    assert took_ms <= within_ms
    assert [on for _, on in monitor.edges] == [True, False]
    assert monitor.edges[1][0] - monitor.edges[0][0] <= 520


def test_an_output_that_does_not_reach_the_monitor_fails():
    monitor = Monitor(0, 0)
    monitor.drive = lambda on: False
    monitor.edges.append((0, False))
    assert monitor.run() == (False, 40)


def begun_tests(rig, since_ms=0):
    """When tests began."""
    return [t for t, what, on in rig.events if what == "rcm_test" and on and t >= since_ms]


def monitored(tmp_path, world_step_s=0.001):
    """A board whose test output leaves its edges in the events."""
    rig = Rig(tmp_path, world_step_s, RCM)
    drive = rig.expander.drive

    def told(output, on):
        if output == RCM_TEST:
            rig._tell("rcm_test", on)
        return drive(output, on)

    rig.expander.drive = told
    return rig


@pytest.fixture
def rig(tmp_path):
    return monitored(tmp_path)


@pytest.fixture
def patient_rig(tmp_path):
    """For stories of minutes."""
    return monitored(tmp_path, 0.005)


def test_the_monitor_is_tested_at_the_start_for_each_car_and_after_each_closing(rig):
    async def story(rig):
        await asyncio.sleep(2)
        assert len(begun_tests(rig)) == 1
        plugged_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert len(begun_tests(rig)) == 2
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"
        assert len(begun_tests(rig)) == 2  # the one for this car, seconds ago
        assert begun_tests(rig)[1] - plugged_ms <= 400
        paused_ms = rig.car(ready=False)
        await asyncio.sleep(2)
        opened_ms = rig.when("coil", False, paused_ms)
        assert [0 < t - opened_ms <= 200 for t in begun_tests(rig, paused_ms)] == [True]
        asked_ms = rig.car(ready=True)
        await asyncio.sleep(2)
        assert rig.when("coil", True, asked_ms) - asked_ms <= 700
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(2)
        assert len(begun_tests(rig, left_ms)) == 1
        assert rig.charger.book.bits == 0

    rig.play(story)


def test_the_test_is_no_residual_current_and_keeps_the_contactor_open(rig):
    """A car that asks at once has its contactor closed when the test has let go, within 3 s."""

    async def story(rig):
        rig.charger.start("CARD")
        await asyncio.sleep(2)
        begun_ms = rig.car(plugged=True, ready=True)
        seen = []
        for _ in range(1500):
            await asyncio.sleep(0.002)
            seen.append((rig.world.rcm.tripped, rig.coil(), rig.guard.permits))
        assert any(tripped for tripped, _, _ in seen)
        assert not any(tripped and (coil or permits) for tripped, coil, permits in seen)
        assert rig.charger.book.bits == 0
        assert rig.when("coil", True) - begun_ms <= 2500
        assert begun_tests(rig, begun_ms)

    rig.play(story)


def test_a_slow_test_delays_the_closing_until_it_has_let_go(rig, monkeypatch):
    """Given a monitor that holds its trip for 1.5 s, when the car asks at once, then it waits."""
    monkeypatch.setattr("sim.residual_current.HOLD_S", 1.5)

    async def story(rig):
        await charging(rig)
        rig.car(ready=False)
        await asyncio.sleep(0.3)  # opened, and the next test has begun
        asked_ms = rig.car(ready=True)
        await asyncio.sleep(4)
        closed_ms = rig.when("coil", True, asked_ms)
        assert 900 < closed_ms - asked_ms < 3000
        assert not any(
            t < closed_ms and rig.charger.book.bits for t, what, _ in rig.events if what == "coil"
        )

    rig.play(story)


def test_a_monitor_that_fails_its_test_does_not_charge_until_it_passes(patient_rig):
    async def story(rig):
        await asyncio.sleep(2)
        rig.world.change("faults", {"rcm_test_fails"})
        plugged_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(1.5)
        assert rig.charger.faults == ["rcm_test_failed"]
        assert (rig.charger.status, rig.charger.error_code) == ("Faulted", "GroundFailure")
        assert rig.charger.start("CARD") == "faulted"
        await asyncio.sleep(125)
        first_ms, *retries_ms = begun_tests(rig, plugged_ms)
        assert len(retries_ms) == 2
        assert 59000 <= retries_ms[0] - first_ms <= 62500
        assert 59000 <= retries_ms[1] - retries_ms[0] <= 62500
        assert not rig.saw("coil", True)
        rig.world.change("faults", set())
        await asyncio.sleep(61)
        assert rig.charger.faults == []
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"

    patient_rig.play(story)


def test_a_test_that_began_before_the_car_came_does_not_count_for_it(rig, monkeypatch):
    """Given a test under way after a charge, when the next car comes, then it gets one of its own."""
    monkeypatch.setattr("sim.residual_current.HOLD_S", 1)

    async def story(rig):
        await asyncio.sleep(2)
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(2)
        rig.connector._tested = False  # as after each closing
        while not rig.world.rcm.tripped:
            await asyncio.sleep(0.001)
        rig.world.change("faults", {"rcm_test_fails"})
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert len(begun_tests(rig, left_ms)) == 2
        assert rig.charger.faults == ["rcm_test_failed"]

    rig.play(story)


def test_a_failure_between_card_and_car_is_found(patient_rig):
    """Given a monitor that was well a minute ago, when it fails before the card, it is tested anew."""

    async def story(rig):
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(70)
        rig.world.change("faults", {"rcm_test_fails"})
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.faults == ["rcm_test_failed"]
        assert not rig.saw("coil", True)

    patient_rig.play(story)


def test_an_idle_monitor_is_tested_each_day(rig):
    async def story(rig):
        await asyncio.sleep(2)
        assert len(begun_tests(rig)) == 1
        rig.connector._tested_s -= 86400 - 10  # a day less eight seconds goes by
        await asyncio.sleep(5)
        assert len(begun_tests(rig)) == 1
        await asyncio.sleep(5)
        assert len(begun_tests(rig)) == 2

    rig.play(story)


def test_a_true_residual_current_is_a_fault_and_no_test(rig):
    async def story(rig):
        await asyncio.sleep(2)
        rig.world.change("faults", {"rcm_trip"})
        tripped_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert rig.charger.faults == ["residual_current"]
        assert begun_tests(rig, tripped_ms) == []

    rig.play(story)


def test_without_rcmu_nothing_is_tested_and_a_trip_still_opens(tmp_path):
    async def story(rig):
        await charging(rig)
        tripped_ms = rig.car()
        rig.world.change("faults", {"rcm_trip"})
        await asyncio.sleep(1)
        assert rig.when("coil", False, tripped_ms) - tripped_ms <= 40
        assert rig.charger.faults == ["residual_current"]
        assert rig.world.expander_outputs == 0xFF

    Rig(tmp_path, settings={}).play(story)


def test_the_test_ends_when_the_setting_goes_off_under_way(rig):
    async def story(rig):
        rig.world.change("faults", {"rcm_test_fails"})
        await asyncio.sleep(0.2)
        assert not rig.world.expander_outputs & 4
        rig.settings.change({"rcmu": False})
        assert rig.world.expander_outputs & 4
        assert not rig.guard.testing
        await asyncio.sleep(1)
        assert rig.charger.book.bits == 0

    rig.play(story)


def test_a_task_that_is_ended_leaves_the_test_output_off(rig):
    async def story(rig):
        rig.world.change("faults", {"rcm_test_fails"})
        await asyncio.sleep(0.2)
        assert not rig.world.expander_outputs & 4
        rig.connector_task.cancel()
        await asyncio.sleep(0.01)
        assert rig.world.expander_outputs == 0xFF

    rig.play(story)
