"""GetDiagnostics (OCPP 1.6 section 5.9) and GetLog (security whitepaper, edition 3, N01): loaded when asked."""

from core import clock, loading
from ocpp16.fields import DATE, INTEGER, NATURAL

_LOCATION_LENGTH = 512
_WORK = "log"
_LONGEST_S = 86400  # between attempts: MicroPython sleeps for six days at most


def _file_name(charge_point, kind: str) -> str:
    """Such as diagnostics-CP1-20261121T201500Z.log."""
    known = charge_point.line.identity
    safe = "".join([c if c.isalpha() or c.isdigit() else "_" for c in known[:48] if c < "\x7f"])
    now_s = clock.unix_s()
    time = clock.iso8601(now_s).replace("-", "").replace(":", "") if now_s else "undated"
    return "%s-%s-%s.log" % (kind, safe, time)


def _start(charge_point, payload: dict, location: str, kind: str, request_id, span: tuple):
    """(name of the file, what follows the answer, whether another upload gives way)."""
    settings = charge_point.settings
    former = charge_point.works.get(_WORK)
    name = _file_name(charge_point, kind)
    upload = loading.once("ocpp16.upload", "Upload", charge_point, location, name, request_id)
    upload.retries = payload.get("retries", settings.get("upload_retries"))
    interval_s = payload.get("retryInterval", settings.get("upload_interval"))
    upload.interval_s = max(1, min(interval_s, _LONGEST_S))
    upload.is_security_log = kind == "security"
    upload.span = [clock.parse_iso8601(time) if time else None for time in span]
    charge_point.works[_WORK] = upload
    return name, lambda: upload.start(former), bool(former)


def _get_diagnostics(charge_point, payload: dict) -> tuple:
    span = payload.get("startTime"), payload.get("stopTime")
    name, begin, _ = _start(charge_point, payload, payload["location"], "diagnostics", None, span)
    return {"fileName": name}, begin


def _get_log(charge_point, payload: dict) -> tuple:
    kind = "security" if payload["logType"] == "SecurityLog" else "diagnostics"
    wanted = payload["log"]
    span = wanted.get("oldestTimestamp"), wanted.get("latestTimestamp")
    name, begin, cancels = _start(
        charge_point, payload, wanted["remoteLocation"], kind, payload["requestId"], span
    )
    status = "AcceptedCanceled" if cancels else "Accepted"
    return {"status": status, "filename": name}, begin


def triggered_status(charge_point) -> dict:
    """Payload of a DiagnosticsStatusNotification of this moment."""
    upload = charge_point.works.get(_WORK)
    return {"status": "Uploading" if upload and upload.request_id is None else "Idle"}


def log_status(charge_point) -> dict:
    """Payload of a LogStatusNotification of this moment."""
    upload = charge_point.works.get(_WORK)
    if not upload or upload.request_id is None:
        return {"status": "Idle"}
    return {"status": "Uploading", "requestId": upload.request_id}


_ATTEMPTS = (("retries", False, NATURAL), ("retryInterval", False, NATURAL))
_DIAGNOSTICS = (
    ("location", True, _LOCATION_LENGTH),
    ("startTime", False, DATE),
    ("stopTime", False, DATE),
)
_LOG = (
    ("remoteLocation", True, _LOCATION_LENGTH),
    ("oldestTimestamp", False, DATE),
    ("latestTimestamp", False, DATE),
)
_LOG_REQUEST = (
    ("logType", True, ("DiagnosticsLog", "SecurityLog")),
    ("requestId", True, INTEGER),
    ("log", True, _LOG),
)
HANDLERS = {
    "GetDiagnostics": (_DIAGNOSTICS + _ATTEMPTS, _get_diagnostics),
    "GetLog": (_LOG_REQUEST + _ATTEMPTS, _get_log),
}
