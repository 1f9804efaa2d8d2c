"""The usual holes of web servers, tried one after the other."""

import json

import pytest
from data_rig import use_directory
from web_rig import Browser, create_app, make_services, play, visit

CALLS = (
    "GET /api/state",
    "GET /api/live",
    "GET /api/session",
    "GET /api/settings",
    "GET /api/whitelist",
    "GET /api/sessions",
    "GET /api/sessions.csv",
    "GET /api/export",
    "GET /api/log",
    "GET /api/history",
    "GET /api/calibration",
    "GET /metrics",
    "GET /api/nothing",
    "PUT /api/settings",
    "POST /api/import",
    "POST /api/import?apply=1",
    "POST /api/logout",
    "POST /api/actions/start_charging",
    "POST /api/actions/factory_reset",
    "POST /api/actions/nothing",
    "DELETE /api/whitelist",
    "PATCH /api/settings",
    "OPTIONS /api/settings",
    "HEAD /api/export",
)


@pytest.fixture
def services(tmp_path, monkeypatch):
    """A station in a directory of its own."""
    use_directory(monkeypatch, tmp_path)
    return make_services()


def raw(method: str, path: str, cookie: str = "", more: str = "", body: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: charger\r\n"
    if cookie:
        head += f"Cookie: {cookie}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + more + "\r\n" + body).encode()


# Past the login.


def test_no_call_answers_without_a_session():
    async def story(site):
        name = site.app.cookie("x").split("=")[0]
        cookies = (
            "",
            f"{name}=",
            f"{name}=None",
            f"{name}=" + "0" * 32,
            "session=admin; role=manufacturer",
            f"{name}=x; {name}=",
        )
        for call in CALLS:
            method, path = call.split(" ")
            for cookie in cookies:
                body = "{}" if method in ("POST", "PUT", "PATCH") else ""
                status, headers, text = await site.ask(raw(method, path, cookie, body=body))
                assert status == 401, (call, cookie, text)
                if method != "HEAD":
                    assert json.loads(text) == {"error": "log in first"}
                assert "set-cookie" not in headers

    visit(story)


@pytest.mark.parametrize(
    "path",
    [
        "//api/state",
        "/api//state",
        "/API/STATE",
        "/api/state/",
        "/api/state%00",
        "/api/state;x=1",
        "/api/./state",
        "/static/../api/state",
        "/api/login/../state",
        "/api/login/state",
        "/api/login.json/../state",
        "/./api/state",
        "/api/%73tate",
        "/api/state%20",
        "/metrics/",
        "/login/../metrics",
        "http://charger/api/state",
        "/api/state?/api/login",
        "/api/state#/api/login",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_login(path):
    async def story(site):
        status, _, text = await site.ask(raw("GET", path))
        assert status in (400, 401, 404, 405), text
        assert b"heap_free" not in text and b"mpevse_info" not in text

    visit(story)


def test_a_login_takes_texts_and_nothing_else(services):
    async def story(browser, services):
        for user, password in (
            ("' OR '1'='1", "x"),
            ("etec", ""),
            ("", ""),
            ("etec\0", "88888888"),
            (["etec"], ["88888888"]),
            ({"$ne": ""}, {"$ne": ""}),
            (None, None),
            (True, True),
            ("etec", 88888888.0),
            ("e" * 1000, "8" * 1000),
        ):
            browser = Browser(create_app(services))
            answer = await browser.post("/api/login", body={"user": user, "password": password})
            assert answer.status_code in (400, 401), (user, password)
            assert "Set-Cookie" not in answer.headers
        for body in ("[]", "null", '"x"', "{", "[" * 1000, '{"user":' * 200, "\xff"):
            headers = {"Content-Type": "application/json"}
            answer = await browser.post("/api/login", headers, body=body.encode("latin-1"))
            assert answer.status_code in (400, 401), body[:20]

    play(story, services)


def test_a_wrong_name_and_a_wrong_password_are_told_the_same(services):
    async def story(browser, services):
        answers = []
        for body in (
            {"user": "etec", "password": "wrong password"},
            {"user": "nobody", "password": "88888888"},
        ):
            answer = await browser.post("/api/login", body=body)
            answers.append((answer.status_code, answer.text, sorted(answer.headers)))
        assert answers[0] == answers[1]

    play(story, services)


# Sessions.


def test_a_session_is_always_a_new_one(services):
    """Given a cookie that somebody else has put into the browser, the login brings another."""

    async def story(browser, services):
        app = create_app(services)
        name = app.cookie("x").split("=")[0]
        planted = "0123456789abcdef" * 2
        mine = Browser(app)
        mine.cookies[name] = planted
        await mine.login("operator")
        first = mine.cookies[name]
        assert first != planted
        await mine.login("operator")
        assert mine.cookies[name] not in (planted, first)
        stranger = Browser(app)
        stranger.cookies[name] = planted
        assert (await stranger.get("/api/state")).status_code == 401

    play(story, services)


def test_a_logged_out_session_is_worth_nothing(services):
    async def story(browser, services):
        app = create_app(services)
        name = app.cookie("x").split("=")[0]
        mine = Browser(app)
        await mine.login("operator")
        token = mine.cookies[name]
        await mine.post("/api/logout", {"X-CSRF-Token": mine.csrf})
        thief = Browser(app)
        thief.cookies[name] = token
        assert (await thief.get("/api/state")).status_code == 401

    play(story, services)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(services):
    async def story(browser, services):
        answer = await browser.login("operator")
        cookie = str(answer.headers["Set-Cookie"])
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
        assert "Domain" not in cookie

    play(story, services)


@pytest.mark.parametrize("token", [None, "", "guess", "0" * 32, "other"])
def test_writing_needs_the_session_s_own_token(services, token):
    async def story(browser, services):
        app = create_app(services)
        mine, other = Browser(app), Browser(app)
        await mine.login("manufacturer")
        await other.login("operator")
        value = other.csrf if token == "other" else token
        headers = {} if value is None else {"X-CSRF-Token": value}
        for call in CALLS:
            method, path = call.split(" ")
            if method in ("GET", "HEAD") or path == "/api/live":
                continue
            answer = await mine.request(method, path, headers=headers, body="{}")
            assert answer.status_code == 403, call
        assert services.settings.stored.keys() == {"backend_chargepoint_id"}

    play(story, services)


def test_reading_changes_nothing(services):
    """A link on another site is a GET: none of them does anything."""

    async def story(browser, services):
        await browser.login("manufacturer")
        for path in (
            "/api/actions/factory_reset",
            "/api/actions/start_charging",
            "/api/import?apply=1",
        ):
            for method in ("GET", "HEAD"):
                answer = await browser.request(method, path)
                assert answer.status_code == 405
        answer = await browser.request("GET", "/api/logout")
        assert answer.status_code in (404, 405)
        assert (await browser.get("/api/state")).status_code == 200

    play(story, services)


@pytest.mark.parametrize(
    "more",
    [
        "X-HTTP-Method-Override: POST\r\n",
        "X-HTTP-Method: DELETE\r\n",
        "X-Forwarded-For: 127.0.0.1\r\nX-Original-URL: /api/login\r\nX-Rewrite-URL: /login\r\n",
    ],
)
def test_headers_that_other_servers_obey_do_nothing(more):
    async def story(site):
        status, _, _ = await site.ask(raw("GET", "/api/state", "", more))
        assert status == 401
        cookie = await site.cookie()
        status, _, text = await site.ask(raw("GET", "/api/actions/restart", cookie, more))
        assert status == 405, text

    visit(story)


def test_odd_methods():
    async def story(site):
        cookie = await site.cookie()
        for method in (
            "TRACE",
            "CONNECT",
            "PROPFIND",
            "get",
            "G E T",
            "__class__",
            "_CHECK",
            "PUT",
        ):
            status, _, text = await site.ask(raw(method, "/api/whitelist", cookie))
            assert status in (400, 403, 404, 405), (method, text)
            assert b"Cookie" not in text  # TRACE would send the session back

    visit(story)


# Paths.


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../data/settings.json",
        "/static/..%2f..%2fconfig.json",
        "/static/%2e%2e/%2e%2e/config.json",
        "/static/..\\..\\config.json",
        "/static//etc/passwd",
        "/static/%2Fetc%2Fpasswd",
        "/static/index.html%00.js",
        "/static/../app.py",
        "/static/.",
        "/static/..",
        "/static/",
        "/static/index.html/../../app.py",
        "/static/app.py",
        "/../config.json",
        "/config.json",
        "/data/settings.json",
        "/static/%252e%252e%252fconfig.json",
        "/static/\u00e4.js",
    ],
)
def test_no_file_but_the_pages_comes_out(path):
    async def story(site):
        for cookie in ("", await site.cookie()):
            status, _, text = await site.ask(raw("GET", path, cookie))
            assert status in (400, 401, 404), (path, text[:80])

    visit(story)


@pytest.mark.parametrize(
    "name",
    [
        "../core/settings",
        "..%2fcore%2fsettings",
        "state/../../lib/core/settings",
        "os",
        "__init__",
        "_init",
        "settings_change",
        "actions_system",
        "x" * 300,
        "session%0d%0aX: y",
        "sessions.csv.json",
        "whitelist.csv",
        "\u00e4",
        "Export",
        "",
    ],
)
def test_names_of_calls_reach_no_other_module(name):
    async def story(site):
        status, _, text = await site.ask(raw("GET", "/api/" + name, await site.cookie()))
        assert status in (400, 404, 405) or name.split(".")[0] in ("whitelist", "sessions"), text
        assert b"Traceback" not in text

    visit(story)
