"""The configuration as a file: out of one station and into another, whole or not at all."""

import json
import re

import pytest
from auth import whitelist
from core.setting_types import declarations
from data_rig import use_directory
from web_rig import make_services, play

PASSWORD = {"X-Export-Password": "a file's password"}
ETEK = (  # as ETEK's manual prints it, with the bracket that its page cuts off
    '[{"_b_RJ45": "1"}, {"_b_Wifi": "0"}, {"_b_4G": "1"}, {"_b_DBCP": "1"},\n'
    '{"_setIP": "192.168.7.100"}, {"_setMask": "255.255.255.0"}, {"_setGateway": "192.168.7.1"},\n'
    '{"_setDNS": ""}, {"_ssid": "ETEC8888"}, {"_app": "\\3getv"}, {"_b_RewritePublic": "1"},\n'
    '{"_b_Slave": "0"}, {"_b_Slave Number": "4"}, {"_setLineNum": "3"},\n'
    '{"_maxlb": "40"}, {"_maxl": "32"}, {"_UnlockConnectorOnEVSIdDisconnect": "0"}]'
)


@pytest.fixture
def services(tmp_path, monkeypatch):
    """A station that is set up, in a directory of its own."""
    use_directory(monkeypatch, tmp_path)
    return make_services()


async def export(browser, query="", headers=None) -> str:
    answer = await browser.get("/api/export" + query, headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def give(browser, text, apply=False, headers=None):
    """Import a file; (status, answer)."""
    path = "/api/import?apply=1" if apply else "/api/import"
    headers = {"X-CSRF-Token": browser.csrf, **(headers or {})}
    answer = await browser.post(path, headers, body=text)
    return answer.status_code, json.loads(answer.text)


def file_with(**settings) -> str:
    return json.dumps({"format": "mpevse configuration", "version": 1, "settings": settings})


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
        services.settings.change(
            {
                "ssid": "home",
                "ssid_password": 'x"y\\z ü12345678',
                "basic_auth_password": "0ff1ce",
                "output_current_limit": 13.5,
                "lcd1602": True,
                "user_password": "new password",
            }
        )
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
        assert (status, told["applied"], told["whitelist"], told["restart"]) == (
            200,
            False,
            120,
            True,
        )
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


def test_rules_across_settings_hold(services):
    async def story(browser, services):
        await browser.login("manufacturer")
        text = file_with(temperature_1=80, temperature_2=80)
        for apply in (False, True):
            status, answer = await give(browser, text, apply)
            assert (status, sorted(answer["errors"])) == (422, ["temperature_1", "temperature_2"])
        assert (await give(browser, file_with(temperature_1=60, temperature_2=80), True))[0] == 200

    play(story, services)


def test_etek_s_list_of_one_key_objects(services):
    async def story(browser, services):
        await browser.login("manufacturer")
        status, answer = await give(browser, ETEK, True)
        assert status == 200, answer
        assert {row["key"]: row["new"] for row in answer["changes"]} == {
            "wlan_enabled": False,
            "static_ip": "192.168.7.100",
            "gateway": "192.168.7.1",
            "ssid": "ETEC8888",
            "phases": "3P+N400V",
        }
        assert set(answer["ignored"]) == {
            "_b_DBCP",
            "_app",
            "_b_RewritePublic",
            "_b_Slave Number",
            "_maxlb",
            "_maxl",
            "_UnlockConnectorOnEVSIdDisconnect",
        }
        assert services.settings.get("phases") == "3P+N400V"
        status, answer = await give(browser, '[{"_b_Slave": "1"}]')
        assert answer["changes"][0]["new"] == "Slave"
        status, answer = await give(browser, '[{"_setLineNum": "2"}, {"ssid": "ours"}]')
        assert (status, list(answer["errors"])) == (422, ["phases"])

    play(story, services)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "too early"),
        ("{", "too early"),
        ("[]", "no configuration"),
        ("{}", "no configuration"),
        ("null", "too early"),
        ("5 ", "no JSON"),
        ('"x"', "no JSON"),
        (ETEK[:-1], "too early"),
        ('{"format": "other"}', "no configuration"),
        ('{"format": "mpevse configuration", "version": 2}', "reads version 1"),
        ('{"settings": {"ssid": "x"}}', "no configuration"),
        ('{"version": 1, "surprise": 1}', "has no surprise"),
        ('{"version": 1, "settings": []}{', "no JSON"),
        ('{"version": 1, "settings": {"ssid": "a", "ssid": "b"}}', "twice"),
        ('{"version": 1 "settings": {}}', "line 1"),
        ('{"version": 1,\n\n"settings": {"ssid" "x"}}', "line 3"),
        ('{"version": 1, "settings": {"ssid": tru}}', "no JSON"),
        ('{"version": 1, "settings": {"ssid": "' + "x" * 700 + '"}}', "longer than 600"),
        ('{"version": 1, "settings": {"ssid": ' + "1" * 700 + "}}", "longer than 600"),
        ("[" * 50, "too many levels"),
        ('{"a": ' * 50, "too many levels"),
        ('{"version": 1, "settings": {"ssid": "\\ud800"', "no JSON"),
        ('{"version": 1, "whitelist": ["A", 5]}', "5 is no tag"),
        ('{"version": 1, "whitelist": ["A", "' + "B" * 21 + '"]}', "whitelist, BBBB"),
        ("\x00\xff", "no JSON"),
    ],
)
def test_a_damaged_file_says_what_is_wrong_and_changes_nothing(services, text, told):
    async def story(browser, services):
        whitelist.insert("KEPT")
        await browser.login("manufacturer")
        before = dict(services.settings.stored)
        for apply in (False, True):
            data = text.encode("latin-1")
            status, answer = await give(browser, data, apply)
            if told == "no JSON" and status == 422 and "early" in answer["error"]:
                continue  # a torn end shows as such
            assert (status, told in answer["error"]) == (422, True), answer
        assert services.settings.stored == before
        assert whitelist.page(0, 10) == ["KEPT"]

    play(story, services)


def test_a_file_cut_anywhere_changes_nothing(services):
    async def story(browser, services):
        await browser.login("manufacturer")
        text = json.dumps(json.loads(file_with(ssid="x", output_current_limit=10)), indent=1)
        for length in range(len(text) - 1):
            status, answer = await give(browser, text[:length], True)
            assert (status, "error" in answer) == (422, True), text[:length]
        assert services.settings.get("ssid") == ""

    play(story, services)


def test_too_many_tags_settings_or_bytes_are_refused(services):
    async def story(browser, services):
        await browser.login("manufacturer")
        many = json.dumps(
            {"version": 1, "whitelist": ["%d" % n for n in range(10_000_000, 10_001_001)]}
        )
        for apply in (False, True):
            status, answer = await give(browser, many, apply)
            assert (status, "room for 1000" in answer["error"]) == (422, True)
        assert whitelist.count() == 0
        status, answer = await give(browser, file_with(**{"k%d" % n: n for n in range(301)}))
        assert (status, "300 settings" in answer["error"]) == (422, True)
        status, answer = await give(browser, file_with(**{"k%d" % n: n for n in range(200)}))
        assert (status, len(answer["errors"])) == (422, 30)
        assert (await give(browser, file_with(ssid="x") + " " * 33_000))[0] == 413

    play(story, services)


def test_a_forged_hash_is_no_password(services):
    """Given somebody who seals by himself: rounds without end would lock everybody out."""
    from web import sealing

    async def story(browser, services):
        await browser.login("manufacturer")
        stored = services.settings.stored.get("user_password")
        for value in (
            "plain text",
            "$pbkdf2-sha256$999999$%s$%s" % ("A" * 24, "A" * 44),
            "$pbkdf2-sha256$0$%s$%s" % ("A" * 24, "A" * 44),
            "$pbkdf2-sha256$300$x$y",
            5,
            None,
        ):
            sealed = await sealing.seal({"user_password": value}, PASSWORD["X-Export-Password"])
            text = json.dumps({"version": 1, "secrets": sealed})
            status, answer = await give(browser, text, True, PASSWORD)
            assert (status, list(answer["errors"])) == (422, ["user_password"]), answer
        assert services.settings.stored.get("user_password") == stored

    play(story, services)
