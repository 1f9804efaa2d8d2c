"""PUT /api/settings: changes checked against the role's rights, then by the settings' declarations."""

import asyncio

from core import clock, loading, log, storage
from core.settings import SettingsError
from micropython import const

from web.app import json_object

_TYPES = "core.setting_types"
_TURN_MS = const(6)  # other tasks have their turn after that


async def answer(request, services):
    """200, or 403 or 422 with {"errors": {key: what is wrong}} and nothing changed."""
    session = request.g.session
    given = json_object(request)
    if request.app.is_restricted(session) and list(given) != [session.role + "_password"]:
        text = "%s_password alone may be set before anything else" % session.role
        return {"error": text, "password_is_factory": True}, 403
    try:
        await asyncio.sleep_ms(0)  # loading takes a while: others have their turn between
        wanted = Wanted(loading.load(_TYPES), given, session.role)
        return await _answer(request, services.settings, wanted)
    finally:
        loading.unload(_TYPES)


async def _answer(request, settings, wanted):
    await wanted.check(settings.stored)
    if wanted.forbidden:
        return {"errors": wanted.forbidden}, 403
    change = wanted.change
    if not change.errors:
        for key in wanted.passwords:
            protected = await request.app.stretch("hashed", change.values[key])
            change.values[key] = protected.decode()
    return _store(request, settings, change) or {"restart": wanted.restart}


class Wanted:
    """What somebody wants to change, held against the declarations."""

    def __init__(self, types, given: dict, role: str) -> None:
        self._types = types
        self._given = given
        self._role = role
        self.change = types.Change(given)
        self.forbidden = {}
        self.passwords = []  # keys of new ones, which are protected when all the rest is right
        self.restart = False

    async def check(self, stored: dict) -> None:
        """Look at each value, in turns with other tasks; stored: what is now."""
        turn_ms = clock.ticks_ms()
        for block in storage.line_blocks(self._types.TABLE):
            if clock.ticks_diff(clock.ticks_ms(), turn_ms) >= _TURN_MS:
                await asyncio.sleep_ms(0)
                turn_ms = clock.ticks_ms()
            for declaration in self._types.declarations_in(block, self._given):
                self._check(declaration, stored)

    def _check(self, declaration, stored: dict) -> None:
        key = declaration.key
        if not declaration.may_write(self._role):
            self.forbidden[key] = "%s: %s may not change it" % (declaration.label, self._role)
        elif declaration.type == "password":
            self._check_password(declaration)
        else:
            self.change.take(declaration, self._given[key])
            if declaration.needs_restart:
                old = stored.get(key, self._types.default(declaration))
                self.restart = self.restart or self.change.values.get(key) != old

    def _check_password(self, declaration) -> None:
        key, values = declaration.key, self.change.values
        del self.change.errors[key]
        try:
            values[key] = self._types.parse(declaration, self._given[key])
            if values[key] == declaration.default:
                raise ValueError("is the factory's, choose another")
            self.passwords.append(key)
        except ValueError as error:
            self.change.errors[key] = "%s: %s" % (declaration.label, error)


def _store(request, settings, change):
    """Store a change; returns the answer when it can't be."""
    session, sessions = request.g.session, request.app.sessions
    sessions.writer = session
    try:
        settings.store(*change.finish(settings))
    except SettingsError as refused:
        return {"errors": refused.errors}, 422
    except OSError as error:
        log.error("web", "settings not stored: %s" % error)
        return {"error": "the settings could not be stored"}, 500
    finally:
        sessions.writer = None
    log.info("web", "%s changed %s" % (session.role, ", ".join(change.values)))
    return None
