"""The WebSocket client against RFC 6455: handshake, frames, limits, closing."""

import asyncio

import ocpp_rig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websocket_client import client
from websocket_client.frames import WebSocketError
from websocket_rig import Wire, fragments, frame, received, sent_frames


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
