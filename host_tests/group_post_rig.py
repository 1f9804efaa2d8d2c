"""A charger with its car as a group knows it: it obeys its limits, and its car takes all the time it has."""

from evse.limits import Limits
from virtual_time import clock

MIN_MA = 6000
FOLLOW_MS = 5000  # a car's time (IEC 61851-1 sequence 6)
RISE_MS = 5000  # a pilot's time between changes


class Meter:
    """Tells what the car draws."""

    def __init__(self, post: "Post") -> None:
        self._post = post
        self.ok = True
        self.energy_wh = 0

    @property
    def current_ma(self) -> list:
        """Of the charger's lines."""
        post = self._post
        return [post.drawn_ma if line < post.car_phases else 0 for line in range(3)]


class Session:
    """Of a car that is there."""

    energy_wh = 0

    def __init__(self, number: int) -> None:
        self.number = number
        self._began_ms = clock.now_us // 1000

    def duration_s(self) -> int:
        """Since it began."""
        return clock.now_us // 1_000_000 - self._began_ms // 1000


class Post:
    """A charger with its car, as dlm.follower knows evse.charger.Charger."""

    fault_bits = 0
    available = True
    error_code = "NoError"

    def __init__(self, wired: str, rating_a: int) -> None:
        self.rotation = wired
        self.wired = 7 if len(wired) == 3 else 1 << "RST".index(wired)
        self.rating_ma = rating_a * 1000
        self.meter = Meter(self)
        self.wants_ma = 0  # the car's most; 0: no car
        self.car_phases = 1
        self.powered = True
        self.most_ma = 0  # the most that its car may be drawing
        self.on = [phase for phase in range(3) if self.wired >> phase & 1]
        self.reached = True  # nothing is between the master and it
        self.alone = False  # it has no master, and its fallback current
        self.unserved_ms = 0  # while there is current for it
        self.served = False
        self.session: "Session | None" = None
        self._sessions = 0
        self.reset()

    def reset(self) -> None:
        """The controller starts anew: its contactor is open."""
        self.limits = Limits()
        self.limits.set("operator", self.rating_ma)
        self.signaled_ma = 0
        self._changed_ms = -RISE_MS
        self._offers: list = []

    def arrive(self, wants_ma: int, phases: int) -> None:
        """A car comes, or wants something else."""
        if not self.session:
            self._sessions += 1
            self.session = Session(self._sessions)
        self.wants_ma = wants_ma
        self.car_phases = phases if self.wired == 7 else 1

    def leave(self) -> None:
        """The car is gone, and draws nothing."""
        self.session = None
        self.wants_ma = 0

    @property
    def plugged(self) -> bool:
        """A car is there."""
        return bool(self.session)

    @property
    def contactor_closed(self) -> bool:
        """It may charge."""
        return self.signaled_ma > 0

    @property
    def status(self) -> str:
        """OCPP's."""
        if not self.session:
            return "Available"
        return "Charging" if self.signaled_ma else "SuspendedEVSE"

    @property
    def drawn_ma(self) -> int:
        """What flows."""
        return min(self.most_ma, self.wants_ma)

    def look(self, now_ms: int) -> None:
        """Let the pilot follow the limits, and find what the car may draw."""
        if not self.powered:
            self.most_ma = 0
            return
        offer_ma = self.limits.ma if self.session and self.limits.ma >= MIN_MA else 0
        may_rise = now_ms - self._changed_ms >= RISE_MS
        if offer_ma < self.signaled_ma or (offer_ma > self.signaled_ma and may_rise):
            self._offers.append((now_ms + FOLLOW_MS, self.signaled_ma))
            self.signaled_ma = offer_ma
            self._changed_ms = now_ms
        self._offers = [offer for offer in self._offers if offer[0] > now_ms]
        most_ma = max([self.signaled_ma] + [offer_ma for _, offer_ma in self._offers])
        self.most_ma = most_ma if self.session else 0
        self.served = self.served or self.signaled_ma > 0
