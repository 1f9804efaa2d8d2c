"""The line to the back office: how it is opened, watched, given up and opened again."""

import asyncio
from base64 import b64encode

import pytest
import tls
import virtual_time
from core import loading
from ocpp16 import access, line
from ocpp_rig import IDENTITY, Rig
from sim.certificates import Holder
from tls_rig import SERIAL, back_office, charge_point, root
from websocket_client import client
from websocket_client.frames import WebSocketError

KEY = "0123456789ABCDEF0123456789abcdef"


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


@pytest.fixture
def pings(monkeypatch):
    """The times at which the charge point pings, in seconds."""
    times = []
    ping = client.WebSocket.ping

    async def noted(self):
        times.append(virtual_time.clock.now_us / 1e6)
        await ping(self)

    monkeypatch.setattr(client.WebSocket, "ping", noted)
    return times


def fall_silent(rig) -> None:
    """As when a router forgets a connection."""
    _, request, answering = rig.csms._peers[IDENTITY]
    answering._autoping = False
    request.transport.pause_reading()


def now_s() -> float:
    return virtual_time.clock.now_us / 1e6


# --- signs of life


def test_pings_go_out_at_the_interval_whatever_else_is_said(tmp_path, pings):
    rig = Rig(tmp_path, websocket_ping_interval=20, heartbeat_interval=15)
    rig.csms.heartbeat_s = 15

    async def story(rig):
        await rig.online()
        await asyncio.sleep(200)
        assert len(pings) in (9, 10)
        gaps = [after - before for before, after in zip(pings, pings[1:], strict=False)]
        assert all(19.9 <= gap <= 21 for gap in gaps)
        changed = await rig.call("ChangeConfiguration", key="WebSocketPingInterval", value="0")
        assert changed == {"result": {"status": "Accepted"}}
        pings.clear()
        await asyncio.sleep(200)
        assert pings == [], "heartbeats are signs of life enough"

    rig.play(story)


def test_a_ping_without_a_pong_ends_the_line(tmp_path):
    rig = Rig(tmp_path, websocket_ping_interval=30)

    async def story(rig):
        await rig.online()
        fall_silent(rig)
        await asyncio.sleep(15)
        assert rig.point.state == "Connected"
        silent_s = now_s()
        await rig.until(lambda: not rig.point.online, 40)
        assert now_s() - silent_s < 36
        await rig.online()

    rig.play(story)


def test_without_pings_a_silent_line_is_probed_and_given_up_after_five_minutes(tmp_path, pings):
    rig = Rig(tmp_path, websocket_ping_interval=0)
    rig.csms.heartbeat_s = 900  # an unanswered heartbeat would tell sooner

    async def story(rig):
        await rig.online()
        fall_silent(rig)
        silent_s = now_s()
        await asyncio.sleep(85)
        assert pings == []
        await asyncio.sleep(10)
        assert len(pings) == 1, "the probe"
        await asyncio.sleep(20)
        assert rig.point.state == "Connecting: the line is silent"
        await rig.until(lambda: not rig.point.online, 200)
        assert 299 < now_s() - silent_s < 302
        assert len(pings) == 1
        await rig.online()
        assert rig.point.state == "Connected"

    rig.play(story)


def test_a_silent_line_that_is_heard_again_stays(tmp_path, pings):
    rig = Rig(tmp_path, websocket_ping_interval=0)

    async def story(rig):
        await rig.online()
        socket = rig.point.line._socket
        fall_silent(rig)
        await asyncio.sleep(150)
        assert rig.point.state == "Connecting: the line is silent"
        await rig.csms._peers[IDENTITY][2].ping()
        await asyncio.sleep(1)
        assert rig.point.state == "Connected"
        assert rig.point.line._socket is socket

    rig.play(story)


# --- connecting again


def test_it_connects_again_for_ever_at_random_and_at_least_each_minute(rig, monkeypatch):
    tried = []

    async def refuse(*arguments):
        tried.append(now_s())
        raise OSError("nobody there")

    async def story(rig):
        await rig.online()
        with monkeypatch.context() as patch:
            patch.setattr(line, "connect", refuse)
            await rig.csms.stop()
            await asyncio.sleep(120)
        assert rig.point.state == "Not connected: nobody there"
        gaps = [after - before for before, after in zip(tried, tried[1:], strict=False)]
        assert max(gaps) < 2.3, "the longest wait of this rig is two seconds"
        assert min(gaps) >= 0.2
        late = gaps[10:]
        assert max(late) - min(late) > 0.5, "no two chargers in step"
        await rig.csms.start()
        await rig.online()

    rig.play(story)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (WebSocketError("redirects are not followed: set the final address"), "redirects are"),
        (WebSocketError("HTTP 401: user or password refused", 401), "HTTP 401: user or"),
        (ValueError("address has no valid host"), "address has no valid host"),
        (MemoryError("memory allocation failed"), "memory allocation failed"),
        (asyncio.TimeoutError(), "no answer in time"),
    ],
)
def test_why_it_does_not_connect_is_said(rig, monkeypatch, error, said):
    async def refuse(*arguments):
        raise error

    async def story(rig):
        monkeypatch.setattr(line, "connect", refuse)
        await asyncio.sleep(3)
        assert rig.point.state.startswith("Not connected: " + said)

    rig.play(story)


# --- security profiles


def authorization(rig) -> str:
    return rig.record.authorization


def basic(user: str, password: bytes) -> str:
    return "Basic " + b64encode(user.encode() + b":" + password).decode()


def install(rig, *, roots=(), pair=None) -> None:
    """Put certificates onto the flash, as ocpp16.certificate_store keeps them."""
    certs = rig.path / "certs"
    certs.mkdir(exist_ok=True)
    for number, holder in enumerate(roots, 1):
        (certs / f"cs{number}").write_bytes(holder.der())
    if pair:
        (certs / "key1").write_bytes(pair.private())
        (certs / "chain1_0").write_bytes(pair.chain())


def test_a_password_from_the_page_goes_as_text_and_a_key_as_its_bytes(tmp_path):
    rig = Rig(tmp_path, basic_auth_password="pass:word")

    async def story(rig):
        await rig.online()
        assert authorization(rig) == basic(IDENTITY, b"pass:word")
        changed = await rig.call("ChangeConfiguration", key="AuthorizationKey", value=KEY)
        assert changed == {"result": {"status": "Accepted"}}, "before the line is renewed"
        await rig.until(lambda: authorization(rig) == basic(IDENTITY, bytes.fromhex(KEY)))
        await rig.online()

    rig.play(story)


def test_profiles_one_and_two_do_not_connect_without_a_password(tmp_path):
    rig = Rig(tmp_path, security_profile=1)

    async def story(rig):
        await asyncio.sleep(3)
        assert rig.point.state == "Not connected: security profile 1 needs a password"
        rig.settings.change({"basic_auth_password": "0123456789abcdef"})
        await rig.online()

    rig.play(story)


def test_a_profile_with_tls_turns_the_address_into_one_and_falls_back_when_it_fails(tmp_path):
    """TC_083 in the small: the back office raises the profile, and is not ready for it."""
    rig = Rig(tmp_path, security_profile=1, basic_auth_password="0123456789abcdef")
    install(rig, roots=[root()])

    async def story(rig):
        await rig.online()
        changed = await rig.call("ChangeConfiguration", key="SecurityProfile", value="2")
        assert changed == {"result": {"status": "Accepted"}}
        await rig.until(lambda: "TLS" in rig.point.state)
        await rig.until(lambda: rig.settings.get("security_profile") == 1, 60)
        await rig.online()
        await rig.call("ChangeConfiguration", key="SecurityProfile", value="2")
        await rig.csms.stop()
        rig.csms.tls = back_office().server_context()
        await rig.csms.start()
        await rig.online()
        assert rig.settings.get("security_profile") == 2
        assert authorization(rig) == basic(IDENTITY, b"0123456789abcdef")
        await rig.csms.stop()
        await asyncio.sleep(60)
        assert rig.settings.get("security_profile") == 2, "it has passed its trial"

    rig.play(story)


def test_a_trial_goes_on_after_a_power_cut(tmp_path):
    rig = Rig(tmp_path)
    access.try_profile(str(tmp_path), 0)
    rig.settings.change({"security_profile": 3})
    install(rig, roots=[root()], pair=charge_point())

    async def story(rig):
        await rig.until(lambda: rig.settings.get("security_profile") == 0)
        await rig.online()

    rig.play(story)


@pytest.mark.parametrize("content", ["2", "{", '"x"', ""])
def test_a_trial_that_is_over_or_damaged_changes_nothing(tmp_path, content):
    rig = Rig(tmp_path, security_profile=1)
    (tmp_path / "profile_before").write_text(content)

    async def story(rig):
        await rig.until(lambda: not (tmp_path / "profile_before").exists())
        assert rig.settings.get("security_profile") == 1

    rig.play(story)


def test_without_tls_nothing_of_it_is_loaded(rig, monkeypatch):
    loaded = []
    load = loading.load

    def noted(name):
        loaded.append(name)
        return load(name)

    async def story(rig):
        monkeypatch.setattr(loading, "load", noted)
        await rig.online()
        assert "websocket_client.handshake" in loaded
        assert not [name for name in loaded if "secure" in name]

    rig.play(story)


def test_profile_three_shows_a_certificate_and_no_password(tmp_path):
    rig = Rig(tmp_path, security_profile=3, basic_auth_password="0123456789abcdef")
    rig.csms.tls = back_office().server_context(believes=root())

    async def story(rig):
        await asyncio.sleep(3)
        assert "root certificate" in rig.point.state
        install(rig, roots=[root()])
        await rig.until(lambda: "certificate of the charge point" in rig.point.state)
        install(rig, pair=charge_point())
        await rig.online()
        assert authorization(rig) == ""
        assert rig.record.certificate["subject"] == ((("commonName", SERIAL),),)

    rig.play(story)


def test_a_chip_that_does_not_know_the_time_takes_it_from_the_certificate(tmp_path, monkeypatch):
    """Else the certificates of today would lie in its future, and nobody could ever tell it the time."""
    rig = Rig(tmp_path)
    server = Holder("localhost", root(), days=(-30, 30))
    rig.csms.tls = server.server_context()
    install(rig, roots=[root()])
    monkeypatch.setattr(tls, "board_s", 946_684_800)  # 2000-01-01: power has just come

    async def story(rig):
        rig.point.on_time = lambda unix_s: monkeypatch.setattr(tls, "board_s", unix_s)
        await rig.until(lambda: "in the future" in rig.point.state)
        await rig.online()
        rig.csms.cut(IDENTITY)
        await rig.until(lambda: not rig.point.online)
        await rig.online()
        assert abs(tls.board_s - rig.csms.now_s()) < 60, "the back office's time"

    rig.play(story)
