"""The socket outlet of a station without a cable of its own: the cable's rating, and the lock on its plug."""

from evse import faults
from micropython import const

_STEADY_MS = const(150)  # contacts bounce while a plug goes in
_RISE_MS = const(3000)  # a cable that was taken for a smaller one is believed late
_INVALID_MS = const(300)  # the pilot of a plug that is pulled tells sooner
_PUSH_MS = const(500)  # the hand at the plug finishes its push before the lock moves
_STATE_F_MS = const(5000)  # IEC 61851-1: then the plug may go


def rating_ma(ohm: int) -> int:
    """What a cable's coding allows (IEC 61851-1 annex B), the lower one between two; 0: no valid coding."""
    if not 60 <= ohm <= 4500:
        return 0
    if ohm > 936:
        return 13000
    if ohm > 308:
        return 20000
    return 32000 if ohm > 140 else 63000


class Outlet:
    """lock: drivers.lock.Lock; proximity: drivers.proximity.Proximity; contacts_closed(): the contactor's."""

    def __init__(self, charger, lock, proximity, contacts_closed) -> None:
        self.permanent = False  # setting permanent_lock: a cable that is in stays in
        self.keeps_cable = False  # where a car is unplugged first, its cable stays locked here
        self.released = False  # somebody wants the plug out; until it is, or a session begins
        self.lock = lock
        self.proximity = proximity
        self._charger = charger
        self._contacts_closed = contacts_closed
        self._locked = None  # where the lock belongs; None before its feedback was seen
        self._rating_ma = 0  # of the cable that is in; 0: none, or an unknown one
        self._seen_ma = 0
        self._limit_ma = None
        self._had_car = False  # at the last step a session ran with a car plugged in
        self._keeping = False  # the cable of a session that ended so, until somebody asks for it
        self._steady_ms = self._invalid_ms = self._inside_ms = self._state_f_ms = 0

    @property
    def ready(self) -> bool:
        """The cable is known and its plug locked."""
        lock = self.lock
        locked = self._locked and lock.closed and not lock.driving
        return bool(locked and self._rating_ma and self._seen_ma)

    @property
    def busy(self) -> bool:
        """Something moves: step each 20 ms."""
        return self.lock.driving or self._seen_ma != self._rating_ma

    def step(self, now_ms: int, elapsed_ms: int) -> None:
        """Read the cable, move the lock, set limit and faults. OSError: no feedback of the lock."""
        self._read_cable(elapsed_ms)
        charger, lock = self._charger, self.lock
        inside = charger.plugged or self._rating_ma > 0
        self._limit(self._rating_ma if inside else None)
        self._inside_ms = min(self._inside_ms + elapsed_ms, _PUSH_MS) if inside else 0
        in_f = charger.state == "F"
        self._state_f_ms = min(self._state_f_ms + elapsed_ms, _STATE_F_MS) if in_f else 0
        if not inside or charger.session:
            self.released = False
        self._keep_cable(inside)
        if lock.closed is not None:
            if self._locked is None:
                self._locked = lock.closed
            self._locked = self._belongs_locked(inside)
        lock.step(self._locked, now_ms)
        self._tell()

    def _keep_cable(self, inside: bool) -> None:
        """OCPP's UnlockConnectorOnEVSideDisconnect: else an accepted card, or unlocking, frees the cable."""
        charger = self._charger
        if self._had_car and not charger.session and not charger.plugged:
            self._keeping = self.keeps_cable
        elif not inside or self.released or charger.session or charger.awaits_plug:
            self._keeping = False
        self._had_car = charger.session is not None and charger.plugged

    def _belongs_locked(self, inside: bool) -> bool:
        charger = self._charger
        # Nobody pulls a live plug: it stays whoever asks, over welded contacts too.
        if charger.guard.asked or self._contacts_closed():
            return self._locked or charger.plugged
        if charger.interrupted:
            return self._locked
        if self.released:
            return False
        if self._keeping:
            return self._locked
        if self.permanent:
            return self._locked or self._inside_ms >= _PUSH_MS
        if not charger.session or not inside or self._state_f_ms >= _STATE_F_MS:
            return False
        return self._locked or self._inside_ms >= _PUSH_MS

    def _read_cable(self, elapsed_ms: int) -> None:
        seen_ma = rating_ma(self.proximity.read_ohm())
        steady = seen_ma == self._seen_ma
        self._steady_ms = min(self._steady_ms + elapsed_ms, _RISE_MS) if steady else 0
        self._seen_ma = seen_ma
        rises = seen_ma > self._rating_ma > 0
        if self._steady_ms >= (_RISE_MS if rises else _STEADY_MS):
            self._rating_ma = seen_ma
        if seen_ma or not self._charger.plugged:
            self._invalid_ms = 0
        elif self._invalid_ms < _INVALID_MS:
            self._invalid_ms += elapsed_ms if self._invalid_ms else 1

    def _limit(self, limit_ma) -> None:
        if limit_ma != self._limit_ma:
            self._limit_ma = limit_ma
            self._charger.limits.set("cable", limit_ma)

    def _tell(self) -> None:
        book, lock, locked = self._charger.book, self.lock, self._locked
        book.set(faults.PP_ERROR, self._invalid_ms >= _INVALID_MS)
        lost = self._charger.guard.asked and lock.closed is False
        book.set(faults.LOCK_JAM, lost or (lock.failed and locked))
        book.set(faults.UNLOCK_JAM, lock.failed and not locked)

    def give_up(self) -> None:
        """The station has no outlet any more."""
        self.lock.rest()
        self._limit(None)
        book = self._charger.book
        for bit in (faults.PP_ERROR, faults.LOCK_JAM, faults.UNLOCK_JAM):
            book.set(bit, False)
