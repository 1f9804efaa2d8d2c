"""The configuration as a file: out of one station and into another, whole or not at all."""

import json
import re

import pytest
from auth import whitelist
from core.setting_types import declarations
from data_rig import use_directory
from export_rig import PASSWORD, export, file_with, give
from web_rig import make_services, play

MOVED = {
    "ssid": "home",
    "ssid_password": 'x"y\\z ü12345678',
    "basic_auth_password": "0ff1ce",
    "output_current_limit": 13.5,
    "lcd1602": True,
    "user_password": "new password",
}


@pytest.fixture
def services(tmp_path, monkeypatch):
    """A station that is set up, in a directory of its own."""
    use_directory(monkeypatch, tmp_path)
    return make_services()


def test_a_file_that_people_can_read_holds_every_setting_that_the_role_sees(services):
    async def story(browser, services):
        services.settings.change({"ssid": 'Näh "er"', "ssid_password": "very secret"})
        for role in ("manufacturer", "operator", "user"):
            await browser.login(role)
            text = await export(browser)
            found = json.loads(text)
            assert (found["format"], found["version"], found["firmware"]) == (
                "mpevse configuration",
                1,
                "0.1.0",
            )
            seen = [
                row.key
                for row in declarations()
                if row.has_value and not row.is_secret and row.may_read(role)
            ]
            assert list(found["settings"]) == seen
            assert found["settings"]["ssid"] == 'Näh "er"'
            assert "secret" not in text and "secrets" not in found and "whitelist" not in found
            assert max(len(line) for line in text.split("\n")) < 160

    play(story, services)


def test_what_was_exported_changes_nothing_where_it_came_from(services):
    async def story(browser, services):
        services.settings.change({"output_current_limit": 16, "ssid": "x"})
        for role in ("manufacturer", "operator", "user"):
            await browser.login(role)
            status, answer = await give(browser, await export(browser))
            assert status == 200, answer
            assert (answer["changes"], answer["applied"]) == ([], False)

    play(story, services)


def test_a_whole_configuration_moves_to_another_station(services, tmp_path, monkeypatch):
    tags = sorted("TAG%04d" % number for number in range(120))
    files = {}

    async def first(browser, services):
        services.settings.change(MOVED)
        for tag in tags:
            whitelist.insert(tag)
        await browser.login("manufacturer")
        files["text"] = await export(browser, "?secrets=1&whitelist=1", PASSWORD)
        files["stored"] = dict(services.settings.stored)

    play(first, services)
    for secret in ("0ff1ce", "12345678", "pbkdf2", "new password"):
        assert secret not in files["text"]

    async def second(browser, services):
        whitelist.insert("OTHER")
        await browser.login("manufacturer")
        status, told = await give(browser, files["text"], headers=PASSWORD)
        assert status == 200, told
        assert (told["applied"], told["whitelist"], told["restart"]) == (False, 120, True)
        rows = {row["key"]: row for row in told["changes"]}
        assert set(rows) == set(files["stored"]) - {"backend_chargepoint_id"}
        assert (rows["ssid"]["old"], rows["ssid"]["new"]) == ("", "home")
        assert (rows["ssid_password"]["old"], rows["ssid_password"]["new"]) == (None, None)
        assert services.settings.get("ssid") == ""  # only told so far
        assert whitelist.count() == 1
        status, told = await give(browser, files["text"], True, PASSWORD)
        assert (status, told["applied"]) == (200, True)
        assert services.settings.stored == files["stored"]
        assert sorted(whitelist.page(0, 1000)) == tags

    (tmp_path / "other").mkdir()
    use_directory(monkeypatch, tmp_path / "other")
    play(second, make_services())


def test_secrets_without_their_password_stay_out_and_are_told(services):
    async def story(browser, services):
        services.settings.change({"ssid_password": "very secret"})
        await browser.login("manufacturer")
        text = await export(browser, "?secrets=1", PASSWORD)
        services.settings.change({"ssid_password": "another one"})
        status, answer = await give(browser, text, True)
        assert (status, answer["changes"], answer["ignored"]) == (200, [], ["secrets"])
        assert services.settings.get("ssid_password") == "another one"

    play(story, services)


def test_a_wrong_password_or_damage_is_told_and_changes_nothing(services):
    async def story(browser, services):
        services.settings.change({"ssid_password": "very secret"})
        await browser.login("manufacturer")
        text = await export(browser, "?secrets=1", PASSWORD)
        services.settings.change({"ssid_password": "another one"})
        wrong = {"X-Export-Password": "another password"}
        status, answer = await give(browser, text, True, wrong)
        assert (status, "the password is not that of the file" in answer["error"]) == (422, True)
        sealed = json.loads(text)
        for name, value in (
            ("iv", "0" * 32),
            ("salt", "1" * 32),
            ("sum", "0" * 64),
            ("rounds", 20),
            ("rounds", 10**9),
            ("rounds", 5001),
            ("rounds", "1500"),
            ("salt", "xyz"),
            ("salt", None),
            ("iv", "g" * 32),
            ("data", []),
            ("data", ["0" * 128] * 70),
            ("data", ["0" * 31]),
            ("data", [5]),
            ("data", "x"),
        ):
            damaged = {**sealed, "secrets": {**sealed["secrets"], name: value}}
            status, answer = await give(browser, json.dumps(damaged), True, PASSWORD)
            assert (status, "secrets" in answer["error"]) == (422, True), (name, answer)
        assert services.settings.get("ssid_password") == "another one"

    play(story, services)


def test_secrets_need_a_password_and_only_those_go_out_that_the_role_may_set(services):
    async def story(browser, services):
        services.settings.change(
            {
                "ssid_password": "very secret",
                "basic_auth_password": "office",
                "operator_password": "own password",
            }
        )
        await browser.login("user")
        for headers in ({}, {"X-Export-Password": "short"}, {"X-Export-Password": "x" * 65}):
            answer = await browser.get("/api/export?secrets=1", headers)
            assert (answer.status_code, list(answer.json["errors"])) == (
                422,
                ["X-Export-Password"],
            )
        text = await export(browser, "?secrets=1", PASSWORD)
        services.settings.reset()
        await browser.login("manufacturer")
        _, answer = await give(browser, text, False, PASSWORD)
        changed = [
            row["key"] for row in answer["changes"] if row["key"] != "backend_chargepoint_id"
        ]
        assert changed == ["ssid_password"]

    play(story, services)


def test_rights_hold_for_every_key(services):
    async def story(browser, services):
        stored = dict(services.settings.stored)
        for role in ("manufacturer", "operator", "user"):
            await browser.login(role)
            for row in declarations():
                if not row.has_value or row.type not in ("int", "bool", "str"):
                    continue
                numbers = (
                    [int(n) for n in re.findall(r"-?\d+", row.range)] if row.type == "int" else []
                )
                value = services.settings.stored.get(row.key, row.default)
                other = {
                    "int": next((n for n in numbers if str(n) != value), 0),
                    "bool": "0" if value == "1" else "1",
                    "str": "xyzxyzxy",
                }[row.type]
                status, answer = await give(browser, file_with(**{row.key: other}))
                if row.may_write(role):
                    assert status == 200 or answer["errors"][row.key] != "not for this login"
                else:
                    assert (status, answer) == (403, {"errors": {row.key: "not for this login"}})
        assert services.settings.stored == stored

    play(story, services)


def test_all_or_nothing_with_an_error_for_each_key(services):
    async def story(browser, services):
        await browser.login("operator")
        text = file_with(
            output_current_limit=10,
            pdu_timeout=1000,
            nonsense=1,
            restart=True,
            lcd1602=True,
            ssid=None,
            backend_url="http://example.org",
            user_password="in the open",
        )
        for apply in (False, True):
            status, answer = await give(browser, text, apply)
            assert status == 422
            assert sorted(answer["errors"]) == [
                "backend_url",
                "lcd1602",
                "nonsense",
                "pdu_timeout",
                "restart",
                "ssid",
                "user_password",
            ]
        assert "1000" in answer["errors"]["pdu_timeout"]
        assert "open" not in answer["errors"]["user_password"]
        assert services.settings.get("output_current_limit") == 32

    play(story, services)
