"""OCPP-J 1.6 section 4: CALL, CALLRESULT and CALLERROR, one open CALL in each direction."""

import asyncio
import json
import os
from binascii import hexlify

from core import log
from micropython import const

_CALL = const(2)
_CALL_RESULT = const(3)
_CALL_ERROR = const(4)
_MAX_ID_LENGTH = const(36)
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


class Rpc:
    """The message layer on one line. `send` takes the parts of a text; `serve` answers a CALL.

    await serve(action, payload) is (answer, after): a dict and a function to call once the answer is
    out, or None; None instead of both keeps silent. It raises CallError to refuse.
    """

    _boot_id = hexlify(os.urandom(4)).decode()  # ids stay unique over connections and restarts
    _counter = 0

    def __init__(self, send, serve) -> None:
        self._send = send
        self._serve = serve
        self._turn = asyncio.Lock()
        self._answered = asyncio.Event()
        self._open_id = ""
        self._answer = None
        self._lost = ""

    def lose(self, why: str) -> None:
        """The line is lost: whoever waits for an answer gets an OSError."""
        self._lost = why
        self._answered.set()

    async def call(self, action: str, payload: "dict | str", timeout_ms: int) -> dict:
        """Send a CALL (payload as dict or JSON text) and return the answer's payload.

        CallError when it is refused; OSError or asyncio.TimeoutError when there is no answer.
        """
        text = payload if isinstance(payload, str) else json.dumps(payload)
        async with self._turn:
            if self._lost:
                raise OSError(self._lost)
            Rpc._counter += 1
            self._open_id = "%s-%d" % (self._boot_id, Rpc._counter)
            self._answer = None
            self._answered.clear()
            head = '[%d,"%s","%s",' % (_CALL, self._open_id, action)
            log.debug("ocpp", "sends " + action)  # no payload: it may hold a secret
            try:
                await self._send((head.encode(), text.encode(), b"]"))
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

    async def receive(self, text: str) -> None:
        """Take in one message and answer it when it is a CALL."""
        try:
            frame = _parse(text)
        except CallError as error:
            log.warning("ocpp", "message ignored, %s: %s" % (error.description, text[:40]))
            await self._refuse(_NO_ID, error)
            return
        kind = frame[0]
        if kind == _CALL:
            await self._take_call(frame)
        elif kind in (_CALL_RESULT, _CALL_ERROR):
            self._take_reply(frame)
        else:  # section 4.1.3: messages of an unknown type are ignored
            log.warning("ocpp", "message of unknown type ignored: " + text[:40])

    def _take_reply(self, frame: list) -> None:
        if len(frame) < 2 or not self._open_id or frame[1] != self._open_id:
            log.warning("ocpp", "answer to nothing open ignored: " + str(frame[1:3])[:60])
            return
        self._open_id = ""
        self._answer = frame
        self._answered.set()

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
            await self._send((head.encode(), json.dumps(answer).encode(), b"]"))
        except CallError as error:
            await self._refuse(unique_id, error)
        if after:
            after()

    async def _serve_call(self, frame: list):
        if len(frame) not in (3, 4) or not isinstance(frame[2], str):
            raise CallError("FormationViolation", "a CALL has an id, an action and a payload")
        payload = frame[3] if len(frame) == 4 else None
        payload = {} if payload is None else payload
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
