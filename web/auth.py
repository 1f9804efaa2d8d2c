"""Who may use the web API: logins, sessions kept in RAM, and a brake on guessing passwords."""

import hashlib
import os
from binascii import hexlify

from micropython import const

from core import clock

ROLES = ("manufacturer", "operator", "user")

_SESSIONS = const(8)
_IDLE_S = const(3600)  # a session unused that long is over
_FREE_FAILURES = const(4)  # typing errors cost nothing; from the fifth on each doubles the wait
_FIRST_WAIT_S = const(5)
_LONGEST_WAIT_S = const(300)
_FORGET_S = const(900)
_ADDRESSES = const(8)
_FACTORY_PASSWORDS = ("40000003", "88888888", "88888888")  # manual 5.7, in the order of ROLES


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


class SettingsAccounts:
    """The three logins of the manual (5.7), as the settings hold them."""

    def __init__(self, settings) -> None:
        self._settings = settings

    def role_of(self, user: str, password: str) -> str:
        """Role that this login has, or "". Looks at all three, whichever fits."""
        found = ""
        for role in ROLES:
            right_user = same(user, self._settings.get(role + "_login") or "")
            right_password = same(password, self._settings.get(role + "_password") or "")
            if right_user and right_password:
                found = found or role
        return found

    def password_is_factory(self, role: str) -> bool:
        """Tell whether the role still has the password that is printed in the manual."""
        factory = _FACTORY_PASSWORDS[ROLES.index(role)]
        return same(factory, self._settings.get(role + "_password") or "")


class Session:
    """One browser's login."""

    def __init__(self, role: str, now_s: int) -> None:
        self.role = role
        self.token = random_hex()
        self.csrf = random_hex()
        self.used_s = now_s


class Sessions:
    """The open logins, at most eight: a ninth takes the place of the one longest unused."""

    def __init__(self, now_s=clock.uptime_s) -> None:
        self._now_s = now_s
        self._by_token = {}
        self.writer = None  # the session that is changing settings now; outlives its own change

    def open(self, role: str) -> Session:
        """Begin a session."""
        if len(self._by_token) >= _SESSIONS:
            self.close(min(self._by_token.values(), key=lambda session: session.used_s))
        session = Session(role, self._now_s())
        self._by_token[session.token] = session
        return session

    def use(self, token: str) -> "Session | None":
        """Session of a token, which stays open for another hour; None when there is none."""
        session = self._by_token.get(token)
        if session is None:
            return None
        now_s = self._now_s()
        if now_s - session.used_s > _IDLE_S:
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


class LoginBrake:
    """Makes an address wait after repeated wrong passwords: 5 s, 10 s, … up to 300 s.

    Eight addresses are remembered. When all are in use, further ones share one entry, so that
    many addresses do not give many guesses.
    """

    def __init__(self, now_s=clock.uptime_s) -> None:
        self._now_s = now_s
        self._failures = {}  # address: [count, time of the last one]

    def wait_s(self, address: str) -> int:
        """Seconds until this address may try again; 0 when it may now."""
        entry = self._failures.get(address) or self._failures.get("*")
        if entry is None or entry[0] <= _FREE_FAILURES:
            return 0
        wait_s = min(_FIRST_WAIT_S << min(entry[0] - _FREE_FAILURES - 1, 10), _LONGEST_WAIT_S)
        return max(0, entry[1] + wait_s - self._now_s())

    def failed(self, address: str) -> None:
        """Count a wrong login."""
        now_s = self._now_s()
        for old in [a for a, e in self._failures.items() if now_s - e[1] > _FORGET_S]:
            del self._failures[old]
        if address not in self._failures and len(self._failures) >= _ADDRESSES:
            address = "*"
        entry = self._failures.setdefault(address, [0, now_s])
        entry[0] += 1
        entry[1] = now_s

    def passed(self, address: str) -> None:
        """Forget an address's failures after a right login."""
        self._failures.pop(address, None)
