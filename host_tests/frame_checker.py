"""A strict reader of both directions of an OCPP-J 1.6 line: notes whatever the charge point does wrong.

Knows nothing of the firmware and nothing of the back office: raw texts in, complaints out. The payloads
are held against the published JSON schemas (those that come with PyPI's `ocpp`), which forbid fields that
they do not name.
"""

import json
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import jsonschema
import ocpp.v16

SCHEMAS = Path(ocpp.v16.__file__).parent / "schemas"
CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
LONGEST_ID = 36
NO_ID = "-1"  # answers what carried no id
ERROR_CODES = """NotImplemented NotSupported InternalError ProtocolError SecurityError FormationViolation
PropertyConstraintViolation OccurenceConstraintViolation TypeConstraintViolation GenericError""".split()
TRANSACTIONAL = ("StartTransaction", "MeterValues", "StopTransaction")
# Where it is not known whether they arrived they come again with the same id, but on another line
REPEATED = ("StartTransaction", "StopTransaction")
WHOLE_STATUSES = ("Available", "Unavailable", "Faulted")  # of connector 0, section 4.9
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
MOST_COMPLAINTS = 20
NO_TRANSACTION = -1  # of a start that was never answered (errata 3.18)


@cache
def _validator(name: str):
    path = SCHEMAS / f"{name}.json"
    if not path.exists():
        return None
    schema = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    formats = jsonschema.FormatChecker(formats=())
    formats.checks("date-time")(lambda value: bool(DATE_TIME.fullmatch(str(value))))
    return jsonschema.Draft4Validator(schema, format_checker=formats)


def trouble_in(name: str, payload) -> str:
    """Why a payload does not fit a message's schema ("Reset", "ResetResponse"); empty when it does."""
    validator = _validator(name)
    if validator is None:
        return f"{name} is no message of OCPP 1.6"
    error = jsonschema.exceptions.best_match(validator.iter_errors(payload))
    return f"{name}: {error.message} at {error.json_path}" if error else ""


def parse(text: str):
    """A text as JSON with exact numbers; None when it is none."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


class Registration:
    """What outlives a line: whether the charge point may speak, and how its transactions stand."""

    def __init__(self) -> None:
        self.status = ""  # of the last BootNotification's answer
        self.triggered: list[str] = []  # messages that the back office asked for
        self.newest = ""  # timestamp of the newest transaction message
        self.running: set[int] = set()
        self.ended: set[int] = set()
        self.statuses: dict[int, str] = {}


class FrameChecker:
    """Reads what goes over the lines of any number of charge points; `complaints` is empty at the end.

    now_s: the clock; shortest_wait_s(): after how long without an answer another CALL may follow.
    """

    def __init__(self, now_s, shortest_wait_s) -> None:
        self.complaints: list[str] = []
        self.frames = 0
        self._now_s = now_s
        self._shortest_wait_s = shortest_wait_s
        self._ids: set[str] = set()
        self._lines: dict[object, Line] = {}
        self._registrations: dict[str, Registration] = {}

    def restarted(self) -> None:
        """The charge point lost its memory: it has to register again."""
        for registration in self._registrations.values():
            registration.status = ""

    def line(self, key: object, identity: str) -> None:
        """A new line was opened."""
        registration = self._registrations.setdefault(identity, Registration())
        self._lines[key] = Line(self, registration)

    def came(self, key: object, text: str) -> None:
        """A text from the charge point."""
        self.frames += 1
        self._lines[key].came(text)

    def went(self, key: object, text: str) -> None:
        """A text to the charge point."""
        self._lines[key].went(text)

    def unanswered(self, key: object) -> bool:
        """Whether the charge point owes an answer on a line."""
        return self._lines[key].owes

    def complain(self, what: str) -> None:
        """Note a complaint."""
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(f"at {self._now_s():.1f} s: {what}")

    def is_new(self, unique_id: str) -> bool:
        """Whether a CALL's id was never used before."""
        known = unique_id in self._ids
        self._ids.add(unique_id)
        return not known

    def has_waited(self, since_s: float) -> bool:
        """Whether a CALL sent then may have been given up."""
        return self._now_s() - since_s >= self._shortest_wait_s() - 0.05

    def now_s(self) -> float:
        """The clock."""
        return self._now_s()


class Line:
    """One connection."""

    def __init__(self, checker: FrameChecker, registration: Registration) -> None:
        self._checker = checker
        self._registration = registration
        self._open: "tuple | None" = None  # its CALL: id, action, payload, when it came
        self._ids: set[str] = set()
        self._asked: dict[str, list[tuple]] = {}  # the back office's CALLs by id: action, payload
        self._stopped: "int | None" = None  # a transaction whose end was answered just now
        self._complain = checker.complain

    @property
    def owes(self) -> bool:
        """Whether a CALL with an id waits for its answer."""
        return any(0 < len(key) <= LONGEST_ID and calls for key, calls in self._asked.items())

    # --- to the charge point

    def went(self, text: str) -> None:
        """What the back office sends may be anything; remember what it asked and answered."""
        frame = parse(text)
        if not isinstance(frame, list) or len(frame) < 2 or not isinstance(frame[1], str):
            return
        if frame[0] == CALL:
            action = frame[2] if len(frame) > 2 and isinstance(frame[2], str) else ""
            payload = frame[3] if len(frame) > 3 and isinstance(frame[3], dict) else {}
            self._asked.setdefault(frame[1], []).append((action, payload))
        elif self._open and frame[1] == self._open[0]:
            self._answered(frame)

    def _answered(self, frame: list) -> None:
        _, action, payload, since_s = self._open
        self._open = None
        in_time = not self._checker.has_waited(since_s)  # else it may have been given up already
        registration = self._registration
        if frame[0] == CALL_ERROR:
            if len(frame) > 2 and frame[2] == "SecurityError":
                registration.status = ""
            return
        answer = frame[2] if len(frame) > 2 and isinstance(frame[2], dict) else {}
        if action == "BootNotification":
            registration.status = answer.get("status", "")
        elif action == "StartTransaction" and isinstance(answer.get("transactionId"), int):
            registration.running.add(answer["transactionId"])
        elif action == "StopTransaction" and in_time:
            self._stopped = payload.get("transactionId")

    # --- from the charge point

    def came(self, text: str) -> None:
        """What the charge point sends has to be right."""
        frame = parse(text)
        lengths = {CALL: 4, CALL_RESULT: 3, CALL_ERROR: 5}
        if not isinstance(frame, list) or not frame or frame[0] not in lengths:
            self._complain(f"no OCPP-J message: {text[:80]}")
        elif len(frame) != lengths[frame[0]]:
            self._complain(f"{len(frame)} elements: {text[:80]}")
        elif not isinstance(frame[1], str) or not 0 < len(frame[1]) <= LONGEST_ID:
            self._complain(f"bad message id: {text[:80]}")
        elif frame[0] == CALL:
            self._take_call(frame[1], frame[2], frame[3])
        elif frame[0] == CALL_RESULT:
            self._take_result(frame[1], frame[2])
        else:
            self._take_error(*frame[1:])

    def _take_call(self, unique_id: str, action: str, payload: dict) -> None:
        is_new = self._checker.is_new(unique_id)
        if unique_id in self._ids or not (is_new or action in REPEATED):
            self._complain(f"the id {unique_id} of {action} was used before")
        self._ids.add(unique_id)
        if self._stopped is not None:  # the next CALL shows that the answer has arrived
            self._registration.ended.add(self._stopped)
            self._stopped = None
        if self._open and not self._checker.has_waited(self._open[3]):
            self._complain(f"{action} while {self._open[1]} is open")
        self._open = (unique_id, action, payload, self._checker.now_s())
        trouble = trouble_in(str(action), payload)
        if trouble:
            self._complain(trouble)
            return
        self._check_registration(action)
        if action in TRANSACTIONAL:
            self._check_transaction(action, payload)
        elif action == "StatusNotification":
            self._check_status(payload)

    def _check_registration(self, action: str) -> None:
        """Section 4.2: before it is accepted it sends nothing that it was not asked for."""
        registration = self._registration
        if action in registration.triggered:
            registration.triggered.remove(action)
        elif action != "BootNotification" and registration.status != "Accepted":
            self._complain(f"{action} before the registration was accepted")

    def _check_status(self, payload: dict) -> None:
        if payload["connectorId"] == 0 and payload["status"] not in WHOLE_STATUSES:
            self._complain(f"connector 0 is {payload['status']}")
        if payload["status"] == "Faulted" or payload["errorCode"] == "NoError":
            self._registration.statuses[payload["connectorId"]] = payload["status"]

    def _check_transaction(self, action: str, payload: dict) -> None:
        """A start, its values, its stop: none after its end, none that nobody has begun, none earlier."""
        samples = payload.get("meterValue", [])
        values = [value for sample in samples for value in sample["sampledValue"]]
        if action == "MeterValues" and ("transactionId" not in payload or _is_triggered(values)):
            return
        registration = self._registration
        number = payload.get("transactionId", NO_TRANSACTION)
        if number != NO_TRANSACTION and number in registration.ended:
            self._complain(f"{action} of the transaction {number}, which has ended")
        elif number != NO_TRANSACTION and number not in registration.running:
            self._complain(f"{action} of the unknown transaction {number}")
        stamps = [payload["timestamp"]] if "timestamp" in payload else []
        stamps += [sample["timestamp"] for sample in samples if not _are_averages(sample)]
        for stamp in stamps:
            if stamp < registration.newest and payload.get("reason") != "PowerLoss":
                self._complain(f"{action} of {stamp} after one of {registration.newest}")
            registration.newest = stamp

    def _take_result(self, unique_id: str, payload: dict) -> None:
        if not self._asked.get(unique_id):
            self._complain(f"an answer to nothing: {unique_id}")
            return
        action, asked = self._asked[unique_id].pop(0)
        if self._registration.status == "Rejected":
            self._complain(f"{action} was answered although the registration was rejected")
        trouble = trouble_in(action + "Response", payload)
        if trouble:
            self._complain(trouble)
        elif action.endswith("TriggerMessage") and payload["status"] == "Accepted":
            self._registration.triggered += _triggers(action, asked)

    def _take_error(self, unique_id: str, code, description, details) -> None:
        if self._asked.get(unique_id):
            self._asked[unique_id].pop(0)
        elif unique_id != NO_ID:
            self._complain(f"a refusal of nothing: {unique_id}")
        if code not in ERROR_CODES:
            self._complain(f"no error code of OCPP 1.6: {code}")
        if not isinstance(description, str) or len(description) > 255:
            self._complain(f"bad description of an error: {description}")
        if not isinstance(details, dict):
            self._complain(f"bad details of an error: {details}")


def _are_averages(sample: dict) -> bool:
    """Those of a clock-aligned interval bear the time at which it began (section 9.1.3)."""
    values = sample["sampledValue"]
    return values[0].get("context") == "Sample.Clock" and "Register" not in values[0]["measurand"]


def _is_triggered(values: list) -> bool:
    return any(value.get("context") == "Trigger" for value in values)


def _triggers(action: str, asked: dict) -> list[str]:
    """What follows from a trigger: a status for each connector, unless one was named."""
    message = asked.get("requestedMessage", "")
    if action == "ExtendedTriggerMessage":
        message = {
            "FirmwareStatusNotification": "SignedFirmwareStatusNotification",
            "SignChargePointCertificate": "SignCertificate",
        }.get(message, message)
    every = message in ("StatusNotification", "MeterValues") and "connectorId" not in asked
    return [message] * (2 if every else 1)
