"""A slave's answers to its master's calls, and its questions about cards.

While its master is there, the master decides who may charge; the slave's own settings do otherwise. To
auth.authorizer.Authorizer this is its back office.
"""

import asyncio

from core import clock
from dlm import slave_messages as messages
from micropython import const

_ANSWER_MS = const(20000)
_TICK_MS = const(100)
_HEARD_MS = const(30000)
_CLOCK_S = const(2)  # a clock may be wrong by that
_PROFILE = "charging profile"
_REFUSED = "card refused"


class SlaveDesk:
    """follower: dlm.follower.Follower; adapter: ocpp16.adapter.Adapter; authorizer: auth.authorizer.Authorizer;
    outlet: evse.connector.Connector.
    """

    decides = True

    def __init__(self, follower, charger, adapter, authorizer, connector) -> None:
        self._follower = follower
        self._charger = charger
        self._adapter = adapter
        self._authorizer = authorizer
        self._connector = connector
        self._question = b""
        self._tag = ""
        self._decision: list = []  # [status, the parent's tag], once it has come
        self._ended = None  # the last session that has ended since the start
        self._unlocking = None
        self._unlocked = messages.NO_LOCK
        adapter.obeys = True
        authorizer.backend = self
        follower.answer = self.answer
        charger.listen(self._note)

    def _note(self, event: str, session) -> None:
        if event == "stop":
            self._ended = session

    # --- questions

    @property
    def online(self) -> bool:
        """The master is there."""
        follower = self._follower
        return not follower.lost and follower.master_silent_ms < _HEARD_MS

    async def authorize_info(self, id_tag: str) -> "dict | None":
        """The master's decision on a tag, as an idTagInfo; None when it can't be asked."""
        info = await self._ask(messages.START, (id_tag,))
        if info:
            self._authorizer.told({"idTag": id_tag}, info)
        return info

    async def is_of_group(self, own: str, id_tag: str) -> bool:
        """Tell whether a tag may stop what another one has started."""
        info = await self._ask(messages.GROUP, (own, id_tag))
        return bool(info) and info["status"] == "Accepted"

    async def _ask(self, kind: bytes, tags: tuple) -> "dict | None":
        if not self.online:
            return None
        self._question = kind + messages.joined(tags, messages.MOST - 1)
        self._tag = tags[-1]
        self._decision = []
        self._follower.waiting = True
        try:
            for _ in range(_ANSWER_MS // _TICK_MS):
                if self._decision:
                    return self._info(*self._decision)
                await asyncio.sleep_ms(_TICK_MS)
            return None
        finally:
            self._follower.waiting = False
            self._question = b""
            self._tag = ""

    @staticmethod
    def _info(status: str, parent: str) -> dict:
        info = {"status": status}
        if parent:
            info["parentIdTag"] = parent
        return info

    # --- answers

    def answer(self, message: bytes) -> bytes:
        """The reply to a call."""
        kind, rest = message[:1], message[1:]
        if kind == messages.SAMPLE:
            return self._sample(*messages.read_wishes(message))
        if kind == messages.SESSION:
            return self._session(messages.read_about(message)[0])
        if kind == messages.FAULT:
            charger = self._charger
            return messages.joined((charger.vendor_error, charger.reason), messages.MOST)
        if kind == messages.QUESTION:
            self._follower.waiting = False
            return self._question
        if kind == messages.DECISION:
            self._take_decision(*messages.split(rest))
        elif kind == messages.BEGIN:
            return self._charger.start(str(rest, "utf-8")).encode()
        elif kind == messages.STOP:
            self._stop(*messages.read_about(message))
        elif kind == messages.UNLOCK:
            self._unlock()
        elif kind == messages.UNLOCKED:
            return self._unlocked
        return b""

    def _take_decision(self, id_tag: str, status: str, parent: str) -> None:
        if id_tag == self._tag:  # else it came too late
            self._decision = [status, parent]

    def _sample(self, flags: int, limit_ma: "int | None", unix_s: int) -> bytes:
        operative = bool(flags & messages.OPERATIVE)
        self._adapter.put_in_service([operative, operative])
        self._bound(limit_ma, bool(flags & messages.REFUSED))
        if unix_s and abs(clock.unix_s() - unix_s) > _CLOCK_S:
            clock.set_unix_s(unix_s)
        charger = self._charger
        meter, log = charger.meter, charger.session_log
        measures = bool(meter and meter.ok)
        told = messages.FIXED_CABLE if self._adapter.has_fixed_cable else 0
        told |= messages.AWAITS_PLUG if charger.awaits_plug else 0
        told |= messages.MEASURES if measures else 0
        values = [meter.power_mw if measures else None, charger.signaled_ma]
        values.append(charger.temperature_dc)
        values += meter.voltage_mv + meter.current_ma if measures else [None] * 6
        session = charger.session or log.unfinished
        numbers = session.number if session else 0, log.last_number
        energy_wh = meter.energy_wh or 0 if meter else 0
        return messages.sample(told, numbers, energy_wh, values)

    def _bound(self, limit_ma: "int | None", is_refused: bool) -> None:
        limits = self._charger.limits
        mine = _REFUSED if is_refused else _PROFILE
        for name in (_PROFILE, _REFUSED):
            wanted_ma = limit_ma if name == mine else None
            if limits.slots().get(name) != wanted_ma:
                limits.set(name, wanted_ma)

    def _session(self, number: int) -> bytes:
        charger = self._charger
        session = charger.session or charger.session_log.unfinished
        state = messages.RUNNING
        age_s = 0
        if not session or session.number != number:
            session, state = self._ended, messages.OVER
            if not session or session.number != number:
                session, age_s = self._kept(number), messages.NO_AGE
            else:
                age_s = clock.uptime_s() - session.stop_s
        if not session:
            return b""
        times = session.stop_unix_s, age_s
        numbers = session.start_unix_s, session.duration_s(), session.meter_start_wh
        numbers = (number,) + numbers + (session.meter_stop_wh,) + times
        reason = session.reason or "Other" if state == messages.OVER else ""
        return messages.session(state, numbers, (session.id_tag, reason, session.stop_id_tag))

    def _kept(self, number: int):
        """A session from the flash; None where it is not, or not any more."""
        log = self._charger.session_log
        if not 0 < number <= log.last_number:
            return None
        for session in log.read(log.last_number - number, 1):
            return session if session.number == number else None
        return None

    def _stop(self, number: int, texts: bytes) -> None:
        session = self._charger.session
        if session and session.number == number:
            self._charger.stop(*messages.split(texts))

    def _unlock(self) -> None:
        if self._unlocked != messages.UNLOCKS:
            self._unlocked = messages.UNLOCKS
            self._unlocking = asyncio.create_task(self._open_lock())

    async def _open_lock(self) -> None:
        is_open = False
        try:
            is_open = await self._connector.unlock()
        finally:
            self._unlocked = messages.IS_UNLOCKED if is_open else messages.STAYS_LOCKED
