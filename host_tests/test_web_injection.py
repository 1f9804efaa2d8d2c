"""Holes of the other kind: what is given comes out again where it should not, or is more than there is room for."""

import asyncio
import json

import pytest
from auth import whitelist
from data_rig import use_directory
from test_web_holes import raw
from web_rig import make_services, play, visit

XSS = '"><script>alert(1)</script>'


@pytest.fixture
def services(tmp_path, monkeypatch):
    """A station in a directory of its own."""
    use_directory(monkeypatch, tmp_path)
    return make_services()


# Injection.


def test_what_is_given_in_a_url_gets_into_no_header(services):
    async def story(site):
        cookie = await site.cookie()
        for path in (
            "/api/export?secrets=0%0d%0aSet-Cookie:%20x=y",
            "/api/whitelist?limit=1%0d%0aX-Evil:%20y",
            "/api/settings?page=%0d%0aX-Evil:%20y",
            "/static/x%0d%0aX-Evil:%20y.js",
            "/login%0d%0aX-Evil:%20y",
        ):
            _, headers, _ = await site.ask(raw("GET", path, cookie))
            assert "x-evil" not in headers and "set-cookie" not in headers, path

    visit(story)


def test_a_script_in_a_name_stays_a_text(services):
    """SSID, tags and other names come back as JSON; only the page's own files are HTML, under a policy."""

    async def story(browser, services):
        services.settings.change({"ssid": XSS, "backend_chargepoint_id": XSS})
        services.charger.session.id_tag = XSS
        await browser.login("manufacturer")
        await browser.post(
            "/api/actions/whitelist_insert",
            {"X-CSRF-Token": browser.csrf},
            body={"value": "<img src=x>"},
        )
        for path in (
            "/api/settings",
            "/api/state",
            "/api/whitelist",
            "/api/export?whitelist=1",
            "/metrics",
        ):
            answer = await browser.get(path)
            kind = answer.headers["Content-Type"]
            assert answer.status_code == 200
            assert "html" not in kind
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if path != "/metrics":
                json.loads(answer.text)
        for path in ("/api/" + XSS, "/api/actions/" + XSS, "/" + XSS, "/api/settings?page=" + XSS):
            answer = await browser.get(path.replace(" ", "%20"))
            assert "<script>" not in answer.text
            assert "html" not in answer.headers["Content-Type"]

    play(story, services)


def test_the_pages_run_no_script_but_their_own():
    async def story(site):
        for path in ("/", "/login", "/static/index.html"):
            _, headers, _ = await site.ask(raw("GET", path))
            policy = headers["content-security-policy"]
            assert "unsafe-inline" not in policy.split("style-src")[0]
            assert "unsafe-eval" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"

    visit(story)


def test_the_log_tells_no_secret_and_keeps_its_lines(services):
    async def story(browser, services):
        await browser.login("manufacturer")
        headers = {"X-CSRF-Token": browser.csrf}
        secrets = {"ssid_password": "top secret 1", "user_password": "top secret 2"}
        assert (
            await browser.request("PUT", "/api/settings", headers={**headers}, body=secrets)
        ).status_code == 200
        await browser.post(
            "/api/actions/start_charging", {**headers}, body={"value": "x\n99 E fake: line"}
        )
        await browser.post("/api/login", body={"user": "x\ny", "password": "top secret 3"})
        text = (await browser.get("/api/log")).text
        assert "top secret" not in text
        assert not [line for line in text.split("\n") if line.startswith("99 E fake")]
        for path in ("/api/settings", "/api/export", "/api/state"):
            assert "top secret" not in (await browser.get(path)).text

    play(story, services)


def test_keys_that_hold_a_piece_of_the_table_are_no_settings(services):
    """The declarations are looked up in a text: a tab or a line feed must not lead astray."""

    async def story(browser, services):
        await browser.login("user")
        headers = {"X-CSRF-Token": browser.csrf}
        for key in (
            "ssid\tSSID",
            "ssid\tSSID\tNETWORK",
            "x\nlcd1602",
            "# key",
            "",
            "\t",
            "lan_enabled\tEthernet (LAN)\tNETWORK\tbool",
        ):
            answer = await browser.request(
                "PUT", "/api/settings", headers={**headers}, body={key: "1"}
            )
            assert answer.status_code == 422, answer.text
            assert list(answer.json["errors"]) == [key]
            text = {"format": "mpevse configuration", "version": 1, "settings": {key: "1"}}
            answer = await browser.post("/api/import?apply=1", {**headers}, body=text)
            assert answer.status_code == 422, answer.text
            assert list(answer.json["errors"]) == [key]
        assert services.settings.stored.keys() == {"backend_chargepoint_id"}

    play(story, services)


# Sizes.


def test_duplicate_and_contradictory_headers_smuggle_nothing():
    async def story(site):
        cookie = await site.cookie()
        body = '{"user":"etec","password":"88888888"}'
        for more in (
            "Content-Length: 5\r\nContent-Length: 50\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 99999999999\r\n",
            "Transfer-Encoding: identity, chunked\r\n",
        ):
            data = raw("POST", "/api/actions/restart", cookie, more) + body.encode()
            status, _, text = await asyncio.wait_for(site.ask(data), 30)
            assert 400 <= status < 500 or status == 0, (more, status, text)
        # One request a connection: what follows in it is not answered.
        status, _, text = await site.ask(raw("GET", "/login") + raw("GET", "/api/state", cookie))
        assert status == 200 and text.count(b"HTTP/1") == 0

    visit(story)


def test_oversized_requests_are_refused():
    async def story(site):
        cookie = await site.cookie()
        for data in (
            raw("GET", "/" + "a" * 5000),
            raw("GET", "/api/state", "x=" + "a" * 5000),
            raw("GET", "/api/state", cookie, "X: y\r\n" * 1000),
            raw("GET", "/api/whitelist?limit=" + "9" * 3000, cookie),
            raw("POST", "/api/login", "", "Content-Length: 3000\r\n") + b"x" * 3000,
            raw("POST", "/api/import", cookie, "Content-Length: 40000\r\n") + b"x" * 40000,
        ):
            status, _, text = await site.ask(data)
            assert 400 <= status < 500, (data[:60], text)

    visit(story)


def test_a_full_whitelist_refuses_one_more(services):
    async def story(browser, services):
        await browser.login("user")
        headers = {"X-CSRF-Token": browser.csrf}
        tags = {"version": 1, "whitelist": ["T%d" % number for number in range(1000)]}
        answer = await browser.post("/api/import?apply=1", {**headers}, body=tags)
        assert answer.status_code == 200, answer.text
        assert answer.json["whitelist"] == whitelist.count() == 1000
        answer = await browser.post(
            "/api/actions/whitelist_insert", {**headers}, body={"value": "ONE"}
        )
        assert answer.status_code == 422, answer.text
        assert "full" in answer.json["errors"]["whitelist_insert"]

    play(story, services)
