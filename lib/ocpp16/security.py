"""Security settings of the back office, and ExtendedTriggerMessage (whitepaper edition 3).

AuthorizationKey, SecurityProfile and CpoName of ChangeConfiguration. Loaded when needed.
"""

from binascii import unhexlify

from core import loading, log
from core.settings import SettingsError
from ocpp16.fields import INTEGER

_HEX = "hex:"  # before the digits that AuthorizationKey has set
_KEY_BYTES = (16, 20)
_ACCESS = "ocpp16.access"
_CERTIFICATE = "SignChargePointCertificate"
_LOG_STATUS = "LogStatusNotification"
_FIRMWARE_STATUS = "FirmwareStatusNotification"
_MESSAGES = (
    "BootNotification",
    _FIRMWARE_STATUS,
    "Heartbeat",
    _LOG_STATUS,
    "MeterValues",
    _CERTIFICATE,
    "StatusNotification",
)


def _key_bytes(digits: str) -> bytes:
    """The bytes behind an AuthorizationKey; empty when it is none of 16 to 20 bytes."""
    strange = [digit for digit in digits.lower() if digit not in "0123456789abcdef"]
    if strange or len(digits) % 2 or not _KEY_BYTES[0] <= len(digits) // 2 <= _KEY_BYTES[1]:
        return b""
    return unhexlify(digits)


def password(settings) -> bytes:
    """The Basic password as it goes over the line: bytes that AuthorizationKey has set, or a text's."""
    text = settings.get("basic_auth_password")
    if text.startswith(_HEX):
        return _key_bytes(text[len(_HEX) :]) or text.encode()
    return text.encode()


async def change(charge_point, key: str, value: str) -> str:
    """ChangeConfiguration of AuthorizationKey, SecurityProfile or CpoName; returns the status."""
    if key == "AuthorizationKey":
        changes = {"basic_auth_password": _HEX + value} if _key_bytes(value) else {}
    elif key == "SecurityProfile":
        changes = _profile_changes(charge_point, value)
    else:
        changes = {"cpo_name": value}
    if not changes:
        return "Rejected"
    before = charge_point.settings.get("security_profile")
    try:
        if "security_profile" in changes:
            loading.once(_ACCESS, "try_profile", charge_point.path, before)
        await loading.once("core.setting_types", "change", charge_point.settings, changes)
    except (OSError, SettingsError) as error:
        log.warning("security", "%s not changed: %s" % (key, error))
        if "security_profile" in changes:
            loading.once(_ACCESS, "opened", charge_point.path)  # there is nothing to go back to
        return "Rejected"
    return "Accepted"


def _profile_changes(charge_point, value: str) -> dict:
    """What a new security profile changes; empty when it is refused (whitepaper, A05)."""
    settings = charge_point.settings
    profile = int(value) if value in ("0", "1", "2", "3") else 0
    store = loading.load("ocpp16.certificate_store")
    loading.unload("ocpp16.certificate_store")
    fault = ""
    if profile <= settings.get("security_profile"):
        fault = "profiles are only raised"
    elif profile < 3 and len(password(settings)) < _KEY_BYTES[0]:
        fault = "there is no password of 16 bytes"
    elif profile > 1 and not store.root_paths(path=charge_point.path):
        fault = "there is no root certificate of the back office"
    elif profile == 3 and not store.client_pair(charge_point.path):
        fault = "there is no certificate of the charge point"
    if fault:
        log.warning("security", "security profile %s refused: %s" % (value[:8], fault))
        return {}
    return {"security_profile": profile}


# --- ExtendedTriggerMessage


def _trigger(charge_point, payload: dict):
    message = payload["requestedMessage"]
    connector = payload.get("connectorId")
    if message == _CERTIFICATE:
        started = loading.once("ocpp16.signing", "start", charge_point)
        return {"status": "Accepted" if started else "Rejected"}, None
    if message == _LOG_STATUS:
        return _told_later(charge_point, message, "ocpp16.diagnostics", "log_status")
    if message == _FIRMWARE_STATUS:
        if not charge_point.updater:
            return {"status": "NotImplemented"}, None
        return _told_later(charge_point, "Signed" + message, "ocpp16.firmware", "signed_status")
    return loading.once("ocpp16.remote_trigger", "trigger", charge_point, message, connector)


def _told_later(charge_point, message: str, module: str, function: str) -> tuple:
    """Accepted, and then the message with what a module's function says of its state."""

    async def tell() -> None:
        await charge_point.tell(message, loading.once(module, function, charge_point))

    return {"status": "Accepted"}, lambda: charge_point.later(tell)


HANDLERS = {
    "ExtendedTriggerMessage": (
        (("requestedMessage", True, _MESSAGES), ("connectorId", False, INTEGER)),
        _trigger,
    ),
}
