"""What a charger may draw so that it takes what the building exports: a pure step, mA and ms.

A meter that tells no sign of its currents shows no export: there is no surplus then.
"""

from dlm.balance import MIN_MA
from micropython import const

_STEP_MA = const(100)
_SMOOTH_MS = const(20000)  # a cloud that passes sooner is not followed
_START_MS = const(60000)  # of enough sun before a charge begins
_STOP_MS = const(180000)  # of too little before it pauses; until then it draws 6 A


class Surplus:
    """Follows the export of all phases together, as the supplier's meter counts it.

    least_ma: what is always offered; 0: it pauses instead.
    """

    def __init__(self, least_ma: int) -> None:
        self.least_ma = least_ma
        self._ma = -1  # none known yet
        self._charges = False
        self._odd_ms = 0  # since it should do the other thing

    def step(self, building_ma, own_ma, lines: int, elapsed_ms: int) -> int:
        """Return the offer; 0: a pause. lines: how many phases the car draws on."""
        export_ma = 0
        for phase in range(3):
            if building_ma[phase] is not None:
                export_ma += (own_ma[phase] or 0) - building_ma[phase]
        share_ma = max(0, export_ma // lines)
        if self._ma < 0:
            self._ma = share_ma
        self._ma += (share_ma - self._ma) * min(elapsed_ms, _SMOOTH_MS) // _SMOOTH_MS
        enough = self._ma >= MIN_MA
        self._odd_ms = 0 if enough == self._charges else self._odd_ms + elapsed_ms
        if self._odd_ms >= (_STOP_MS if self._charges else _START_MS):
            self._charges = enough
            self._odd_ms = 0
        if not self._charges:
            return self.least_ma
        return max(self._ma // _STEP_MA * _STEP_MA, MIN_MA)
