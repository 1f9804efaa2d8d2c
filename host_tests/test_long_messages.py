"""Messages that a heap has no room for in one piece: what comes of the pieces is what JSON says."""

import asyncio
import json
import random

import pytest
from auth import local_list_update
from auth.local_list_update import local_list
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp16 import long_message
from octt_rig import ACCEPTED, Station
from websocket_client import frames
from websocket_rig import frame, received

assert local_list_update


def parsed(text: bytes, cuts) -> list:
    """A text that comes in pieces."""
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in zip(places, places[1:], strict=False) if b > a]
    return asyncio.run(long_message.parse(pieces))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES), st.data(), st.booleans())
def test_the_frame_is_what_json_makes_of_the_text(value, data, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert parsed(text, cuts) == value


def test_escapes_at_every_cut():
    value = [2, "7", "A", {"list": [{"a": '}"\\', "b": ["{", {"c": "\\"}]}, {"d": {}}], "e": "]"}]
    text = json.dumps(value).encode()
    for cut in range(len(text)):
        assert parsed(text, [cut]) == value
    assert parsed(text, range(len(text))) == value


@pytest.mark.parametrize("value", [["\x01"], ["\x017", {"a": "\x010"}], ["\x01x", "\x01-1"]])
def test_a_text_that_looks_like_a_mark_stays_one(value):
    assert parsed(json.dumps(value).encode(), []) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"7", b"[", b'["', b"[[[{]]]", b'[1,[2,[{"a":1]]]', b'[[[{"a" 1}]]]', b"[1]]"],
)
def test_what_is_no_array_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own words)
        parsed(text, [])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_utf_8_is_checked_over_the_cuts(length):
    text = ("aé€𝄞" * 50).encode()
    pieces = [text[place : place + length] for place in range(0, len(text), length)]
    frames.check_text(pieces)
    for wrong in (b"\xff", b"\x80", b"\xe2\x82", b"\xf0\x9d\x84", b"\xc0\x80"):
        with pytest.raises(frames.WebSocketError, match="not UTF-8"):
            frames.check_text([*pieces, wrong])
        with pytest.raises(frames.WebSocketError, match="not UTF-8"):
            frames.check_text([wrong, *pieces])


@pytest.mark.parametrize("chunk", [1, 7, 300, 20000])
def test_a_message_of_16_kb_comes_in_pieces_and_a_longer_one_ends_the_line(chunk):
    text = "".join(random.Random(3).choice("abcé€") for _ in range(8000))[:8000]
    whole = text.encode()[:16384].decode(errors="ignore")
    texts, _, _ = received(frame(1, whole.encode()) + frame(1, b"next"), chunk)
    assert texts == [whole, "next"]
    texts, error, _ = received(frame(1, b"x" * 16385), chunk)
    assert (texts, error.code) == ([], frames.TOO_BIG)


def test_the_longest_list_that_may_be_sent(tmp_path, monkeypatch):
    station = Station(tmp_path, monkeypatch)
    info = {
        "status": "Accepted",
        "expiryDate": "2030-12-31T23:59:59.000+01:00",
        "parentIdTag": "P" * 20,
    }
    sent = [{"idTag": f"{n:020d}", "idTagInfo": info} for n in range(local_list.MOST_SENT)]

    async def story(s):
        await s.online()
        payload = {"listVersion": 9, "updateType": "Full", "localAuthorizationList": sent}
        assert 4000 < len(json.dumps(payload)) < 16000
        assert await s.ask("SendLocalList", **payload) == ACCEPTED
        assert await s.ask("GetLocalListVersion") == {"listVersion": 9}
        assert all(local_list.find(entry["idTag"]) for entry in sent)

    station.play(story)
