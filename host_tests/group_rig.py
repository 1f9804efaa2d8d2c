"""A group of chargers around the allocator: stations that obey, cars that follow, lines that fail.

It holds the invariant against what the cars really draw, not against the allocator's own books.
"""

from dlm import allocator
from dlm.allocator import Allocator
from dlm.member import FALL_MS, RISE_MS, ALL_PHASES, Member

CYCLE_MS = 2000  # the master speaks with everybody that often
FOLLOW_MS = 5000  # a car's time after a reduction (IEC 61851-1 sequence 6)


class Station:
    """What a member does by itself: it obeys its master, and falls back without one."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.offer_ma = 0
        self.wants_ma = 0  # the car's most; 0: no car
        self.linked = True
        self.powered = True
        self.charged_mwms = 0  # in its session
        self._deaf_ms = 0
        self._fresh = True  # has not heard of a master since it started
        self._offered: list[tuple[int, int]] = []  # (until, what may still be drawn)

    def hear(self, grant_ma: int, now_ms: int) -> None:
        """A valid frame of the master."""
        self._deaf_ms = 0
        self._fresh = False
        self._offer(grant_ma, now_ms)

    def restart(self) -> None:
        """A power cut of the station alone."""
        self.offer_ma = 0
        self._offered.clear()
        self._fresh = True
        self._deaf_ms = 0

    def pass_time(self, elapsed_ms: int, now_ms: int) -> None:
        """Without its master it falls back."""
        self._deaf_ms += elapsed_ms
        fallback_ma = self.member.fallback_ma
        falls = self._deaf_ms >= FALL_MS and not self._fresh
        if falls and self.offer_ma > fallback_ma:
            self.offer_ma = fallback_ma  # its car has 2 s to follow, then 3 of overlap are left
            self._offered.clear()
        if self._deaf_ms >= RISE_MS:
            self._offer(fallback_ma, now_ms)

    def _offer(self, offer_ma: int, now_ms: int) -> None:
        if offer_ma < self.offer_ma:
            self._offered.append((now_ms + FOLLOW_MS, self.offer_ma))
        self.offer_ma = offer_ma

    def most_ma(self, now_ms: int) -> int:
        """The most that its car may be drawing."""
        self._offered = [entry for entry in self._offered if entry[0] > now_ms]
        offers = [self.offer_ma] + [offer_ma for _, offer_ma in self._offered]
        return max(offers)

    def drawn_ma(self) -> int:
        """What a car draws that has followed."""
        return min(self.offer_ma, self.wants_ma) if self.offer_ma >= 6000 else 0


class Group:
    """Given stations of these ratings in A on one limit; the tests let time pass."""

    def __init__(
        self,
        ratings,
        limit_a,
        fallback_a=10,
        policy=allocator.UNIFORM,
        wired=(),
        cycle_ms=CYCLE_MS,
    ) -> None:
        wired = wired or [ALL_PHASES] * len(ratings)
        members = [
            Member(rating * 1000, fallback_a * 1000, bits) for rating, bits in zip(ratings, wired)
        ]
        self.allocator = Allocator(members, policy)
        self.limit_ma = [round(limit_a * 1000)] * 3
        self.stations = [Station(member) for member in members]
        self.now_ms = 0
        self.cycle_ms = cycle_ms

    @property
    def granted_a(self) -> list:
        """Of each member, in A."""
        return [member.granted_ma / 1000 for member in self.allocator.members]

    @property
    def reasons(self) -> list:
        """Of each member's grant."""
        return [member.reason for member in self.allocator.members]

    def arrive(self, index: int, wants_a: float = 80, **told) -> None:
        """A car comes."""
        station = self.stations[index]
        station.wants_ma = round(wants_a * 1000)
        station.member.arrival_s = self.now_ms // 1000
        station.charged_mwms = 0
        for name, value in told.items():
            setattr(station.member, name, value)

    def leave(self, index: int) -> None:
        """… and goes."""
        self.stations[index].wants_ma = 0

    def cut(self, *indices: int) -> None:
        """Take stations off the line, and give it to the others."""
        for index, station in enumerate(self.stations):
            station.linked = index not in indices

    def run(self, seconds: float, check=None) -> None:
        """Let time pass in cycles: ask everybody, allocate, tell everybody."""
        for _ in range(round(seconds * 1000 / self.cycle_ms)):
            self.cycle()
            if check:
                check(self)

    def cycle(self) -> None:
        """One round of the master."""
        self.now_ms += self.cycle_ms
        for station in self.stations:
            station.pass_time(self.cycle_ms, self.now_ms)
            self._ask(station)
        self.allocator.step(self.limit_ma, self.cycle_ms)
        for station in self.stations:
            if station.linked and station.powered:
                station.hear(station.member.granted_ma, self.now_ms)
            station.charged_mwms += station.drawn_ma() * 230 * self.cycle_ms
            station.member.energy_wh = station.charged_mwms // 3600000000

    def _ask(self, station: Station) -> None:
        member = station.member
        if not (station.linked and station.powered):
            member.silent_ms += self.cycle_ms
            return
        member.silent_ms = 0
        member.request_ma = member.rating_ma if station.wants_ma else 0
        member.drawn_ma = station.drawn_ma()
        member.confirmed_ma = station.most_ma(self.now_ms)

    def settle(self, seconds: float = 60) -> "Group":
        """Long enough for every reduction and every increase."""
        self.run(seconds)
        return self

    def drawn_by_phase(self) -> list:
        """The most that flows on each phase, mA."""
        sums = [0, 0, 0]
        for station in self.stations:
            bits = station.member.phases if station.powered else 0
            for phase in range(3):
                if bits >> phase & 1:
                    sums[phase] += station.most_ma(self.now_ms)
        return sums
