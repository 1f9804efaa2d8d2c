"""Who of a group's chargers may draw how much: a pure step over integers in mA, without clock or I/O.

The invariant, on every phase of the grid and after every step:

    what is granted to the members heard from + what is kept for the others <= the limit

Kept for a member that has not been heard from for LOST_MS is its fallback current, and until then
whatever it may still draw, if that is more. Beyond that a grant grows only by what is free once every
reduction is confirmed: a member's share of the limit is the larger of its grant and of what it confirms.
Only members that draw what nobody granted, a limit that falls, and fallbacks that are above the limit
together can exceed it; then everything is reduced and nothing grows. (A car has 5 s to follow a fallback
at FALL_MS, of which up to 3 s fall behind LOST_MS: the one overlap that is left.)

What a member owes for that (the bus or network around this module sees to it):

- `confirmed_ma` is the most that its car may be drawing: what its pilot offers, and for the 5 s that a
  car has to follow (IEC 61851-1 sequence 6) what it offered before.
- Without its master for FALL_MS it reduces to its fallback current, and it rises to that, from less,
  only after RISE_MS: by then every other member has heard of the gap, or has fallen itself.
- Just started it draws nothing until its master has spoken, or until RISE_MS without one.

The policies are those of the HQ 200 manual, section 7.5.3. All currents are per phase.
"""

from dlm.member import LONGEST_MS, LOST_MS, MIN_MA, STEP_MA
from dlm.shares import Shares, least, take
from micropython import const

UNIFORM = const(0)  # shares in proportion to the ratings
FIRST_IN_FIRST_SERVED = const(1)  # each takes all it can, in the order of arrival

_BACK_AFTER_MS = const(60000)  # room must last that long for one that was put off
_A_TURN = const(5)  # members that are looked at before other tasks may have their turn


class Allocator:
    """Shares a limit among members: dlm.member.Member, always the same ones.

    policy: UNIFORM or FIRST_IN_FIRST_SERVED; rotation_s: how often turns change while somebody
    waits, under UNIFORM; 0: never.
    """

    def __init__(self, members: list, policy: int = UNIFORM, rotation_s: int = 900) -> None:
        self.members = members
        self.policy = policy
        self.rotation_s = rotation_s
        self._order = list(members)
        self._room = [0, 0, 0]
        self._shares = Shares(len(members))
        self._rotation_ms = 0
        self._held = True  # no grant may rise
        self._unknown_ms = LOST_MS  # until what no member has confirmed is given up

    def step(self, limit_ma, elapsed_ms: int) -> None:
        """Find every member's granted_ma and reason.

        limit_ma: of each of the grid's phases; elapsed_ms: since the last step.
        """
        for _ in self.pieces(limit_ma, elapsed_ms):
            pass

    def pieces(self, limit_ma, elapsed_ms: int):
        """The same step as a generator: between its pieces a small chip has time for other things.

        What members tell may not change meanwhile, and grants hold once it has ended.
        """
        self._unknown_ms = max(0, self._unknown_ms - elapsed_ms)
        seen = 0
        for member in self.members:
            member.follow(elapsed_ms, self._unknown_ms > 0)
            seen += 1
            if not seen % _A_TURN:
                yield
        self._rotate(elapsed_ms)
        self._sort()
        yield
        self._free(limit_ma, False)
        yield
        for member in self._order:
            if member.asks:
                self._take_turn(member, elapsed_ms)
            seen += 1
            if not seen % _A_TURN:
                yield
        if self.policy == UNIFORM:
            for _ in self._share_out():
                yield
        self._reduce()
        yield
        self._free(limit_ma, True)
        yield
        for member in self._order:
            if member.heard:
                self._raise(member)
                seen += 1
                if not seen % _A_TURN:
                    yield

    # Order.

    def _sort(self) -> None:
        """By insertion: mostly it is sorted already, and this takes no memory."""
        order = self._order
        for place in range(1, len(order)):
            member = order[place]
            while place and member.is_before(order[place - 1]):
                order[place] = order[place - 1]
                place -= 1
            order[place] = member

    def _rotate(self, elapsed_ms: int) -> None:
        """Change turns in time, if anybody waits for one."""
        waiting = False
        for member in self.members:
            if member.asks and not member.charges:
                waiting = True
                member.waited_ms = min(member.waited_ms + elapsed_ms, LONGEST_MS)
        self._rotation_ms = self._rotation_ms + elapsed_ms if waiting else 0
        if self.policy != UNIFORM or not self.rotation_s:
            return
        if self._rotation_ms < self.rotation_s * 1000:
            return
        self._rotation_ms = 0
        asking = [member for member in self.members if member.asks]
        asking.sort(key=lambda member: member.rank())
        for place, member in enumerate(asking):
            member.turn = place
            member.idle_ms = member.put_off_ms = 0

    # Targets.

    def _free(self, limit_ma, less_heard: bool) -> None:
        """What of the limit is left beside those not heard from, and perhaps those that are."""
        room = self._room
        for phase in range(3):
            room[phase] = limit_ma[phase]
        for member in self.members:
            if not member.heard:
                take(room, member.wired, member.kept_ma)
            elif less_heard and member.kept_ma:
                take(room, member.phases, member.kept_ma)

    def _take_turn(self, member, elapsed_ms: int) -> None:
        """Give 6 A, or all it can use where the first is served first, if there is so much."""
        member.target_ma = 0
        fits_ma = least(self._room, member.phases)
        if fits_ma < MIN_MA:
            if member.charges or member.put_off_ms:
                member.charges = False
                member.put_off_ms = _BACK_AFTER_MS
            return
        share_ma = MIN_MA
        if self.policy != UNIFORM:
            share_ma = min(member.usable_ma, fits_ma) // STEP_MA * STEP_MA
        take(self._room, member.phases, share_ma)
        member.put_off_ms = max(0, member.put_off_ms - elapsed_ms)
        member.charges = not member.put_off_ms
        if member.charges:
            member.target_ma = share_ma
            member.waited_ms = 0

    def _share_out(self):
        """Raise the targets above 6 A in proportion to the ratings, the highest priority first."""
        some: list = []
        for member in self._order:
            if not member.charges or not member.heard:
                continue
            if some and some[0].priority != member.priority:
                for _ in self._shares.fill(some, self._room):
                    yield
                some = []
            some.append(member)
        for _ in self._shares.fill(some, self._room):
            yield
        for member in self._order:  # what rounding has left
            if member.target_ma and member.target_ma + STEP_MA <= member.usable_ma:
                if least(self._room, member.phases) >= STEP_MA:
                    take(self._room, member.phases, STEP_MA)
                    member.target_ma += STEP_MA

    # Grants.

    def _reduce(self) -> None:
        """Grants that are above their targets go down at once."""
        # As long as somebody may be charging by what a master granted before this one started, none rises.
        self._held = self._unknown_ms and not all([member.known for member in self.members])
        for member in self.members:
            if member.heard and member.granted_ma > member.target_ma:
                member.granted_ma = member.target_ma
                member.kept_ma = max(member.target_ma, member.confirmed_ma)

    def _raise(self, member) -> None:
        """Let a grant grow towards its target by what everybody's share leaves."""
        if member.target_ma > member.granted_ma and not self._held:
            spare_ma = least(self._room, member.phases)
            grant_ma = min(member.target_ma, member.kept_ma + spare_ma) // STEP_MA * STEP_MA
            if spare_ma >= 0 and grant_ma >= MIN_MA and grant_ma > member.granted_ma:
                member.granted_ma = grant_ma
                if grant_ma > member.kept_ma:
                    take(self._room, member.phases, grant_ma - member.kept_ma)
                    member.kept_ma = grant_ma
        member.explain()
