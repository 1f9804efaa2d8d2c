"""A recorded day at a group of chargers: what each car gets, how long it waits, what flows when."""

from group_rig import Group

from tools.site_day_cars import DAY_S, RATING_A, Places, Visit

BIN_S = 300
_MWMS_PER_WH = 3_600_000_000
_GRID_L1 = 1


class Parked:
    """A car that has come to a charger, and what it has got."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.energy_wh = 0.0
        self.wait_s = 0
        self.longest_wait_s = 0

    @property
    def share(self) -> float:
        """Of what it would have got alone."""
        return min(1.0, self.energy_wh / self.visit.possible_wh)

    def note(self, energy_wh: float, waits: bool, elapsed_s: int) -> None:
        """A cycle has passed."""
        self.energy_wh = min(energy_wh, self.visit.energy_wh)
        self.wait_s = self.wait_s + elapsed_s if waits else 0
        self.longest_wait_s = max(self.longest_wait_s, self.wait_s)


class SiteDay:
    """Chargers of 32 A on one phase, with the allocator's uniform distribution, from midnight to midnight.

    Stations obey and cars follow as group_rig has it; no fallback is kept, since no line fails here.
    """

    def __init__(self, places: Places, limit_a: float, cycle_s: int) -> None:
        count = len(places)
        self.group = Group(
            [RATING_A] * count, limit_a, 0, wired=[_GRID_L1] * count, cycle_ms=cycle_s * 1000
        )
        self.cars: list[Parked] = []
        self.violations = 0  # cycles in which more might flow than the limit
        self.flow_a = [[0.0] * (DAY_S // BIN_S) for _ in places]  # means of each charger
        self._to_come = [list(place) for place in places]
        self._parked: list[Parked | None] = [None] * count
        for now_s in range(0, DAY_S, cycle_s):
            self._live(now_s, cycle_s)

    def _live(self, now_s: int, cycle_s: int) -> None:
        for index in range(len(self._parked)):
            self._come_and_go(index, now_s)
        if not any(self._parked):
            self.group.now_ms = now_s * 1000
            return
        self.group.cycle()
        self.violations += self.group.drawn_by_phase()[0] > self.group.limit_ma[0]
        for car, station, flow_a in zip(self._parked, self.group.stations, self.flow_a):
            if car:
                waits = bool(station.wants_ma) and not station.offer_ma
                car.note(station.charged_mwms / _MWMS_PER_WH, waits, cycle_s)
                flow_a[now_s // BIN_S] += station.drawn_ma() / 1000 * cycle_s / BIN_S

    def _come_and_go(self, index: int, now_s: int) -> None:
        car, to_come = self._parked[index], self._to_come[index]
        if car and (now_s >= car.visit.to_s or car.energy_wh >= car.visit.energy_wh):
            self.group.leave(index)  # one that is full asks for nothing more
        if car and now_s >= car.visit.to_s:
            self._parked[index] = None
        if to_come and to_come[0].from_s <= now_s:
            visit = to_come.pop(0)
            self._parked[index] = Parked(visit)
            self.cars.append(self._parked[index])
            self.group.arrive(index, visit.most_a)

    @property
    def energy_wh(self) -> float:
        """Of all cars."""
        return sum(car.energy_wh for car in self.cars)

    @property
    def longest_wait_s(self) -> int:
        """That a car which could charge was without current."""
        return max(car.longest_wait_s for car in self.cars)

    @property
    def fairness(self) -> float:
        """Jain's index of the cars' shares: 1 if all are equal, 1/n if one has all."""
        shares = [car.share for car in self.cars]
        return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))
