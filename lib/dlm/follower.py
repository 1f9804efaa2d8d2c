"""A member of a group as it sees itself: it obeys its master, and falls back without one. No carrier here.

Slots of the charger's limits: "group" is what the master grants, "group master" what holds without one.
A master counts as silent from the last answer that it has confirmed to have heard: it can't hear the
member for shorter than the member waits for it, whichever direction of the line fails.
"""

from core import loading
from core.clock import ticks_add, ticks_diff, ticks_ms
from dlm import group_records
from dlm.recent import Recent
from micropython import const

_GRANT = "group"
_ALONE = "group master"
_SLOTS = (_GRANT, _ALONE)
_FALL_MS = const(30000)  # as in dlm.member, which a slave does not load
_RISE_MS = const(40000)
_MIN_MA = const(6000)
_LONGEST_MS = const(10000)


class Follower:
    """Keeps a charger's limits by what its master says.

    charger: evse.charger.Charger. Just started it draws nothing until its master has spoken, or until
    RISE_MS have passed without one.
    """

    role = "slave"

    def __init__(self, settings, charger, serial: str) -> None:
        self.serial = serial
        self.granted_ma = 0
        self.reason = 0  # place among dlm.group_member.REASONS
        self.fallback = False
        self.waiting = False  # something waits for the master to fetch it
        self.answer = no_answer  # answers the master's calls: message -> reply, bytes
        self.lost = False  # no master for so long that the fallback current holds
        self._settings = settings
        self._charger = charger
        self._recent = Recent()
        self._fed_ms = self._stepped_ms = ticks_ms()
        self._answered_ms = 0
        self._answered = self._spoken = False
        self._error = ("", 0)
        self.rating_ma = self.fallback_ma = self.priority = 0
        self.order = (0, 1, 2)
        self.phases = 7
        self.renewed = True  # what `info` tells is to be told again
        self._bound()
        self._read_settings(None)
        settings.listen(self._read_settings)

    def _read_settings(self, keys) -> None:
        found = loading.once("dlm.group_settings", "of_member", self._settings, keys)
        if found:
            self.rating_ma, self.fallback_ma, self.priority, self.order, self.phases = found
            self.renewed = True

    @property
    def master_silent_ms(self) -> int:
        """Since the master last confirmed that it hears this member."""
        return ticks_diff(ticks_ms(), self._fed_ms)

    # What its carrier brings.

    def polled(self) -> None:
        """A status record has just been sent."""
        self._answered_ms = ticks_ms()
        self._answered = True

    def take(self, word: int) -> None:
        """Obey a word of the master; less is always taken, more only where it has heard this member."""
        heard, self.reason, told_ma = group_records.unpack_word(word)
        heard = heard and self._answered
        if heard:
            self._fed_ms = self._answered_ms
            self.lost = self.fallback = False
            self._spoken = True
        if heard or told_ma < self.granted_ma:
            self.granted_ma = told_ma
        self.step()

    def step(self) -> None:
        """Look whether the master still speaks; at least once a second."""
        now_ms = ticks_ms()
        silent_ms = ticks_diff(now_ms, self._fed_ms)
        elapsed_ms = max(0, min(ticks_diff(now_ms, self._stepped_ms), _LONGEST_MS))
        self._stepped_ms = now_ms
        if self.lost or silent_ms >= _RISE_MS:
            self.lost = self.fallback = True
            self._fed_ms = ticks_add(now_ms, -_RISE_MS)
            self.granted_ma = self.fallback_ma
        elif silent_ms >= _FALL_MS:
            self.fallback = True
            self.granted_ma = min(self.granted_ma, self.fallback_ma)
        self._bound()
        self._recent.note(self._charger.signaled_ma, elapsed_ms)

    def fall(self) -> None:
        """Nobody looks after it for now: not above the fallback current."""
        self.fallback = True
        self.granted_ma = min(self.granted_ma, self.fallback_ma)
        self._bound()

    def _bound(self) -> None:
        limits = self._charger.limits
        slots = limits.slots()
        alone = self.fallback or not self._spoken
        for name, mine in ((_ALONE, alone), (_GRANT, not alone)):
            limit_ma = self.granted_ma if mine else None
            if slots.get(name) != limit_ma:
                limits.set(name, limit_ma)

    # What it tells.

    @property
    def request_ma(self) -> int:
        """The most that car, cable and station take now; 0: there is nothing to charge."""
        charger = self._charger
        if not charger.session or not charger.plugged or charger.fault_bits:
            return 0
        limit_ma = min(charger.limits.without(_SLOTS), self.rating_ma)
        return limit_ma if limit_ma >= _MIN_MA else 0

    def status(self, buffer, at: int, full: bool) -> int:
        """Write the status record, all of it or its first registers; returns its length."""
        charger = self._charger
        session = charger.session
        flags = group_records.STATUSES.index(charger.status)
        flags |= group_records.SESSION if session else 0
        flags |= group_records.PLUGGED if charger.plugged else 0
        flags |= group_records.CONTACTOR if charger.contactor_closed else 0
        flags |= group_records.WAITING if self.waiting else 0
        flags |= group_records.AVAILABLE if charger.available else 0
        flags |= group_records.FELL if self.fallback else 0
        # What its pilot may offer before the next word, and what it offered lately.
        offers_ma = max(self.granted_ma, self.fallback_ma) if self.fallback else self.granted_ma
        confirmed_ma = max(min(offers_ma, self.rating_ma), self._recent.ma)
        lines = self._grid_ma()
        pwm_ma = charger.signaled_ma
        group_records.pack_light(buffer, at, flags, self.request_ma, confirmed_ma, pwm_ma, lines)
        if not full:
            return group_records.LIGHT_BYTES
        meter = charger.meter
        told = (0, 0, 0)
        if session:
            told = session.energy_wh, session.duration_s(), session.number
        last = self.priority, self._error_index(charger.error_code)
        meter_wh = meter.energy_wh or 0 if meter else 0
        group_records.pack_rest(buffer, at, meter_wh, told[0], told[1], told[2], last)
        return group_records.FULL_BYTES

    def info(self, buffer, at: int) -> int:
        """Write what this member is; returns the length."""
        self.renewed = False
        serial = self.serial
        group_records.pack_info(buffer, at, self.rating_ma, self.fallback_ma, self.phases, serial)
        return group_records.INFO_BYTES

    def _grid_ma(self) -> list:
        """The currents on the grid's phases."""
        meter = self._charger.meter
        lines = meter.current_ma if meter and meter.ok else (None, None, None)
        if self.phases == 7:
            return [lines[line] for line in self.order]
        return [lines[0] if self.phases >> phase & 1 else 0 for phase in range(3)]

    def _error_index(self, code: str) -> int:
        if code != self._error[0]:
            self._error = code, loading.once("dlm.error_codes", "index", code)
        return self._error[1]


def no_answer(message: bytes) -> bytes:
    """What a member answers that nobody taught anything."""
    return b""
