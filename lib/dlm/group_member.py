"""A charger of a group with what its master knows of it beyond the allocator's needs."""

from core import clock, loading
from core.clock import ticks_diff, ticks_ms
from dlm import group_records, member
from dlm.member import ANY_MA, LOST_MS, Member
from micropython import const

FALLEN = "the group is on its fallback currents"
REASONS = (
    member.FULL,
    member.SHARED,
    member.UNUSED,
    member.WAITS,
    member.PENDING,
    member.UNHEARD,
    member.NOTHING,
    FALLEN,
)
_FOLLOWS_MS = const(8000)  # a car has 5 s, a station 6 s for its contactor; then a round
_DEFIES_MS = const(8000)
_OBEYS_MS = const(60000)
_STEP_MS = const(2000)  # a long round is no more than that
_PWM_SLACK_MA = const(500)
_CAR_SLACK_MA = const(1500)
_UNKNOWN_RATING_MA = const(32000)


class GroupMember(Member):
    """number: 0 is the master's own charger, n the slave n, connector n + 1 at the back office.

    serial: "" until it has told. current_ma: on the grid's phases, None where nobody knows. session: the
    number of its session, 0 without one. cap_ma: what others allow it, None for no bound. trouble: a line for people about this member, "" mostly.
    """

    def __init__(self, number: int, fallback_ma: int) -> None:
        super().__init__(_UNKNOWN_RATING_MA, fallback_ma)
        self.number = number
        self.serial = ""
        self.status = "Unavailable"
        self.error_code = "NoError"
        self.signaled_ma = 0
        self.current_ma: list = [None, None, None]
        self.meter_wh = 0
        self.session = 0
        self.cap_ma = None
        self.flags = 0
        self.trouble = ""
        self.fresh = False  # heard since the last words went out
        self.state = None  # its carrier's
        self._heard_ms = 0
        self._code = 0
        self._told_ma = self._told_left_ms = ANY_MA
        self._told_before_ma = 0  # the most in the span of time before
        self._defies_ms = 0

    @property
    def online(self) -> bool:
        """It was heard from lately."""
        return self.heard

    @property
    def connector_id(self) -> int:
        """Its connector at the back office."""
        return self.number + 1

    def note(self, data, at: int, length: int) -> str:
        """Take a status record; returns what has changed: "", "status", "session" or "waiting"."""
        self._heard_ms = ticks_ms()
        self.silent_ms = 0
        self.fresh = True
        before = self.flags, self.status, self.session, self.error_code
        light = group_records.unpack_light(data, at)
        self.flags, self.request_ma, self.confirmed_ma, self.signaled_ma, self.current_ma = light
        if self.cap_ma is not None:
            self.request_ma = min(self.request_ma, self.cap_ma)
        index = self.flags & 15
        if index < len(group_records.STATUSES):
            self.status = group_records.STATUSES[index]
        known = [abs(ma) for ma in self.current_ma if ma is not None]
        self.drawn_ma = max(known) if known else None
        if length >= group_records.FULL_BYTES:
            self._note_rest(data, at)
        if before[2] != self.session or (before[0] ^ self.flags) & group_records.SESSION:
            return "session"
        if before[1] != self.status or before[3] != self.error_code:
            return "status"
        return "waiting" if self.flags & group_records.WAITING else ""

    def _note_rest(self, data, at: int) -> None:
        rest = group_records.unpack_rest(data, at)
        self.meter_wh, self.energy_wh, age_s, session, self.priority, code = rest
        if session != self.session:
            self.session = session
            self.arrival_s = clock.uptime_s() - age_s
        if code != self._code:
            self._code = code
            self.error_code = loading.once("dlm.error_codes", "text", code)

    def identify(self, rating_ma: int, fallback_ma: int, phases: int, serial: str) -> bool:
        """Take what it is; False when that was known."""
        if (rating_ma, fallback_ma, phases, serial) == self.identity:
            return False
        if not self.heard and self.silent_ms >= LOST_MS:
            self.kept_ma = max(self.kept_ma, fallback_ma)
        self.rating_ma, self.fallback_ma, self.wired, self.serial = (
            rating_ma,
            fallback_ma,
            phases,
            serial,
        )
        self.phases = phases
        return True

    @property
    def identity(self) -> tuple:
        """What `identify` took."""
        return self.rating_ma, self.fallback_ma, self.wired, self.serial

    def age(self) -> None:
        """Find how long it has been silent."""
        if self.silent_ms < LOST_MS:
            self.silent_ms = max(0, ticks_diff(ticks_ms(), self._heard_ms))

    def defies(self, told_ma: int, elapsed_ms: int) -> bool:
        """True while it offers or draws more than it was told, for longer than obeying takes.

        Judged by the most that it was told lately: a car that is told less and less follows each time, and
        one that has just been heard again has yet to follow what it missed.
        """
        if not self.heard:
            self._told_ma = self._told_left_ms = ANY_MA
        elif self._told_left_ms > _FOLLOWS_MS:  # heard again
            self._told_left_ms = _FOLLOWS_MS
        self._told_left_ms -= elapsed_ms
        self._told_ma = max(self._told_ma, told_ma)
        if self._told_left_ms <= 0:
            self._told_before_ma, self._told_ma = self._told_ma, told_ma
            self._told_left_ms = _FOLLOWS_MS
        if self.heard:
            self._count_defiance(min(elapsed_ms, _STEP_MS))
        return self._defies_ms >= _DEFIES_MS

    def _count_defiance(self, elapsed_ms: int) -> None:
        told_ma, drawn_ma = max(self._told_ma, self._told_before_ma), self.drawn_ma
        over = self.signaled_ma > told_ma + _PWM_SLACK_MA
        if drawn_ma is not None and drawn_ma > told_ma + told_ma // 20 + _CAR_SLACK_MA:
            over = True
        defied = self._defies_ms >= _DEFIES_MS
        if over:
            self._defies_ms += elapsed_ms
            if defied or self._defies_ms >= _DEFIES_MS:
                self._defies_ms = _DEFIES_MS + _OBEYS_MS
        elif defied and self._defies_ms - elapsed_ms >= _DEFIES_MS:
            self._defies_ms -= elapsed_ms
        else:
            self._defies_ms = 0
