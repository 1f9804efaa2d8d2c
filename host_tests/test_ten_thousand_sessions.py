"""Ten thousand sessions with random cars, faults and power cuts: energy adds up, counters are right."""

import gc
import random

import pytest
import virtual_time
from cardboard import StillPilot
from rig import CONFIG
from sim import circuit
from sim.vehicle import Vehicle

SESSIONS = 10_000
TICK_MS = 40
FASTER = 400  # so that seconds of a charge make as many Wh as some ten minutes do
MAINS_V = [230.0, 230.0, 230.0]


class Pilot(StillPilot):
    """One that the guard never has to look at by itself."""

    def sample(self, read_uv, result, span_us) -> None:
        raise AssertionError("the loop's samples are fresh")


class Meter:
    """Counts what flows; the register has whole Wh."""

    ok = True
    power_mw = None

    def __init__(self) -> None:
        self.mwh = 1_000_000.0
        self.current_ma = [0, None, None]
        self.voltage_mv = [230000, None, None]

    @property
    def energy_wh(self) -> int:
        """Register in Wh."""
        return int(self.mwh / 1000)

    def hold_count(self) -> None:
        """It has always answered."""


class Life:
    """A charger, its flash, a car after the other."""

    def __init__(self, path) -> None:
        self.path = str(path / "sessions")
        self.meter = Meter()
        self.coil = False
        self.closings = self.plugs = 0
        self.faults: set[str] = set()
        self.lost_earths = 0
        self.residual = False
        self.car = Vehicle()
        self.started = self.boots = 0
        self.in_sessions_mwh = 0.0
        self.begun: list[int] = []
        self.ended: dict[int, int] = {}
        self.boot()

    def boot(self) -> None:
        """Power is back: everything but the flash is new."""
        from evse.charger import Charger
        from evse.guard import Guard
        from evse.limits import Limits
        from evse.session import SessionLog

        self.pilot = Pilot()
        self.guard = Guard(self.switch, lambda: int(self.residual), self.pilot, CONFIG["pilot"])
        self.guard.look()
        limits = Limits()
        limits.set("operator", 32000)
        log = SessionLog(self.path)
        self.charger = Charger(
            self.pilot, self.guard, lambda: int(self.coil), limits, log, CONFIG["pilot"]
        )
        self.charger.meter = self.meter
        self.charger.book.residual_policy = 5, 3
        self.charger.listen(self.hear)
        self.charger.recover()
        self.boots += 1

    def hear(self, event: str, session) -> None:
        """What a back office would be told."""
        if event == "start":
            self.begun.append(session.number)
        elif event == "stop":
            assert session.number not in self.ended
            self.ended[session.number] = session.energy_wh

    def switch(self, level: int) -> None:
        """The coil; the contacts follow at once."""
        self.closings += bool(level) and not self.coil
        self.coil = bool(level)

    def live(self, seconds: float) -> None:
        """Let time pass."""
        clock = virtual_time.clock
        for _ in range(round(seconds * 1000 / TICK_MS)):
            clock.now_us += TICK_MS * 1000
            self.move(clock.now_us / 1e6)
            self.charger.step_once()
            self.guard.look()
            if not self.charger.settled:
                self.charger._outbox.send_next()
            assert not self.coil or self.allowed(), "closed without reason"

    def allowed(self) -> bool:
        """What a closed contactor needs, from the outside."""
        charger = self.charger
        return charger.plugged and not self.residual and charger.vehicle in "CD"

    def move(self, now_s: float) -> None:
        """The car, the pilot's level, the meter."""
        duty = round(self.pilot.duty_x10 * 6.5536)
        offer_ma = circuit.offered_ma(duty, 1000)
        amps = self.car.step(now_s, TICK_MS / 1000, offer_ma, MAINS_V if self.coil else [0.0] * 3)
        flowed_mwh = sum(amps) * 230 * TICK_MS / 3600 * FASTER
        self.meter.mwh += flowed_mwh
        self.in_sessions_mwh += flowed_mwh if self.charger.session else 0
        self.meter.current_ma[0] = round(amps[0] * 1000)
        high_mv, low_mv = circuit.pilot_levels_mv(self.car.load_ohm(), 1.0, self.faults)
        pilot = self.pilot
        pilot.high_mv = (high_mv if pilot.duty_x10 else low_mv) + random.randint(-80, 80)
        pilot.low_mv = high_mv if pilot.duty_x10 == 10000 else low_mv

    def plug(self) -> None:
        """A car of any kind comes, and a card with it."""
        self.car.__init__()
        self.car.max_a = random.choice((6, 10, 16, 32))
        self.car.phases = random.choice((1, 1, 3))
        self.car.ready = random.random() > 0.1
        self.car.obeys_pilot = random.random() > 0.02
        self.car.plugged = True
        self.plugs += 1
        self.live(0.4)
        self.started += self.charger.start("CARD%d" % self.plugs) == ""

    def unplug(self) -> None:
        """It leaves; no fault is left."""
        self.faults.clear()
        self.residual = False
        self.car.plugged = False
        self.live(0.4)
        while self.charger.fault_bits or not self.charger.settled:
            self.live(1)

    def disturb(self) -> None:
        """Something happens, or nothing."""
        chance = random.random()
        if chance < 0.02:
            self.residual = True
            self.live(1)
            self.residual = False
            self.live(random.choice((1, 8)))
        elif chance < 0.06:
            fault = random.choice(("cp_short", "diode_short", "pe_open"))
            self.faults.add(fault)
            self.lost_earths += fault == "pe_open"  # the pilot shows that as a pulled plug
            self.live(1)
            self.faults.clear()
        elif chance < 0.10:
            self.coil = False  # the supply is gone, and the process with it
            self.boot()
        elif chance < 0.4:
            self.charger.stop("Local")


@pytest.fixture
def life(tmp_path):
    random.seed(2026)
    return Life(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_sessions(life):
    objects = []
    while life.started < SESSIONS:
        life.plug()
        life.live(random.uniform(0.3, 5))
        life.disturb()
        life.live(random.uniform(0, 2))
        life.unplug()
        if life.started % 500 == 0:
            gc.collect()
            objects.append(len(gc.get_objects()))

    power_cuts = life.boots - 1
    assert power_cuts > 200
    numbers = list(range(1, life.charger.session_log.last_number + 1))
    assert sorted(life.ended) == numbers
    assert life.started - power_cuts <= len(numbers) <= life.started
    kept = list(life.charger.session_log.read(0, SESSIONS))
    assert len(kept) > 300
    assert [s.number for s in kept] == numbers[: -len(kept) - 1 : -1]
    assert all(s.energy_wh == life.ended[s.number] for s in kept)
    counted_wh = sum(life.ended.values())
    assert abs(counted_wh - life.in_sessions_mwh / 1000) < 0.002 * counted_wh
    assert life.closings - 3 * power_cuts <= life.charger.contactor_cycles <= life.closings
    insertions = life.plugs + life.lost_earths
    assert insertions - 3 * power_cuts <= life.charger.plug_cycles <= insertions
    assert max(objects[2:]) - min(objects[2:]) < 200, objects
