"""A slave's charger as its master's OCPP sees it: with the attributes of evse.charger.Charger.

Its sessions are asked for by their numbers, which the slave has on flash: so none is missed or taken twice,
however long the line between them was cut.
"""

import asyncio

from core import clock, log
from dlm import slave_messages as messages
from dlm.group_records import PLUGGED, WAITING
from dlm.member import LOST_MS
from evse.limits import Limits
from micropython import const

_FRESH_S = const(60)  # a sample becomes no older while the line is there
_MEASURED_S = const(90)  # what is older is not told as measured
_LATE_S = const(5)
_LOST = "group_member_lost"
_REFUSED = "card refused"
_STOP_AGAIN_S = const(10)
_UNLOCK_LOOKS = const(25)
_UNLOCK_LOOK_MS = const(500)


class Session:
    """A session of a slave, as evse.session.Session; its times are the master's.

    key: the number that the master knows it by; is_late: its end was told long after it.
    """

    reservation_id: "int | None" = None

    def __init__(self, key: int, numbers: list, texts: list) -> None:
        self.number = key
        self.start_unix_s, length_s, self.meter_start_wh, self.meter_stop_wh = numbers[1:5]
        self.stop_unix_s, age_s = numbers[5:]
        self.id_tag, self.reason, self.stop_id_tag = (texts + ["", ""])[:3]
        self.is_late = age_s > _LATE_S
        if age_s == messages.NO_AGE:
            age_s = 0
        now_s = clock.unix_s()
        if self.reason and now_s and not self.stop_unix_s:
            self.stop_unix_s = now_s - age_s
        self.start_s = clock.uptime_s() - age_s - length_s
        if now_s and not self.start_unix_s:
            self.start_unix_s = (self.stop_unix_s or now_s) - length_s

    def duration_s(self) -> int:
        """Time since the start."""
        return clock.uptime_s() - self.start_s

    def end(self, told: "Session") -> None:
        """Take its end from what was told of it."""
        self.reason, self.stop_id_tag = told.reason, told.stop_id_tag
        self.stop_unix_s, self.is_late = told.stop_unix_s, told.is_late
        self.meter_stop_wh = max(self.meter_stop_wh, told.meter_stop_wh)


class SlaveCharger:
    """group: dlm.group.Group; member: its dlm.group_member.GroupMember; wake(): somebody wants something."""

    book = None
    unfinished = None
    kept_unix_s = 0  # there is no interruption that the master's own restart would make

    first_key = 0  # of its sessions in the master's books: their numbers are added
    serial = ""  # of the slave that the books are of

    def __init__(self, group, member, wake) -> None:
        self.member = member
        self.session: "Session | None" = None
        self.reservation = None
        self.available = True
        self.running = 0  # the number of its session, 0 without
        self.newest = 0  # that of the newest
        self.vendor_error = ""
        self.reason = ""
        self.is_stale = True  # something has changed that a sample would tell
        self._group = group
        self._wake = wake
        self._limits: "Limits | None" = None
        self._sample: list = []
        self._sampled_s = -_MEASURED_S
        self._wishes: tuple = ()
        self._told: tuple = ()  # the wishes that it knows of
        self._stop: tuple = ()  # (number, reason, tag) of the session that is to end, …
        self._stop_s = 0  # … and the uptime at which that is to be sent

    # As evse.charger.Charger.

    @property
    def is_lost(self) -> bool:
        """It has not been heard from for so long that it does not count on its master either."""
        return self.member.silent_ms >= LOST_MS

    @property
    def status(self) -> str:
        """ChargePointStatus."""
        if self.is_lost:
            return "Faulted"
        status = self.member.status
        return "Reserved" if self.reservation and status == "Available" else status

    @property
    def error_code(self) -> str:
        """ChargePointErrorCode."""
        return "OtherError" if self.is_lost else self.member.error_code

    @property
    def plugged(self) -> bool:
        """A car is connected."""
        return bool(self.member.flags & PLUGGED)

    @property
    def awaits_plug(self) -> bool:
        """A card was accepted, and no car is there yet."""
        return self._has(messages.AWAITS_PLUG)

    @property
    def has_fixed_cable(self) -> bool:
        """There is no lock."""
        return self._has(messages.FIXED_CABLE)

    def _has(self, flag: int) -> bool:
        return bool(self._sample and self._sample[0] & flag)

    @property
    def settled(self) -> bool:
        """Nothing is left of a stop, as far as the slave can be reached."""
        return not (self._stop and self.session and self.member.online)

    @property
    def limits(self) -> Limits:
        """What the master's OCPP bounds it to."""
        if not self._limits:
            self._limits = Limits()
            self._limits.set("hardware limit", self.member.rating_ma)
        return self._limits

    @property
    def limit_reason(self) -> str:
        """As evse.charger.Charger."""
        return self._limits.reason if self._limits else ""

    @property
    def is_known(self) -> bool:
        """It has told something since the master's start."""
        return bool(self._sample)

    @property
    def group_limit_ma(self) -> int:
        """What the whole group may draw from a phase."""
        return min(self._group.limit_ma)

    def set_available(self, available: bool) -> None:
        """In or out of service."""
        self.available = available
        self._wake()

    def stop(self, reason: str, id_tag: str = "") -> bool:
        """Have the session end, as soon as the slave is reached."""
        session = self.session
        if not session:
            return False
        self._stop = session.number - self.first_key, reason, id_tag
        self._stop_s = 0
        self._wake()
        return True

    # As its meter.

    @property
    def meter(self) -> "SlaveCharger":
        """It tells these values itself."""
        return self

    @property
    def ok(self) -> bool:
        """They are not too old."""
        is_fresh = clock.uptime_s() - self._sampled_s < _MEASURED_S
        return is_fresh and self._has(messages.MEASURES)

    @property
    def energy_wh(self) -> "int | None":
        """Its register."""
        return self._sample[3] if self._sample else None

    @property
    def power_mw(self) -> "int | None":
        """Of all phases."""
        return self._sample[4]

    @property
    def signaled_ma(self) -> int:
        """What its pilot offers."""
        return self.member.signaled_ma

    @property
    def temperature_dc(self) -> "int | None":
        """Tenths of a degree."""
        return self._sample[6] if self._sample else None

    @property
    def voltage_mv(self) -> list:
        """Of its phases."""
        return self._sample[7:10]

    @property
    def current_ma(self) -> list:
        """Of its phases."""
        return self._sample[10:13]

    # As its log of sessions.

    @property
    def session_log(self) -> "SlaveCharger":
        """It has them itself."""
        return self

    @property
    def last_number(self) -> int:
        """The newest session's."""
        return self.first_key + self.newest

    def keep(self, session) -> None:
        """The slave keeps them."""

    # What is asked of the slave. OSError: it does not answer.

    async def _ask(self, message: bytes) -> bytes:
        return await self._group.call(self.member, message, messages.MOST)

    def is_due(self) -> bool:
        """There is something to ask or to tell."""
        limits = self._limits
        limit_ma = limits.ma if limits and len(limits.slots()) > 1 else None
        reason = limits.reason if limits else ""
        self._wishes = self.available, limit_ma, reason == _REFUSED
        age_s = clock.uptime_s() - self._sampled_s
        return self.is_stale or self._wishes != self._told or age_s >= _FRESH_S

    async def refresh(self) -> None:
        """Tell what is to hold, and have a new sample."""
        self.is_due()
        wished = available, limit_ma, is_refused = self._wishes
        flags = (messages.OPERATIVE if available else 0) | (messages.REFUSED if is_refused else 0)
        self.is_stale = False  # unless something changes meanwhile
        try:
            reply = await self._ask(messages.wishes(flags, limit_ma, clock.unix_s()))
        except OSError:
            self.is_stale = True
            raise
        if len(reply) != messages.SAMPLE_BYTES:
            return  # it does not know how: a slave that has just started
        self._told = wished
        self._sample = messages.read_sample(reply)
        self._sampled_s = clock.uptime_s()
        _, self.running, self.newest, energy_wh = self._sample[:4]
        session = self.session
        is_same = session and session.number - self.first_key == self.running
        if is_same and self.member.serial == self.serial:
            session.meter_stop_wh = max(session.meter_stop_wh, energy_wh)
            session.stop_unix_s = clock.unix_s()  # until something else is told, or never is
        await self._ask_fault()

    async def _ask_fault(self) -> None:
        self.vendor_error = self.reason = ""
        if self.member.status == "Faulted":
            told = messages.split(await self._ask(messages.FAULT))
            self.vendor_error, self.reason = (told + [""])[:2]

    async def ask_session(self, number: int) -> tuple:
        """(it runs or is over, Session) of a number; (0, None) where the slave has lost it."""
        reply = await self._ask(messages.about(messages.SESSION, number))
        if not reply:
            return 0, None
        state, numbers, texts = messages.read_session(reply)
        return state, Session(self.first_key + number, numbers, texts)

    async def start(self, id_tag: str) -> str:
        """Begin a session; returns why not, or nothing."""
        try:
            refusal = str(await self._ask(messages.BEGIN + id_tag.encode()), "utf-8")
        except OSError as error:
            return "no answer: %s" % error
        self.is_stale = True
        self._wake()
        return refusal

    async def send_stop(self) -> None:
        """Send the stop that somebody asked for, now and then until that session is no more."""
        if not self._stop:
            return
        number, reason, id_tag = self._stop
        session = self.session
        if not session or session.number - self.first_key != number:
            self._stop = ()
        elif clock.uptime_s() >= self._stop_s:
            rest = messages.joined((reason, id_tag), messages.MOST - 5)
            await self._ask(messages.about(messages.STOP, number, rest))
            self._stop_s = clock.uptime_s() + _STOP_AGAIN_S
            self.is_stale = True

    async def unlock(self) -> bool:
        """Let the plug go; tells whether it is free."""
        try:
            await self.send_stop()
            await self._ask(messages.UNLOCK)
            for _ in range(_UNLOCK_LOOKS):
                reply = await self._ask(messages.UNLOCKED)
                if reply != messages.UNLOCKS:
                    return reply == messages.IS_UNLOCKED
                await asyncio.sleep_ms(_UNLOCK_LOOK_MS)
        except OSError as error:
            log.warning("group", "slave %d: %s" % (self.member.number, error))
        return False

    # Cards.

    @property
    def asks(self) -> bool:
        """It waits for a decision on a card."""
        return bool(self.member.flags & WAITING)

    async def ask_question(self) -> tuple:
        """(START or GROUP, [tags]) that it asks; (b"", []) when there is nothing."""
        question = await self._ask(messages.QUESTION)
        return question[:1], messages.split(question[1:]) if question else []

    async def decide(self, id_tag: str, status: str, parent: str) -> None:
        """Tell what became of a tag."""
        rest = messages.joined((id_tag, status, parent), messages.MOST - 1)
        await self._ask(messages.DECISION + rest)
