"""Stories of people, and of strangers, at the web API's door."""

import asyncio
import hashlib

import pytest
from auth.passwords import ROUNDS
from web.api_login import LoginBrake
from web.auth import Sessions
from web_rig import LOGINS, Browser, make_services, pass_s, play, stored_password


@pytest.mark.parametrize("path", ["/api/state", "/api/session", "/api/live", "/metrics", "/api/x"])
def test_a_stranger_gets_401_and_nothing_else(path):
    async def story(browser, services):
        response = await browser.get(path)
        assert response.status_code == 401
        assert response.json == {"error": "log in first"}

    play(story)


def test_a_stranger_who_writes_gets_401():
    async def story(browser, services):
        assert (await browser.post("/api/logout")).status_code == 401
        assert (await browser.put("/api/settings", body={})).status_code == 401

    play(story)


@pytest.mark.parametrize("role", LOGINS)
def test_each_role_logs_in_with_the_manuals_password_and_is_told_that_it_is_that(role):
    async def story(browser, services):
        response = await browser.login(role)
        assert response.status_code == 204
        cookie = response.headers["Set-Cookie"][0]
        assert "; Path=/; HttpOnly; SameSite=Strict" in cookie
        assert services.serial in cookie.split("=")[0]
        session = (await browser.get("/api/session")).json
        assert session["role"] == role
        assert session["csrf"] == browser.csrf
        assert session["password_is_factory"] is True
        assert (await browser.get("/api/state")).status_code == 200

    play(story)


def test_an_own_password_is_no_factory_password_and_the_old_one_is_wrong():
    async def story(browser, services):
        services.settings.change({"operator_password": "correct horse"})
        assert (await browser.login()).status_code == 401
        assert (await browser.login(password="correct horse")).status_code == 204
        assert (await browser.get("/api/session")).json["password_is_factory"] is False

    play(story)


@pytest.mark.parametrize("body", ["[1]", "{", "", '{"user":["etec"],"password":null}', "\x00"])
def test_a_login_that_is_no_login_is_refused(body):
    async def story(browser, services):
        headers = {"Content-Type": "application/json"}
        response = await browser.post("/api/login", headers=headers, body=body)
        assert response.status_code in (400, 401)
        assert "error" in response.json

    play(story)


def test_a_form_of_another_site_cannot_log_in():
    async def story(browser, services):
        headers = {"Content-Type": "text/plain"}
        body = '{"user":"etec","password":"88888888"}'
        assert (await browser.post("/api/login", headers=headers, body=body)).status_code == 400

    play(story)


def test_logout_needs_the_csrf_token_and_ends_the_session():
    async def story(browser, services):
        await browser.login()
        assert (await browser.post("/api/logout")).status_code == 403
        wrong = {"X-CSRF-Token": "0" * 32}
        assert (await browser.post("/api/logout", headers=wrong)).status_code == 403
        thief = Browser(browser.app, dict(browser.cookies))
        right = {"X-CSRF-Token": browser.csrf}
        assert (await browser.post("/api/logout", headers=right)).status_code == 204
        assert (await thief.get("/api/state")).status_code == 401

    play(story)


def test_guessing_is_slowed_down_even_with_the_right_password_and_goes_on_later():
    async def story(browser, services):
        for _ in range(5):
            assert (await browser.login(password="wrong one")).status_code == 401
        response = await browser.login()
        assert response.status_code == 429
        wait_s = int(response.headers["Retry-After"])
        assert 0 < wait_s <= 5
        pass_s(wait_s + 1)
        assert (await browser.login()).status_code == 204
        assert (await browser.login(password="wrong one")).status_code == 401

    play(story)


def test_a_session_unused_for_an_hour_is_over():
    async def story(browser, services):
        await browser.login()
        pass_s(3500)
        assert (await browser.get("/api/state")).status_code == 200
        pass_s(3500)
        assert (await browser.get("/api/state")).status_code == 200
        pass_s(3700)
        assert (await browser.get("/api/state")).status_code == 401

    play(story)


def test_a_session_in_use_is_over_after_twelve_hours():
    async def story(browser, services):
        await browser.login()
        for _ in range(14):
            pass_s(3000)
            assert (await browser.get("/api/state")).status_code == 200
        pass_s(3000)
        assert (await browser.get("/api/state")).status_code == 401

    play(story)


def test_each_login_gives_a_new_token_and_ends_the_session_before():
    async def story(browser, services):
        await browser.login()
        before = Browser(browser.app, dict(browser.cookies))
        await browser.login()
        assert browser.cookies != before.cookies
        assert (await browser.get("/api/state")).status_code == 200
        assert (await before.get("/api/state")).status_code == 401

    play(story)


def test_a_token_that_was_planted_never_becomes_a_session():
    async def story(browser, services):
        name = "mpevse_" + services.serial
        planted = Browser(browser.app, {name: "0" * 32})
        await planted.login()
        assert planted.cookies[name] != "0" * 32
        stranger = Browser(browser.app, {name: "0" * 32})
        assert (await stranger.get("/api/state")).status_code == 401

    play(story)


def test_a_role_is_locked_for_all_addresses_and_the_others_are_not():
    async def story(browser, services):
        for _ in range(5):
            await browser.login("operator", "wrong one")
        browser.app.failed_logins.pop("127.0.0.1")  # the guesses came from elsewhere
        assert (await browser.login("operator")).status_code == 429
        assert (await browser.login("user")).status_code == 204

    play(story)


def test_a_user_name_that_nobody_has_costs_the_same_work(monkeypatch):
    calls = []
    real = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda data: calls.append(1) or real(data))

    async def story(browser, services):
        services.settings.change({"user_password": stored_password("correct horse", ROUNDS)})
        counts = []
        for user in ("user", "etec", "nobody", ""):
            calls.clear()
            body = {"user": user, "password": "wrong one"}
            assert (await browser.post("/api/login", body=body)).status_code == 401
            counts.append(len(calls))
        assert max(counts) - min(counts) <= 2  # the final comparison
        assert min(counts) > 2 * ROUNDS

    play(story)


def test_one_password_is_checked_at_a_time_and_who_waits_too_long_is_sent_away():
    async def story(browser, services):
        browser.app._stretches = True
        response = await browser.login()
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0
        waiting = asyncio.create_task(browser.login())
        await asyncio.sleep(1)
        browser.app._stretches = False
        assert (await waiting).status_code == 204

    play(story)


def test_with_a_factory_password_a_login_reads_the_state_and_nothing_else():
    async def story(browser, services):
        await browser.login("manufacturer")
        assert (await browser.get("/api/session")).json["password_is_factory"] is True
        assert (await browser.get("/api/state")).status_code == 200
        for path in ("/api/settings", "/api/export", "/api/log", "/api/sessions", "/metrics"):
            response = await browser.get(path)
            assert response.status_code == 403
            assert response.json["password_is_factory"] is True
        headers = {"X-CSRF-Token": browser.csrf}
        response = await browser.post("/api/actions/restart", headers=headers, body={})
        assert response.status_code == 403
        headers = {"X-CSRF-Token": browser.csrf}
        assert (await browser.post("/api/logout", headers=headers)).status_code == 204

    play(story, make_services(config={}))


def test_an_own_password_opens_the_rest():
    async def story(browser, services):
        services.settings.change({"manufacturer_password": "correct horse"})
        await browser.login("manufacturer", "correct horse")
        assert (await browser.get("/api/settings")).status_code == 200
        assert (await browser.get("/metrics")).status_code == 200

    play(story, make_services(config={}))


@pytest.mark.parametrize("flag", [False, 1, "true", None])
def test_only_true_in_config_json_switches_that_rule_off(flag):
    async def story(browser, services):
        await browser.login("manufacturer")
        assert (await browser.get("/api/settings")).status_code == 403

    play(story, make_services(config={"allow_factory_passwords": flag}))


def test_metrics_take_a_bearer_token_when_one_is_set():
    async def story(browser, services):
        async def status(authorization):
            headers = {"Authorization": authorization}
            return (await browser.get("/metrics", headers=headers)).status_code

        for text in ("Bearer ", "Bearer None", "Bearer", "", "Basic YTpi"):
            assert await status(text) == 401
        services.settings.change({"metrics_token": "a long token"})
        assert await status("Bearer a long token") == 200
        for text in ("Bearer a long toke", "Bearer ", "a long token", "bearer a long token"):
            assert await status(text) == 401
        await browser.login()
        assert (await browser.get("/metrics")).status_code == 200

    play(story)


def test_no_password_is_logged(capsys):
    async def story(browser, services):
        await browser.login(password="my own secret")
        await browser.login()
        headers = {"X-CSRF-Token": browser.csrf}
        body = {"operator_password": "another secret", "ssid_password": "third secret"}
        assert (await browser.put("/api/settings", headers=headers, body=body)).status_code == 200

    play(story)
    said = capsys.readouterr().out
    assert "operator_password" in said
    assert "secret" not in said


def test_a_new_password_ends_the_sessions_of_its_role_but_not_the_one_that_set_it():
    async def story(browser, services):
        app = browser.app
        others = [Browser(app), Browser(app)]
        await browser.login("operator")
        await others[0].login("operator")
        await others[1].login("user")
        app.sessions.writer = app.sessions.use(next(iter(browser.cookies.values())))
        services.settings.change({"operator_password": "correct horse"})
        assert (await browser.get("/api/state")).status_code == 200
        assert (await others[0].get("/api/state")).status_code == 401
        assert (await others[1].get("/api/state")).status_code == 200

    play(story)


def test_a_call_for_some_roles_is_closed_to_the_others():
    async def story(browser, services):
        async def secret(request):
            return {"secret": 1}

        browser.app.add("GET /api/secret", secret, ("manufacturer",))
        await browser.login("user")
        assert (await browser.get("/api/secret")).status_code == 403
        await browser.login("manufacturer")
        assert (await browser.get("/api/secret")).json == {"secret": 1}

    play(story)


def test_calls_that_do_not_exist_are_told_apart_once_logged_in():
    async def story(browser, services):
        await browser.login()
        assert (await browser.get("/api/nothing")).status_code == 404
        headers = {"X-CSRF-Token": browser.csrf}
        assert (await browser.put("/api/state", headers=headers)).status_code == 405

    play(story)


def test_a_ninth_session_takes_the_place_of_the_one_longest_unused():
    now = [0]
    sessions = Sessions(lambda: now[0])
    opened = []
    for now[0] in range(8):
        opened.append(sessions.open("user"))
    now[0] = 8
    sessions.use(opened[0].token)
    sessions.open("user")
    assert sessions.use(opened[0].token)
    assert sessions.use(opened[1].token) is None


def test_many_sessions_of_one_role_do_not_end_those_of_another():
    sessions = Sessions(lambda: 0)
    owner = sessions.open("manufacturer")
    for _ in range(20):
        sessions.open("user")
    assert sessions.use(owner.token)


def test_the_brake_doubles_up_to_five_minutes_and_forgets_after_a_quarter_of_an_hour():
    now = [1000]
    brake = LoginBrake({}, lambda: now[0])
    waits = []
    for _ in range(14):
        brake.failed("10.0.0.1")
        waits.append(brake.wait_s("10.0.0.1"))
    assert waits[:8] == [0, 0, 0, 0, 5, 10, 20, 40]
    assert waits[-1] == 300
    assert brake.wait_s("10.0.0.2") == 0
    now[0] += 901
    brake.failed("10.0.0.2")
    assert brake.wait_s("10.0.0.1") == 0


def test_many_addresses_do_not_give_many_guesses():
    brake = LoginBrake({}, lambda: 1000)
    for n in range(12):
        brake.failed(f"10.0.0.{n}")
    for n in range(12, 17):
        assert brake.wait_s(f"10.0.0.{n}") == 0
        brake.failed(f"10.0.0.{n}")
    assert brake.wait_s("10.0.0.17") == 5
