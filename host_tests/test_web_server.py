"""The server against clients that are silent, slow, greedy or mad."""

import asyncio

import pytest
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


def test_more_clients_at_once_than_places_are_sent_away_and_places_come_back():
    async def story(site):
        crowd = [await site.send(b"") for _ in range(6)]
        await asyncio.sleep(0.1)
        assert (await site.get("/"))[0] == 503
        for _, writer in crowd:
            writer.close()
        await asyncio.sleep(0.1)
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
