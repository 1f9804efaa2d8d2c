"""OCPP-J 1.6 section 4: CALL, CALLRESULT and CALLERROR, one open CALL in each direction."""

import asyncio
import json
import os
from binascii import hexlify

from core import loading, log
from micropython import const

_CALL = const(2)
_CALL_RESULT = const(3)
_CALL_ERROR = const(4)
_MAX_ID_LENGTH = const(36)
_TICK_MS = const(50)
_LONG = "ocpp16.long_message"
_NO_ID = "-1"  # for what cannot be matched to any message, as other implementations do


class CallError(Exception):
    """A CALLERROR, sent or received: .code of section 4.2.3 and .description."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__("%s: %s" % (code, description) if description else code)
        self.code = code
        self.description = description


def _parse(text: str) -> list:
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):  # MicroPython parses an open list
        raise CallError("FormationViolation", "not a JSON array")
    try:
        frame = json.loads(text)
    except (ValueError, RuntimeError, MemoryError):  # RuntimeError: nested too deeply
        raise CallError("FormationViolation", "not JSON")
    if not frame:
        raise CallError("FormationViolation", "empty array")
    return frame


async def _parse_long(pieces: list) -> list:
    try:
        frame = await loading.load(_LONG).parse(pieces)
    except (ValueError, RuntimeError, MemoryError):
        raise CallError("FormationViolation", "not JSON")
    finally:
        loading.unload(_LONG)
    if not frame:
        raise CallError("FormationViolation", "empty array")
    return frame


def _parts(head: bytes, payload):
    """A CALL's bytes: all in a tuple, or from a generator when the payload is one."""
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    if isinstance(payload, str):
        return head, payload.encode(), b"]"
    if isinstance(payload, list):
        return tuple([head] + payload + [b"]"])
    return _stream(head, payload)


def _stream(head: bytes, parts):
    yield head
    for part in parts:
        yield part
    yield b"]"


class Rpc:
    """The message layer on one line. `send` takes the parts of a text; `serve` answers a CALL.

    await serve(action, payload) is (answer, after): the answer, a dict or the pieces of its JSON text, and
    a function to call once it is out, or None; None instead of both keeps silent. It raises CallError to
    refuse. on_event(type, more) is told of what is no message at all, a security event.
    """

    # of this start of the controller: so ids stay unique over connections and restarts
    start_id = hexlify(os.urandom(4)).decode()
    _counter = 0

    def __init__(self, send, serve, on_event=None) -> None:
        self._send = send
        self._serve = serve
        self._on_event = on_event
        self._turn = asyncio.Lock()
        self._answered = asyncio.Event()
        self._open_id = ""
        self._answer = None
        self._lost = ""
        self.serving = False  # a CALL of the other side is being answered …
        self._server: asyncio.Task = None  # type: ignore[assignment]  # … by this task

    def lose(self, why: str) -> None:
        """The line is lost: whoever waits for an answer gets an OSError."""
        self._lost = why
        self._answered.set()
        if self.serving:
            self._server.cancel()

    async def call(self, action: str, payload, timeout_ms: int, unique_id: str = "") -> dict:
        """Send a CALL and return the answer's payload.

        payload: a dict, JSON text, or its parts as bytes, in a list or from a generator; unique_id:
        one that this line has not seen, where it is to be the same on another.
        CallError when it is refused; OSError or asyncio.TimeoutError when there is no answer.
        """
        async with self._turn:
            if self._lost:
                raise OSError(self._lost)
            Rpc._counter += 1
            self._open_id = unique_id or "%s-%d" % (self.start_id, Rpc._counter)
            self._answer = None
            self._answered.clear()
            head = '[%d,"%s","%s",' % (_CALL, self._open_id, action)
            log.debug("ocpp", "sends " + action)  # no payload: it may hold a secret
            try:
                await self._send(_parts(head.encode(), payload))
                await asyncio.wait_for_ms(self._answered.wait(), timeout_ms)
            finally:
                self._open_id = ""
            return self._take_answer()

    def _take_answer(self) -> dict:
        answer = self._answer
        self._answer = None
        if answer is None:
            raise OSError(self._lost)
        if answer[0] == _CALL_ERROR:
            fields = [field if isinstance(field, str) else "" for field in answer[2:4]] + ["", ""]
            raise CallError(fields[0], fields[1])
        payload = answer[2] if len(answer) > 2 else None
        if payload is None:
            return {}
        if not isinstance(payload, dict):
            raise CallError("FormationViolation", "the answer's payload is not an object")
        return payload

    async def receive(self, text: "str | list") -> None:
        """Take in one message, a long one in pieces.

        A CALL is answered in a task: that may take long, and answers come meanwhile.
        """
        start = text[:40] if isinstance(text, str) else str(text[0][:40])
        try:
            frame = _parse(text) if isinstance(text, str) else await _parse_long(text)
        except CallError as error:
            log.warning("ocpp", "message ignored, %s: %s" % (error.description, start))
            if self._on_event:
                self._on_event("InvalidMessages", error.description)
            await self._refuse(_NO_ID, error)
            return
        del text  # a long one shall not be in memory while it is answered
        kind = frame[0]
        if kind == _CALL:
            while self.serving:  # section 4.1.1: it should not ask before it has its answer
                await asyncio.sleep_ms(_TICK_MS)
            self.serving = True
            self._server = asyncio.create_task(self._answer_call(frame))
        elif kind in (_CALL_RESULT, _CALL_ERROR):
            self._take_reply(frame)
        else:  # section 4.1.3: messages of an unknown type are ignored
            log.warning("ocpp", "message of unknown type ignored: " + start)

    def _take_reply(self, frame: list) -> None:
        if len(frame) < 2 or not self._open_id or frame[1] != self._open_id:
            log.warning("ocpp", "answer to nothing open ignored: " + str(frame[1:3])[:60])
            return
        self._open_id = ""
        self._answer = frame
        self._answered.set()

    async def _answer_call(self, frame: list) -> None:
        try:
            await self._take_call(frame)
        except (OSError, MemoryError, asyncio.TimeoutError) as error:  # who calls next hears of it
            self._lost = str(error) or "no room for an answer"
        finally:
            self.serving = False

    async def _take_call(self, frame: list) -> None:
        unique_id = frame[1] if len(frame) > 1 else None
        after = None
        try:
            if not isinstance(unique_id, str) or not 0 < len(unique_id) <= _MAX_ID_LENGTH:
                unique_id = _NO_ID
                raise CallError("FormationViolation", "no valid message id")
            await asyncio.sleep_ms(0)  # parsing was a turn of its own
            served = await self._serve_call(frame)
            if served is None:
                return
            answer, after = served
            head = "[%d,%s," % (_CALL_RESULT, json.dumps(unique_id))
            await self._send(_parts(head.encode(), answer))
        except CallError as error:
            await self._refuse(unique_id, error)
        if after:
            after()

    async def _serve_call(self, frame: list):
        if not 2 < len(frame) < 5 or not isinstance(frame[2], str):
            raise CallError("FormationViolation", "a CALL has an id, an action and a payload")
        if len(frame) == 3:
            raise CallError("ProtocolError", "the payload is missing")
        payload = {} if frame[3] is None else frame[3]
        if not isinstance(payload, dict):
            raise CallError("FormationViolation", "payload is not an object")
        log.debug("ocpp", "is asked for " + frame[2][:40])
        try:
            return await self._serve(frame[2], payload)
        except CallError:
            raise
        except Exception as error:  # a fault of this one handler must not cost the line
            log.error("ocpp", "%s failed: %s %s" % (frame[2], type(error).__name__, error))
            raise CallError("InternalError", "the charge point failed to handle it")

    async def _refuse(self, unique_id: str, error: CallError) -> None:
        text = json.dumps([_CALL_ERROR, unique_id, error.code, error.description[:255], {}])
        await self._send((text.encode(),))
