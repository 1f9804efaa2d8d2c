"""The limit that charging profiles give the charger. The rest of smart charging is loaded when needed."""

from core import clock, loading, log, storage
from micropython import const

_SLOT = "charging profile"
_FILES = "ocpp16.profile_files"
_SCHEDULE = "ocpp16.schedule"
_RETRY_S = const(10)  # after trouble with the flash or the heap
_FAR_S = const(1 << 28)  # eight years: it will not change by itself


class ProfileLimit:
    """Keeps a slot of the limits of an evse.charger.Charger. It knows when it changes, and asks only then.

    path: of the directory of profiles.
    """

    connector = 1

    def __init__(self, charger, path: str) -> None:
        self.path = path
        self.charger = charger
        self._situation: tuple = ()  # that the limit was worked out for
        self._change_s = 0  # uptime at which it will be another

    def outdate(self) -> None:
        """A profile has come or gone."""
        self._situation = (None,)

    @property
    def session(self):
        """The evse.session.Session that runs, or was cut short and may go on; None without."""
        return self.charger.session or self.charger.session_log.unfinished

    @property
    def transaction(self) -> tuple:
        """(number, tag) of the session; that of one that waits for its plug has no tag."""
        session = self.session
        if session:
            return session.number, session.id_tag
        charger = self.charger
        return charger.session_log.last_number + 1 if charger.awaits_plug else 0, None

    async def step(self, in_force: bool) -> None:
        """Keep the limit; call it twice a second or so. in_force: there is a back office."""
        charger = self.charger
        uptime_s = clock.uptime_s()
        situation = (in_force, self.transaction, clock.boot_unix_s())
        if situation != self._situation or uptime_s >= self._change_s:
            is_start = not self._situation
            self._situation = situation
            self._change_s = uptime_s + _RETRY_S
            has_any = storage.exists(self.path)
            try:
                if is_start and has_any:
                    await loading.once(_FILES, "tidy", self.path)
                await self._work_out(in_force and has_any)
            except (ImportError, MemoryError, OSError, ValueError) as error:
                log.error("ocpp", "charging profiles: %s" % error)
        if charger.limit_reason == _SLOT:
            left_s = self._change_s - uptime_s
            charger.limits.left_s = left_s if left_s < _FAR_S >> 1 else 0

    async def _work_out(self, in_force: bool) -> None:
        limit_ma = None
        rest_s = _FAR_S
        if in_force:
            profiles = await loading.once(
                _FILES, "read", self.path, self.connector, *self.transaction
            )
            now_s, is_unix = clock.unix_s(), True
            if not now_s:
                now_s, is_unix = clock.uptime_s(), False
            asked = (profiles, self.session, now_s, is_unix)
            limit_ma, rest_s = loading.once(_SCHEDULE, "present", *asked)
        self._change_s = clock.uptime_s() + min(rest_s, _FAR_S)
        limits = self.charger.limits
        if limits.slots().get(_SLOT) != limit_ma:
            limits.set(_SLOT, limit_ma)
            log.info("ocpp", "limit of the charging profiles: %s mA" % limit_ma)
