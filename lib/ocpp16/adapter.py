"""Between the charger and OCPP: its events become messages, and CALLs become its actions.

The charging station is its connector 0, the charger connector 1. Where it is the master of a group the
others' chargers are connectors 2 and further, each an ocpp16.slave_connector.SlaveConnector.
"""

import asyncio
import json

from core import clock, loading, log, storage
from evse import faults
from micropython import const
from ocpp16.profile_limit import ProfileLimit
from ocpp16.queue import SESSION_BITS
from ocpp16.sampling import Sampler

_TICK_MS = const(500)
_MAX_STATUSES = const(12)  # unsent ones; the oldest give way
_ID_TAG_LENGTH = const(20)
_TEXT_LENGTH = const(50)
_AVAILABILITY = "ocpp16.availability"
_REFUSED_TAG = "ocpp16.refused_tag"
# Files in the directory of the profiles; without one there is nothing that its module had to look after.
AVAILABILITY_FILE = "/ocpp_availability"
REFUSED_FILE = "/ocpp_refused"


class Adapter:
    """Listens to the charger, queues its transactions and keeps the statuses still to be sent."""

    number = 1  # of the connector
    others: tuple = ()  # connectors 2 and further
    obeys = False  # a slave: its master has the back office
    # What is otherwise the charge point's own affair:
    unlock = None
    authorize = None
    desk = None

    def __init__(self, settings, charger, queue, path: str) -> None:
        self._settings = settings
        self._charger = charger
        self._queue = queue
        self.online = False
        self.statuses: list = []  # StatusNotifications still to be sent, oldest first
        self._reported: tuple = ()  # the conditions that the newest of them tell
        self._unsteady: tuple = ()  # newer ones, which may not last
        self._steady_s = 0  # when they have lasted
        self._path = path
        self.operative = [True, True]  # in service: the whole, connector 1 and so on
        if storage.exists(path + AVAILABILITY_FILE):
            self.operative = loading.once(_AVAILABILITY, "read", path)
        self._watched = 0  # number of the session that has a …
        self._watch = None  # … task for the case that its tag is refused
        self.sampler = Sampler(settings, charger, queue)
        self.profiles = ProfileLimit(charger, path + "/profiles")
        charger.listen(self._on_event)
        queue.on_started = self._on_started
        self._follow_availability()

    @property
    def enabled(self) -> bool:
        """True when a back office is set: otherwise nothing is worth queueing."""
        settings = self._settings
        if self.obeys:
            return False
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
        reservation = session.reservation_id
        members = '"connectorId":%d,"idTag":%s,"meterStart":%d%s' % (
            self.number,
            json.dumps(session.id_tag[:_ID_TAG_LENGTH]),
            session.meter_start_wh or 0,
            "" if reservation is None else ',"reservationId":%d' % reservation,
        )
        self.sampler.begin(session)
        self._queue.put_start(session.number, members, session.start_unix_s or 0, session.start_s)

    def _queue_stop(self, session) -> None:
        if self._queue.has_stopped(session.number):  # the power was cut before that was noted
            return
        if not self._queue.has_started(session.number):  # it was cut before it was queued
            self._queue_start(session)
        meter_stop_wh = session.meter_stop_wh
        if meter_stop_wh is None:
            meter_stop_wh = session.meter_start_wh or 0
        id_tag = session.stop_id_tag
        members = '"meterStop":%d,"reason":"%s"%s' % (
            meter_stop_wh,
            session.reason or "Local",
            ',"idTag":' + json.dumps(id_tag[:_ID_TAG_LENGTH]) if id_tag else "",
        )
        self.sampler.end(session)
        self._queue.put_stop(session.number, members, session.stop_unix_s or 0)

    def _queue_missing_start(self) -> None:
        """A session goes on whose start was cut off from the queue by a power cut."""
        session = self._charger.session
        if session and self._charger.settled and not self._queue.has_started(session.number):
            if not self._queue.full:
                self._queue_start(session)

    def _on_started(self, number: int, info: dict) -> None:
        """A StartTransaction was answered; section 4.8: an invalid tag's is stopped, or its energy."""
        connector = self.at((number >> SESSION_BITS) + 1)
        if connector is not None:
            connector.take_answer(number, info)

    def take_answer(self, number: int, info: dict) -> None:
        """The idTagInfo of a session's start."""
        session = self._charger.session
        if session is None or session.number != number:
            return
        if info.get("status") == "Accepted" or self._charges_unasked:
            return
        log.warning("ocpp", "transaction refused: %s" % info.get("status"))
        if self._settings.get("stop_on_invalid_id"):
            self._charger.stop("DeAuthorized")
            return
        most_wh = self._settings.get("max_energy_on_invalid_id")
        try:
            loading.once(_REFUSED_TAG, "note", self._refused_path, session, most_wh)
            self._watched = 0
        except OSError as error:
            log.error("ocpp", "refusal not kept: %s" % error)
            self._charger.stop("DeAuthorized")

    @property
    def _refused_path(self) -> str:
        return "%s%s%s" % (self._path, REFUSED_FILE, self.number if self.number > 1 else "")

    @property
    def _charges_unasked(self) -> bool:
        settings = self._settings
        mode = settings.get("free_charging_mode")
        return settings.get("free_charging") and mode == "Without ocpp"

    # --- StatusNotification

    def came_online(self) -> None:
        """The line is up: the present statuses are to be sent, whatever was missed."""
        self.statuses = []
        for connector in (self,) + self.others:
            connector.follow_line(True)

    def went_offline(self) -> None:
        """The line is down: statuses are not kept for later."""
        self.statuses = []
        for connector in (self,) + self.others:
            connector.follow_line(False)

    def follow_line(self, online: bool) -> None:
        """The line is up or down."""
        self.online = online
        self._reported = self._unsteady = ()
        self._note_status()

    def _conditions(self) -> tuple:
        """(status, errorCode, vendorErrorCode, info) of the whole and of connector 1; last this one's."""
        charger = self._charger
        status, code, vendor_error, info = charger.status, "NoError", "", ""
        if self._settings.get("send_error_status"):
            code, vendor_error = charger.error_code, charger.vendor_error
        if status == "Faulted":
            info = charger.reason if vendor_error else ""
        elif status == "SuspendedEV" and not charger.plugged:
            info = "EV side disconnected"
        connector = (status, code, vendor_error, info)
        if status == "Faulted" and not self.others:
            return connector, connector
        operative = self.operative[0] or charger.session  # which is not cut short
        # The whole knows Available, Unavailable and Faulted only (section 4.9).
        return ("Available" if operative else "Unavailable", "NoError", "", ""), connector

    def _note_status(self) -> None:
        """Keep what has changed; runs in the charger's loop, so the texts are made when sent."""
        if not self.online:
            return
        conditions = self._conditions()
        reported = self._reported
        if conditions == reported:
            self._unsteady = ()
        elif not reported or self._has_lasted(conditions):
            first = self.number + 1 - len(conditions)
            for place, condition in enumerate(conditions):
                if not reported or condition != reported[place]:
                    self._add_status(first + place, condition)
            self._reported = conditions

    def _has_lasted(self, conditions: tuple) -> bool:
        """MinimumStatusDuration: what comes and goes is not told."""
        now_s = clock.uptime_s()
        if conditions != self._unsteady:
            self._unsteady = conditions
            self._steady_s = now_s + self._settings.get("minimum_status_duration")
        return now_s >= self._steady_s

    def _add_status(self, connector: int, condition: tuple) -> None:
        if len(self.statuses) >= _MAX_STATUSES:
            self.statuses.pop(0)
        self.statuses.append((connector, condition, clock.unix_s()))

    def next_status(self) -> dict:
        """The oldest StatusNotification payload still to be sent, taken off the list."""
        return self._status_payload(*self.statuses.pop(0))

    def status_of(self, connector: int) -> dict:
        """A StatusNotification payload of this moment for a connector, 0: the whole."""
        conditions = self.at(connector)._conditions()
        condition = conditions[-1 if connector else 0]
        return self._status_payload(connector, condition, clock.unix_s())

    @staticmethod
    def _status_payload(connector: int, condition: tuple, unix_s: int) -> dict:
        status, error_code, vendor_error, info = condition
        payload = {"connectorId": connector, "errorCode": error_code, "status": status}
        if unix_s:
            payload["timestamp"] = clock.iso8601(unix_s)
        if info:
            payload["info"] = info[:_TEXT_LENGTH]
        if vendor_error:
            payload["vendorErrorCode"] = vendor_error[:_TEXT_LENGTH]
        return payload

    # --- what goes on beside the events

    async def run(self) -> None:
        """Sample the meter for the running transaction, online or not."""
        while True:
            if self.enabled:
                self._queue_missing_start()
                await self.sampler.step(self.online)
            if not self.obeys:
                await self.profiles.step(self.enabled)
            self._queue.settle()
            if not self.online and self._queue.needs_compaction():
                await self._queue.compact()
            self._watch_queue()
            self._note_status()
            self._follow_availability()
            self._watch_refusal()
            await asyncio.sleep_ms(_TICK_MS)

    def _watch_queue(self) -> None:
        """Where the settings say so, nobody charges whose transaction could not be reported."""
        wanted = self._settings.get("stop_if_queue_full") and self.enabled
        self._charger.book.set(faults.QUEUE_FULL, wanted and self._queue.full)

    def put_in_service(self, operative: list) -> None:
        """Change what is in service: the whole, and the connectors. What runs comes to its end first."""
        self.operative = operative
        for connector in (self,) + self.others:
            connector._follow_availability()

    def is_operative(self, connector: int) -> bool:
        """In service, and with the whole. Without a back office, which could change it again, all is."""
        if not (self.enabled or self.obeys):
            return True
        return self.operative[0] and all(self.operative[connector : connector + 1])

    def _follow_availability(self) -> None:
        operative = self.is_operative(self.number)
        if self._charger.available != operative:
            self._charger.set_available(operative)

    def _watch_refusal(self) -> None:
        session = self._charger.session
        if session and session.number != self._watched and self.enabled:
            self._watched = session.number
            path = self._refused_path
            if storage.exists(path):
                watching = loading.once(_REFUSED_TAG, "watch", path, self._charger, session)
                self._watch = asyncio.create_task(watching)

    # --- what the back office asks for

    @property
    def connectors(self) -> int:
        """How many connectors there are: numbers 1 … n, and 0 for the whole."""
        return 1 + len(self.others)

    def at(self, connector: int) -> "Adapter | None":
        """That of a connector, 0 included; None where there is none."""
        return ((self, self) + self.others)[connector] if connector <= self.connectors else None

    @property
    def authorizes_remote_start(self) -> bool:
        """AuthorizeRemoteTxRequests."""
        return self._settings.get("authorize_remote_tx")

    @property
    def has_fixed_cable(self) -> bool:
        """True when there is no socket whose lock could be opened."""
        return self._settings.get("cable_or_socket") == "Cable"

    @property
    def plugged(self) -> bool:
        """A car is connected."""
        return self._charger.plugged

    def can_start(self, id_tag: str) -> bool:
        """True when a session may be started by a tag here."""
        charger = self._charger
        reservation = charger.reservation
        if reservation and not reservation.parent and not reservation.admits(id_tag):
            return False
        return charger.session is None and charger.available and charger.status != "Faulted"

    @property
    def reserved(self) -> "int | None":
        """Number of the reservation that it is kept for; None without one."""
        reservation = self._charger.reservation
        return reservation.number if reservation else None

    @property
    def reservable(self) -> str:
        """Accepted, or the ReservationStatus that is against it; a present reservation is not."""
        charger = self._charger
        if charger.status == "Faulted":
            return "Faulted"
        if charger.session or charger.plugged or charger.awaits_plug:
            return "Occupied"
        return "Accepted" if charger.available else "Unavailable"

    def must_ask(self, id_tag: str) -> bool:
        """It is reserved for a group: only the back office, or the lists, know whether a tag is of it."""
        reservation = self._charger.reservation
        return bool(reservation and reservation.parent and not reservation.admits(id_tag))

    async def start(self, id_tag: str) -> str:
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
    def is_charging(self) -> bool:
        """A session runs."""
        return self._charger.session is not None

    @property
    def settled(self) -> bool:
        """The charger has told all that happened."""
        return self._charger.settled

    def stop(self, reason: str) -> None:
        """Stop the running session, if any."""
        if self._charger.session is not None:
            self._charger.stop(reason)
