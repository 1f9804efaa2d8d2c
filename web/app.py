"""The web application: the API's calls and the pages, over the services of the charger.

What is asked for often is resident. The other calls, /api/<name>, are modules web/api_<name>.py, each
loaded for a request and given up after it.
"""

import asyncio
import os

from microdot import Microdot, Request, Response, abort
from micropython import const

from core import loading
from web.auth import ROLES, Session, Sessions, password_is_factory, same
from web.live import LiveState
from web.pages import file_response
from web.server import WebServer
from web.state import State

__all__ = ("WebServer", "create_app")

_MODULES = __file__.rsplit("/", 1)[0] + "/api_"
_METHODS = ("get", "put", "post", "delete")  # the functions that such a module may have
_LONGEST_NAME = const(20)
_STRETCH_TRIES = const(20)
_STRETCH_WAIT_MS = const(100)
# What a login with a factory password may do; api_settings takes nothing but its own new password.
_WITH_FACTORY_PASSWORD = (
    "GET /api/state",
    "GET /api/live",
    "GET /api/session",
    "POST /api/logout",
    "PUT /api/settings",
)


def json_object(request) -> dict:
    """The JSON object that a request brought; ends the request with 400 or 413 without one."""
    if request.content_length > Request.max_body_length:
        abort(413, {"error": "too large"})
    try:
        found = request.json
    except (ValueError, RuntimeError):  # malformed, or nested without end
        found = None
    if not isinstance(found, dict):
        abort(400, {"error": "a JSON object is expected, as application/json"})
    return found


def _module_exists(name: str) -> bool:
    """Tell whether there is web/api_<name>.py.

    The file is looked for: a try to import it would leave its name in memory for ever.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        return False
    for character in name:
        if not ("a" <= character <= "z" or character == "_"):
            return False
    for ending in (".mpy", ".py"):
        try:
            os.stat(_MODULES + name + ending)
            return True
        except OSError:
            pass
    return False


class WebApp(Microdot):
    """Microdot with a table of calls for routes, and a check at the door.

    Microdot tries a regular expression for each route and keeps half a kilobyte for it; a table
    costs little of either.
    """

    def __init__(self, services) -> None:
        super().__init__()
        self.services = services
        self.sessions = Sessions()
        self.state = State(services)
        self.live = LiveState(self.state, services.charger, self.sessions)
        self.failed_logins = {}  # of api_login
        self._factory_passwords_do = services.config.get("allow_factory_passwords") is True
        self._stretches = False
        # apart for controllers that share a host name, as those on the bench do
        serial = [c for c in services.serial if c.isalpha() or c.isdigit()]
        self._cookie = "mpevse_" + "".join(serial)
        self._calls = {}
        self.before_request(self._check)
        self.after_request(self._complete)
        self.after_error_request(self._complete)

    def add(self, call: str, handler, roles: tuple = ROLES) -> None:
        """Have `call` ("GET /path", or "GET /path/*" for all in it) answered by a handler.

        Only these roles get there; () stands for everybody, with or without a session.
        """
        self._calls[call] = (handler, roles)

    def find_route(self, req) -> tuple:
        """The handler of a request, as Microdot asks for it."""
        method = "GET" if req.method == "HEAD" else req.method
        req.url_args = {}
        found = self._calls.get(method + " " + req.path)
        if found is None:
            folder = req.path.rsplit("/", 1)[0]
            if folder.startswith("/static/"):  # a hash of the files' contents follows
                folder = "/static"
            found = self._calls.get(method + " " + folder + "/*")
        handler, req.g.roles = found or (
            (self._load_and_call, ROLES)
            if req.path.startswith("/api/")
            else (self._lead_to_page, ())
        )
        if req.path == "/api/login" or (
            req.path == "/metrics" and "Authorization" in req.headers  # web.metrics looks at it
        ):
            req.g.roles = ()
        return handler, "", None

    async def _lead_to_page(self, request):
        """A path that does not exist: phones on the hotspot ask for such, to see whether there is the Internet."""
        if self.services.links.hotspot_open:
            answer = loading.once("web.captive", "redirect", request, self.services)
            if answer:
                return answer
        request.g.roles = ROLES
        await self._check(request)
        return {"error": "not found"}, 404

    async def _load_and_call(self, request):
        """Answer a request by the function of web/api_<name>.py that is called as its method.

        /api/<name>[/<rest>][.<kind>]: rest and kind are in request.g.
        """
        path, _, request.g.kind = request.path[5:].partition(".")
        name, _, request.g.rest = path.partition("/")
        if not _module_exists(name):
            return self._unknown(request)
        method = "get" if request.method == "HEAD" else request.method.lower()
        module = "web.api_" + name
        try:
            found = loading.load(module)
            handler = getattr(found, method, None) if method in _METHODS else None
            if handler is None:
                return {"error": "method not allowed"}, 405
            return await handler(request, self.services)
        except MemoryError as error:  # Microdot would make it a 500: the server may try again
            request.g.no_room = str(error) or "no memory"
            return {"error": "no memory"}, 503
        finally:
            loading.unload(module)

    def _unknown(self, request):
        others = [call for call in self._calls if call.split(" ")[1] == request.path]
        if others:
            return {"error": "method not allowed"}, 405
        return {"error": "not found"}, 404

    async def stretch(self, function: str, *arguments):
        """What a coroutine of auth.passwords makes of a password; one at a time, since it takes long.

        Others wait; who has waited for two seconds gets 429.
        """
        for _ in range(_STRETCH_TRIES):
            if not self._stretches:
                break
            await asyncio.sleep_ms(_STRETCH_WAIT_MS)
        else:
            abort(429, {"error": "other passwords are being checked"})
        self._stretches = True
        try:
            return await loading.once("auth.passwords", function, *arguments)
        finally:
            self._stretches = False

    def is_restricted(self, session) -> bool:
        """Tell whether a session came by a factory password, and has to set its own."""
        return not self._factory_passwords_do and password_is_factory(
            self.services.settings, session.role
        )

    def session_of(self, request) -> "Session | None":
        """The session that a request's cookie stands for."""
        return self.sessions.use(request.cookies.get(self._cookie, ""))

    async def _check(self, request) -> None:
        """Before each handler: stop a request that may not pass."""
        roles = request.g.roles
        if not roles:
            return
        session = self.session_of(request)
        if session is None:
            abort(401, {"error": "log in first"})
        if session.role not in roles:
            abort(403, {"error": "not for this login"})
        if request.method not in ("GET", "HEAD"):
            if not same(request.headers.get("X-CSRF-Token", ""), session.csrf):
                abort(403, {"error": "X-CSRF-Token is missing or wrong"})
        if self.is_restricted(session):
            if request.method + " " + request.path not in _WITH_FACTORY_PASSWORD:
                abort(403, {"error": "set a password of your own", "password_is_factory": True})
        request.g.session = session

    async def _complete(self, request, response) -> None:
        """After each: Microdot's own errors as JSON; nothing of a session in any cache."""
        headers = response.headers
        if response.status_code >= 400 and "Content-Type" not in headers:
            response.body = b'{"error":"%s"}' % response.body.lower()
            headers["Content-Type"] = "application/json"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        if response.status_code == 429 and "Retry-After" not in headers:
            headers["Retry-After"] = "1"
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"

    def cookie(self, token: str) -> str:
        """The header that gives a browser its session's token; "" takes it away."""
        value = token or "; Max-Age=0"
        return self._cookie + "=" + value + "; Path=/; HttpOnly; SameSite=Strict"

    def settings_changed(self, keys: set) -> None:
        """What is shown, and who may see it, follows the settings."""
        self.state.outdate()
        self.sessions.settings_changed(keys)


async def _logout(request):
    app = request.app
    app.sessions.close(request.g.session)
    return Response(b"", 204, {"Set-Cookie": [app.cookie("")]})


async def _get_state(request):
    pieces = await request.app.state.pieces()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(sum([len(piece) for piece in pieces])),
    }
    return Response((piece for piece in pieces), 200, headers)


async def _get_live(request):
    stream = request.app.live.join(request.g.session, request.sock[1])
    if stream is None:
        return {"error": "too many live pages are open"}, 503, {"Retry-After": "5"}
    return Response(stream, 200, {"Content-Type": "text/event-stream"})


async def _get_metrics(request):
    return loading.once("web.metrics", "response", request)


async def _get_file(request):
    """A file of the pages: they hold nothing secret, the login page is one of them."""
    folder, name = request.path.rsplit("/", 1)
    if not folder:  # /, /login
        name = "index.html"
    return file_response(request, name, request.app.services.version)


def create_app(services) -> WebApp:
    """The web application over `services` (settings, charger, meter, links, …)."""
    app = WebApp(services)
    services.settings.listen(app.settings_changed)
    app.add("GET /api/state", _get_state)
    app.add("GET /api/live", _get_live)
    app.add("GET /metrics", _get_metrics)
    app.add("POST /api/logout", _logout)
    app.add("GET /", _get_file, ())
    app.add("GET /login", _get_file, ())
    app.add("GET /static/*", _get_file, ())
    return app
