"""Stories of a car at the plug, told on the simulated board in virtual time."""

import asyncio

import pytest
from rig import Rig, charging


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_a_car_charges_and_leaves(rig):
    async def story(rig):
        plugged_ms = rig.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert (rig.charger.state, rig.charger.status) == ("B1", "Preparing")
        assert not rig.saw("coil", True, plugged_ms)
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert (rig.charger.state, rig.charger.status) == ("C2", "Charging")
        assert rig.charger.signaled_ma == 32000
        assert rig.pilot.duty_permille == 533
        left_ms = rig.car(plugged=False)
        await asyncio.sleep(1)
        assert rig.when("coil", False, left_ms) - left_ms <= 100
        assert rig.charger.status == "Available"
        assert rig.charger.session is None
        assert rig.charger.contactor_cycles == rig.charger.plug_cycles == 1

    rig.play(story)


def test_the_car_opens_s2_and_the_contactor_follows_in_100_ms(rig):
    async def story(rig):
        await charging(rig)
        stopped_ms = rig.car(ready=False)
        await asyncio.sleep(1)
        assert rig.when("coil", False, stopped_ms) - stopped_ms <= 100
        assert (rig.charger.state, rig.charger.status) == ("B2", "SuspendedEV")

    rig.play(story)


def test_bcb_toggles_do_not_close_the_contactor(rig):
    """Sequence 11: the car pulses C for 200 … 400 ms to tell that it is awake."""

    async def story(rig):
        rig.car(plugged=True, ready=False)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(1)
        toggled_ms = rig.car(bcb=3)
        await asyncio.sleep(4)
        assert rig.charger.state == "B2"
        assert not rig.saw("coil", True, toggled_ms)

    rig.play(story)


def test_a_stop_waits_for_the_car_and_opens_without_load(rig):
    """Sequence 10.1: PWM off first, the contactor when the car has let go."""

    async def story(rig):
        await charging(rig)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(8)
        assert rig.when("duty", 1000, stopped_ms) - stopped_ms <= 100
        opened_ms = rig.when("coil", False, stopped_ms)
        assert 500 < opened_ms - stopped_ms < 3200
        assert (rig.charger.status, rig.charger.fault_bits) == ("Finishing", 0)

    rig.play(story)


def test_a_car_that_ignores_the_stop_is_cut_off_after_6_s(rig):
    """Sequence 10.2, and a fault until the plug is out."""

    async def story(rig):
        await charging(rig, obeys_pilot=False)
        stopped_ms = rig.car()
        rig.charger.stop("Remote")
        await asyncio.sleep(10)
        assert 6000 <= rig.when("coil", False, stopped_ms) - stopped_ms <= 6200
        assert rig.charger.faults == ["car_ignores_pilot"]
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert (rig.charger.status, rig.charger.faults) == ("Available", [])

    rig.play(story)


def test_the_guard_opens_while_the_loop_is_held(rig):
    """Given a coroutine that holds the loop for 2 s, when the car leaves, then the guard opens."""

    async def story(rig):
        await charging(rig)
        held_until_ms = rig.car(plugged=False) + 2000
        left_ms = held_until_ms - 2000
        while clock_ms() < held_until_ms:  # no await: only world and guard live on
            await_nothing(rig)
        await asyncio.sleep(0.1)
        assert rig.when("coil", False, left_ms) - left_ms <= 100
        await asyncio.sleep(1)
        assert (rig.charger.state, rig.charger.status) == ("A", "Available")
        assert not rig.saw("coil", True, left_ms)

    def clock_ms():
        import virtual_time

        return virtual_time.clock.now_us / 1000

    def await_nothing(rig):
        import virtual_time

        virtual_time.clock.sleep_us(5000)
        rig.world.step(virtual_time.clock.now_us / 1e6)
        rig.guard.look()

    rig.play(story)


def test_a_loop_that_stays_away_loses_the_contactor(rig):
    """Given a car that charges on, when the loop's heartbeat is 3 s late, then the guard opens."""

    async def story(rig):
        await charging(rig)
        rig.charger.step_once = lambda: None  # the loop goes round and does nothing
        stopped_ms = rig.car()
        await asyncio.sleep(4)
        assert 2980 <= rig.when("coil", False, stopped_ms) - stopped_ms <= 3100

    rig.play(story)


def test_an_exception_in_the_loop_opens_the_contactor(rig):
    async def story(rig):
        await charging(rig)
        failed_ms = rig.car()
        rig.charger.limits = None
        await asyncio.sleep(1)
        assert isinstance(rig.loop_task.exception(), AttributeError)
        assert rig.when("coil", False, failed_ms) - failed_ms <= 200
        assert rig.pilot.duty_permille == 1000

    rig.play(story)


@pytest.mark.parametrize(
    ("fault", "name", "within_ms"),
    [
        ("rcm_trip", "residual_current", 40),
        ("cp_short", "cp_short", 100),
        ("diode_short", "diode_short", 600),
    ],
)
def test_faults_open_at_once_and_the_unplugged_car_clears_them(rig, fault, name, within_ms):
    async def story(rig):
        await charging(rig)
        failed_ms = rig.car()
        rig.world.change("faults", {fault})
        await asyncio.sleep(2)
        assert rig.when("coil", False, failed_ms) - failed_ms <= within_ms
        assert rig.charger.faults == [name]
        assert rig.charger.status == "Faulted"
        assert rig.when("duty", 0, failed_ms)  # state F
        assert rig.charger.start("OTHER") == "faulted"
        rig.world.change("faults", set())
        rig.car(plugged=False)
        await asyncio.sleep(2)
        assert (rig.charger.status, rig.charger.faults) == ("Available", [])

    rig.play(story)


def test_a_diode_short_from_the_start_never_closes(rig):
    async def story(rig):
        rig.world.change("faults", {"diode_short"})
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.faults == ["diode_short"]
        assert not rig.saw("coil", True)

    rig.play(story)


def test_a_welded_contactor_is_latched(rig):
    async def story(rig):
        await charging(rig)
        rig.world.change("faults", {"welded_contactor"})
        rig.car(plugged=False)
        await asyncio.sleep(3)
        assert rig.charger.faults == ["welded_contactor"]
        rig.world.change("faults", set())
        rig.car(plugged=True)
        await asyncio.sleep(3)
        assert rig.charger.faults == ["welded_contactor"]
        assert rig.charger.start("CARD") == "faulted"

    rig.play(story)


def test_a_contactor_that_does_not_close_is_a_fault(rig):
    async def story(rig):
        rig.world.change("faults", {"contactor_fails_to_close"})
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        assert rig.charger.faults == ["contactor_fails_to_close"]
        assert rig.when("coil", False, rig.when("coil", True)) - rig.when("coil", True) < 700

    rig.play(story)


def test_a_limit_below_6_a_pauses_and_gives_its_reason(rig):
    async def story(rig):
        await charging(rig)
        rig.limits.set("group", 10000)
        await asyncio.sleep(1)
        assert (rig.charger.signaled_ma, rig.pilot.duty_permille) == (10000, 167)
        rig.limits.set("group", 5000)
        await asyncio.sleep(8)
        assert (rig.charger.state, rig.charger.status) == ("B1", "SuspendedEVSE")
        assert rig.charger.reason == "Paused: the group of chargers has no current to spare"
        rig.limits.set("group", None)
        await asyncio.sleep(5)
        assert (rig.charger.status, rig.charger.signaled_ma) == ("Charging", 32000)

    rig.play(story)


def test_energy_and_reason_of_a_session(rig):
    async def story(rig):
        ended = []
        rig.charger.listen(
            lambda event, session: ended.append(session) if event == "stop" else None
        )
        await charging(rig)
        await asyncio.sleep(120)
        rig.car(plugged=False)
        await asyncio.sleep(1)
        (session,) = ended
        assert (session.id_tag, session.reason) == ("CARD", "EVDisconnected")
        assert session.energy_wh == pytest.approx(32 * 230 * 123 / 3600, rel=0.02)
        assert session.duration_s() == pytest.approx(125, abs=3)

    rig.play(story)


@pytest.mark.parametrize(("meter_answers", "charged_s"), [(True, 133), (False, 120)])
def test_a_power_cut_ends_the_session_at_the_next_boot(tmp_path, meter_answers, charged_s):
    """Given a car that charges, when power goes, then the session ends with what the meter counted.

    A meter that has not answered by then leaves what was kept last.
    """
    rig = Rig(tmp_path, world_step_s=0.005)

    async def first(rig):
        await charging(rig)
        await asyncio.sleep(130)

    rig.play(first)
    recovered = []

    async def second(rig):
        if not meter_answers:
            rig.charger.meter = None
        rig.charger.listen(lambda event, session: recovered.append((event, session)))
        rig.charger.recover()
        await asyncio.sleep(2)

    rig.make_firmware()
    rig.play(second)
    event, session = recovered[0]
    assert (event, session.reason, session.id_tag) == ("stop", "PowerLoss", "CARD")
    assert session.energy_wh == pytest.approx(32 * 230 * charged_s / 3600, rel=0.02)
    rig.make_firmware()
    assert rig.charger.session_log.unfinished is None
    (ended,) = rig.charger.session_log.read()
    assert (ended.reason, ended.energy_wh) == ("PowerLoss", session.energy_wh)


def test_a_card_before_the_plug_waits_a_minute(rig):
    async def story(rig):
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(1)
        assert rig.charger.status == "Preparing"
        await asyncio.sleep(61)
        assert rig.charger.status == "Available"
        rig.charger.start("CARD")
        await asyncio.sleep(30)
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"

    rig.play(story)


@pytest.mark.parametrize("timeout_s, waits_s", [(10, 12), (0, 100)])
def test_how_long_a_card_waits_for_the_plug_is_a_setting(tmp_path, timeout_s, waits_s):
    """OCPP's ConnectionTimeOut; 0: it waits on."""
    rig = Rig(tmp_path, 0.05)
    rig.charger.plug_timeout_s = timeout_s

    async def story(rig):
        rig.charger.start("CARD")
        await asyncio.sleep(waits_s)
        assert rig.charger.status == ("Preparing" if not timeout_s else "Available")

    rig.play(story)


def test_out_of_service_forgets_a_card_that_waits_and_lets_a_session_end(rig):
    async def story(rig):
        rig.charger.start("CARD")
        rig.charger.set_available(False)
        assert rig.charger.status == "Unavailable"  # at once
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(3)
        assert rig.charger.session is None
        rig.charger.set_available(True)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(5)
        rig.charger.set_available(False)
        await asyncio.sleep(5)
        assert rig.charger.status == "Charging"
        rig.charger.stop("Local")
        await asyncio.sleep(1)
        assert rig.charger.status == "Unavailable"
        assert rig.charger.start("CARD") == "out of service"

    rig.play(story)


def test_a_session_without_its_car_is_suspended_by_it(rig):
    """OCPP's StopTransactionOnEVSideDisconnect false; the car comes back and charges on."""

    async def story(rig):
        rig.charger.stop_on_unplug = False
        await charging(rig)
        session = rig.charger.session
        rig.car(plugged=False)
        await asyncio.sleep(1)
        assert rig.charger.session is session and rig.charger.status == "SuspendedEV"
        assert rig.charger.reason == "The car is unplugged, the session goes on"
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(8)
        assert rig.charger.session is session and rig.charger.status == "Charging"

    rig.play(story)
