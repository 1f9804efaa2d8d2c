"""What a charger may draw beside the rest of its building: a pure step over integers, mA and ms.

The building's meter sees the charger as well. So what is left for the charger is

    limit - building + own current

as exact as both meters are, however slowly the car follows: nothing swings, since the car's own current
cancels out. Both are not measured at the same instant, though. A measurement of the building is judged by
the charger's own before and after it: the offer shrinks when it is too much by the larger of the two,
and grows when there is room by the smaller.
"""

from dlm.recent import Recent
from micropython import const

MIN_MA = const(6000)
_STEP_MA = const(100)
_BAND_MA = const(500)  # an offer grows by that at least: noise does not make it chatter
_USES_MA = const(1000)  # a car draws on a phase
_RESUME_MS = const(60000)  # room for 6 A must last that long after a pause
_ANY_MA = const(1000000000)


class Balance:
    """Finds the offer of a charger that shares its building's connection.

    pid: thousandths. Of the room that a growing offer finds, p is taken each second, and i for each
    second that it has been there; d (in ms) is added for each ampere a second by which it grows.
    Never more than the room itself. An offer shrinks at once, whatever these are.
    """

    def __init__(self, pid=(500, 1800, 10)) -> None:
        self.pid = pid
        self._recent = Recent()
        self.forget()

    def forget(self) -> None:
        """The measurements have failed: begin anew with the next one."""
        self.offer_ma = -1  # none yet
        self._building: list = []
        self._own: list = []
        self._calm_ms = 0
        self._sum = 0
        self._room_ma = 0

    def step(
        self, limit_ma: int, building_ma, own_ma, phases: int, signaled_ma: int, elapsed_ms: int
    ):
        """Return the offer; 0: a pause, -1 at the first measurement, which cannot be judged yet.

        building_ma, own_ma: of the grid's phases, None where there is no meter; phases: bits of those
        that the charger is on; signaled_ma: what its pilot offers; elapsed_ms: since the last step.
        """
        self._recent.note(signaled_ma, elapsed_ms)
        first = not self._own
        low_ma, high_ma = self._bounds(limit_ma, building_ma, own_ma, phases, signaled_ma)
        self._building, self._own = building_ma, own_ma
        if first:
            return self.offer_ma
        if self.offer_ma < 0:
            self._set(max(low_ma, min(high_ma, signaled_ma)))
        elif not self.offer_ma:
            self._calm_ms = self._calm_ms + elapsed_ms if low_ma >= MIN_MA else 0
            if self._calm_ms >= _RESUME_MS:
                self._set(low_ma)
        elif self.offer_ma > high_ma:
            self._set(high_ma)
        elif low_ma >= self.offer_ma + _BAND_MA:
            self._grow(low_ma - self.offer_ma, elapsed_ms)
        else:
            self._sum = self._room_ma = 0
        return self.offer_ma

    def _set(self, offer_ma: int) -> None:
        self.offer_ma = offer_ma // _STEP_MA * _STEP_MA if offer_ma >= MIN_MA else 0
        self._calm_ms = self._sum = self._room_ma = 0

    def _grow(self, room_ma: int, elapsed_ms: int) -> None:
        """By the controller's output, at most by the room."""
        p, i, d = self.pid
        self._sum += room_ma * elapsed_ms // 1000
        slope = (room_ma - self._room_ma) * 1000 // max(elapsed_ms, 1) if self._room_ma else 0
        self._room_ma = room_ma
        more_ma = (p * room_ma * elapsed_ms // 1000 + i * self._sum + d * slope) // 1000
        if more_ma > 0:
            self.offer_ma += min(more_ma, room_ma) // _STEP_MA * _STEP_MA

    def _bounds(self, limit_ma: int, building_ma, own_ma, phases: int, signaled_ma: int) -> tuple:
        """(what there is room for, what is too much if it is exceeded), of the tightest phase."""
        used = self._used(building_ma, own_ma, phases)
        least_ma = most_ma = _ANY_MA
        for phase in range(3):
            if not used >> phase & 1:
                continue
            room_ma = limit_ma - building_ma[phase]
            own = self._own_between(own_ma, phase)
            if own is None:
                least_ma = min(least_ma, room_ma)
                most_ma = min(most_ma, room_ma + self._recent.ma)
                continue
            low_ma, high_ma = own
            before_ma = self._building[phase]
            room_before_ma = room_ma if before_ma is None else limit_ma - before_ma
            least_ma = min(least_ma, room_ma + low_ma, room_before_ma + low_ma)
            # It is too much if this measurement says so whatever the car may draw, or if both do.
            both_ma = max(room_ma, room_before_ma) + high_ma
            most_ma = min(most_ma, room_ma + max(signaled_ma, high_ma), both_ma)
        return least_ma, most_ma

    def _used(self, building_ma, own_ma, phases: int) -> int:
        """Bits of the phases that count: those that the car draws on, or could."""
        told = used = 0
        for phase in range(3):
            if building_ma[phase] is not None:
                told |= 1 << phase
                own = self._own_between(own_ma, phase)
                if own and own[1] > _USES_MA:
                    used |= 1 << phase
        return used & phases or told & phases or told

    def _own_between(self, own_ma, phase: int) -> "tuple | None":
        """The smaller and the larger of two measurements of the own current; None without both."""
        now_ma = own_ma[phase]
        before_ma = self._own[phase] if self._own else None
        if now_ma is None or before_ma is None:
            return None
        return min(now_ma, before_ma), max(now_ma, before_ma)
