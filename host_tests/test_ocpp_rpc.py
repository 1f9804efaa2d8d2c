"""The message layer of OCPP-J: matching answers, one CALL at a time, refusing what is malformed."""

import asyncio
import json

import ocpp_rig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp16.rpc import CallError, Rpc


class Line:
    """Keeps what is sent; `answer` gives the reply to a CALL, or None for silence."""

    def __init__(self, answer=None, serve=None) -> None:
        self.sent = []
        self._answer = answer
        self.rpc = Rpc(self.send, serve or self.serve)

    @staticmethod
    async def serve(action, payload):
        if action == "Echo":
            return payload, None
        if action == "Break":
            raise KeyError("a bug")
        raise CallError("NotImplemented", "unknown action")

    async def hear(self, text: str) -> None:
        """Take in a text, and wait until it is answered."""
        await self.rpc.receive(text)
        while self.rpc.serving:
            await asyncio.sleep(0.01)

    async def send(self, parts) -> None:
        frame = json.loads(b"".join(parts))
        self.sent.append(frame)
        if frame[0] == 2 and self._answer:
            reply = self._answer(frame)
            if reply is not None:
                await self.rpc.receive(json.dumps(reply))


def play(story):
    return ocpp_rig.run(story)


def test_an_answer_finds_its_call_and_ids_never_repeat():
    async def story():
        line = Line(lambda frame: [3, frame[1], {"n": frame[3]["n"] + 1}])
        assert await line.rpc.call("Add", {"n": 1}, 1000) == {"n": 2}
        assert await line.rpc.call("Add", '{"n":2}', 1000) == {"n": 3}
        other = Line(lambda frame: [3, frame[1], {}])
        await other.rpc.call("Add", {}, 1000)
        ids = [frame[1] for frame in line.sent + other.sent]
        assert len(set(ids)) == 3
        assert max(map(len, ids)) <= 36

    play(story())


def test_only_one_call_is_open_at_a_time():
    async def story():
        line = Line()
        first = asyncio.create_task(line.rpc.call("First", {}, 5000))
        second = asyncio.create_task(line.rpc.call("Second", {}, 5000))
        await asyncio.sleep(1)
        assert [frame[2] for frame in line.sent] == ["First"]
        await line.rpc.receive(json.dumps([3, line.sent[0][1], {}]))
        await first
        await asyncio.sleep(0.1)
        assert [frame[2] for frame in line.sent] == ["First", "Second"]
        await line.rpc.receive(json.dumps([3, line.sent[1][1], {}]))
        await second

    play(story())


def test_refusals_time_outs_and_lost_lines_are_told_apart():
    async def story():
        refusing = Line(lambda frame: [4, frame[1], "InternalError", "broken", {}])
        with pytest.raises(CallError) as caught:
            await refusing.rpc.call("X", {}, 1000)
        assert (caught.value.code, caught.value.description) == ("InternalError", "broken")
        silent = Line()
        with pytest.raises(asyncio.TimeoutError):
            await silent.rpc.call("X", {}, 1000)
        waiting = asyncio.create_task(silent.rpc.call("Y", {}, 1000))
        await asyncio.sleep(0.1)
        silent.rpc.lose("cable cut")
        with pytest.raises(OSError, match="cable cut"):
            await waiting
        with pytest.raises(OSError, match="cable cut"):
            await silent.rpc.call("Z", {}, 1000)

    play(story())


def test_a_late_answer_is_not_taken_for_the_next_one():
    async def story():
        line = Line()
        with pytest.raises(asyncio.TimeoutError):
            await line.rpc.call("Slow", {}, 1000)
        following = asyncio.create_task(line.rpc.call("Next", {}, 5000))
        await asyncio.sleep(0.1)
        await line.rpc.receive(json.dumps([3, line.sent[0][1], {"late": True}]))
        await line.rpc.receive(json.dumps([3, line.sent[1][1], {"late": False}]))
        await line.rpc.receive(json.dumps([3, line.sent[1][1], {"again": True}]))
        assert await following == {"late": False}

    play(story())


@pytest.mark.parametrize(
    "answer", [[3, None], [3, None, None], [3, None, []], [4, None], [4, None, 7, [], {}]]
)
def test_answers_out_of_shape_do_no_harm(answer):
    async def story():
        line = Line(lambda frame: [answer[0], frame[1], *answer[2:]])
        try:
            assert await line.rpc.call("X", {}, 1000) == {}
        except CallError as error:
            assert isinstance(error.code, str)

    play(story())


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ('[2,"1","Echo",{"a":1}]', [3, "1", {"a": 1}]),
        ('[2,"1","Echo",null]', [3, "1", {}]),
        ('[2,"1","Echo"]', [4, "1", "ProtocolError"]),
        ('[2,"ä\\"","Echo",{}]', [3, 'ä"', {}]),
        ('[2,"1","Nope",{}]', [4, "1", "NotImplemented"]),
        ('[2,"1","Break",{}]', [4, "1", "InternalError"]),
        ('[2,"1","Echo",[]]', [4, "1", "FormationViolation"]),
        ('[2,"1",5,{}]', [4, "1", "FormationViolation"]),
        ('[2,"1","Echo",{},5]', [4, "1", "FormationViolation"]),
        ('[2,"1"]', [4, "1", "FormationViolation"]),
        ("[2]", [4, "-1", "FormationViolation"]),
        ('[2,"","Echo",{}]', [4, "-1", "FormationViolation"]),
        ('[2,{},"Echo",{}]', [4, "-1", "FormationViolation"]),
        ('[2,"1","Echo",{}', [4, "-1", "FormationViolation"]),
        ("", [4, "-1", "FormationViolation"]),
        ('{"a":1}', [4, "-1", "FormationViolation"]),
        ("[" * 9000 + "]" * 9000, [4, "-1", "FormationViolation"]),
        ("[5]", None),
        ('["2","1"]', None),
    ],
)
def test_every_call_gets_its_answer_or_its_error(text, reply):
    async def story():
        line = Line()
        await line.hear(text)
        if reply is None:
            assert line.sent == []
            return
        (sent,) = line.sent
        assert sent[: len(reply)] == reply
        if sent[0] == 4:
            assert isinstance(sent[3], str)
            assert sent[4] == {}

    play(story())


def test_what_follows_an_answer_is_done_when_it_is_out():
    async def story():
        done = []

        async def serve(action, payload):
            return {}, lambda: done.append(len(line.sent))

        line = Line(serve=serve)
        await line.hear('[2,"1","Reset",{}]')
        assert done == [1]

    play(story())


def test_an_answer_that_takes_long_keeps_no_other_from_coming():
    """As unlocking a plug does; what is asked for meanwhile has to wait."""

    async def story():
        served = []

        async def serve(action, payload):
            served.append(action)
            await asyncio.sleep(10)
            return {}, None

        line = Line(serve=serve)
        await line.rpc.receive('[2,"1","UnlockConnector",{}]')
        asking = asyncio.create_task(line.rpc.call("Heartbeat", {}, 5000))
        await asyncio.sleep(1)
        await line.rpc.receive(json.dumps([3, line.sent[0][1], {"n": 1}]))
        assert await asking == {"n": 1}
        await line.hear('[2,"2","Reset",{}]')
        assert [frame[:2] for frame in line.sent[1:]] == [[3, "1"], [3, "2"]]
        assert served == ["UnlockConnector", "Reset"]

    play(story())


def test_a_lost_line_ends_what_it_asked_for():
    async def story():
        ended = []

        async def serve(action, payload):
            try:
                await asyncio.sleep(1000)
            finally:
                ended.append(action)
            return {}, None

        line = Line(serve=serve)
        await line.rpc.receive('[2,"1","UnlockConnector",{}]')
        await asyncio.sleep(1)
        line.rpc.lose("cable cut")
        await asyncio.sleep(0.1)
        assert ended == ["UnlockConnector"] and not line.rpc.serving
        assert line.sent == []

    play(story())


def test_an_answer_that_cannot_be_sent_ends_the_line():
    async def story():
        line = Line()

        async def fail(parts):
            raise OSError("broken pipe")

        line.rpc._send = fail
        await line.hear('[2,"1","Echo",{}]')
        with pytest.raises(OSError, match="broken pipe"):
            await line.rpc.call("Heartbeat", {}, 1000)

    play(story())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.one_of(st.text(max_size=50), JSON.map(json.dumps)))
@settings(max_examples=300, deadline=None)
def test_no_text_brings_the_message_layer_down(text):
    async def story():
        line = Line()
        await line.hear(text)
        assert all(frame[0] in (3, 4) for frame in line.sent)

    play(story())
