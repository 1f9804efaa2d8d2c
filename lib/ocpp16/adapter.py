"""Between the charger and OCPP: its events become messages, and CALLs become its actions."""

import asyncio
import json

from core import clock, log
from evse import faults
from micropython import const
from ocpp16 import meter_values
from ocpp16.queue import TIME_GAP, TRANSACTION_GAP

_TICK_MS = const(500)
_MAX_STATUSES = const(12)  # unsent ones; the oldest give way
_ID_TAG_LENGTH = const(20)
_TEXT_LENGTH = const(50)


class Adapter:
    """Listens to the charger, queues its transactions and keeps the statuses still to be sent."""

    def __init__(self, settings, charger, queue) -> None:
        self._settings = settings
        self._charger = charger
        self._queue = queue
        self.online = False
        self.statuses: list = []  # StatusNotifications still to be sent, oldest first
        self._reported: tuple = ()  # the condition that the newest of them tells
        self._inoperative_next = False
        self._sampled = (0, 0)  # session and interval that the sampling clock runs for
        self._next_sample_s = 0
        charger.listen(self._on_event)
        queue.on_started = self._on_started

    @property
    def enabled(self) -> bool:
        """True when a back office is set: otherwise nothing is worth queueing."""
        settings = self._settings
        return settings.get("chargepoint_type") == "Public" and bool(settings.get("backend_url"))

    # --- the charger's events

    def _on_event(self, event: str, session) -> None:
        if event == "status":
            self._note_status()
        elif not self.enabled:
            return
        elif event == "start":
            self._queue_start(session)
        elif event == "stop":
            self._queue_stop(session)

    def _queue_start(self, session) -> None:
        body = '{"connectorId":1,"idTag":%s,"meterStart":%d,"timestamp":"%s"}' % (
            json.dumps(session.id_tag[:_ID_TAG_LENGTH]),
            session.meter_start_wh or 0,
            TIME_GAP,
        )
        self._queue.put_start(session.number, body, session.start_unix_s or 0)

    def _queue_stop(self, session) -> None:
        if not self._queue.has_started(session.number):  # power was cut before it was queued
            self._queue_start(session)
        meter_stop_wh = session.meter_stop_wh
        if meter_stop_wh is None:
            meter_stop_wh = session.meter_start_wh or 0
        id_tag = session.stop_id_tag
        body = '{"transactionId":%s,"meterStop":%d,"timestamp":"%s","reason":"%s"%s}' % (
            TRANSACTION_GAP,
            meter_stop_wh,
            TIME_GAP,
            session.reason or "Local",
            ',"idTag":' + json.dumps(id_tag[:_ID_TAG_LENGTH]) if id_tag else "",
        )
        self._queue.put_stop(session.number, body, session.stop_unix_s or 0)

    def _on_started(self, number: int, info: dict) -> None:
        """A StartTransaction was answered; section 4.8: an invalid tag's is stopped."""
        session = self._charger.session
        if session is None or session.number != number:
            return
        if info.get("status") != "Accepted" and not self._charges_unasked:
            log.warning("ocpp", "transaction refused: %s" % info.get("status"))
            self._charger.stop("DeAuthorized")

    @property
    def _charges_unasked(self) -> bool:
        settings = self._settings
        mode = settings.get("free_charging_mode")
        return settings.get("free_charging") and mode == "Without ocpp"

    # --- StatusNotification

    def came_online(self) -> None:
        """The line is up: the present statuses are to be sent, whatever was missed."""
        self.online = True
        self.statuses = []
        self._note_status()

    def went_offline(self) -> None:
        """The line is down: statuses are not kept for later."""
        self.online = False
        self.statuses = []
        self._reported = ()

    def _condition(self) -> tuple:
        """(status of connector 1, of the whole, errorCode, vendorErrorCode)."""
        charger = self._charger
        whole = "Available" if charger.available else "Unavailable"
        if charger.status == "Faulted":
            whole = "Faulted"
        if not self._settings.get("send_error_status"):
            return charger.status, whole, "NoError", ""
        return charger.status, whole, charger.error_code, charger.vendor_error

    def _note_status(self) -> None:
        """Keep what has changed; runs in the charger's loop, so the texts are made when sent."""
        condition = self._condition()
        if not self.online or condition == self._reported:
            return
        if not self._reported or self._reported[1] != condition[1]:
            self._add_status(0, condition)
        self._add_status(1, condition)
        self._reported = condition

    def _add_status(self, connector: int, condition: tuple) -> None:
        if len(self.statuses) >= _MAX_STATUSES:
            self.statuses.pop(0)
        self.statuses.append((connector, condition, self._charger.reason, clock.unix_s()))

    def next_status(self) -> dict:
        """The oldest StatusNotification payload still to be sent, taken off the list."""
        return self._status_payload(*self.statuses.pop(0))

    def status_of(self, connector: int) -> dict:
        """A StatusNotification payload of this moment for connector 0 (the whole) or 1."""
        reason = self._charger.reason
        return self._status_payload(connector, self._condition(), reason, clock.unix_s())

    @staticmethod
    def _status_payload(connector: int, condition: tuple, reason: str, unix_s: int) -> dict:
        status, whole, error_code, vendor_error = condition
        if connector == 0:  # which knows Available, Unavailable and Faulted only (section 4.9)
            status = whole
            if whole != "Faulted":
                error_code, vendor_error = "NoError", ""
        payload = {"connectorId": connector, "errorCode": error_code, "status": status}
        if unix_s:
            payload["timestamp"] = clock.iso8601(unix_s)
        if error_code != "NoError" and reason:
            payload["info"] = reason[:_TEXT_LENGTH]
        if vendor_error:
            payload["vendorErrorCode"] = vendor_error[:_TEXT_LENGTH]
        return payload

    # --- MeterValues

    async def run(self) -> None:
        """Sample the meter for the running transaction, online or not."""
        while True:
            self._sample_when_due()
            self._queue.settle()
            self._watch_queue()
            if self._inoperative_next and self._charger.session is None:
                self._inoperative_next = False
                self._charger.set_available(False)
            await asyncio.sleep_ms(_TICK_MS)

    def _watch_queue(self) -> None:
        """Where the settings say so, nobody charges whose transaction could not be reported."""
        wanted = self._settings.get("stop_if_queue_full") and self.enabled
        self._charger.book.set(faults.QUEUE_FULL, wanted and self._queue.full)

    def _sample_when_due(self) -> None:
        session = self._charger.session
        interval_s = self._settings.get("meter_value_sample_interval")
        if session is None or not interval_s or not self._queue.has_started(session.number):
            self._sampled = (0, 0)
            return
        now_s = clock.uptime_s()
        if self._sampled != (session.number, interval_s):
            self._sampled = (session.number, interval_s)
            self._next_sample_s = now_s + interval_s
        elif now_s >= self._next_sample_s:
            late = (now_s - self._next_sample_s) // interval_s
            self._next_sample_s += interval_s * (late + 1)
            text = self._values_text(meter_values.PERIODIC, True)
            if text:
                self._queue.put_values(session.number, text, self.online)

    def _values_text(self, context: str, in_transaction: bool) -> str:
        measurands = self._settings.get("meter_values_sampled_data")
        return meter_values.body(self._charger, measurands, context, in_transaction)

    def triggered_values(self) -> str:
        """A MeterValues payload for TriggerMessage; empty when there is nothing to tell."""
        session = self._charger.session
        transaction = self._queue.transaction_of(session.number) if session else None
        text = self._values_text(meter_values.TRIGGER, transaction is not None)
        text = text.replace(TIME_GAP, clock.iso8601(clock.unix_s()))
        return text.replace(TRANSACTION_GAP, str(transaction))

    # --- what the back office asks for

    @property
    def authorizes_remote_start(self) -> bool:
        """AuthorizeRemoteTxRequests."""
        return self._settings.get("authorize_remote_tx")

    @property
    def has_fixed_cable(self) -> bool:
        """True when there is no socket whose lock could be opened."""
        return self._settings.get("cable_or_socket") == "Cable"

    def can_start(self, connector: "int | None") -> bool:
        """True when a session may be started on a connector (None: any)."""
        charger = self._charger
        usable = charger.available and charger.status not in ("Faulted", "Unavailable")
        return connector in (None, 1) and charger.session is None and usable

    def start(self, id_tag: str) -> str:
        """Start a session; returns why not, or nothing."""
        refusal = self._charger.start(id_tag)
        if refusal:
            log.warning("ocpp", "remote start refused: " + refusal)
        return refusal

    def is_running(self, transaction: int) -> bool:
        """True when a transactionId is the running session's."""
        session = self._charger.session
        return session is not None and self._queue.transaction_of(session.number) == transaction

    @property
    def settled(self) -> bool:
        """The charger has told all that happened."""
        return self._charger.settled

    def stop(self, reason: str) -> None:
        """Stop the running session, if any."""
        if self._charger.session is not None:
            self._charger.stop(reason)

    def change_availability(self, connector: int, operative: bool) -> str:
        """Accepted, Rejected or Scheduled (section 5.2); a running session ends first."""
        if connector not in (0, 1) or not self._settings.get("change_availability"):
            return "Rejected"
        self._inoperative_next = not operative and self._charger.session is not None
        if self._inoperative_next:
            return "Scheduled"
        if self._charger.available != operative:
            self._charger.set_available(operative)
        return "Accepted"
