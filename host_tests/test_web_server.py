"""The server against clients that are silent, slow, greedy or mad."""

import asyncio
import json
import sys

import pytest
from core import loading
from web_rig import Browser, visit


def status_of(story_bytes: bytes, expected: set):
    async def story(site):
        status, _, body = await site.ask(story_bytes)
        assert status in expected
        assert b'{"error":' in body
        assert (await site.get("/"))[0] in (200, 404)

    visit(story)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"garbage\n",
        b"\x00\xff\xfe\n\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1 more\r\n\r\n",
        b"GET http://charger/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /?a=%zz HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST /api/login HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/login HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /api/login HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ],
)
def test_nonsense_gets_400(data):
    status_of(data, {400})


def test_a_head_that_does_not_end_gets_431():
    status_of(b"GET / HTTP/1.1\r\n" + b"X-Long: y\r\n" * 1000, {431})


def test_a_line_that_does_not_end_gets_431():
    status_of(b"G" * 20000, {431})


def test_a_chunked_body_gets_411():
    status_of(
        b"POST /api/login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", {411}
    )


@pytest.mark.parametrize("length", [2049, 5000, 16385, 100_000])
def test_a_body_too_large_gets_413_and_the_answer_arrives(length):
    head = "POST /api/login HTTP/1.1\r\nContent-Type: application/json\r\n"
    status_of(f"{head}Content-Length: {length}\r\n\r\n".encode() + b"x" * length, {413})


def test_a_client_that_says_nothing_is_dropped_after_ten_seconds():
    async def story(site):
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        status, _, _ = await site.ask(b"")
        assert status == 408
        assert 9 <= loop.time() - began_s <= 12

    visit(story)


def test_a_client_that_sends_a_byte_at_a_time_is_dropped_just_the_same():
    async def story(site):
        reader, writer = await site.send(b"GET / HTTP/1.1\r\n")

        async def trickle():
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.5)

        trickling = asyncio.create_task(trickle())
        began_s = asyncio.get_running_loop().time()
        assert b" 408 " in await reader.readline()
        assert asyncio.get_running_loop().time() - began_s <= 12
        trickling.cancel()

    visit(story)


def test_a_body_that_does_not_come_is_not_waited_for():
    async def story(site):
        data = b"POST /api/login HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"
        assert (await site.ask(data))[0] == 408

    visit(story)


def test_silent_clients_make_room_for_one_that_asks():
    async def story(site):
        silent = [await site.send(b"") for _ in range(6)]
        await asyncio.sleep(2)
        assert (await site.get("/api/session", await site.cookie()))[0] == 200
        assert b" 408 " in await silent[0][0].readline()
        for _, writer in silent:
            writer.close()

    visit(story)


async def rest(request):
    """A call that takes its time."""
    await asyncio.sleep(float(request.args["s"]))
    return {}


def test_one_too_many_waits_for_a_place_as_a_browser_asks_for_several_files_at_once():
    async def story(site):
        site.app.add("GET /rest", rest, ())
        busy = [asyncio.create_task(site.get("/rest?s=1")) for _ in range(6)]
        await asyncio.sleep(0.1)
        assert (await site.get("/"))[0] == 200
        assert [(await task)[0] for task in busy] == [200] * 6

    visit(story)


def test_more_clients_at_once_than_places_are_sent_away_and_places_come_back():
    async def story(site):
        site.app.add("GET /rest", rest, ())
        busy = [asyncio.create_task(site.get("/rest?s=4")) for _ in range(6)]
        await asyncio.sleep(0.1)
        late = await asyncio.gather(site.get("/"), site.get("/"))
        assert [status for status, _, _ in late] == [503, 503]
        assert [(await task)[0] for task in busy] == [200] * 6
        assert (await site.get("/api/session", await site.cookie()))[0] == 200

    visit(story)


def test_the_whole_exchange_over_a_socket():
    async def story(site):
        body = b'{"user":"etec","password":"88888888"}'
        head = "POST /api/login HTTP/1.1\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
        reader, writer = await site.send(request + body[:10])
        await asyncio.sleep(0.5)
        writer.write(body[10:])
        answer = (await reader.read()).decode()
        assert answer.startswith("HTTP/1.0 204")
        cookie = answer.split("Set-Cookie: ")[1].split(";")[0]
        assert (await site.get("/api/state", cookie))[0] == 200
        status, _, body = await site.get("/api/state", cookie, "HEAD")
        assert (status, body) == (200, b"")

    visit(story)


def test_pages_are_open_and_not_sent_twice():
    async def story(site):
        browser = Browser(site.app)
        response = await browser.get("/login")
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/html")
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        known = {"If-None-Match": response.headers["ETag"]}
        assert (await browser.get("/login", headers=known)).status_code == 304
        for name in ("app.js", "style.css", "icon.svg"):
            assert (await browser.get("/static/" + name)).status_code == 200

    visit(story)


@pytest.mark.parametrize("path", ["/static/..", "/static/.js", "/static/no.js", "/static/app.py"])
def test_no_other_file_is_reachable(path):
    async def story(site):
        assert (await Browser(site.app).get(path)).status_code == 404

    visit(story)


def test_a_compressed_file_is_sent_as_such(tmp_path, monkeypatch):
    (tmp_path / "app.js.gz").write_bytes(b"\x1f\x8b" + bytes(5000))
    monkeypatch.setattr("web.pages._FOLDER", str(tmp_path) + "/")

    async def story(site):
        status, headers, body = await site.get("/static/app.js")
        assert (status, headers["content-encoding"]) == (200, "gzip")
        assert int(headers["content-length"]) == len(body) == 5002

    visit(story)


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/api/Settings",
        "/api/settings9",
        "/api/..",
        "/api/../app",
        "/api/%73ettings",
        "/api/" + "settings" * 40,
        "/api/",
        "/api",
        "/nowhere",
    ],
)
def test_calls_that_do_not_exist_are_not_found_and_load_nothing(path):
    async def story(site):
        modules = set(sys.modules)
        status, _, body = await site.get(path, await site.cookie())
        assert (status, json.loads(body)) == (404, {"error": "not found"})
        assert (await site.get(path))[0] == 401
        assert set(sys.modules) == modules

    visit(story)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "__INIT__", "JSON"])
def test_a_call_has_the_methods_of_its_module_and_no_others(method):
    async def story(site):
        cookie = await site.cookie()
        csrf = site.app.sessions.use(cookie.split("=")[1]).csrf
        head = (
            f"{method} /api/settings HTTP/1.1\r\nCookie: {cookie}\r\nX-CSRF-Token: {csrf}\r\n\r\n"
        )
        assert (await site.ask(head.encode()))[0] == 405

    visit(story)


def test_what_a_call_loads_is_given_up_after_it():
    async def story(site):
        cookie = await site.cookie()
        await site.get("/api/state", cookie)
        modules = set(sys.modules)
        for path in ("/api/session", "/api/settings", "/api/settings?page=NETWORK", "/metrics"):
            assert (await site.get(path, cookie))[0] == 200
            assert set(sys.modules) == modules, path

    visit(story)


def short_of_memory(monkeypatch, name: str, times: int) -> list:
    """Have a module of a call not load so often; returns how often that is left to happen."""
    real, left = loading.load, [times]

    def load(asked):
        if asked == name and left[0]:
            left[0] -= 1
            raise MemoryError("allocating 300 bytes")
        return real(asked)

    monkeypatch.setattr(loading, "load", load)
    return left


@pytest.mark.parametrize(("times", "status"), [(3, 200), (4, 503)])
def test_a_question_waits_for_memory_that_others_give_back(monkeypatch, capsys, times, status):
    async def story(site):
        cookie = await site.cookie()
        left = short_of_memory(monkeypatch, "web.api_session", times)
        assert (await site.get("/api/session", cookie))[0] == status
        assert left == [0]
        assert "no room yet for /api/session: allocating 300 bytes" in capsys.readouterr().out
        assert (await site.get("/api/session", cookie))[0] == 200

    visit(story)


def test_a_change_that_has_no_room_is_refused_and_not_made_twice(monkeypatch):
    async def story(site):
        cookie = await site.cookie()
        csrf = site.app.sessions.use(cookie.split("=")[1]).csrf
        left = short_of_memory(monkeypatch, "web.api_settings", 2)
        head = f"PUT /api/settings HTTP/1.1\r\nCookie: {cookie}\r\nX-CSRF-Token: {csrf}\r\n"
        assert (await site.ask((head + "Content-Length: 2\r\n\r\n{}").encode()))[0] == 503
        assert left == [1]

    visit(story)


def test_phones_on_the_hotspot_are_led_to_the_page():
    async def story(site):
        request = b"GET /generate_204 HTTP/1.1\r\nHost: %s\r\n\r\n"
        foreign = request % b"connectivitycheck.example.com"
        # Given no hotspot, then a phone's question is one like any other
        assert (await site.ask(foreign))[0] == 401
        # when the hotspot is open, then it is led to the page
        site.services.links.hotspot_open = True
        site.services.links.hotspot_ip = "192.168.4.1"
        site.services.web_port = 80
        status, headers, _ = await site.ask(foreign)
        assert (status, headers["location"]) == (302, "http://192.168.4.1/")
        # but who asks for the page itself is not
        assert (await site.ask(request % b"192.168.4.1"))[0] == 401
        assert (await site.ask(b"GET /login HTTP/1.1\r\nHost: example.com\r\n\r\n"))[0] == 200

    visit(story)


def test_files_named_by_their_contents_hash_are_kept_and_others_asked_for_again(
    tmp_path, monkeypatch
):
    # Given the files of an image
    (tmp_path / "app.js.gz").write_bytes(b"\x1f\x8b" + bytes(50))
    (tmp_path / "hash").write_text("0a1b2c3d")
    monkeypatch.setattr("web.pages._FOLDER", str(tmp_path) + "/")

    async def story(site):
        # when a browser asks for one by the hash, then it may keep it
        status, headers, body = await site.get("/static/0a1b2c3d/app.js")
        assert (status, len(body)) == (200, 52)
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        # but not by another one, nor without
        for path in ("/static/app.js", "/static/99999999/app.js"):
            status, headers, _ = await site.get(path)
            assert (status, headers["cache-control"]) == (200, "no-cache")
            assert headers["etag"] == '"0a1b2c3d-52"'
        # and the hash's own file is none of the pages'
        assert (await site.get("/static/hash"))[0] == 404
        assert (await site.get("/static/0a1b2c3d/../../app.py"))[0] == 404

    visit(story)


def test_every_answer_forbids_frames_guessed_types_and_copies():
    async def story(site):
        for path in ("/", "/static/app.js", "/api/state", "/api/nothing", "/api/session"):
            for cookie in ("", await site.cookie()):
                _, headers, _ = await site.get(path, cookie)
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["x-frame-options"] == "deny"
                assert headers["referrer-policy"] == "no-referrer"
                if path.startswith("/api"):
                    assert headers["cache-control"] == "no-store"
        _, headers, _ = await site.get("/")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]

    visit(story)


def test_the_oldest_silent_connection_gives_way_and_those_that_are_answered_stay():
    async def story(site):
        # Given live pages, and connections that say nothing
        cookie = await site.cookie()
        request = f"GET /api/live HTTP/1.1\r\nCookie: {cookie}\r\n\r\n".encode()
        live = [await site.send(request) for _ in range(3)]
        for reader, _ in live:
            await reader.readuntil(b"event: state")
        silent = []
        for _ in range(3):
            silent.append(await site.send(b""))
            await asyncio.sleep(0.5)
        # when one more asks, then it is answered in the place of the oldest silent one
        await asyncio.sleep(1)
        assert (await site.get("/api/session", cookie))[0] == 200
        assert b" 408 " in await silent[0][0].readline()
        for reader, _ in silent[1:]:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(reader.readline(), 0.1)
        # and the live pages go on
        site.services.charger.plugged = False
        for reader, _ in live:
            await asyncio.wait_for(reader.readuntil(b"event: change"), 5)
        for _, writer in live + silent:
            writer.close()

    visit(story)
