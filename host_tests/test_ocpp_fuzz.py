"""Nonsense from the back office: each CALL gets an answer, the line or a new one stays, nothing moves.

OCPP_FUZZ=200000 sends that many frames; by default it is a share of it.
"""

import os

import pytest
from aiohttp import WSMsgType
from frame_checker import trouble_in
from frame_fuzz import Frames
from octt_rig import ACCEPTED, IDENTITY
from websocket_client import resolver

FRAMES = int(os.environ.get("OCPP_FUZZ", "3000"))
AT_ONCE = 12
REFUSALS = {
    "FormationViolation",
    "OccurenceConstraintViolation",
    "PropertyConstraintViolation",
    "TypeConstraintViolation",
}
MOVES = ("SetChargingProfile", "UnlockConnector", "RemoteStopTransaction")  # a charge, rightly


def may_move(action: str, payload) -> bool:
    """Whether a request could end or pause a charge, or restart, in a lenient reader's eyes too."""
    if action == "Reset" and isinstance(payload, dict):
        return payload.get("type") in ("Hard", "Soft")
    if action not in MOVES or not isinstance(payload, dict):
        return False
    return not trouble_in(action, stripped(payload)) or action == "SetChargingProfile"


def stripped(value):
    """Without what is null or unknown to everybody."""
    names = ("connectorId", "transactionId")
    return {name: value[name] for name in names if value.get(name) is not None}


class Sender:
    """Sends frames on whatever line is up, and waits for the answers."""

    def __init__(self, station) -> None:
        self.station = station
        self.sent = 0

    @property
    def _line(self):
        """ocpp's connection, and aiohttp's socket."""
        peer, _, socket = self.station.csms._peers[IDENTITY]
        return peer._connection, socket

    async def send(self, texts: list) -> None:
        """Send some, and wait until they are answered or the line is another one."""
        s = self.station
        await s.until(lambda: s.csms.is_connected(IDENTITY) and s.point.online, 600)
        line, socket = self._line
        for text in texts:
            if isinstance(text, str):
                try:
                    await line.send(text)
                except UnicodeEncodeError:
                    continue
                except ConnectionError:
                    break
            else:
                await socket._writer.send_frame(text, WSMsgType.TEXT)
            self.sent += 1
        await s.until(lambda: self._is_quiet(line), 120)

    def _is_quiet(self, line) -> bool:
        s = self.station
        if not s.csms.is_connected(IDENTITY) or self._line[0] is not line:
            return True
        return not s.checker.unanswered(line)


async def bombard(s, seed: int, count: int, coil: bool) -> None:
    """Send that many frames; the contactor stays as it is."""
    keys = (await s.ask("GetConfiguration"))["configurationKey"]
    frames = Frames(seed, [entry["key"] for entry in keys] + ["AuthorizationKey"])
    sender = Sender(s)
    while sender.sent < count:
        texts = []
        while len(texts) < AT_ONCE:
            action, payload = frames.call()
            if not may_move(action, payload):
                texts.append(frames.text(action, payload))
        await sender.send(texts)
        assert s.coil == coil
        assert not s.resets


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("charges", [False, True])
def test_whatever_the_back_office_sends_the_station_answers_and_nothing_moves(
    make_station,
    monkeypatch,
    charges,
):
    def unknown(host):
        raise OSError("no address for " + host)

    monkeypatch.setattr(resolver, "lookup", unknown)
    station = make_station(connection_timeout=5)

    async def story(s):
        await s.online()
        if charges:
            await s.charge()
        await bombard(s, 1 + charges, FRAMES // 2, charges)
        await s.until(lambda: s.point.online, 600)
        codes = {answer[0] for answer in s.received("CALLERROR")}
        assert codes >= REFUSALS
        assert s.count("CALLRESULT") > 100  # part of it was right, or only the doors were tried
        await s.ask("ChangeAvailability", connectorId=0, type="Operative")
        if charges:
            number = {"transactionId": s.transaction["id"]}
            assert await s.ask("RemoteStopTransaction", **number) == ACCEPTED
            await s.delivered()
            assert s.transaction["reason"] == "Remote"

    station.play(story)
