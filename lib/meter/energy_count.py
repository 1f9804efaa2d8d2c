"""A count of energy that only grows, made from a register that may be reset or replaced."""

from core import log
from micropython import const

# How fast a register can grow, and how often a step has to show to be believed.
_STEP_WH = const(1000)
_WH_PER_S = const(84)  # 500 V · 200 A · 3 phases
_STEP_POLLS = const(3)
_JITTER_WH = const(10)  # the last bit of a float32 at 100 MWh
_ANY_WH = 10**12
_CUT_WH = const(10000)  # what may have flowed between the last note on flash and a power cut


class EnergyCount:
    """The register's value plus an offset that makes up for its steps.

    counted_wh: where the count stood before a restart, None for a new one. In a session the register
    may have grown since then by a minute's energy; without one, by whatever it tells.
    """

    def __init__(self, counted_wh: "int | None" = None, in_session: bool = False) -> None:
        self.register_wh = None  # as it was last believed
        self._counted_wh = counted_wh
        self._most_wh = _CUT_WH if in_session else _ANY_WH
        self._offset_wh = 0
        self._step_wh = 0  # the value that a suspected step led to
        self._step_polls = 0

    def begin_at(self, counted_wh: int) -> None:
        """Have the count be that at the register's first value, whatever this is."""
        self._counted_wh = counted_wh
        self._most_wh = -1

    def _begin(self, register_wh: int) -> None:
        self.register_wh = register_wh
        if self._counted_wh is not None:
            grown_wh = register_wh - self._counted_wh
            if not 0 <= grown_wh <= self._most_wh:
                self._offset_wh = -grown_wh

    def update(self, register_wh: int, elapsed_ms: int) -> int:
        """Take the register's value, elapsed_ms after the last; return the count in Wh."""
        if self.register_wh is None:
            self._begin(register_wh)
        grown_wh = register_wh - self.register_wh
        if 0 <= grown_wh <= _STEP_WH + elapsed_ms // 1000 * _WH_PER_S:
            self.register_wh = register_wh
            self._step_polls = 0
        elif not -_JITTER_WH <= grown_wh < 0 and self._step_stays(register_wh):
            log.warning("meter", "energy register went by %d to %d Wh" % (grown_wh, register_wh))
            self._offset_wh -= grown_wh
            self.register_wh = register_wh
        return self.register_wh + self._offset_wh

    def _step_stays(self, register_wh: int) -> bool:
        """True once a step has shown in enough polls in a row, each near the one before."""
        near = self._step_polls and 0 <= register_wh - self._step_wh <= _STEP_WH
        self._step_polls = self._step_polls + 1 if near else 1
        self._step_wh = register_wh
        if self._step_polls < _STEP_POLLS:
            return False
        self._step_polls = 0
        return True
