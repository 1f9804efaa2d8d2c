"""An IP group: a Gateway and its Clients find each other, share the current, lose each other."""

import asyncio
import random

import pytest
from core import log
from dlm import ip_messages
from ip_group_rig import ClientStation, GatewayStation, IpGroupRig


@pytest.fixture
def lines(monkeypatch):
    """What the log tells."""
    heard = []
    monkeypatch.setattr(log, "_write", lambda severity, source, text: heard.append(text))
    return heard


def test_clients_find_their_gateway_and_share_the_current(tmp_path):
    rig = IpGroupRig(tmp_path)

    async def story(rig):
        await rig.joined()
        for station in rig.stations:
            station.charger.arrive()
        await rig.until(lambda: rig.signaled_a == [20, 20, 20])
        members = rig.gateway.group.members
        assert [member.serial for member in members] == ["SN002", "SN003", "SN004"]
        addresses = [rig.gateway.carrier.address_of(member) for member in members]
        assert addresses == ["", "127.0.0.3", "127.0.0.4"]
        assert rig.clients[0].carrier.address_of(None) == "127.0.0.2"
        rig.clients[1].charger.leave()
        await rig.until(lambda: rig.signaled_a == [30, 30, 0])

    rig.play(story)
    assert rig.most_drawn_ma <= 60000


def test_a_lost_gateway_leaves_the_clients_on_fallback_and_takes_them_back(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig):
        await rig.joined()
        rig.clients[0].charger.arrive()
        await rig.until(lambda: rig.signaled_a == [0, 32])
        rig.gateway.power_cut()
        await asyncio.sleep(25)
        assert rig.signaled_a == [0, 32]
        await asyncio.sleep(8)
        assert rig.signaled_a == [0, 10]
        assert rig.clients[0].carrier.state == "looking for the gateway"
        rig.gateway.switch_on()
        await rig.until(lambda: rig.signaled_a == [0, 32])

    rig.play(story)


def test_the_current_of_a_lost_client_is_spent_only_when_it_has_fallen_back(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2, llm_grid_current=40.0)

    async def story(rig):
        await rig.joined()
        for station in rig.stations:
            station.charger.arrive()
        await rig.until(lambda: rig.signaled_a == [20, 20])
        rig.clients[0].links.reach(False)
        await rig.until(lambda: rig.signaled_a == [30, 10])
        rig.clients[0].links.reach(True)
        await rig.until(lambda: rig.signaled_a == [20, 20])

    rig.play(story)
    assert rig.most_drawn_ma <= 40000


def test_another_groups_client_and_a_wrong_key_find_nobody(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1)
    stranger = ClientStation(rig, 8, llm_group_id="Road")
    thief = ClientStation(rig, 9, group_key="guessed guess")
    rig.stations += [stranger, thief]

    async def story(rig):
        await rig.until(lambda: rig.gateway.group.members[1].heard)
        await asyncio.sleep(60)
        assert [member.serial for member in rig.gateway.group.members[1:]] == ["SN003", ""]
        for other in (stranger, thief):
            assert other.carrier.state == "looking for the gateway"
            other.charger.arrive()
        await asyncio.sleep(10)
        assert rig.signaled_a[2:] == [10, 10]  # on their fallback

    rig.play(story)


def test_a_group_without_key_does_not_begin(tmp_path, lines):
    rig = IpGroupRig(tmp_path, clients=1, group_key="")

    async def story(rig):
        rig.clients[0].charger.arrive()
        await asyncio.sleep(60)
        assert rig.signaled_a == [0, 10]
        assert not rig.gateway.group.members[1].heard
        for station in rig.stations:
            station.settings.change(group_key="a key at last")
        await rig.until(lambda: rig.signaled_a == [0, 32])

    rig.play(story)
    assert "needs Group ID and key: no Client is served" in lines


def test_one_client_too_many_is_refused_by_name(tmp_path, lines):
    rig = IpGroupRig(tmp_path, clients=3)

    async def story(rig):
        await rig.joined()
        full = "the group is full"
        await rig.until(lambda: [c for c in rig.clients if c.carrier.state == full])
        late = next(client for client in rig.clients if client.carrier.state == full)
        assert "no place for %s: raise Group Size" % late.serial in lines

    rig.play(story)


def test_places_are_kept_over_a_restart_of_the_gateway(tmp_path):
    rig = IpGroupRig(tmp_path)

    async def story(rig):
        rig.clients[0].power_cut()
        await rig.until(lambda: rig.gateway.group.members[1].serial == "SN004")
        rig.clients[0].switch_on()
        await rig.joined()
        rig.gateway.power_cut()
        rig.gateway.switch_on()
        await rig.joined()
        serials = [member.serial for member in rig.gateway.group.members]
        assert serials == ["SN002", "SN004", "SN003"]

    rig.play(story)


def test_of_two_gateways_one_gives_way(tmp_path, lines):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    other = GatewayStation(rig, 7)
    other.links.reach(False)
    rig.stations.append(other)

    async def story(rig):
        await rig.joined()
        for station in rig.stations:
            station.charger.arrive()
        await rig.until(lambda: rig.signaled_a[2] > 10)
        other.links.reach(True)
        await rig.until(lambda: other.group.trouble == "two masters")
        assert "SN002 is its gateway too: this one gives way" in lines
        await rig.until(lambda: rig.signaled_a[2] == 0)
        await asyncio.sleep(60)
        assert rig.signaled_a == [30, 30, 0]
        rig.gateway.links.reach(False)
        await rig.until(lambda: other.group.members[1].heard)
        assert other.group.trouble == ""

    rig.play(story)


def test_what_was_heard_before_counts_for_nothing(tmp_path, monkeypatch):
    """An eavesdropper says again what the Gateway and a Client said."""
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    said = []
    send = ip_messages.Port.send

    def noted(port, message, peer):
        said.append((port, bytes(message), peer))
        send(port, message, peer)

    monkeypatch.setattr(ip_messages.Port, "send", noted)

    async def story(rig):
        await rig.joined()
        client = rig.clients[0]
        client.charger.arrive()
        await rig.until(lambda: rig.signaled_a == [0, 32])
        old = [entry for entry in said if chr(entry[1][0]) in "SHJPA"]
        rig.gateway.settings.change(llm_grid_current=26.0)
        await rig.until(lambda: rig.signaled_a == [0, 26])
        for _ in range(2):
            member = rig.gateway.group.members[1]
            session = member.state
            for _ in range(100):
                for port, message, peer in old[:9] + old[-9:]:
                    send(port, message, peer)
                await asyncio.sleep(0.1)
                assert rig.signaled_a == [0, 26]
            assert member.state is session, "a session that nobody asked for"
            assert len(rig.gateway.carrier._offers) <= 8
            client.follower.renewed = True  # begins another session
            await rig.until(lambda now=session, its=member: its.state is not now)

    rig.play(story)


def test_a_call_is_done_once_though_its_reply_is_lost(tmp_path, monkeypatch):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    lost = []
    send = ip_messages.Port.send

    def losing(port, message, peer):
        if message[0] == ip_messages.REPLY and len(lost) < 2:
            return lost.append(message)
        send(port, message, peer)

    monkeypatch.setattr(ip_messages.Port, "send", losing)

    async def story(rig):
        await rig.joined()
        asked = []
        rig.clients[0].follower.answer = lambda told: asked.append(told) or b"done"
        member = rig.gateway.group.members[1]
        assert await rig.gateway.group.call(member, b"unlock") == b"done"
        assert await rig.gateway.group.call(member, b"") == b"done"
        assert asked == [b"unlock", b""]
        assert len(lost) == 2
        rig.clients[0].power_cut()
        with pytest.raises(OSError, match="SN003 does not answer"):
            await rig.gateway.group.call(member, b"unlock")

    rig.play(story)


def test_nonsense_changes_nothing(tmp_path):
    """Random bytes, and real messages cut short or with a bit turned, at every port."""
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    dice = random.Random(6)

    def spoiled(message: bytes) -> bytes:
        if dice.random() < 0.3:
            return message[: dice.randrange(len(message))]
        place = dice.randrange(len(message))
        return (
            message[:place]
            + bytes([message[place] ^ 1 << dice.randrange(8)])
            + message[place + 1 :]
        )

    async def story(rig):
        said = []
        send = ip_messages.Port.send
        ip_messages.Port.send = lambda port, m, peer: said.append(bytes(m)) or send(port, m, peer)
        try:
            await rig.joined()
        finally:
            ip_messages.Port.send = send
        rig.clients[0].charger.arrive()
        await rig.until(lambda: rig.signaled_a == [0, 32])
        gateway, client = rig.gateway.carrier, rig.clients[0].carrier
        talk = client._gateway
        own = gateway.group.members[1].state.address
        session = gateway.group.members[1].state
        for _ in range(600):
            real = dice.choice(said)
            nonsense = spoiled(real) if dice.random() < 0.8 else dice.randbytes(dice.randrange(60))
            client._socket.send(nonsense, dice.choice([talk, ("127.0.0.2", rig.port)]))
            gateway._talk.send(nonsense, own)
            await asyncio.sleep(0.02)
        assert rig.signaled_a == [0, 32]
        assert gateway.group.members[1].state is session

    rig.play(story)
