"""A group as one large charger on its building's connection: what dlm.building sees of it.

Its limits are those of the whole group, its meter the sum of what the members tell.
"""

from core.clock import ticks_diff, ticks_ms
from dlm.building import Building
from evse.limits import Limits
from micropython import const

_FRESH_MS = const(4000)


class GroupLoad:
    """The group's currents on the grid's phases, with the attributes of a charger and of its meter."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.meter = self
        self.current_ma: list = [None, None, None]
        self.signaled_ma = 0
        self.ok = False
        self._noted_ms = ticks_ms()

    def age_ms(self) -> int:
        """Since the last round."""
        return ticks_diff(ticks_ms(), self._noted_ms)

    def note(self, members, elapsed_ms: int) -> None:
        """Sum up what the members offer and draw: nothing is known where one does not tell."""
        sums: list = [0, 0, 0]
        offered = [0, 0, 0]
        for member in members:
            for phase in range(3):
                if member.wired >> phase & 1:
                    offered[phase] += member.confirmed_ma if member.heard else member.kept_ma
                    drawn_ma = member.current_ma[phase] if member.heard else None
                    known = drawn_ma is not None and sums[phase] is not None
                    sums[phase] = sums[phase] + drawn_ma if known else None
        self.current_ma = sums
        self.signaled_ma = max(offered)
        self._noted_ms = ticks_ms()
        self.ok = elapsed_ms < _FRESH_MS


class GroupBuilding(Building):
    """Balances a whole group: its currents are those of the grid's phases already."""

    def _own_ma(self) -> list:
        own = self._charger.meter
        return own.current_ma if own.ok else [None, None, None]

    async def _read_settings(self) -> None:
        await super()._read_settings()
        self._phases = 7
