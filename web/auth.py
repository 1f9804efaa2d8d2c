"""Who may use the web API: the sessions, kept in RAM."""

import hashlib
import os
from binascii import hexlify

from micropython import const

from core import clock

ROLES = ("manufacturer", "operator", "user")

_SESSIONS = const(8)
_IDLE_S = const(3600)  # a session unused that long is over
_LONGEST_S = const(43200)  # … and one that began that long ago


def random_hex() -> str:
    """128 random bits as text."""
    return hexlify(os.urandom(16)).decode()


_COMPARE_KEY = os.urandom(16)


def same(a: str, b: str) -> bool:
    """Compare two secrets; the time it takes tells nothing about them.

    The keyed digests differ at random places, so where their comparison stops is random too.
    """
    digest_a = hashlib.sha256(_COMPARE_KEY + a.encode()).digest()
    return digest_a == hashlib.sha256(_COMPARE_KEY + b.encode()).digest()


def password_is_factory(settings, role: str) -> bool:
    """Tell whether a role still has the password that is printed in the manual."""
    return not settings.stored.get(role + "_password")


class Session:
    """One browser's login."""

    def __init__(self, role: str, now_s: int) -> None:
        self.role = role
        self.token = random_hex()
        self.csrf = random_hex()
        self.began_s = self.used_s = now_s


class Sessions:
    """The open logins, at most eight: a ninth takes the place of the one longest unused, of its role's first."""

    def __init__(self, now_s=clock.uptime_s) -> None:
        self._now_s = now_s
        self._by_token = {}
        self.writer = None  # the session that is changing settings now; outlives its own change

    def open(self, role: str) -> Session:
        """Begin a session."""
        if len(self._by_token) >= _SESSIONS:
            sessions = self._by_token.values()
            self.close(min(sessions, key=lambda session: (session.role != role, session.used_s)))
        session = Session(role, self._now_s())
        self._by_token[session.token] = session
        return session

    def use(self, token: str) -> "Session | None":
        """Session of a token, which stays open for another hour, up to twelve; None without one."""
        session = self._by_token.get(token)
        if session is None:
            return None
        now_s = self._now_s()
        if now_s - session.used_s > _IDLE_S or now_s - session.began_s > _LONGEST_S:
            self.close(session)
            return None
        session.used_s = now_s
        return session

    def close(self, session: Session) -> None:
        """End a session."""
        self._by_token.pop(session.token, None)

    def settings_changed(self, keys: set) -> None:
        """End the other sessions of a role whose login or password has changed."""
        for session in list(self._by_token.values()):
            login = (session.role + "_login", session.role + "_password")
            if session is not self.writer and (login[0] in keys or login[1] in keys):
                self.close(session)
