"""Files that come in: ETEK's form, damaged ones, forged ones, ones that are too large."""

import json

import pytest
from auth import whitelist
from data_rig import use_directory
from export_rig import PASSWORD, file_with, give
from web_rig import make_services, play

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
