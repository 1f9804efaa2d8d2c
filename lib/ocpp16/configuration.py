"""OCPP 1.6 configuration keys (section 9): settings that the table of settings names so, and facts."""

import asyncio

from core import loading, storage
from core.settings import SettingsError
from ocpp16 import queue
from ocpp16.fields import LIST

# What may only be read, beside the settings.
_FACTS = (
    ("ClockAlignedDataInterval", "0"),
    ("ConnectionTimeOut", "60"),  # how long evse.charger waits for the plug
    ("GetConfigurationMaxKeys", "40"),
    ("MeterValuesAlignedData", ""),
    ("NumberOfConnectors", "1"),
    ("StopTransactionOnInvalidId", "true"),
    ("StopTxnAlignedData", ""),
    ("StopTxnSampledData", ""),
    ("SupportedFeatureProfiles", "Core,RemoteTrigger"),
    ("TransactionMessageAttempts", str(queue.ATTEMPTS)),
    ("TransactionMessageRetryInterval", str(queue.RETRY_INTERVAL_S)),
    ("WebSocketPingInterval", "60"),
)
_MOST_NAMES = 40
_TABLE = "core.setting_table"


async def _settings() -> list:
    """(configuration key, setting, whether it is secret) of those that have an effect."""
    found = []
    table = loading.load(_TABLE)
    try:
        for block in storage.line_blocks(table.TABLE):
            found += [(d.ocpp_key, d.key, d.is_secret) for d in table.ocpp_declarations(block)]
            await asyncio.sleep_ms(0)  # a read through the table takes long
    finally:
        loading.unload(_TABLE)
    return found


def _text(value) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


async def _entries(charge_point) -> list:
    """All keys that can be read."""
    entries = [{"key": key, "readonly": True, "value": value} for key, value in _FACTS]
    for name, key, secret in await _settings():
        if secret:  # such as AuthorizationKey: written only
            continue
        value = charge_point.settings.get(key)
        if name == "HeartbeatInterval":  # BootNotification's answer may have set it
            value = charge_point.heartbeat_s
        entries.append({"key": name, "readonly": False, "value": _text(value)})
    return sorted(entries, key=lambda entry: entry["key"])


async def _get(charge_point, payload: dict) -> tuple:
    entries = await _entries(charge_point)
    names = payload.get("key")
    if not names:
        return {"configurationKey": entries}, None
    by_name = {entry["key"].lower(): entry for entry in entries}  # CiString50Type
    names = [str(name) for name in names[:_MOST_NAMES]]
    found = [by_name[name.lower()] for name in names if name.lower() in by_name]
    answer = {"configurationKey": found}
    unknown = [name[:50] for name in names if name.lower() not in by_name]
    if unknown:
        answer["unknownKey"] = unknown
    return answer, None


async def _change(charge_point, payload: dict) -> tuple:
    name = payload["key"].lower()
    for ocpp_key, key, _ in await _settings():
        if ocpp_key.lower() == name:
            try:
                changes = {key: payload["value"]}
                await loading.once("core.setting_types", "change", charge_point.settings, changes)
            except SettingsError:
                return {"status": "Rejected"}, None
            return {"status": "Accepted"}, None
    known = [key for key, _ in _FACTS if key.lower() == name]
    return {"status": "Rejected" if known else "NotSupported"}, None


HANDLERS = {
    "ChangeConfiguration": ((("key", True, 50), ("value", True, 500)), _change),
    "GetConfiguration": ((("key", False, LIST),), _get),
}
