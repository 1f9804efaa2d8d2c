"""GET /api/export: the configuration as a JSON file that people can read, in pieces.

?whitelist=1 adds the whitelist; ?secrets=1 adds the passwords that the role may set, sealed by the password
in the header X-Export-Password.
"""

import json

from microdot import Response, abort
from micropython import const

from core import clock, loading, log

_TYPES = "core.setting_types"
_TAG_FILES = "auth.tag_files"
_WHITELIST = "/data/whitelist"
_SEALING = "web.sealing"
_PASSWORD = "X-Export-Password"
_FORMAT = "mpevse configuration"
_VERSION = const(1)
_MOST_TAGS = const(1000)


def _secrets_of(settings, role: str) -> dict:
    """The secrets that differ from the factory's and that the role may change."""
    found = {}
    for declaration in loading.once(_TYPES, "declarations_of", settings.stored):
        if declaration.is_secret and declaration.may_write(role):
            found[declaration.key] = settings.stored[declaration.key]
    return found


async def _sealed(request, services) -> dict:
    """The secrets, sealed; ends the request without a fit password."""
    password = request.headers.get(_PASSWORD, "")
    if not 8 <= len(password) <= 64:
        abort(422, {"errors": {_PASSWORD: "must have 8 to 64 characters"}})
    role = request.g.session.role
    loading.once(_SEALING, "give_time", request)
    try:
        sealed = await loading.once(
            _SEALING, "seal", _secrets_of(services.settings, role), password
        )
    except ImportError:
        abort(409, {"error": "this build of MicroPython has no ciphers: export without secrets"})
    log.warning("web", role + " exported the secrets")
    return sealed


def _settings_lines(settings, role: str):
    """Generate the settings that a role sees; all of them, so that the file tells how the station is set."""
    types = loading.load(_TYPES)
    loading.unload(_TYPES)  # it stays as long as this generator
    before = "\n"
    for declaration in types.declarations():
        if declaration.has_value and not declaration.is_secret and declaration.may_read(role):
            key = declaration.key
            value = settings.stored[key] if key in settings.stored else types.default(declaration)
            yield '%s"%s": %s' % (before, key, json.dumps(value))
            before = ",\n"


def _tag_lines():
    """Generate the whitelist."""
    files = loading.load(_TAG_FILES)
    loading.unload(_TAG_FILES)  # it stays as long as this generator
    before = "\n"
    for record in files.TagFiles(_WHITELIST, files.TAG_BYTES + 1).records(0, _MOST_TAGS):
        yield before + json.dumps(str(record, "utf-8").rstrip())
        before = ",\n"


def _secret_lines(sealed: dict):
    """Generate the sealed secrets."""
    yield ',\n"secrets": {\n"rounds": %d,\n"salt": "%s",\n"iv": "%s",\n"sum": "%s",\n"data": [' % (
        sealed["rounds"],
        sealed["salt"],
        sealed["iv"],
        sealed["sum"],
    )
    before = "\n"
    for line in sealed["data"]:
        yield before + json.dumps(line)
        before = ",\n"
    yield "]\n}"


def _head(services) -> str:
    unix_s = clock.unix_s()
    return (
        '{\n"format": "%s",\n"version": %d,\n"firmware": "%s",\n"controller": "%s",\n"exported": %s,\n"settings": {'
        % (
            _FORMAT,
            _VERSION,
            services.version,
            services.serial,
            json.dumps(clock.iso8601(unix_s) if unix_s else None),
        )
    )


def _lines(services, role: str, sealed: dict, with_tags: bool):
    """Generate the file."""
    yield _head(services)
    for line in _settings_lines(services.settings, role):
        yield line
    yield "\n}"
    if sealed:
        for line in _secret_lines(sealed):
            yield line
    if with_tags:
        yield ',\n"whitelist": ['
        for line in _tag_lines():
            yield line
        yield "]"
    yield "\n}"


async def get(request, services):
    """The file."""
    sealed = await _sealed(request, services) if request.args.get("secrets") == "1" else {}
    with_tags = request.args.get("whitelist") == "1"
    headers = {
        "Content-Type": "application/json",
        "Content-Disposition": 'attachment; filename="mpevse-%s.json"' % services.serial,
    }
    return Response(_lines(services, request.g.session.role, sealed, with_tags), 200, headers)
