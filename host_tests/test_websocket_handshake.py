"""How a WebSocket is opened: the handshake, addresses, names."""

import asyncio
import hashlib
import os
import time
from base64 import b64decode, b64encode

import ocpp_rig
import pytest
from websocket_client import client, frames, handshake, resolver
from websocket_rig import Wire, frame, sent_frames

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def serve(answer):
    """A server that gives answer(request bytes) to whoever comes; returns it and its address."""

    async def talk(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(request))
        await writer.drain()
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, "ws://127.0.0.1:%d/base/" % server.sockets[0].getsockname()[1]


def header(request: bytes, name: str) -> bytes:
    """A header's value."""
    for line in request.split(b"\r\n")[1:]:
        key, _, value = line.partition(b": ")
        if key.decode().lower() == name.lower():
            return value
    return b""


def agree(request: bytes, **changes: str) -> bytes:
    """A valid answer, with headers changed, or dropped by an empty value."""
    accept = b64encode(hashlib.sha1(header(request, "Sec-WebSocket-Key") + GUID).digest())
    fields = {
        "Upgrade": "WebSocket",
        "Connection": "keep-alive, Upgrade",
        "Sec_WebSocket_Accept": accept.decode(),
        "Sec_WebSocket_Protocol": "ocpp1.6",
        **changes,
    }
    lines = ["%s: %s" % (k.replace("_", "-"), v) for k, v in fields.items() if v]
    return ("HTTP/1.1 101 Switching\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def opened(answer, credentials: bytes = b""):
    """Connect to a server with this answer; the error's text, or the first message."""

    async def story():
        server, url = await serve(answer)
        async with server:
            try:
                socket = await client.connect(url, "CP 1/ä", "ocpp1.6", credentials, 5000)
            except (OSError, EOFError) as error:
                return str(error)
            text = await socket.receive()
            await socket.drop()
            return text

    return ocpp_rig.run(story())


def test_a_good_answer_opens_the_line_and_frames_sent_along_with_it_count():
    asked = []

    def answer(request):
        asked.append(request)
        return agree(request) + frame(1, b"welcome")

    assert opened(answer, "CP 1/ä:pass:word".encode()) == "welcome"
    request = asked[0]
    assert request.startswith(b"GET /base/CP%201%2F%C3%A4 HTTP/1.1\r\n")
    assert header(request, "Sec-WebSocket-Protocol") == b"ocpp1.6"
    assert header(request, "Sec-WebSocket-Version") == b"13"
    assert len(b64decode(header(request, "Sec-WebSocket-Key"))) == 16
    scheme, _, given_credentials = header(request, "Authorization").partition(b" ")
    assert scheme == b"Basic"
    assert b64decode(given_credentials).decode() == "CP 1/ä:pass:word"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Sec_WebSocket_Accept": "AAAA"}, "Sec-WebSocket-Accept"),
        ({"Sec_WebSocket_Accept": ""}, "Sec-WebSocket-Accept"),
        ({"Sec_WebSocket_Protocol": ""}, "does not speak ocpp1.6"),
        ({"Sec_WebSocket_Protocol": "ocpp2.0.1"}, "does not speak ocpp1.6"),
        ({"Upgrade": "h2c"}, "upgrade"),
        ({"Connection": "close"}, "upgrade"),
        ({"Sec_WebSocket_Extensions": "permessage-deflate"}, "extensions"),
    ],
)
def test_an_answer_that_does_not_agree_is_refused(changes, message):
    assert message in opened(lambda request: agree(request, **changes))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: ws://there/\r\n\r\n",
            "HTTP 302: it points to ws://there/; redirects are not followed",
        ),
        (b"HTTP/1.1 307 x\r\n\r\n", "HTTP 307: it points to elsewhere"),
        (b"HTTP/1.1 302 x\r\nLocation: \xff\xfe\r\n\r\n", "HTTP 302"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "password"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "chargepoint ID"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no WebSocket"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 1000, "too long"),
        (b"HTTP/1.1 101 x\r\n", "closed"),
    ],
)
def test_other_answers_are_refused_in_plain_words(answer, message):
    def once(request):
        return answer

    async def story():
        server, url = await serve(once)
        async with server:
            with pytest.raises((OSError, EOFError), match=message):
                await client.connect(url, "CP", "ocpp1.6", b"", 5000)

    if message == "closed":  # the server hangs up in the middle of its answer

        async def story():
            async def hang_up(reader, writer):
                writer.write(answer)
                writer.close()

            server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            url = "ws://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            async with server:
                with pytest.raises((OSError, EOFError)):
                    await client.connect(url, "CP", "ocpp1.6", b"", 5000)

    ocpp_rig.run(story())


def test_a_server_that_never_answers_is_given_up():
    async def story():
        server, url = await serve(lambda request: b"")
        async with server:
            with pytest.raises(asyncio.TimeoutError):
                await client.connect(url, "CP", "ocpp1.6", b"", 5000)

    ocpp_rig.run(story())


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("ws://host", (False, "host", 80, "/CP")),
        ("WSS://host:9/a/b/", (True, "host", 9, "/a/b/CP")),
        ("ws://host/", (False, "host", 80, "/CP")),
    ],
)
def test_addresses_are_taken_apart(url, parts):
    assert handshake.parse_url(url, "CP") == parts


@pytest.mark.parametrize(
    "url", ["", "http://host", "ws://", "ws://host:x", "ws://host:0", "ws://u@host", "ws://a b"]
)
def test_addresses_that_are_none_are_refused(url):
    with pytest.raises(ValueError):
        handshake.parse_url(url, "CP")


def test_names_are_looked_up_once_until_they_lead_nowhere(monkeypatch):
    asked = []

    def lookup(host):
        asked.append(host)
        return "192.0.2.%d" % len(asked)

    monkeypatch.setattr(resolver, "lookup", lookup)
    monkeypatch.setattr(resolver, "_known", {})

    async def story():
        assert await resolver.resolve("10.0.0.1") == "10.0.0.1"
        assert await resolver.resolve("name") == await resolver.resolve("name") == "192.0.2.1"
        resolver.forget("name")
        assert await resolver.resolve("name") == "192.0.2.2"
        for number in range(10):
            await resolver.resolve("other%d" % number)
        assert len(resolver._known) == 4

    asyncio.run(story())
    assert asked[:2] == ["name", "name"]
    assert not resolver.is_address("1.2.3")
    assert not resolver.is_address("1.2.3.999")


def test_a_slow_name_server_holds_nobody_and_is_asked_once(monkeypatch):
    asked = []

    def lookup(host):
        asked.append(host)
        time.sleep(0.2)
        if host == "nowhere":
            raise OSError(-2)
        return "192.0.2.7"

    monkeypatch.setattr(resolver, "lookup", lookup)
    monkeypatch.setattr(resolver, "_known", {})

    async def story():
        rounds = 0
        with pytest.raises(asyncio.TimeoutError):  # who gives up asks nobody else the next time
            await asyncio.wait_for(resolver.resolve("slow"), 0.1)
        waiting = asyncio.gather(resolver.resolve("slow"), resolver.resolve("slow"))
        while not waiting.done():
            await asyncio.sleep(0.01)
            rounds += 1
        assert await waiting == ["192.0.2.7", "192.0.2.7"]
        assert rounds > 3
        with pytest.raises(OSError, match="name nowhere is not known"):
            await resolver.resolve("nowhere")

    asyncio.run(story())
    assert asked == ["slow", "nowhere"]


def test_masking_uses_a_new_key_each_time(monkeypatch):
    keys = iter([b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"])
    monkeypatch.setattr(os, "urandom", lambda count: next(keys))

    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        await socket.send((b"same",))
        await socket.send((b"same",))
        return bytes(wire.sent)

    sent = ocpp_rig.run(story())
    assert sent[: len(sent) // 2] != sent[len(sent) // 2 :]
    assert [payload for _, payload in sent_frames(sent)] == [b"same", b"same"]
    assert frames.write_head(bytearray(8), 1, 126, b"abcd") == 8
