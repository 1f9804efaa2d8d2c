"""The connector kept for one tag until a time (OCPP 1.6, 5.13). Loaded while there is a reservation.

It is on flash, so that it outlasts restarts. It ends when it is used, cancelled or over, and with a
charger that is faulted or out of service.
"""

import os

from auth import tag_forms
from core import clock, loading, log, storage

_NAME = "auth_reservation"
_OUT = ("Faulted", "Unavailable")
_LOOK_MS = 60000
_UNTIMED_LOOK_MS = 5000  # while nobody has told the time: once somebody does, it may be over


class Reservation:
    """Who may charge while it holds; kept: [reservationId, tag, parent's tag, its end and when it came]."""

    def __init__(self, authorizer, kept: list) -> None:
        self.number, self._id_tag, self.parent, self._end_s, made_s = kept
        self._longest_s = clock.uptime_s() + self._end_s - made_s  # in terms of the uptime
        self._authorizer = authorizer

    def admits(self, id_tag: str) -> bool:
        """Tell whether it is kept for a tag: its own, or one of its group as far as is known here."""
        id_tag = tag_forms.canonical(id_tag)
        if id_tag == self._id_tag:
            return True
        if not self.parent:
            return False
        return loading.once("auth.known", "parent", self._authorizer, id_tag) == self.parent

    def left_s(self) -> int:
        """Time to its end. While nobody has told the time, it lasts from the start as long as it was to."""
        now_s = clock.unix_s()
        return self._end_s - now_s if now_s else self._longest_s - clock.uptime_s()

    def look_ms(self) -> int:
        """When it wants to be looked at again."""
        longest_ms = _LOOK_MS if clock.unix_s() else _UNTIMED_LOOK_MS
        return max(1, min(longest_ms, self.left_s() * 1000))


def _keep(authorizer, kept: list) -> None:
    authorizer.reservation = authorizer.charger.reservation = Reservation(authorizer, kept)


def reserve(authorizer, number: int, id_tag: str, parent: str, end_s: int) -> bool:
    """Keep the connector for a tag, or its parent's group, in the place of the reservation of that number.

    end_s: unix time. False when it is kept by another reservation. OSError: not kept on flash.
    """
    former = authorizer.charger.reservation
    if former and former.number != number:
        return False
    id_tag, parent = tag_forms.canonical(id_tag), tag_forms.canonical(parent)
    kept = [number, id_tag, parent, end_s, clock.unix_s()]
    storage.write_json(_place(authorizer), kept)
    _keep(authorizer, kept)
    authorizer.woken.set()
    return True


def cancel(authorizer, number: int) -> bool:
    """End the reservation of a number; False when there is none."""
    reservation = authorizer.charger.reservation
    if not reservation or reservation.number != number:
        return False
    _end(authorizer, "cancelled")
    return True


def follow(authorizer) -> None:
    """See whether the reservation still holds."""
    charger = authorizer.charger
    if charger.reservation is not authorizer.reservation:
        _end(authorizer, "used")
    elif charger.status in _OUT:
        _end(authorizer, "over, the charger is " + charger.status)
    elif authorizer.reservation.left_s() <= 0:
        _end(authorizer, "over")


def _end(authorizer, how: str) -> None:
    log.info("auth", "reservation %d is %s" % (authorizer.reservation.number, how))
    authorizer.reservation = authorizer.charger.reservation = None
    _remove(_place(authorizer))


def restore(authorizer) -> None:
    """After a start: go on with the reservation on flash. A session that was cut short has used it."""
    try:
        kept = storage.read_json(_place(authorizer))
        if kept is None:
            return
        _keep(authorizer, kept)
    except (TypeError, ValueError):
        log.error("auth", "the reservation is damaged")
        _remove(_place(authorizer))
        return
    session = authorizer.charger.session_log.unfinished
    if session:  # the start of which may still have to be told
        session.reservation_id = authorizer.reservation.number
        _end(authorizer, "used")


def _place(authorizer) -> str:
    return "%s/%s%s.json" % (authorizer.path, _NAME, authorizer.ending)


def forget(path: str = "/data") -> None:
    """Remove what is on flash, of all connectors, if anything is."""
    for name in os.listdir(path):
        if name.startswith(_NAME):
            _remove(path + "/" + name)


def _remove(path: str) -> None:
    try:
        if storage.exists(path):
            os.remove(path)
    except OSError as error:  # a restart would bring it back, until its end
        log.error("auth", "reservation: %s" % error)
