"""POST /api/import: a configuration's file (web.api_export), or ETEK's list of one-key objects.

Read piece by piece and checked as a whole. ?apply=1 puts it into force, all or nothing; else the answer
tells what would change. What is as it is needs no right: a user may give back what he has exported.
"""

import asyncio
import json

from microdot import Response
from micropython import const

from core import loading, log
from core.settings import SettingsError
from web.import_reader import Reader

_TYPES = "core.setting_types"
_READER = "web.import_reader"
_SEALING = "web.sealing"
_TAGS = "auth.whitelist_import"
_PASSWORD = "X-Export-Password"
_MOST_BYTES = const(32768)
_BLOCK_BYTES = const(256)
_BATCH = const(8)  # settings looked up at a time
_MOST_ERRORS = const(30)
_NOT_ALLOWED = "not for this login"
_HASH_ROUNDS = const(5000)  # a login must not take for ever

loading.unload(_READER)  # it goes when this module goes


def _is_hash(value) -> bool:
    """Tell whether this is a stored password as auth.passwords makes them."""
    parts = value.split("$") if isinstance(value, str) else ()
    if len(parts) != 5 or parts[:2] != ["", "pbkdf2-sha256"] or not parts[2].isdigit():
        return False
    return (
        len(parts[2]) < 5
        and 0 < int(parts[2]) <= _HASH_ROUNDS
        and len(parts[3]) == 24
        and len(parts[4]) == 44
    )


class Import:
    """What a file changes, and what is wrong with it."""

    def __init__(self, services, role: str) -> None:
        self._settings = services.settings
        self._role = role
        self._types = loading.load(_TYPES)
        loading.unload(_TYPES)  # it stays until the rules are applied
        self.errors = {}
        self.changes = {}
        self.old = {}
        self.restart = False

    async def check(self, values: dict, sealed: bool) -> None:
        """Look at some settings; sealed: they come out of the encrypted part."""
        types = self._types
        unknown = set(values)
        for declaration in types.declarations_of(values):
            key = declaration.key
            if key in unknown:
                unknown.remove(key)
                self._check(types, declaration, values[key], sealed)
            await asyncio.sleep_ms(0)
        for key in unknown:
            self._fail(key, "is no setting")

    def _fail(self, key: str, why: str) -> None:
        if len(self.errors) < _MOST_ERRORS:
            self.errors[key] = why

    def _check(self, types, declaration, value, sealed: bool) -> None:
        key = declaration.key
        if not declaration.has_value:
            return self._fail(key, "is no setting")
        is_password = declaration.type == "password"
        if is_password and not (sealed and _is_hash(value)):
            return self._fail(key, "a login's password comes sealed, or not at all")
        try:
            new = types.parse(declaration, value.encode() if is_password else value)
        except ValueError as error:
            shown = "" if declaration.is_secret else " " + str(value)[:40]
            return self._fail(key, "%s%s: %s" % (declaration.label, shown, error))
        old = self._settings.stored.get(key)
        if old is None and not is_password:
            old = types.default(declaration)
        if new == old:
            return None
        if not declaration.may_write(self._role):
            return self._fail(key, _NOT_ALLOWED)
        self.changes[key] = new.encode() if is_password else new
        self.old[key] = old
        self.restart = self.restart or declaration.needs_restart
        return None

    def check_together(self) -> None:
        """Apply the rules across settings."""
        self._types = None
        try:
            if not self.errors:
                loading.once(_TYPES, "checked", self.changes, self._settings)
        except SettingsError as error:
            self.errors = error.errors

    def put_into_force(self, sessions, session) -> None:
        """Store it, all of it; the session that does so outlives a change of its own password."""
        if not self.changes:
            return
        sessions.writer = session
        try:
            self._settings.change(self.changes)
        finally:
            sessions.writer = None
        log.info("web", "%s imported %s" % (self._role, ", ".join(self.changes)))

    @property
    def status(self) -> int:
        """403 when nothing but rights is missing, else 422."""
        others = [key for key in self.errors if self.errors[key] != _NOT_ALLOWED]
        return 422 if others else 403

    def answer(self, tags: int, ignored: list, applied: bool):
        """Generate the answer."""
        before = '{"changes":['
        for declaration in loading.once(_TYPES, "declarations_of", self.changes):
            key = declaration.key
            shown = (None, None) if declaration.is_secret else (self.old[key], self.changes[key])
            yield before + '{"key":"%s","label":"%s","restart":%s,"old":%s,"new":%s}' % (
                key,
                declaration.label,
                json.dumps(declaration.needs_restart),
                json.dumps(shown[0]),
                json.dumps(shown[1]),
            )
            before = ","
        yield '%s],"whitelist":%d,"ignored":%s,"restart":%s,"applied":%s}' % (
            "" if self.changes else before,
            tags,
            json.dumps(ignored),
            json.dumps(self.restart),
            json.dumps(applied),
        )


class Tags:
    """The whitelist of the file, if it has one."""

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._new = None

    def add(self, tag) -> None:
        """Check a tag, and keep it where the list is to be put into force."""
        new = self._new
        if new is None:
            new = self._new = loading.once(_TAGS, "NewWhitelist", self._keeps)
        new.add(tag)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._new.count if self._new else 0

    async def put_into_force(self) -> None:
        """Let it take the place of the present list."""
        if self._new:
            await self._new.put_into_force()

    def give_up(self) -> None:
        """Remove what was not put into force."""
        if self._new:
            self._new.give_up()


async def _read(request, job: Import, tags: Tags) -> Reader:
    """Read the file and check what is in it."""
    reader = Reader()
    stream = request.stream
    block = await stream.read(_BLOCK_BYTES)
    while block:
        reader.feed(block)
        for tag in reader.take_tags():
            tags.add(tag)
        if len(reader.values) >= _BATCH:
            await job.check(reader.take_values(), False)
        await asyncio.sleep_ms(0)
        block = await stream.read(_BLOCK_BYTES)
    reader.finish()
    await job.check(reader.take_values(), False)
    return reader


async def _unseal(reader: Reader, job: Import, password: str) -> None:
    if not reader.sealed:
        return
    if not password:
        reader.ignored.append("secrets")
        return
    await job.check(await loading.once(_SEALING, "unseal", reader.sealed, password), True)


async def post(request, services):
    """Tell what the file changes, or change it."""
    if request.content_length > _MOST_BYTES:
        return {"error": "a configuration has %d bytes at most" % _MOST_BYTES}, 413
    applies = request.args.get("apply") == "1"
    job = Import(services, request.g.session.role)
    tags = Tags(applies)
    try:
        reader = await _read(request, job, tags)
        loading.once(_SEALING, "give_time", request)
        await _unseal(reader, job, request.headers.get(_PASSWORD, ""))
        job.check_together()
        if job.errors:
            return {"errors": job.errors}, job.status
        if applies:
            job.put_into_force(request.app.sessions, request.g.session)
            await tags.put_into_force()
    except ImportError:
        return {
            "error": "this build of MicroPython has no ciphers: import without the password"
        }, 409
    except SettingsError as error:
        return {"errors": error.errors}, 422
    except ValueError as error:
        return {"error": str(error)}, 422
    except OSError as error:
        log.error("web", "import not stored: %s" % error)
        return {"error": "the configuration could not be stored"}, 500
    finally:
        tags.give_up()
    body = job.answer(tags.count, reader.ignored, applies)
    return Response(body, 200, {"Content-Type": "application/json"})
