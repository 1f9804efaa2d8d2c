"""Nonsense at the web server: every answer is a proper one, nothing is left behind.

HTTP_FUZZ=100000 in the environment has it try that many; usually it takes fewer.
"""

import asyncio
import collections
import gc
import json
import os

import pytest
import virtual_time
from action_rig import Stand
from core import loading, log
from http_nonsense import Nonsense
from web_rig import create_app

from web.server import WebServer

COUNT = int(os.environ.get("HTTP_FUZZ", "12000"))


class Line:
    """Both streams of a connection whose client has sent all and waits."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.answer = bytearray()

    def get_extra_info(self, name):
        return ("192.168.4.2", 5000)

    async def read(self, count):
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    def write(self, data):
        self.answer += data

    async def drain(self):
        await asyncio.sleep(0)

    def close(self):
        pass

    async def wait_closed(self):
        pass


class Feeder:
    """Sends requests at a server, with a session that is opened anew when one of them has ended it."""

    def __init__(self, stand, seed: int) -> None:
        self._stand = stand
        self._app = create_app(stand.services)
        self.server = WebServer(self._app, 0)
        self._nonsense = Nonsense(seed, harmful=True)
        self._session = self._app.sessions.open("manufacturer")
        self.statuses: collections.Counter = collections.Counter()

    async def feed(self, count: int) -> None:
        """Send so many; each answer is complete, none is a failure of the server's."""
        for number in range(count):
            if number % 100 == 0:
                role = ("manufacturer", "operator", "user")[number // 100 % 3]
                self._app.sessions.close(self._session)
                self._session = self._app.sessions.open(role)
            cookie = self._app.cookie(self._session.token).split(";")[0]
            data = self._nonsense.request(cookie, self._session.csrf)
            line = Line(data)
            await self.server._serve(line, line)
            self._look(data, bytes(line.answer))

    def _look(self, data: bytes, answer: bytes) -> None:
        if not answer:  # it went away before the end of its request
            self.statuses[0] += 1
            return
        head, end, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        assert end and 200 <= status < 500, (data, answer[:300])
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        assert set(headers) <= KNOWN, (data, headers)
        if "content-length" in headers and not data.startswith(b"HEAD"):
            assert len(body) == int(headers["content-length"])
        if headers.get("content-type", "").startswith("application/json") and body:
            json.loads(body)
        self.statuses[status] += 1


KNOWN = {
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "etag",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "x-content-type-options",
    "x-csrf-token",
    "x-frame-options",
}


@pytest.mark.timeout(600)
def test_whatever_comes_gets_a_proper_answer_and_leaves_nothing(tmp_path, monkeypatch):
    """Given a station, thousands of requests: no failure, no connection kept, no memory kept."""
    stand = Stand(tmp_path, monkeypatch)
    stand.services.meter = stand.charger.meter
    stand.charger.meter.set_zero = lambda: ""
    monkeypatch.setattr(log, "level", 100)
    monkeypatch.setattr(loading, "unload", lambda name: None)  # compiling takes CPython too long
    feeder = Feeder(stand, 4)

    async def story():
        await feeder.feed(COUNT // 2)  # what is made once is there then
        gc.collect()
        before = len(gc.get_objects())
        await feeder.feed(COUNT - COUNT // 2)
        await asyncio.sleep(20)  # tasks of actions come to their end
        gc.collect()
        assert not feeder.server._connections
        assert len(gc.get_objects()) - before < 300

    virtual_time.run(story())
    # each kind of answer was met: the nonsense got past the doors
    for status in (200, 400, 401, 403, 404, 405, 409, 422):
        assert feeder.statuses[status] > 0, feeder.statuses
    assert feeder.statuses[200] > COUNT // 20
