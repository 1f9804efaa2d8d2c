"""Clients' lines to the back office through their Gateway."""

import asyncio
import gc
import random

import pytest
from core import log
from ip_group_rig import IpGroupRig
from ocpp_rig import IDENTITY, Rig
from websocket_client.client import connect
from websocket_client.frames import WebSocketError


@pytest.fixture
def lines(monkeypatch):
    """What the log tells."""
    heard = []
    monkeypatch.setattr(log, "_write", lambda severity, source, text: heard.append(text))
    return heard


class BackOffice:
    """Takes bytes as they come; what is put into `answer` goes out to each that connects."""

    def __init__(self) -> None:
        self.received: list[bytearray] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.answer = b""
        self.takes = asyncio.Event()
        self.takes.set()

    async def start(self) -> str:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=4096)
        return "ws://127.0.0.1:%d/ocpp" % self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer) -> None:
        mine = bytearray()
        self.received.append(mine)
        self.writers.append(writer)
        writer.write(self.answer)
        try:
            while True:
                await self.takes.wait()
                piece = await reader.read(1000)
                if not piece:
                    break
                mine.extend(piece)
        except OSError:
            pass
        writer.close()


def play(rig, story) -> None:
    """Run a story in a group whose Clients are heard from, with a back office."""

    async def stage(rig):
        office = BackOffice()
        rig.gateway.settings.change(backend_url=await office.start())
        await rig.joined()
        try:
            await story(rig, office)
        finally:
            office.server.close()

    rig.play(stage)


def test_what_goes_in_comes_out_in_both_directions(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    told = random.Random(1).randbytes(100_000)

    async def story(rig, office):
        office.answer = told[::-1]
        reader, writer = await rig.clients[0].carrier.open_line()
        office.takes.clear()
        writer.write(told)
        assert await reader.readexactly(len(told)) == told[::-1]
        office.takes.set()
        await writer.drain()
        await rig.until(lambda: len(office.received[0]) == len(told))
        assert office.received[0] == told
        writer.close()
        await rig.until(lambda: not rig.gateway.carrier.relay.lines)

    play(rig, story)


def test_clients_are_charge_points_of_their_own(tmp_path):
    """Given a Client with a charge point: its calls, pings and the back office's commands go through."""
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)
    ocpp = Rig(tmp_path, websocket_ping_interval=20)

    async def with_back_office(ocpp):
        ocpp.settings.change({"backend_url": "ws://127.0.0.1:9/nowhere"})
        for station in rig.stations:
            station.settings.change(backend_url=ocpp.csms.url + "/ocpp")
            station.switch_on()
        client = rig.clients[0].carrier
        await asyncio.sleep(10)
        assert not ocpp.point.online
        client.carry(ocpp.point)
        await ocpp.online()
        answer = await ocpp.call("ChangeAvailability", connectorId=1, type="Inoperative")
        assert answer == {"result": {"status": "Accepted"}}
        await asyncio.sleep(120)
        assert ocpp.point.online, "its pings are answered"
        assert list(rig.gateway.carrier.relay.lines) == ["SN003"]
        await ocpp.csms._peers[IDENTITY][2].close(code=1001)
        await ocpp.until(lambda: not ocpp.point.online)
        await ocpp.online()
        rig.gateway.power_cut()
        await ocpp.until(lambda: "no gateway of the group" in ocpp.point.state)
        rig.gateway.switch_on()
        await ocpp.online()
        for station in rig.stations:
            station.power_cut()

    ocpp.play(with_back_office)


def test_a_refusal_of_the_back_office_reaches_the_client(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        office.answer = b"HTTP/1.1 401 Unauthorized\r\n\r\n"
        client = rig.clients[0].carrier
        with pytest.raises(WebSocketError, match="HTTP 401") as caught:
            await connect(
                "ws://of.fice/a", "CP1", "ocpp1.6", b"me:pw", 9000, None, client.open_line
            )
        assert caught.value.code == 401
        head = bytes(office.received[0])
        assert head.startswith(b"GET /a/CP1 HTTP/1.1\r\nHost: of.fice\r\n")
        assert b"\r\nSec-WebSocket-Protocol: ocpp1.6\r\n" in head
        assert b"\r\nAuthorization: Basic bWU6cHc=\r\n" in head

    play(rig, story)


def test_more_lines_than_there_is_room_for_are_refused(tmp_path, lines):
    rig = IpGroupRig(tmp_path, clients=2)
    rig.most_lines = 1

    async def story(rig, office):
        first, second = (client.carrier for client in rig.clients)
        _, writer = await first.open_line()
        with pytest.raises(OSError, match="has no room for another client's line"):
            await second.open_line()
        late = rig.clients[1].serial
        assert late + " refused: all 1 lines are taken" in lines
        writer.close()
        await rig.until(lambda: not rig.gateway.carrier.relay.lines)
        await second.open_line()

    play(rig, story)


def test_a_full_memory_refuses_lines(tmp_path, lines, monkeypatch):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        client = rig.clients[0].carrier
        monkeypatch.setattr(gc, "mem_free", lambda: 5000, raising=False)
        with pytest.raises(OSError, match="has no room"):
            await client.open_line()
        assert "SN003 refused: 0 lines, 5000 B of memory left" in lines
        monkeypatch.setattr(gc, "mem_free", lambda: 50000)
        await client.open_line()

    play(rig, story)


def test_strangers_get_nowhere(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def talk(says: bytes):
        reader, writer = await asyncio.open_connection("127.0.0.2", rig.port)
        nonce = await reader.readexactly(8)
        writer.write(says)
        assert await reader.read(100) == b"", "hung up on"
        writer.close()
        return nonce

    async def story(rig, office):
        assert await talk(bytes(30)) != await talk(b"SN003".ljust(30, b"\0"))
        await talk(b"short")
        silent = [await asyncio.open_connection("127.0.0.2", rig.port) for _ in range(6)]
        await asyncio.sleep(0.5)
        for reader, _ in silent[4:]:
            assert await reader.read(100) == b"", "no more than four at a time"
        await asyncio.sleep(6)
        for reader, writer in silent:
            await reader.read(8)
            assert await reader.read(100) == b""
            writer.close()
        assert office.received == []
        await rig.clients[0].carrier.open_line()

    play(rig, story)


def test_a_client_that_is_not_heard_from_has_no_line(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        client = rig.clients[0]
        reader, writer = await client.carrier.open_line()
        client.links.reach(False)
        await asyncio.sleep(25)
        assert list(rig.gateway.carrier.relay.lines) == ["SN003"]
        await asyncio.sleep(10)
        assert not rig.gateway.carrier.relay.lines
        assert await reader.read(10) == b""
        with pytest.raises(OSError, match="no gateway of the group"):
            await client.carrier.open_line()
        writer.close()

    play(rig, story)


def test_a_client_that_comes_anew_loses_its_old_line(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        client = rig.clients[0].carrier
        reader, old = await client.open_line()
        _, new = await client.open_line()
        assert await reader.read(10) == b""
        new.write(b"still here")
        await rig.until(lambda: office.received[1] == b"still here")
        assert list(rig.gateway.carrier.relay.lines) == ["SN003"]
        old.close()
        new.close()

    play(rig, story)


def test_clients_follow_when_the_gateways_back_office_moves(tmp_path):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        client = rig.clients[0]
        assert client.settings.get("backend_url") == rig.gateway.settings.get("backend_url")
        reader, _ = await client.carrier.open_line()
        other = BackOffice()
        rig.gateway.settings.change(backend_url=await other.start())
        assert await reader.read(10) == b""
        with pytest.raises(OSError, match="another address"):
            await client.carrier.open_line()
        assert client.settings.get("backend_url") == rig.gateway.settings.get("backend_url")
        _, writer = await client.carrier.open_line()
        writer.write(b"found")
        await rig.until(lambda: other.received[-1] == b"found")
        writer.close()
        other.server.close()

    play(rig, story)


def test_an_unreachable_back_office_is_named(tmp_path, lines):
    rig = IpGroupRig(tmp_path, clients=1, llm_group_size=2)

    async def story(rig, office):
        client = rig.clients[0].carrier
        office.server.close()
        await office.server.wait_closed()
        with pytest.raises(OSError, match="gateway does not reach the back office"):
            await client.open_line()
        assert any(line.startswith("SN003: back office not reached") for line in lines)
        assert not rig.gateway.carrier.relay.lines

    play(rig, story)
