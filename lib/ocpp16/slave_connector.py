"""A slave of the group as a connector of its master's charge point. Loaded where there is a group.

It is what ocpp16.adapter.Adapter is to connector 1, on a dlm.slave_charger.SlaveCharger. What a session's
messages need is asked for by its number; which sessions the queue had already is in the queue's journal.
"""

import asyncio

from core import clock, loading, log, storage
from core.journal import JournalFull
from micropython import const
from ocpp16.adapter import Adapter
from ocpp16.profile_limit import ProfileLimit
from ocpp16.queue import SESSION_BITS
from ocpp16.sampling import Sampler

_STATUS_ROOM = const(8)  # notices that wait; a slave's own is told as it is when there is room
_OVER = const(2)  # as dlm.slave_messages
_NUMBER = const(0xFFFFF)  # of a session on its slave, see ocpp16.slave_books
_TICK_MS = const(500)
_LOOK_S = const(2)  # at a reservation
_LOST_S = const(35)  # so long a slave may take to be heard after a start
_RETRY_S = const(10)  # after trouble with the flash or the heap
_FAR_S = const(1 << 28)
_PROFILES = "/profiles"
_FILES = "ocpp16.profile_files"
_SCHEDULE = "ocpp16.schedule"
_RESERVATION = "auth.reservation"
_BOOKS = "ocpp16.slave_books"
_CARDS = "ocpp16.slave_cards"
_DECISIONS = "auth.decisions"


class SlaveSampler(Sampler):
    """Samples what the slave's meter tells."""

    def __init__(self, settings, charger, queue, connector: int) -> None:
        super().__init__(settings, charger, queue)
        self.connector = connector

    def awaits_reading(self) -> bool:
        """A sample is due now, so that the values should be new."""
        is_aligned = self._aligned_s and clock.unix_s() - self._period_s >= self._aligned_s
        return bool(is_aligned or (self._interval_s and clock.uptime_s() >= self._due_s))

    @property
    def is_idle(self) -> bool:
        """It has nothing to keep in mind."""
        return not (self._charger.session or self._unwritten or self._aligned_s)

    def forget(self) -> None:
        """What is measured now was not so when the session ended."""
        self._seen = 0

    async def step(self, online: bool) -> None:
        """As Sampler.step; of a slave that is not heard nothing is known."""
        if self._charger.member.online:
            await Sampler.step(self, online)
        elif self._unwritten:
            await self._write()

    async def _resume(self, session) -> None:
        """The master has started anew: no interruption of the slave's transaction."""
        self._seen = session.number
        self._record(session.number, False)

    async def triggered_values(self, connector: int) -> list:
        """As Sampler.triggered_values, of now."""
        try:
            await self._charger.refresh()
        except OSError:
            return []
        return await Sampler.triggered_values(self, connector)


class SlaveConnector(Adapter):
    """charge_point: ocpp16.charge_point.ChargePoint; charger: dlm.slave_charger.SlaveCharger."""

    operative = (True,)  # what is in service the adapter of connector 1 knows
    whole = None  # StationLimit

    def __init__(self, charge_point, charger, woken) -> None:
        self.number = charger.member.connector_id
        self.charger = self._charger = charger
        self.woken = woken
        self._charge_point = charge_point
        self._station = charge_point.adapter
        self._settings = charge_point.settings
        self._queue = charge_point.queue
        self._path = charge_point.path
        self.online = self._station.online
        self._reported = self._unsteady = ()
        self._steady_s = self._watched = 0
        self._watch = None
        self._sampler: "SlaveSampler | None" = None
        self._desk = None
        self._deciding: "asyncio.Task | None" = None
        self._passes = False  # what came before is of no account: there was no back office
        self._look_s = 0
        self._lost_s = clock.uptime_s() + _LOST_S
        self._profiles: "ProfileLimit | None" = None
        if storage.exists(self._path + _PROFILES):
            self.profiles.outdate()
        if storage.exists("%s/auth_reservation-%d.json" % (self._path, self.number)):
            loading.once(_RESERVATION, "restore", self.desk)

    # --- what is there when it is needed

    @property
    def sampler(self) -> SlaveSampler:  # type: ignore[override]
        """Of its meter."""
        if not self._sampler:
            self._sampler = SlaveSampler(self._settings, self._charger, self._queue, self.number)
        return self._sampler

    @property
    def profiles(self) -> ProfileLimit:  # type: ignore[override]
        """Its charging profiles; there are none before the first is asked for."""
        if not self._profiles:
            self._profiles = ProfileLimit(self._charger, self._path + _PROFILES)
            self._profiles.connector = self.number
        return self._profiles

    @property
    def desk(self):  # type: ignore[override]
        """For cards and reservations: what auth.authorizer.Authorizer is to connector 1."""
        if not self._desk:
            self._desk = loading.once(_CARDS, "Desk", self._charge_point, self)
        return self._desk

    # --- its state

    async def step(self) -> None:
        """One round."""
        try:
            await self._follow()
        except (OSError, JournalFull, MemoryError) as error:
            log.warning("ocpp", "connector %d: %s" % (self.number, error))
        if self.enabled:
            await self._sample()
        if self._profiles:
            await self._profiles.step(self.enabled)
        self._note_status()
        self._follow_availability()
        self._watch_refusal()
        self._follow_reservation()

    async def _follow(self) -> None:
        charger = self._charger
        if not charger.member.online:
            return
        sampler = self._sampler
        if charger.is_due() or (sampler and sampler.awaits_reading()):
            await charger.refresh()
        await charger.send_stop()
        if charger.asks and not (self._deciding and not self._deciding.done()):
            kind, tags = await charger.ask_question()
            if kind:
                deciding = loading.once(_CARDS, "decide", self, kind, tags)
                self._deciding = asyncio.create_task(deciding)
        if not self.enabled:
            self._passes = True
        elif charger.is_known and charger.member.serial:
            self._check_books()
            await self._follow_sessions()

    async def _sample(self) -> None:
        if self._sampler or self._charger.session or self._settings.get("clock_aligned_interval"):
            await self.sampler.step(self.online)
            if self.sampler.is_idle:
                self._sampler = None

    def _note_status(self) -> None:
        """Hold back until the slave was heard, or had its time to be."""
        is_known = self._charger.member.heard or clock.uptime_s() >= self._lost_s
        if is_known and len(self._station.statuses) < _STATUS_ROOM:
            Adapter._note_status(self)

    def _conditions(self) -> tuple:
        return Adapter._conditions(self)[1:]

    def _add_status(self, connector: int, condition: tuple) -> None:
        self._station.statuses.append((connector, condition, clock.unix_s()))

    def is_operative(self, connector: int) -> bool:
        """In service."""
        return self._station.is_operative(connector)

    # --- its sessions

    @property
    def _open(self) -> "int | None":
        """The session whose start was queued, and no end of it; None without one."""
        started = self._own(self._queue.started)
        return None if started == self._own(self._queue.stopped) else started

    def _own(self, sessions: tuple) -> "int | None":
        found = [session for session in sessions if (session >> SESSION_BITS) + 1 == self.number]
        return found[0] if found else None

    def _check_books(self) -> None:
        """What has been told of a connector is of one slave. Another begins with its present session."""
        charger = self._charger
        serial = charger.member.serial
        told = self._own(self._queue.stopped)
        fits = told is not None and not self._passes and told & _NUMBER <= charger.newest
        if fits and serial == charger.serial:
            return
        another = loading.once(_BOOKS, "is_another", self._path, self.number, serial)
        if another or not fits:
            session = self._open
            if session is not None:
                self._finish(session, None)
            loading.once(_BOOKS, "begin", self._queue, self.number, told, charger)
        else:
            charger.first_key = told & ~_NUMBER
        self._passes = False
        charger.serial = serial
        loading.once(_BOOKS, "note", self._path, self.number, serial)

    async def _follow_sessions(self) -> None:
        """Begin and end what has begun and ended on the slave, one session in a round."""
        charger = self._charger
        session = self._open
        if session is not None:
            number = session & _NUMBER
            if charger.session is None or charger.running != number:
                state, told = await charger.ask_session(number)
                if state in (0, _OVER):
                    self._finish(session, told)
                elif charger.session is None:
                    charger.session = told
            return
        charger.session = None
        told_last = self._own(self._queue.stopped)
        if told_last is not None and told_last < charger.last_number and not self._queue.full:
            await self._begin_next(told_last + 1)

    async def _begin_next(self, key: int) -> None:
        charger = self._charger
        state, session = await charger.ask_session(key - charger.first_key)
        if not state:  # the slave itself does not know any more
            loading.once(_BOOKS, "pass_over", self._queue, key)
            return
        reservation = charger.reservation
        if reservation and reservation.admits(session.id_tag):
            session.reservation_id, charger.reservation = reservation.number, None
        charger.session = session
        self._queue_start(session)
        if state == _OVER:
            self._finish(key, session)

    def _finish(self, key: int, told) -> None:
        """A session is over; told: what is known of it now, None where the slave has lost it."""
        charger = self._charger
        session = charger.session
        if not session or session.number != key:
            session = told or loading.once(_BOOKS, "lost_session", charger, key)
        if told:
            session.end(told)
        if not told or told.is_late:
            self.sampler.forget()
        self._queue_stop(session)
        charger.session = None

    # --- what the back office asks for

    @property
    def has_fixed_cable(self) -> bool:
        """There is no socket whose lock could be opened."""
        return self._charger.has_fixed_cable

    @property
    def settled(self) -> bool:
        """The slave has told all that happened, as far as it can be reached."""
        return self._charger.settled

    @property
    def group_limit_ma(self) -> int:
        """What the whole group may draw from a phase."""
        return self._charger.group_limit_ma

    def can_start(self, id_tag: str) -> bool:
        """True when a session may be started by a tag here."""
        return self._charger.member.online and Adapter.can_start(self, id_tag)

    async def start(self, id_tag: str) -> str:
        """Start a session; returns why not, or nothing."""
        refusal = await self._charger.start(id_tag)
        if refusal:
            log.warning("ocpp", "connector %d: %s" % (self.number, refusal))
        return refusal

    async def authorize(self, id_tag: str) -> str:  # type: ignore[override]
        """AuthorizationStatus of a tag that starts from afar."""
        return await loading.once(_DECISIONS, "decide", self.desk, id_tag)

    async def unlock(self) -> bool:  # type: ignore[override]
        """Let the plug go."""
        return await self._charger.unlock()

    def _follow_reservation(self) -> None:
        desk = self._desk
        if desk and desk.reservation and clock.uptime_s() >= self._look_s:
            self._look_s = clock.uptime_s() + _LOOK_S
            loading.once(_RESERVATION, "follow", desk)


class StationLimit:
    """Keeps the limit of the whole group by the charging profiles that are for the whole station.

    path: of the directory of profiles; group: its profile_ma is that limit, None without one.
    """

    def __init__(self, path: str, group) -> None:
        self._path = path
        self._group = group
        self._situation: tuple = ()  # that the limit was worked out for
        self._change_s = 0  # uptime at which it will be another

    def outdate(self) -> None:
        """A profile has come or gone."""
        self._situation = ()

    async def step(self, in_force: bool) -> None:
        """Keep the limit; in_force: there is a back office."""
        uptime_s = clock.uptime_s()
        situation = in_force, clock.boot_unix_s()
        if situation == self._situation and uptime_s < self._change_s:
            return
        self._situation = situation
        self._change_s = uptime_s + _RETRY_S
        limit_ma = None
        try:
            if in_force and storage.exists(self._path):
                limit_ma, rest_s = await self._work_out()
                self._change_s = uptime_s + min(rest_s, _FAR_S)
        except (ImportError, MemoryError, OSError, ValueError) as error:
            log.error("ocpp", "charging profiles: %s" % error)
            return
        self._group.profile_ma = limit_ma

    async def _work_out(self) -> tuple:
        """(mA or None, seconds until it will be another)."""
        profiles = await loading.once(_FILES, "read", self._path, 0, 0, None)
        profiles = loading.once(_SCHEDULE, "of_station", profiles)
        now_s = clock.unix_s()
        asked = (profiles, None, now_s or clock.uptime_s(), bool(now_s))
        return loading.once(_SCHEDULE, "present", *asked)


class SlaveConnectors:
    """Connectors 2 and further, of the slaves of a dlm.group.Group.

    make_charger(group, member, wake): a dlm.slave_charger.SlaveCharger.
    """

    def __init__(self, charge_point, group, make_charger) -> None:
        self._woken = asyncio.Event()
        wake = self._woken.set
        chargers = [make_charger(group, member, wake) for member in group.members[1:]]
        self._others = tuple(
            [SlaveConnector(charge_point, charger, self._woken) for charger in chargers]
        )
        self._whole = StationLimit(charge_point.path + _PROFILES, group)
        for connector in self._others:
            connector.whole = self._whole
        self._station = charge_point.adapter
        self._station.others = self._others
        group.watch(self._on_change)

    def _on_change(self, member, what: str) -> None:
        if 0 < member.number <= len(self._others):
            if what != "waiting":
                self._others[member.number - 1].charger.is_stale = True
            self._woken.set()

    async def run(self) -> None:
        """Follow the slaves for ever."""
        while True:
            await self._whole.step(self._station.enabled)
            for connector in self._others:
                await connector.step()
            try:
                await asyncio.wait_for_ms(self._woken.wait(), _TICK_MS)
            except asyncio.TimeoutError:
                pass
            self._woken.clear()
