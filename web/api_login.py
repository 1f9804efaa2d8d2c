"""POST /api/login: a session for whoever knows a login and its password; a brake on guessing."""

import asyncio

from microdot import Response
from micropython import const

from core import clock, log
from web.app import json_object
from web.auth import ROLES, same

_LONGEST = const(64)  # letters of a user name or a password
_FREE_FAILURES = const(4)  # typing errors cost nothing; from the fifth on each doubles the wait
_FIRST_WAIT_S = const(5)
_LONGEST_WAIT_S = const(300)
_FORGET_S = const(900)
_REMEMBERED = const(12)


class LoginBrake:
    """Makes an address, or a role, wait after repeated wrong passwords: 5 s, 10 s, … up to 300 s.

    A dozen are remembered. When all are in use, further ones share one entry, so that many addresses
    do not give many guesses. `failures` outlives it: {name: [count, time of the last one]}.
    """

    def __init__(self, failures: dict, now_s=clock.uptime_s) -> None:
        self._failures = failures
        self._now_s = now_s

    def wait_s(self, name: str) -> int:
        """Seconds until this one may try again; 0 when it may now."""
        entry = self._failures.get(name) or self._failures.get("*")
        if entry is None or entry[0] <= _FREE_FAILURES:
            return 0
        wait_s = min(_FIRST_WAIT_S << min(entry[0] - _FREE_FAILURES - 1, 10), _LONGEST_WAIT_S)
        return max(0, entry[1] + wait_s - self._now_s())

    def failed(self, name: str) -> None:
        """Count a wrong login."""
        now_s = self._now_s()
        for old in [a for a, e in self._failures.items() if now_s - e[1] > _FORGET_S]:
            del self._failures[old]
        if name not in self._failures and len(self._failures) >= _REMEMBERED:
            name = "*"
        entry = self._failures.setdefault(name, [0, now_s])
        entry[0] += 1
        entry[1] = now_s

    def passed(self, name: str) -> None:
        """Forget the failures after a right login."""
        self._failures.pop(name, None)


def _given(request) -> tuple:
    """User name and password of a request; texts that cannot be one give ""."""
    found = json_object(request)
    user, password = found.get("user"), found.get("password")
    if not isinstance(user, str) or not isinstance(password, str):
        return "", ""
    if len(user) > _LONGEST or len(password) > _LONGEST:
        return "", ""
    return user, password


async def _role_of(settings, user: str) -> str:
    """Role that a user name belongs to, or "". Looks at all three, whichever fits."""
    found = ""
    for role in ROLES:
        if same(user, settings.get(role + "_login")):
            found = role
        await asyncio.sleep_ms(0)  # each look at the table is a turn of its own
    return found


async def _is_right(request, settings, role: str, password: str) -> bool:
    """Tell whether a password is the role's; takes as long for no role ("")."""
    key = role + "_password"
    stored = settings.stored.get(key, "")
    derived = await request.app.stretch("hashed", password, stored)
    if role and not stored:
        return same(password, settings.get(key))
    return same(derived.decode(), stored) and bool(role)


async def post(request, services):
    """Open a session: 204 with its cookie and its CSRF token, 401, or 429 after wrong ones."""
    address = request.client_addr[0]
    user, password = _given(request)
    role = await _role_of(services.settings, user)
    brake = LoginBrake(request.app.failed_logins)
    wait_s = max(brake.wait_s(address), brake.wait_s(role))
    if wait_s:
        text = "too many wrong logins: wait %d s" % wait_s
        return {"error": text}, 429, {"Retry-After": str(wait_s)}
    brake.failed(address)  # now: others may try while this password is being checked
    brake.failed(role)
    if not await _is_right(request, services.settings, role, password):
        log.warning("web", "wrong login from " + address)
        return {"error": "wrong user name or password"}, 401
    brake.passed(address)
    brake.passed(role)
    log.info("web", role + " logged in from " + address)
    return _open_session(request, role)


def _open_session(request, role: str) -> Response:
    app = request.app
    before = app.session_of(request)
    if before:
        app.sessions.close(before)
    session = app.sessions.open(role)
    headers = {"Set-Cookie": [app.cookie(session.token)], "X-CSRF-Token": session.csrf}
    return Response(b"", 204, headers)
