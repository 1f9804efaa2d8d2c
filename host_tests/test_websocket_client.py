"""The WebSocket client against RFC 6455: handshake, frames, limits, closing."""

import asyncio
import hashlib
import os
import time
from base64 import b64decode, b64encode

import ocpp_rig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websocket_client import client, frames, handshake, resolver
from websocket_client.frames import WebSocketError
from websocket_rig import Wire, fragments, frame, received, sent_frames

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def test_fragments_are_put_together_around_control_frames():
    texts, _, sent = received(
        frame(1, "Stra".encode(), final=False)
        + frame(9, b"still there?")
        + frame(0, "ß".encode()[:1], final=False)
        + frame(10, b"")
        + frame(0, "ß".encode()[1:] + b"e")
        + frame(1, b"next")
    )
    assert texts == ["Straße", "next"]
    assert sent == [(10, b"still there?")]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"\xc1\x00", 1002),  # reserved bit
        (b"\x81\x81abcdx", 1002),  # masked by the server
        (b"\x83\x00", 1002),  # unknown opcode
        (b"\x89\x7e\x00\x80", 1002),  # long ping
        (b"\x09\x00", 1002),  # fragmented ping
        (frame(0, b"x"), 1002),  # continues nothing
        (frame(1, b"x", final=False) + frame(1, b"y"), 1002),  # a message within a message
        (b"\x81\x7e\x00\x05hello", 1002),  # length not the shortest
        (b"\x81\x7f" + (200).to_bytes(8, "big"), 1002),
        (frame(2, b"x"), 1003),  # binary
        (frame(1, b"\xff"), 1007),
        (frame(1, "ß".encode()[:1]), 1007),
        (frame(1, b"x" * 16385), 1009),
        (frame(1, b"x" * 9000, final=False) + frame(0, b"x" * 9000), 1009),
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), 1009),
        (frame(8, b"\x03"), 1002),  # half a close code
        (frame(8, (1005).to_bytes(2, "big")), 1002),  # never on the wire
        (frame(8, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    ],
)
def test_what_breaks_the_protocol_is_answered_by_the_close_code_for_it(bad, code):
    texts, error, sent = received(frame(1, b"good") + bad)
    assert texts == ["good"]
    assert error.code == code
    assert sent == [(8, code.to_bytes(2, "big"))]


@pytest.mark.parametrize(
    ("incoming", "texts", "sent"),
    [
        # empty messages and fragments
        (frame(1, b"") + frame(1, b"", False) + frame(0, b""), ["", ""], []),
        (frame(1, b"", False) + frame(0, b"", False) + frame(0, b"x"), ["x"], []),
        # control frames of the greatest length, and pongs that nobody asked for
        (frame(9, b"p" * 125) + frame(10, b"p" * 125) + frame(1, b"x"), ["x"], [(10, b"p" * 125)]),
        (frame(1, b"a", False) + frame(9, b"1") + frame(9, b"2") + frame(0, b"b"), ["ab"],
         [(10, b"1"), (10, b"2")]),
        # lengths at the borders of their forms
        (frame(1, b"x" * 125) + frame(1, b"y" * 126), ["x" * 125, "y" * 126], []),
        # a character cut at each of its bytes, with a ping between
        (frame(1, b"\xf0\x9f", False) + frame(9, b"") + frame(0, b"\x94", False) + frame(0, b"\x8c"),
         ["\U0001f50c"], [(10, b"")]),
        # a close amid a message ends it, and what comes later is not heard
        (frame(1, b"half", False) + frame(8, b"\x03\xe8") + frame(0, b"late"), [], [(8, b"\x03\xe8")]),
    ],
)  # fmt: skip
def test_what_the_protocol_allows_is_taken(incoming, texts, sent):
    for chunk in (1, 7, 1 << 20):
        got, _, answers = received(incoming, chunk)
        assert (got, answers) == (texts, sent)


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
def test_the_close_codes_that_may_be_sent_are_echoed(code):
    payload = code.to_bytes(2, "big") + "tschüß".encode()
    _, error, sent = received(frame(8, payload))
    assert sent == [(8, payload[:2])]
    assert "(%d tschüß)" % code in str(error)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1100, 2999, 5000, 65535])
def test_the_others_break_the_protocol(code):
    assert received(frame(8, code.to_bytes(2, "big")))[2] == [(8, b"\x03\xea")]


def test_hanging_up_while_a_message_goes_out_ends_the_line_for_good():
    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        await asyncio.gather(socket.send((b"x" * 2000,)), socket.close())
        assert wire.closed
        with pytest.raises(WebSocketError):
            await socket.send((b"late",))

    ocpp_rig.run(story())


def test_a_close_is_echoed_and_ends_the_line():
    _, error, sent = received(frame(8, (1001).to_bytes(2, "big") + b"bye") + frame(1, b"late"))
    assert "1001 bye" in str(error)
    assert sent == [(8, (1001).to_bytes(2, "big"))]
    assert received(frame(8, b""))[2] == [(8, (1000).to_bytes(2, "big"))]


def test_a_message_of_exactly_16_kb_is_taken():
    assert received(frame(1, b"x" * 16384))[0] == ["x" * 16384]


@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=4),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_texts_arrive_however_they_are_cut(texts, chunk, random):
    incoming = b""
    for text in texts:
        rest, opcode = text.encode(), 1
        while random.random() < 0.5 and rest:
            at = random.randrange(len(rest) + 1)
            incoming += frame(opcode, rest[:at], final=False) + frame(9, b"p")
            rest, opcode = rest[at:], 0
        incoming += frame(opcode, rest)
    assert received(incoming, chunk)[0] == texts


@given(st.binary(max_size=200), st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_a_clear_way(incoming, chunk):
    _, error, _ = received(incoming, chunk)
    assert isinstance(error, (WebSocketError, EOFError))


@given(st.lists(st.binary(max_size=700), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_parts_go_out_masked_as_one_message(parts):
    async def story():
        wire = Wire()
        await client.WebSocket(wire, wire).send(tuple(parts))
        return sent_frames(bytes(wire.sent))

    assert ocpp_rig.run(story()) == [(1, b"".join(parts))]


@given(st.lists(st.binary(max_size=700), max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_is_made_while_it_is_sent_goes_out_in_fragments(parts):
    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        await socket.send(iter(parts))
        await socket.send((b"next",))
        return fragments(bytes(wire.sent))

    sent = ocpp_rig.run(story())
    *message, following = sent
    assert following == (True, 1, b"next")
    assert b"".join(payload for _, _, payload in message) == b"".join(parts)
    assert [opcode for _, opcode, _ in message] == [1] + [0] * (len(message) - 1)
    assert [final for final, _, _ in message] == [False] * (len(message) - 1) + [True]
    assert all(len(payload) == 504 for _, _, payload in message[:-1])


def test_a_text_that_fails_while_it_is_sent_ends_the_line():
    def broken():
        yield b"x" * 600
        raise OSError("flash cannot be read")

    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        with pytest.raises(OSError, match="flash"):
            await socket.send(broken())
        with pytest.raises(WebSocketError):
            await socket.send((b"more",))

    ocpp_rig.run(story())


def test_messages_of_two_tasks_do_not_mix():
    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        await asyncio.gather(*(socket.send((bytes([65 + n]) * 1500,)) for n in range(4)))
        return sent_frames(bytes(wire.sent))

    assert sorted(ocpp_rig.run(story())) == [(1, bytes([65 + n]) * 1500) for n in range(4)]


def test_a_line_with_half_a_message_on_it_is_not_used_again():
    async def story():
        wire = Wire()
        socket = client.WebSocket(wire, wire)
        drain = wire.drain
        wire.drain = lambda: asyncio.sleep(3600)
        with pytest.raises(asyncio.TimeoutError):
            await socket.send((b"x" * 2000,))
        wire.drain = drain
        with pytest.raises(WebSocketError):
            await socket.ping()
        await socket.close()
        assert wire.closed

    ocpp_rig.run(story())


# --- the handshake


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
