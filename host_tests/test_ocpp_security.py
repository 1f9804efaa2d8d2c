"""Keys of the security whitepaper, ExtendedTriggerMessage and security events, in virtual time."""

import asyncio

import pytest
from authority import Authority, der, pem
from core import clock, loading
from ocpp16 import certificate_requests
from ocpp16.rpc import CallError
from ocpp_rig import IDENTITY, CardboardCharger, Rig

certificate_store = certificate_requests.store  # which gives its place in sys.modules up
ROOT = Authority("Root")
KEY = "4F43415F4F435454" * 2  # 16 bytes


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


async def change(rig, key, value):
    answer = await rig.call("ChangeConfiguration", key=key, value=value)
    return answer["result"]["status"]


def events(rig):
    return [payload["type"] for payload in rig.record.received("SecurityEventNotification")]


def security_log(rig):
    """The lines of the security log, without their numbers and times."""
    lines = (rig.path / "security.log").read_text().splitlines()
    return [line.split(" ", 2)[2] for line in lines]


# --- AuthorizationKey, SecurityProfile, CpoName


@pytest.mark.parametrize("key", [KEY, KEY.lower(), "00" * 20])
def test_an_authorization_key_is_the_password_of_the_next_line(rig, key):
    async def story(rig):
        await rig.online()
        boots = rig.record.boots
        assert await change(rig, "AuthorizationKey", key) == "Accepted"
        await rig.until(lambda: rig.record.boots > boots)
        assert loading.once("ocpp16.security", "password", rig.settings) == bytes.fromhex(key)
        shown = await rig.call("GetConfiguration", key=["AuthorizationKey"])
        assert shown["result"].get("configurationKey", []) == []
        assert "ReconfigurationOfSecurityParameters: basic_auth_password" in security_log(rig)
        assert key not in (rig.path / "security.log").read_text()

    rig.play(story)


@pytest.mark.parametrize(
    "key", ["", "00" * 15, "00" * 21, "0" * 33, "g0" * 16, "a password of twenty"]
)
def test_what_is_no_key_of_16_to_20_bytes_is_rejected(rig, key):
    rig.settings.change({"basic_auth_password": "the old one"})

    async def story(rig):
        await rig.online()
        assert await change(rig, "AuthorizationKey", key) == "Rejected"
        assert loading.once("ocpp16.security", "password", rig.settings) == b"the old one"

    rig.play(story)


def test_a_profile_needs_what_it_uses_and_is_only_raised(rig):
    async def story(rig):
        await rig.online()
        for profile in ("1", "2", "3", "0", "-1", "4", "x"):
            assert await change(rig, "SecurityProfile", profile) == "Rejected"
        assert await change(rig, "AuthorizationKey", KEY) == "Accepted"
        await asyncio.sleep(10)
        await rig.online()
        for profile in ("2", "3", "0"):
            assert await change(rig, "SecurityProfile", profile) == "Rejected"
        boots = rig.record.boots
        assert await change(rig, "SecurityProfile", "1") == "Accepted"
        await rig.until(lambda: rig.record.boots > boots)
        for profile in ("0", "1"):
            assert await change(rig, "SecurityProfile", profile) == "Rejected"
        shown = await rig.call("GetConfiguration", key=["SecurityProfile"])
        [entry] = shown["result"]["configurationKey"]
        assert entry == {"key": "SecurityProfile", "readonly": False, "value": "1"}

    rig.play(story)


@pytest.mark.parametrize("profile", ["2", "3"])
def test_a_profile_that_does_not_connect_gives_way_to_the_former(rig, profile):
    """A05.FR.08: the back office of this rig speaks no TLS."""
    path = str(rig.path)
    certificate_store.add_root("cs", der(ROOT.certificate), path)
    certificate_store.add_key(b"key", path)
    certificate_store.add_chain(1, pem(ROOT.certificate), 0, path)

    async def story(rig):
        rig.settings.change({"basic_auth_password": "sixteen-letters-"})
        await rig.online()
        assert await change(rig, "SecurityProfile", profile) == "Accepted"
        await rig.until(lambda: rig.settings.get("security_profile") == 0, 600)
        await rig.online()
        assert "ReconfigurationOfSecurityParameters: security_profile" in security_log(rig)

    rig.play(story)


def test_the_operators_name_is_kept(rig):
    async def story(rig):
        await rig.online()
        assert await change(rig, "CpoName", "Lade AG") == "Accepted"
        assert rig.settings.get("cpo_name") == "Lade AG"
        assert await change(rig, "CpoName", "x" * 65) == "Rejected"

    rig.play(story)


# --- ExtendedTriggerMessage


@pytest.mark.parametrize(
    ("message", "status", "action"),
    [
        ("BootNotification", "Accepted", "BootNotification"),
        ("Heartbeat", "Accepted", "Heartbeat"),
        ("StatusNotification", "Accepted", "StatusNotification"),
        ("LogStatusNotification", "Accepted", "LogStatusNotification"),
        ("SignChargePointCertificate", "Accepted", "SignCertificate"),
        ("FirmwareStatusNotification", "NotImplemented", ""),
    ],
)
def test_messages_come_when_they_are_asked_for(rig, message, status, action):
    async def story(rig):
        await rig.online()
        rig.record.messages.clear()
        answer = await rig.call("ExtendedTriggerMessage", requestedMessage=message)
        assert answer == {"result": {"status": status}}
        if action:
            await rig.until(lambda: rig.record.received(action))

    rig.play(story)


def test_a_connector_that_is_not_there_is_rejected(rig):
    async def story(rig):
        await rig.online()
        trigger = {"requestedMessage": "StatusNotification", "connectorId": 2}
        answer = await rig.call("ExtendedTriggerMessage", **trigger)
        assert answer == {"result": {"status": "Rejected"}}

    rig.play(story)


# --- events


def test_the_start_is_told_with_its_time_once_that_is_known(rig):
    async def story(rig):
        start_s = rig.csms.now_s()
        rig.point.security_event("StartupOfTheDevice", "power on")
        await asyncio.sleep(30)
        await rig.online()
        told = rig.record.received("SecurityEventNotification")
        assert [(p["type"], p.get("techInfo")) for p in told] == [
            ("StartupOfTheDevice", "power on"),
            ("SettingSystemTime", "was not known"),
        ]
        assert abs(clock.parse_iso8601(told[0]["timestamp"]) - start_s) <= 2

    rig.play(story)


def test_events_wait_for_the_line_over_a_power_cut_and_come_once(rig):
    async def story(rig):
        await rig.online()
        await rig.csms.stop()
        rig.point.security_event("MemoryExhaustion")
        rig.point.security_event("TamperDetectionActivated", "lid")
        rig.power_cut(CardboardCharger())
        rig.switch_on()
        rig.point.security_event("StartupOfTheDevice")
        await rig.csms.start()
        await rig.online()
        assert events(rig) == [
            "SettingSystemTime",
            "MemoryExhaustion",
            "TamperDetectionActivated",
            "StartupOfTheDevice",
            "SettingSystemTime",
        ]

    rig.play(story)


def test_an_event_that_is_not_answered_comes_again(rig):
    async def story(rig):
        rig.settings.change({"pdu_timeout": 5})
        await rig.online()
        rig.csms.ignored_actions.add("SecurityEventNotification")
        rig.point.security_event("MemoryExhaustion")
        await asyncio.sleep(30)
        rig.csms.ignored_actions.clear()
        await rig.until(lambda: events(rig).count("MemoryExhaustion") == 2, 700)
        assert rig.point.online
        await asyncio.sleep(700)
        assert events(rig).count("MemoryExhaustion") == 2

    rig.play(story)


@pytest.mark.parametrize(("code", "times"), [("InternalError", 2), ("NotSupported", 1)])
def test_a_refusal_that_may_pass_has_the_event_sent_again(rig, monkeypatch, code, times):
    async def story(rig):
        await rig.online()
        asked, call = [], rig.point.call

        async def refuse(action, payload):
            if action != "SecurityEventNotification":
                return await call(action, payload)
            asked.append(payload["type"])
            raise CallError(code)

        rig.point.security_event("MemoryExhaustion")
        with monkeypatch.context() as patch:
            patch.setattr(rig.point, "call", refuse)
            await asyncio.sleep(900)
        assert asked == ["MemoryExhaustion"] * times

    rig.play(story)


def test_what_is_not_critical_is_only_logged_and_not_again_and_again(rig):
    async def story(rig):
        await rig.online()
        line = rig.csms._peers[IDENTITY][0]
        for _ in range(20):
            await line._send("rubbish")
            await asyncio.sleep(1)
        await asyncio.sleep(60)
        assert security_log(rig).count("InvalidMessages: not a JSON array") == 1
        assert "InvalidMessages" not in events(rig)
        assert rig.point.online

    rig.play(story)


def test_the_log_rolls_and_the_newest_events_are_kept(rig):
    more = "number %d" + "x" * 100

    async def story(rig):
        await rig.csms.stop()
        for number in range(90):
            rig.point.security_event("ResetOrReboot", more % number)
        sizes = [path.stat().st_size for path in rig.path.glob("security.*")]
        assert len(sizes) == 2 and max(sizes) <= 4096
        await rig.csms.start()
        await rig.online()
        await rig.until(lambda: events(rig)[-1:] == ["SettingSystemTime"], 100)
        told = [p.get("techInfo") for p in rig.record.received("SecurityEventNotification")]
        kept = len(told) - 1
        assert kept > 30
        assert told[:-1] == [more % number for number in range(90 - kept, 90)]

    rig.play(story)


@pytest.mark.parametrize("left", [1, 10, 25])
def test_a_line_that_was_cut_short_costs_itself_only(rig, left):
    async def story(rig):
        await rig.csms.stop()
        for number in range(3):
            rig.point.security_event("MemoryExhaustion", "number %d" % number)
        log = rig.path / "security.log"
        whole = log.read_bytes()
        log.write_bytes(whole[: whole.rstrip(b"\n").rfind(b"\n") + 1 + left])
        rig.point.security_event("TamperDetectionActivated")
        await rig.csms.start()
        await rig.online()
        told = [p.get("techInfo") for p in rig.record.received("SecurityEventNotification")]
        assert told == ["number 0", "number 1", None, "was not known"]

    rig.play(story)


def test_an_event_that_there_is_no_memory_for_is_noted_a_little_later(rig, monkeypatch):
    async def story(rig):
        await rig.online()
        real, failures = loading.once, [MemoryError("no room")]

        def once(name, function, *arguments):
            if function == "note" and failures:
                raise failures.pop()
            return real(name, function, *arguments)

        monkeypatch.setattr(loading, "once", once)
        rig.point.security_event("TamperDetectionActivated", "lid")
        await rig.until(lambda: "TamperDetectionActivated" in events(rig))

    rig.play(story)


def test_strange_characters_of_a_peer_do_not_get_into_the_log(rig):
    rig.point.security_event("InvalidMessages", "one\ntwo \x00 ä €" + "x" * 300)
    [line] = (rig.path / "security.log").read_text().splitlines()
    assert "one two      xxx" in line and len(line) < 320
