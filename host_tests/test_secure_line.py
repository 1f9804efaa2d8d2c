"""wss: TLS below the WebSocket, who is believed, what a refusal says. Real TLS over loopback."""

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path

import ocpp_rig
import pytest
import tls_rig
from sim.certificates import Holder
from test_websocket_handshake import agree
from tls_rig import HOST, back_office, charge_point, root, stranger, trust
from websocket_client import client, resolver, secure, secure_stream
from websocket_client.frames import WebSocketError
from websocket_rig import frame

ROOT = Path(__file__).resolve().parent.parent
MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"


@pytest.fixture(autouse=True)
def _known_host(monkeypatch):
    """Given a name that need not be looked up."""
    monkeypatch.setattr(resolver, "_known", {HOST: "127.0.0.1", "elsewhere": "127.0.0.1"})


async def served(context: ssl.SSLContext, story, texts=(b"welcome",)):
    """A WebSocket server that sends these texts and takes whatever comes; story(port) runs beside it."""
    seen: list = []

    async def talk(reader, writer):
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            seen.append(writer.get_extra_info("peercert"))
            writer.write(agree(request) + b"".join(frame(1, text) for text in texts))
            await writer.drain()
            while piece := await reader.read(1000):
                seen.append(piece)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        await story(server.sockets[0].getsockname()[1])
    return seen


def opened(context: ssl.SSLContext, host: str, believed: secure.Trust):
    """Connect to such a server; its first text, or the error."""
    result = []

    async def story(port):
        url = f"wss://{host}:{port}/ocpp"
        try:
            socket = await client.connect(url, "CP", "ocpp1.6", b"", 5000, believed)
            result.append(await socket.receive())
            await socket.close()
        except (OSError, EOFError, ValueError) as error:
            result.append(error)

    seen = ocpp_rig.run(served(context, story))
    return result[0], seen


@pytest.mark.parametrize("host", [HOST, "127.0.0.1"])
def test_a_server_whose_certificate_leads_to_a_root_on_flash_is_talked_to(tmp_path, host):
    context = back_office().server_context()
    believed = trust(tmp_path, stranger(), root())
    assert opened(context, host, believed)[0] == "welcome"


def test_tls_1_2_is_enough(tmp_path):
    context = back_office().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert opened(context, HOST, trust(tmp_path, root()))[0] == "welcome"


@pytest.mark.parametrize(
    ("days", "host", "believed", "message"),
    [
        ((-1, 30), "elsewhere", root, "mismatch"),
        ((-1, 30), HOST, stranger, "issuer"),
        ((-30, -1), HOST, root, "expired"),
        ((1, 30), HOST, root, "not yet valid"),
    ],
)
def test_a_certificate_that_proves_nothing_ends_the_handshake(
    tmp_path, days, host, believed, message
):
    context = Holder(HOST, root(), days=days).server_context()
    error, seen = opened(context, host, trust(tmp_path, believed()))
    assert isinstance(error, WebSocketError)
    assert error.code == secure.BAD_CERTIFICATE
    assert str(error).startswith("server's certificate: ")
    assert message in str(error)
    assert not seen, "not even the request for the WebSocket went out"


def test_the_own_certificate_is_shown_where_it_is_asked_for(tmp_path):
    context = back_office().server_context(root())
    text, seen = opened(context, HOST, trust(tmp_path, root(), pair=charge_point()))
    assert text == "welcome"
    assert seen[0]["subject"] == ((("commonName", tls_rig.SERIAL),),)
    error, _ = opened(context, HOST, trust(tmp_path, root()))
    assert isinstance(error, (OSError, EOFError))


def test_what_is_not_tls_is_told_apart(tmp_path):
    async def story():
        async def talk(reader, writer):
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        url = "wss://localhost:%d" % server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(WebSocketError, match="not TLS"):
                await client.connect(url, "CP", "ocpp1.6", b"", 5000, trust(tmp_path, root()))

    ocpp_rig.run(story())


def test_a_file_that_is_no_certificate_is_named_as_such(tmp_path):
    (tmp_path / "cs1").write_bytes(b"nonsense")
    context = back_office().server_context()
    error, _ = opened(context, HOST, secure.Trust([str(tmp_path / "cs1")]))
    assert "cert" in str(error)


def test_long_messages_go_both_ways(tmp_path):
    context = back_office().server_context()
    text = b"x" * 16000
    got = []

    async def story(port):
        url = f"wss://{HOST}:{port}"
        socket = await client.connect(url, "CP", "ocpp1.6", b"", 5000, trust(tmp_path, root()))
        got.extend(await socket.receive())
        await socket.send((text,))
        await socket.close()

    seen = ocpp_rig.run(served(context, story, (text,)))
    assert b"".join(got) == text
    assert sum(map(len, seen[1:])) > len(text)


def test_mbedtls_gets_no_more_than_one_record_at_a_time(tmp_path, monkeypatch):
    """Else a whole handshake would hold the loop."""
    given = []
    take_in = secure_stream.SecureStream._take_in

    async def noted(self):
        await take_in(self)
        given.append((len(self._inlet.waiting), self._left))

    monkeypatch.setitem(sys.modules, secure_stream.__name__, secure_stream)  # it is loaded once
    monkeypatch.setattr(secure_stream.SecureStream, "_take_in", noted)
    context = back_office().server_context()
    assert opened(context, HOST, trust(tmp_path, root()))[0] == "welcome"
    assert all(length <= 512 for length, _ in given)
    assert sum(length == 5 for length, _ in given) >= 5, "record by record, first their heads"


@pytest.mark.parametrize(
    "certificate", [b"", b"\x17\x0d", b"\x17\x0d\xff\xfe991332000000Z", b"\x17\x0d991332000000Z"]
)
def test_a_certificate_without_a_beginning_tells_no_time(certificate):
    assert secure._begin_s(certificate) == 0


# --- the same on MicroPython, with mbedtls


def told(context: ssl.SSLContext, host: str, believed: secure.Trust) -> str:
    """What MicroPython hears from such a server."""
    return all_told(context, host, believed)[-1]


def all_told(context: ssl.SSLContext, host: str, believed: secure.Trust) -> list:
    """All that it prints."""
    script = ROOT / "host_tests" / "on_device" / "secure_line.py"
    command = [MICROPYTHON, "-X", "heapsize=1m", script, ROOT / "lib"]
    found = []

    async def story(port):
        url = f"wss://{host}:{port}/ocpp"
        arguments = [url, *believed.roots, *(believed.pair or ())]
        run = asyncio.to_thread(
            subprocess.run, [*command, *arguments], stdout=subprocess.PIPE, timeout=30
        )
        found.extend((await run).stdout.decode().strip().split("\n"))

    asyncio.run(served(context, story))
    return found


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_board_talks_through_tls(tmp_path, kind, version):
    context = back_office(kind).server_context(root())
    context.maximum_version = version
    if kind == "rsa":  # as the whitepaper has it; mbedtls 3.6 with 1.3 beside 1.2 fails at PSS
        context.set_ciphers("AES128-GCM-SHA256:AES256-GCM-SHA384")
    assert told(context, HOST, trust(tmp_path, root(), pair=charge_point())) == "welcome"


@pytest.mark.parametrize(
    ("days", "name", "believed", "message"),
    [
        ((-1, 30), "elsewhere", root, "does not match"),
        ((-1, 30), HOST, stranger, "not correctly signed"),
        ((-30, -1), HOST, root, "expired"),
        ((1, 30), HOST, root, "future"),
    ],
)
def test_a_board_believes_no_certificate_that_proves_nothing(
    tmp_path, days, name, believed, message
):
    context = Holder(name, root(), days=days).server_context()
    text = told(context, HOST, trust(tmp_path, believed()))
    assert text.startswith("1 server's certificate: "), "BAD_CERTIFICATE"
    assert message in text


def test_a_board_offers_what_the_whitepaper_asks_for_and_no_dhe(tmp_path):
    dhe = back_office("rsa").server_context()
    dhe.maximum_version = ssl.TLSVersion.TLSv1_2
    dhe.set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    assert "closed while TLS shook hands" in told(dhe, HOST, trust(tmp_path, root()))
    for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        context = back_office().server_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        assert told(context, HOST, trust(tmp_path, root())) == "welcome"


def test_a_board_hears_when_a_certificate_begins_whether_or_not_it_is_valid(tmp_path):
    for days in ((-1, 30), (1, 30)):
        server = Holder(HOST, root(), days=days)
        begin_s = int(server.certificate.not_valid_before_utc.timestamp())
        lines = all_told(server.server_context(), HOST, trust(tmp_path, root()))
        assert lines[0] == "begin %d" % (begin_s + 1)
