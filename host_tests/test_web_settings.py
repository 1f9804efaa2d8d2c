"""Stories of people who look at the settings and change them through the web API."""

import json

import pytest
from core import setting_default
from core.setting_types import declarations, default
from core.settings import Settings
from web_rig import Browser, make_services, play, visit

OUTPUT = "output_current_limit"


def settings_of(response) -> dict:
    """The rows of an answer, by key."""
    assert response.status_code == 200
    return {row["key"]: row for row in response.json["settings"]}


async def put(browser, **changes):
    """Change settings."""
    return await browser.put("/api/settings", headers={"X-CSRF-Token": browser.csrf}, body=changes)


def test_a_row_has_all_that_a_page_needs():
    async def story(browser, services):
        await browser.login("operator")
        rows = settings_of(await browser.get("/api/settings?page=INSTALLATION"))
        assert rows["output_current_limit"] == {
            "key": "output_current_limit",
            "label": "Output Current Limit",
            "type": "float",
            "value": 32.0,
            "unit": "A",
            "range": "6..80",
            "default": 32.0,
            "writable": True,
            "restart": False,
            "has_effect": True,
            "may_lock_out": False,
        }
        assert rows["max_output_current"]["writable"] is False

    play(story)


@pytest.mark.parametrize("role", ["manufacturer", "operator", "user"])
def test_without_a_page_all_rows_come_in_the_tables_order(role):
    async def story(browser, services):
        await browser.login(role)
        response = await browser.get("/api/settings")
        expected = [d for d in declarations() if d.may_read(role)]
        rows = response.json["settings"]
        assert [row["key"] for row in rows] == [d.key for d in expected]
        for row, declaration in zip(rows, expected, strict=True):
            if declaration.has_value and not declaration.is_secret:
                assert row["default"] == default(declaration), declaration.key
                assert isinstance(row["default"], bool) == (declaration.type == "bool")

    play(story)


def test_a_page_that_does_not_exist_is_said_to():
    async def story(browser, services):
        await browser.login()
        response = await browser.get("/api/settings?page=NOWHERE")
        assert response.status_code == 404
        assert "page" in response.json["error"]

    play(story)


def test_the_readings_are_the_states():
    async def story(browser, services):
        await browser.login("user")
        state = (await browser.get("/api/state")).json
        rows = settings_of(await browser.get("/api/settings?page=STATE"))
        for key, row in rows.items():
            if row["type"] == "reading":
                assert row["value"] == state[key], key
        system = settings_of(await browser.get("/api/settings?page=SYSTEM"))
        assert system["software_version"]["value"] == services.version
        assert system["sys_controller_serial"]["value"] == services.serial

    play(story)


def test_a_secret_only_shows_whether_it_is_set():
    async def story(browser, services):
        await browser.login()
        before = settings_of(await browser.get("/api/settings?page=NETWORK"))["ssid_password"]
        assert (before["value"], before["default"], before["is_set"]) == (None, None, False)
        assert (await put(browser, ssid_password="hidden treasure")).status_code == 200
        response = await browser.get("/api/settings")
        assert settings_of(response)["ssid_password"]["is_set"] is True
        assert "hidden treasure" not in response.text
        assert "88888888" not in response.text

    play(story)


def test_a_change_is_stored_and_shown():
    async def story(browser, services):
        await browser.login("user")
        response = await put(browser, output_current_limit=16, start_time="22:30")
        assert (response.status_code, response.json) == (200, {"restart": False})
        rows = settings_of(await browser.get("/api/settings"))
        assert (rows[OUTPUT]["value"], rows["start_time"]["value"]) == (16.0, "22:30")
        again = Settings(services.settings._path)
        assert (again.get(OUTPUT), again.get("start_time")) == (16.0, "22:30")

    play(story)


def test_the_answer_tells_when_a_restart_is_needed():
    async def story(browser, services):
        await browser.login("manufacturer")
        assert (await put(browser, lcd1602=True)).json == {"restart": True}
        assert (await put(browser, lcd1602=True)).json == {"restart": False}  # it was so before

    play(story)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({OUTPUT: 5.9}, ("Output Current Limit", "5.9", "6 to 80")),
        ({OUTPUT: "a lot"}, ("Output Current Limit", "a lot", "number")),
        ({OUTPUT: None}, ("single value",)),
        ({OUTPUT: {"a": 1}}, ("single value",)),
        ({"max_output_current": 10}, ("32",)),
        ({"stop_mode": "never"}, ("never", "IC Card")),
        ({"heartbeat_interval": 9}, ("9", "0 or 10 to 86400")),
        ({"dhcp": "Static", "gateway": ""}, ("needed",)),
        ({"restart": 1}, ("no setting",)),
        ({"nonsense": 1}, ("no setting",)),
        ({"user_password": "short"}, ("User password", "8 to 64")),
        ({"user_password": ["a" * 8]}, ("User password", "single value")),
        ({"user_password": 12345678}, ("User password", "not a text")),
    ],
)
def test_a_wrong_value_is_refused_at_its_key_and_nothing_is_changed(change, parts):
    async def story(browser, services):
        await browser.login("manufacturer")
        before = dict(services.settings.stored)
        response = await put(browser, temperature_2=95, **change)
        assert response.status_code == 422
        [(key, text)] = response.json["errors"].items()
        assert key in change
        for part in parts:
            assert part in text
        assert services.settings.stored == before

    play(story)


def test_what_the_role_may_not_write_is_named_and_nothing_is_changed():
    async def story(browser, services):
        await browser.login("user")
        response = await put(browser, output_current_limit=16, stop_limit=110, vendor="mine")
        assert response.status_code == 403
        assert set(response.json["errors"]) == {"stop_limit", "vendor"}
        assert services.settings.get(OUTPUT) == 32

    play(story)


@pytest.mark.parametrize("text", ['{"user_password":"geheim geheim"', "[]", "", "nul"])
def test_what_is_no_json_object_is_refused(text):
    async def story(browser, services):
        await browser.login()
        headers = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/json"}
        response = await browser.put("/api/settings", headers=headers, body=text)
        assert response.status_code == 400
        assert "JSON object" in response.json["error"]

    play(story)


def test_a_body_too_large_is_refused():
    async def story(browser, services):
        await browser.login()
        assert (await put(browser, office_address="x" * 2048)).status_code == 413

    play(story)


def test_a_full_flash_is_said_and_changes_nothing(monkeypatch):
    async def story(browser, services):
        await browser.login()
        full = OSError(28, "no space")
        monkeypatch.setattr("os.rename", lambda old, new: (_ for _ in ()).throw(full))
        response = await put(browser, output_current_limit=16)
        assert response.status_code == 500
        assert "stored" in response.json["error"]
        assert services.settings.get(OUTPUT) == 32

    play(story)


def test_a_new_password_is_stored_stretched_and_ends_the_roles_other_sessions():
    async def story(browser, services):
        other, user = Browser(browser.app), Browser(browser.app)
        await browser.login("operator")
        await other.login("operator")
        await user.login("user")
        response = await put(browser, operator_password="correct horse")
        assert response.status_code == 200
        stored = services.settings.stored["operator_password"]
        assert stored.startswith("$pbkdf2-sha256$")
        assert "correct horse" not in open(services.settings._path).read()
        assert (await browser.get("/api/state")).status_code == 200
        assert (await other.get("/api/state")).status_code == 401
        assert (await user.get("/api/state")).status_code == 200
        assert (await other.login("operator")).status_code == 401
        assert (await other.login("operator", "correct horse")).status_code == 204

    play(story)


@pytest.mark.parametrize(("role", "factory"), [("manufacturer", "40000003"), ("user", "88888888")])
def test_the_factory_password_is_refused_as_a_new_one(role, factory):
    async def story(browser, services):
        await browser.login("manufacturer")
        response = await put(browser, **{role + "_password": factory})
        assert response.status_code == 422
        assert "factory" in response.json["errors"][role + "_password"]
        assert role + "_password" not in services.settings.stored

    play(story)


def test_a_stored_form_given_as_a_password_is_a_text_like_any_other():
    async def story(browser, services):
        await browser.login("operator")
        text = "$pbkdf2-sha256$1$AAAA$AAAA"
        assert (await put(browser, operator_password=text)).status_code == 200
        assert services.settings.stored["operator_password"] != text
        assert (await browser.login("operator", text)).status_code == 204

    play(story)


def test_with_a_factory_password_only_the_roles_own_password_can_be_set():
    async def story(browser, services):
        await browser.login("operator")
        for changes in ({OUTPUT: 16}, {"user_password": "correct horse"}, {}):
            response = await put(browser, **changes)
            assert response.status_code == 403
            assert response.json["password_is_factory"] is True
        both = {"operator_password": "correct horse", OUTPUT: 16}
        assert (await put(browser, **both)).status_code == 403
        assert services.settings.get(OUTPUT) == 32
        assert (await put(browser, operator_password="correct horse")).status_code == 200
        assert (await put(browser, **{OUTPUT: 16})).status_code == 200
        assert (await browser.get("/api/settings")).status_code == 200

    play(story, make_services(config={}))


def test_the_rows_come_in_small_pieces_over_a_socket():
    async def story(site):
        status, headers, body = await site.get("/api/settings", await site.cookie())
        assert (status, headers["content-type"]) == (200, "application/json")
        assert len(json.loads(body)["settings"]) > 100

    visit(story)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "#",
        "# key",
        "dhcp\tDHCP",
        "dhcp\tDHCP\tNETWORK",
        "\n",
        "dhcp\n",
        "dhcp ",
        "DHCP",
        "é",
        "a" * 500,
    ],
)
def test_a_key_that_is_none_is_said_to_be_no_setting(key):
    async def story(browser, services):
        await browser.login("manufacturer")
        response = await put(browser, **{key: 1})
        assert (response.status_code, response.json) == (422, {"errors": {key: "is no setting"}})
        with pytest.raises(KeyError):
            setting_default.of(key)

    play(story)
