"""The web application: the API's calls and the pages, over the services of the charger."""

from microdot import Microdot, Request, Response, abort

from core import log
from web.auth import ROLES, LoginBrake, Sessions, SettingsAccounts, same
from web.live import LiveState
from web.pages import file_response
from web.server import WebServer
from web.state import State

__all__ = ("WebServer", "create_app")


def json_object(request) -> dict:
    """The JSON object that a request brought; ends the request with 400 or 413 without one."""
    if request.content_length > Request.max_body_length:
        abort(413, {"error": "too large"})
    try:
        found = request.json
    except ValueError:
        found = None
    if not isinstance(found, dict):
        abort(400, {"error": "a JSON object is expected, as application/json"})
    return found


class WebApp(Microdot):
    """Microdot with a table of calls for routes, and a check at the door.

    Microdot tries a regular expression for each route and keeps half a kilobyte for it; a table
    costs little of either. `pages` are the sections that the browser shows as tabs.
    """

    def __init__(self, sessions: Sessions, serial: str) -> None:
        super().__init__()
        self.sessions = sessions
        self.pages = ["STATE"]
        # apart for controllers that share a host name, as those on the bench do
        self._cookie = "mpevse_" + "".join([c for c in serial if c.isalpha() or c.isdigit()])
        self._calls = {}
        self.before_request(self._check)
        self.after_request(self._complete)
        self.after_error_request(self._complete)

    def add(self, call: str, handler, roles: tuple = ROLES) -> None:
        """Have `call` ("GET /path", or "GET /path/*" with a name for *) answered by a handler.

        Only these roles get there; () stands for everybody, with or without a session.
        """
        self._calls[call] = (handler, roles)

    def find_route(self, req) -> tuple:
        """The handler of a request, as Microdot asks for it."""
        method = "GET" if req.method == "HEAD" else req.method
        req.url_args = {}
        found = self._calls.get(method + " " + req.path)
        if found is None:
            folder, name = req.path.rsplit("/", 1)
            found = self._calls.get(method + " " + folder + "/*")
            if found:
                req.url_args = {"name": name}
        handler, req.g.roles = found or (self._unknown, ROLES)
        return handler, "", None

    async def _unknown(self, request):
        others = [call for call in self._calls if call.split(" ")[1] == request.path]
        if others:
            return {"error": "method not allowed"}, 405
        return {"error": "not found"}, 404

    async def _check(self, request) -> None:
        """Before each handler: stop a request that may not pass."""
        roles = request.g.roles
        if not roles:
            return
        session = self.sessions.use(request.cookies.get(self._cookie, ""))
        if session is None:
            abort(401, {"error": "log in first"})
        if session.role not in roles:
            abort(403, {"error": "not for this login"})
        if request.method not in ("GET", "HEAD"):
            if not same(request.headers.get("X-CSRF-Token", ""), session.csrf):
                abort(403, {"error": "X-CSRF-Token is missing or wrong"})
        request.g.session = session

    async def _complete(self, request, response) -> None:
        """After each: Microdot's own errors as JSON; nothing of a session in any cache."""
        headers = response.headers
        if response.status_code >= 400 and "Content-Type" not in headers:
            response.body = b'{"error":"%s"}' % response.body.lower()
            headers["Content-Type"] = "application/json"
        headers["X-Content-Type-Options"] = "nosniff"
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"

    def cookie(self, token: str) -> str:
        """The header that gives a browser its session's token; "" takes it away."""
        value = token or "; Max-Age=0"
        return self._cookie + "=" + value + "; Path=/; HttpOnly; SameSite=Strict"


def _add_login(app: WebApp, accounts) -> None:
    brake = LoginBrake()

    async def login(request):
        address = request.client_addr[0]
        wait_s = brake.wait_s(address)
        if wait_s:
            text = "too many wrong logins: wait %d s" % wait_s
            return {"error": text}, 429, {"Retry-After": str(wait_s)}
        given = json_object(request)
        role = accounts.role_of(str(given.get("user", "")), str(given.get("password", "")))
        if not role:
            brake.failed(address)
            log.warning("web", "wrong login from " + address)
            return {"error": "wrong user name or password"}, 401
        brake.passed(address)
        log.info("web", role + " logged in from " + address)
        session = app.sessions.open(role)
        headers = {"Set-Cookie": [app.cookie(session.token)], "X-CSRF-Token": session.csrf}
        return Response(b"", 204, headers)

    async def logout(request):
        app.sessions.close(request.g.session)
        return Response(b"", 204, {"Set-Cookie": [app.cookie("")]})

    async def session(request):
        own = request.g.session
        return {
            "role": own.role,
            "csrf": own.csrf,
            "password_is_factory": accounts.password_is_factory(own.role),
            "pages": app.pages,
        }

    app.add("POST /api/login", login, ())
    app.add("POST /api/logout", logout)
    app.add("GET /api/session", session)


def _add_readings(app: WebApp, state: State, live: LiveState) -> None:
    async def get_state(request):
        pieces = await state.pieces()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(sum([len(piece) for piece in pieces])),
        }
        return Response((piece for piece in pieces), 200, headers)

    async def get_live(request):
        stream = live.join(request.g.session, request.sock[1])
        if stream is None:
            return {"error": "too many live pages are open"}, 503, {"Retry-After": "5"}
        return Response(stream, 200, {"Content-Type": "text/event-stream"})

    async def get_metrics(request):
        from web.metrics import lines  # few ask for it: no heap until then

        headers = {"Content-Type": "text/plain; version=0.0.4; charset=UTF-8"}
        return Response(lines(state.members(state.values())), 200, headers)

    app.add("GET /api/state", get_state)
    app.add("GET /api/live", get_live)
    app.add("GET /metrics", get_metrics)


def _add_pages(app: WebApp, version: str) -> None:
    """The pages and their files: they hold nothing secret, the login page is one of them."""

    async def file(request, name="index.html"):
        return file_response(request, name, version)

    app.add("GET /", file, ())
    app.add("GET /login", file, ())
    app.add("GET /static/*", file, ())


def create_app(services) -> WebApp:
    """The web application over `services` (settings, charger, meter, links, …)."""
    sessions = Sessions()
    state = State(services)
    app = WebApp(sessions, services.serial)
    app.live = LiveState(state, services.charger, sessions)

    def settings_changed(keys: set) -> None:
        state.outdate()
        sessions.settings_changed(keys)

    services.settings.listen(settings_changed)
    _add_readings(app, state, app.live)
    _add_login(app, getattr(services, "accounts", None) or SettingsAccounts(services.settings))
    _add_pages(app, services.version)
    return app
