"""The demo back office, driven by a bare WebSocket."""

import json

import aiohttp
import ocpp_rig
import pytest
from sim.csms import DemoCsms

START = {"connectorId": 1, "idTag": "CARD", "meterStart": 10, "timestamp": "2026-01-01T00:00:00Z"}


class Station:
    """A charge point's end of the line."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self._id = 0

    async def call(self, action, **payload):
        """Send a CALL; returns the answer's frame without its id."""
        self._id += 1
        await self.socket.send_json([2, str(self._id), action, payload])
        frame = await self.socket.receive_json()
        assert frame[1] == str(self._id)
        return [frame[0], *frame[2:]]


def play(story):
    """Run story(csms, connect), connect(identity) being a new line."""

    async def stage():
        csms = DemoCsms()
        await csms.start("127.0.0.1", 0)
        async with aiohttp.ClientSession() as session:

            async def connect(identity, protocols=("ocpp1.6",)):
                url = f"{csms.url}/ocpp/{identity}"
                return Station(await session.ws_connect(url, protocols=protocols))

            try:
                await story(csms, connect)
            finally:
                await csms.stop()

    ocpp_rig.run(stage())


def test_a_transaction_is_kept_with_its_numbers():
    async def story(csms, connect):
        station = await connect("CP%201")
        boot = await station.call("BootNotification", chargePointVendor="v", chargePointModel="m")
        assert boot[1]["status"] == "Accepted"
        started = await station.call("StartTransaction", **START)
        transaction = started[1]["transactionId"]
        values = [{"timestamp": START["timestamp"], "sampledValue": [{"value": "1"}]}]
        await station.call(
            "MeterValues", connectorId=1, transactionId=transaction, meterValue=values
        )
        stop = {"meterStop": 30, "timestamp": "2026-01-01T01:00:00Z", "reason": "Remote"}
        await station.call("StopTransaction", transactionId=transaction, **stop)
        finishing = {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"}
        await station.call("StatusNotification", **finishing)
        state = csms.state()["CP 1"]
        json.dumps(state)
        assert state["connected"]
        assert state["boots"] == 1
        assert state["status"]["1"]["status"] == "Finishing"
        (kept,) = state["transactions"]
        assert kept == {
            "id": transaction,
            "idTag": "CARD",
            "connectorId": 1,
            "meterStart": 10,
            "start": "2026-01-01T00:00:00Z",
            "meterStop": 30,
            "stop": "2026-01-01T01:00:00Z",
            "reason": "Remote",
            "meter_values": 1,
            "starts": 1,
            "stops": 1,
        }
        assert [message["action"] for message in state["messages"]][1] == "StartTransaction"

    play(story)


def test_a_repeated_start_is_counted_and_gets_the_same_transaction():
    async def story(csms, connect):
        station = await connect("CP")
        first = await station.call("StartTransaction", **START)
        again = await station.call("StartTransaction", **START)
        other = await station.call("StartTransaction", **{**START, "meterStart": 11})
        assert first[1]["transactionId"] == again[1]["transactionId"]
        beside = await station.call("StartTransaction", **{**START, "connectorId": 2})
        numbers = [answer[1]["transactionId"] for answer in (first, other, beside)]
        assert len(set(numbers)) == 3
        assert [t["starts"] for t in csms.state()["CP"]["transactions"]] == [2, 1, 1]

    play(story)


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("04A1", "Accepted"),
        ("DEADBEEF", "Blocked"),
        ("dead0001", "Expired"),
        ("DEAD0002", "Invalid"),
    ],
)
def test_tags(tag, status):
    async def story(csms, connect):
        station = await connect("CP")
        assert (await station.call("Authorize", idTag=tag))[1] == {"idTagInfo": {"status": status}}

    play(story)


def test_what_breaks_the_schema_is_refused_and_still_kept():
    async def story(csms, connect):
        station = await connect("CP")
        answer = await station.call("Authorize", idTag="x" * 21)
        assert answer[0] == 4
        await station.socket.send_str("rubbish")
        assert (await station.call("Heartbeat"))[0] == 3
        assert [m["action"] for m in csms.state()["CP"]["messages"]] == [
            "Authorize",
            "garbage",
            "Heartbeat",
        ]

    play(story)


def test_calls_bring_the_answer_the_error_or_why_there_is_none():
    async def story(csms, connect):
        assert "not connected" in (await csms.call("CP", "ClearCache", {}))["error"]
        station = await connect("CP")

        async def asked(*reply):
            import asyncio

            question = asyncio.create_task(csms.call("CP", "ClearCache", {}))
            frame = await station.socket.receive_json()
            assert frame[2:] == ["ClearCache", {}]
            await station.socket.send_json([reply[0], frame[1], *reply[1:]])
            return await question

        assert await asked(3, {"status": "Accepted"}) == {"result": {"status": "Accepted"}}
        assert "invalid answer" in (await asked(3, {"status": "Maybe"}))["error"]
        assert await asked(4, "NotSupported", "no", {}) == {
            "error": {"code": "NotSupported", "description": "no"}
        }

    play(story)


def test_memory_outlives_a_stop_and_lines_are_closed_by_it():
    async def story(csms, connect):
        station = await connect("CP")
        await station.call("StartTransaction", **START)
        port = csms.port
        await csms.stop()
        assert (await station.socket.receive()).type == aiohttp.WSMsgType.CLOSE
        assert not csms.state()["CP"]["connected"]
        await csms.start()
        assert csms.port == port
        assert len(csms.state()["CP"]["transactions"]) == 1
        station = await connect("CP")
        again = await station.call("StartTransaction", **{**START, "meterStart": 11})
        assert again[1]["transactionId"] == 2

    play(story)


def test_a_line_without_the_subprotocol_is_closed():
    async def story(csms, connect):
        station = await connect("CP", protocols=())
        assert (await station.socket.receive()).type == aiohttp.WSMsgType.CLOSE
        assert csms.state() == {}

    play(story)


def test_a_second_line_of_a_charge_point_replaces_the_first():
    async def story(csms, connect):
        first = await connect("CP")
        await first.call("Heartbeat")
        second = await connect("CP")
        await second.call("Heartbeat")
        assert (await first.socket.receive()).type == aiohttp.WSMsgType.CLOSE
        await second.call("Heartbeat")
        assert csms.is_connected("CP")

    play(story)
