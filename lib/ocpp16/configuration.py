"""OCPP 1.6 configuration keys (section 9), each bound to a setting or a fact of the firmware."""

from core.settings import SettingsError
from ocpp16 import queue
from ocpp16.fields import LIST

# (key, setting) may be written; (key, None, value) may only be read
_KEYS = (
    ("AuthorizeRemoteTxRequests", "authorize_remote_tx"),
    ("ClockAlignedDataInterval", None, "0"),
    ("ConnectionTimeOut", None, "60"),  # how long evse.charger waits for the plug
    ("GetConfigurationMaxKeys", None, "30"),
    ("HeartbeatInterval", "heartbeat_interval"),
    ("MeterValueSampleInterval", "meter_value_sample_interval"),
    ("MeterValuesAlignedData", None, ""),
    ("MeterValuesSampledData", "meter_values_sampled_data"),
    ("NumberOfConnectors", None, "1"),
    ("StopTransactionOnInvalidId", None, "true"),
    ("StopTxnAlignedData", None, ""),
    ("StopTxnSampledData", None, ""),
    ("SupportedFeatureProfiles", None, "Core,RemoteTrigger"),
    ("TransactionMessageAttempts", None, str(queue.ATTEMPTS)),
    ("TransactionMessageRetryInterval", None, str(queue.RETRY_INTERVAL_S)),
    ("WebSocketPingInterval", None, "60"),
)


def _find(name: str):
    """The row of a key; names are case-insensitive (CiString50Type)."""
    for row in _KEYS:
        if row[0].lower() == name.lower():
            return row
    return None


def _text(value) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _entry(charge_point, row: tuple) -> dict:
    if row[1] is None:
        return {"key": row[0], "readonly": True, "value": row[2]}
    if row[0] == "HeartbeatInterval":  # BootNotification's answer may have set it
        value = charge_point.heartbeat_s
    else:
        value = charge_point.settings.get(row[1])
    return {"key": row[0], "readonly": False, "value": _text(value)}


def _get(charge_point, payload: dict) -> tuple:
    names = payload.get("key")
    if not names:
        return {"configurationKey": [_entry(charge_point, row) for row in _KEYS]}, None
    found = []
    unknown = []
    for name in names[: len(_KEYS) * 2]:
        row = _find(str(name))
        if row:
            found.append(_entry(charge_point, row))
        else:
            unknown.append(str(name)[:50])
    answer = {"configurationKey": found}
    if unknown:
        answer["unknownKey"] = unknown
    return answer, None


def _parse(current, text: str):
    """A value for a setting like the current one; ValueError when the text is none."""
    if current is True or current is False:
        if text.lower() not in ("true", "false"):
            raise ValueError("neither true nor false")
        return text.lower() == "true"
    return int(text) if isinstance(current, int) else text


def _change(charge_point, payload: dict) -> tuple:
    row = _find(payload["key"])
    if row is None:
        return {"status": "NotSupported"}, None
    if row[1] is None:
        return {"status": "Rejected"}, None
    settings = charge_point.settings
    try:
        settings.change({row[1]: _parse(settings.get(row[1]), payload["value"])})
    except (ValueError, SettingsError):
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, None


HANDLERS = {
    "ChangeConfiguration": ((("key", True, 50), ("value", True, 500)), _change),
    "GetConfiguration": ((("key", False, LIST),), _get),
}
