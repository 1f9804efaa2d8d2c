"""A demo back office: OCPP 1.6-J central system on PyPI's `ocpp`, which checks the schemas."""

import asyncio
import contextlib
import json
import logging
import ssl
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

from aiohttp import WSMsgType, web
from ocpp.exceptions import InternalError, OCPPError
from ocpp.messages import Call, CallError, validate_payload
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action

PROTOCOL = "ocpp1.6"
HEARTBEAT_S = 300
KEPT_MESSAGES = 2000
SHOWN_MESSAGES = 50
KEPT_TRANSACTIONS = 1000
CALL_TIMEOUT_S = 30
TAG_STATUSES = {"DEADBEEF": "Blocked", "DEAD0001": "Expired", "DEAD0002": "Invalid"}

logging.getLogger("ocpp").setLevel(logging.CRITICAL)  # what is wrong shows in what is recorded


def tag_info(id_tag: str) -> dict[str, str]:
    """Return idTagInfo of a tag: all but a few are accepted. Tags are case-insensitive."""
    return {"status": TAG_STATUSES.get(id_tag.upper(), "Accepted")}


class Record:
    """What is known of one charge point; outlives its lines."""

    def __init__(self) -> None:
        self.authorization = ""  # header of its last line
        self.certificate: dict[str, Any] | None = None  # that it has shown, as ssl tells it
        self.boots = 0
        self.status: dict[str, dict[str, Any]] = {}
        self.transactions: dict[int, dict[str, Any]] = {}
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT_MESSAGES)

    def note(self, action: str, payload: Any) -> None:
        """Keep a message that came in."""
        self.messages.append({"time": round(time.time(), 3), "action": action, "payload": payload})

    def received(self, action: str) -> list[Any]:
        """Return the payloads of all kept messages of one action, oldest first."""
        return [message["payload"] for message in self.messages if message["action"] == action]

    def same_start(self, start: dict[str, Any]) -> dict[str, Any] | None:
        """Return the open transaction that this very StartTransaction has already begun."""
        keys = ("connectorId", "idTag", "start", "meterStart")
        for known in self.transactions.values():
            if not known["stops"] and all(known[key] == start[key] for key in keys):
                return known
        return None

    def add(self, transaction: dict[str, Any]) -> None:
        """Keep a new transaction; the oldest give way."""
        self.transactions[transaction["id"]] = transaction
        while len(self.transactions) > KEPT_TRANSACTIONS:
            del self.transactions[next(iter(self.transactions))]


class Watcher(Protocol):
    """Hears every text on every line; a line is known by its key."""

    def line(self, key: object, identity: str) -> None:
        """A charge point has opened a line."""

    def came(self, key: object, text: str) -> None:
        """A text came from the charge point."""

    def went(self, key: object, text: str) -> None:
        """A text goes to it."""


class Line:
    """recv() and send() over aiohttp, as ocpp's ChargePoint wants them."""

    def __init__(
        self, socket: web.WebSocketResponse, record: Record, watcher: Watcher | None
    ) -> None:
        self._socket = socket
        self._record = record
        self._watcher = watcher

    async def recv(self) -> str:
        """Return the next text; ConnectionError at the end."""
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise ConnectionError("line closed")
        if self._watcher:
            self._watcher.came(self, message.data)
        self._note(message.data)
        return message.data

    def _note(self, text: str) -> None:
        try:
            frame = json.loads(text)
            if frame[0] == 2:
                self._record.note(frame[2], frame[3])
            else:
                self._record.note({3: "CALLRESULT", 4: "CALLERROR"}[frame[0]], frame[2:])
        except (ValueError, LookupError, TypeError):
            self._record.note("garbage", text)

    async def send(self, text: str) -> None:
        """Send a text."""
        if self._watcher:
            self._watcher.went(self, text)
        await self._socket.send_str(text)


class Peer(ChargePoint):
    """The central system's view of one connected charge point."""

    def __init__(self, identity: str, line: Line, csms: "DemoCsms", record: Record) -> None:
        super().__init__(identity, line)
        self.record = record
        self._csms = csms

    async def route_message(self, raw_msg: str) -> None:
        """Let tests keep the back office from answering."""
        frame = json.loads(raw_msg) if raw_msg.startswith("[2,") else None
        if frame and frame[2] in self._csms.ignored_actions:
            return
        if frame and frame[2] in self._csms.refused_actions:
            error = Call(frame[1], frame[2], frame[3]).create_call_error(InternalError())
            await self._send(error.to_json())
            return
        await super().route_message(raw_msg)

    @on(Action.boot_notification)
    def on_boot_notification(self, **_: Any) -> call_result.BootNotification:
        self.record.boots += 1
        status, interval_s = self._csms.boot_status, self._csms.heartbeat_s
        return call_result.BootNotification(self._csms.now_text(), interval_s, status)  # type: ignore[arg-type]

    @on(Action.heartbeat)
    def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(self._csms.now_text())

    @on(Action.authorize)
    def on_authorize(self, id_tag: str) -> call_result.Authorize:
        return call_result.Authorize(self._csms.tag_info(id_tag))  # type: ignore[arg-type]

    @on(Action.data_transfer)
    def on_data_transfer(self, **_: Any) -> call_result.DataTransfer:
        return call_result.DataTransfer("UnknownVendorId")  # type: ignore[arg-type]

    @on(Action.status_notification)
    def on_status_notification(
        self, connector_id: int, error_code: str, status: str, **rest: Any
    ) -> call_result.StatusNotification:
        shown = {"status": status, "errorCode": error_code}
        for key, name in (("info", "info"), ("vendor_error_code", "vendorErrorCode")):
            if key in rest:
                shown[name] = rest[key]
        self.record.status[str(connector_id)] = shown
        return call_result.StatusNotification()

    @on(Action.start_transaction)
    def on_start_transaction(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        start = {"connectorId": connector_id, "idTag": id_tag}
        start |= {"meterStart": meter_start, "start": timestamp}
        transaction = self.record.same_start(start)
        if transaction:
            transaction["starts"] += 1
        else:
            transaction = self._csms.new_transaction(start)
            self.record.add(transaction)
        info = self._csms.tag_info(id_tag)
        return call_result.StartTransaction(transaction["id"], info)  # type: ignore[arg-type]

    @on(Action.meter_values)
    def on_meter_values(self, **values: Any) -> call_result.MeterValues:
        transaction = self.record.transactions.get(values.get("transaction_id", 0))
        if transaction:
            transaction["meter_values"] += 1
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def on_stop_transaction(
        self, meter_stop: int, timestamp: str, transaction_id: int, **rest: Any
    ) -> call_result.StopTransaction:
        transaction = self.record.transactions.get(transaction_id)
        if transaction:
            transaction["meterStop"] = meter_stop
            transaction["stop"] = timestamp
            transaction["reason"] = rest.get("reason", "Local")
            transaction["stops"] += 1
        return call_result.StopTransaction()

    @on(Action.diagnostics_status_notification)
    def on_diagnostics_status_notification(
        self, **_: Any
    ) -> call_result.DiagnosticsStatusNotification:
        return call_result.DiagnosticsStatusNotification()

    @on(Action.firmware_status_notification)
    def on_firmware_status_notification(self, **_: Any) -> call_result.FirmwareStatusNotification:
        return call_result.FirmwareStatusNotification()

    @on(Action.log_status_notification)
    def on_log_status_notification(self, **_: Any) -> call_result.LogStatusNotification:
        return call_result.LogStatusNotification()

    @on(Action.security_event_notification)
    def on_security_event_notification(self, **_: Any) -> call_result.SecurityEventNotification:
        return call_result.SecurityEventNotification()

    @on(Action.sign_certificate)
    def on_sign_certificate(self, **_: Any) -> call_result.SignCertificate:
        return call_result.SignCertificate("Accepted")  # type: ignore[arg-type]

    @on(Action.signed_firmware_status_notification)
    def on_signed_firmware_status_notification(
        self, **_: Any
    ) -> call_result.SignedFirmwareStatusNotification:
        return call_result.SignedFirmwareStatusNotification()

    async def request(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a CALL as it is, valid or not; the answer has to be valid."""
        request = Call(str(uuid.uuid4()), action, payload)
        async with self._call_lock:
            await self._send(request.to_json())
            answer = await self._get_specific_response(request.unique_id, CALL_TIMEOUT_S)
        if isinstance(answer, CallError):
            return {"error": {"code": answer.error_code, "description": answer.error_description}}
        answer.action = action
        await validate_payload(answer, "1.6")
        return {"result": answer.payload}


class DemoCsms:
    """The demo back office. Its memory outlives stop() and start(); port 0 takes a free one."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.tls: ssl.SSLContext | None = None  # for wss
        self.records: dict[str, Record] = {}
        self.now_s = time.time  # what tells the time, seconds since 1970
        self.boot_status = "Accepted"
        self.heartbeat_s = HEARTBEAT_S
        self.refused_actions: set[str] = set()  # answered by CALLERROR
        self.ignored_actions: set[str] = set()  # not answered
        self.tags: dict[str, dict[str, str]] = {}  # idTagInfo of tags that are not ordinary
        self.watcher: Watcher | None = None
        self._peers: dict[str, tuple[Peer, web.Request, web.WebSocketResponse]] = {}
        self._runner: web.AppRunner | None = None
        self._last_transaction = 0

    def now_text(self) -> str:
        """Return the time as OCPP wants it."""
        return datetime.fromtimestamp(self.now_s(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def record(self, identity: str) -> Record:
        """Return what is known of a charge point."""
        return self.records.setdefault(identity, Record())

    def tag_info(self, id_tag: str) -> dict[str, str]:
        """Return idTagInfo of a tag."""
        return self.tags.get(id_tag.upper()) or tag_info(id_tag)

    def new_transaction(self, start: dict[str, Any]) -> dict[str, Any]:
        """Return a transaction under a new id."""
        self._last_transaction += 1
        ended = {"meterStop": None, "stop": None, "reason": None}
        counts = {"meter_values": 0, "starts": 1, "stops": 0}
        return {"id": self._last_transaction, **start, **ended, **counts}

    @property
    def url(self) -> str:
        """The address for charge points, without their id."""
        return f"{'wss' if self.tls else 'ws'}://{self.host}:{self.port}"

    async def start(self, host: str | None = None, port: int | None = None) -> None:
        """Listen, again at the same address unless another is given."""
        self.host = self.host if host is None else host
        self.port = self.port if port is None else port
        application = web.Application()
        application.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self.tls)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all lines and listen no more."""
        for _, _, socket in list(self._peers.values()):
            await socket.close(code=1001)
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def cut(self, identity: str) -> None:
        """Break a charge point's line without a goodbye."""
        if identity in self._peers:
            transport = self._peers[identity][1].transport
            if transport:
                transport.abort()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        identity = unquote(request.raw_path.split("?")[0].rsplit("/", 1)[-1])
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        if not identity or not socket.can_prepare(request):
            raise web.HTTPNotFound(text="a WebSocket at /<charge point id> is expected")
        await socket.prepare(request)
        if socket.ws_protocol != PROTOCOL:
            await socket.close(code=1002)
            return socket
        await self._follow(identity, request, socket)
        return socket

    async def _follow(
        self, identity: str, request: web.Request, socket: web.WebSocketResponse
    ) -> None:
        former = self._peers.get(identity)
        if former:
            await former[2].close()
        record = self.record(identity)
        record.authorization = request.headers.get("Authorization", "")
        if request.transport:
            record.certificate = request.transport.get_extra_info("peercert")
        line = Line(socket, record, self.watcher)
        if self.watcher:
            self.watcher.line(line, identity)
        peer = Peer(identity, line, self, record)
        self._peers[identity] = (peer, request, socket)
        try:
            await peer.start()
        except (ConnectionError, RuntimeError):
            pass  # the line's end
        finally:
            if self._peers.get(identity, (None,))[0] is peer:
                del self._peers[identity]

    def is_connected(self, identity: str) -> bool:
        """Whether a charge point's line is up."""
        return identity in self._peers

    def state(self) -> dict[str, Any]:
        """Return what came from each charge point, as JSON."""
        return {
            identity: {
                "connected": self.is_connected(identity),
                "boots": record.boots,
                "status": record.status,
                "transactions": list(record.transactions.values()),
                "messages": list(record.messages)[-SHOWN_MESSAGES:],
            }
            for identity, record in self.records.items()
        }

    async def call(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a CALL to a charge point: {"result": answer} or {"error": why there is none}."""
        if identity not in self._peers:
            return {"error": f"{identity} is not connected"}
        try:
            return await self._peers[identity][0].request(action, payload)
        except (asyncio.TimeoutError, TimeoutError):
            return {"error": f"no answer within {CALL_TIMEOUT_S} s"}
        except OCPPError as error:
            return {"error": f"invalid answer: {error}"}
        except (ConnectionError, RuntimeError) as error:
            return {"error": str(error) or "line lost"}


async def _run_alone(host: str, port: int) -> None:
    csms = DemoCsms(host, port)
    await csms.start()
    print(csms.url, flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await csms.stop()


if __name__ == "__main__":
    import sys

    asyncio.run(_run_alone("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000))
