"""OCPP 1.6 configuration keys (section 9): settings that the table of settings names so, and facts."""

import asyncio
import json

from core import loading, storage
from core.settings import SettingsError
from ocpp16.fields import LIST
from ocpp16.rpc import CallError

_MOST_KEYS = 80  # more than there are
_TABLE = "core.setting_table"
_SECURITY = ("AuthorizationKey", "CpoName", "SecurityProfile")  # with rules of their own
_FREES_CABLE = "UnlockConnectorOnEVSideDisconnect"
_STOPS_UNPLUGGED = "StopTransactionOnEVSideDisconnect"
_STOP_MODES = {"true": "IC Card/Pull Charging Plug", "false": "IC Card"}
# What may only be read, beside the settings. Lamps flash for as long as there is something to tell, at full
# brightness (HQ 200 manual, 7.3.3: neither can be changed on such models).
_FACTS = (
    ("AdditionalRootCertificateCheck", "false"),
    ("BlinkRepeat", "0"),
    ("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
    ("ConnectorPhaseRotationMaxLength", "2"),
    ("ConnectorSwitch3to1PhaseSupported", "false"),
    ("GetConfigurationMaxKeys", str(_MOST_KEYS)),
    ("LightIntensity", "100"),
    ("StopTransactionMaxMeterValues", "100"),
    ("SupportedFeatureProfilesMaxLength", "6"),
    ("SupportedFileTransferProtocols", "FTP,HTTP,HTTPS"),
)


def _brought(name: str):
    """A module that is looked at for its constants, and not kept."""
    module = loading.load(name)
    loading.unload(name)
    return module


async def _limits() -> list:
    """(key, value) of what other modules set: each is loaded in a turn of its own."""
    module = _brought("auth.local_list")
    found = [("LocalAuthListMaxLength", str(module.MOST))]
    found.append(("SendLocalListMaxLength", str(module.MOST_SENT)))
    await asyncio.sleep_ms(0)
    module = _brought("ocpp16.smart_charging")
    found.append(("ChargeProfileMaxStackLevel", str(module.MAX_STACK_LEVEL)))
    found.append(("ChargingScheduleMaxPeriods", str(module.MAX_PERIODS)))
    found.append(("MaxChargingProfilesInstalled", str(module.MAX_PROFILES)))
    await asyncio.sleep_ms(0)
    module = _brought("ocpp16.certificate_store")
    found.append(("CertificateSignedMaxChainSize", str(module.MAX_CHAIN_SIZE)))
    found.append(("CertificateStoreMaxLength", str(module.MAX_CERTIFICATES)))
    await asyncio.sleep_ms(0)
    return found


def _facts(charge_point, limits: list):
    """Generate (key, value) of what may only be read."""
    yield from _FACTS
    yield from limits
    adapter = charge_point.adapter
    reserves = charge_point.settings.get("reservation_supported")
    profiles = "Core,%sLocalAuthListManagement,%sSmartCharging,RemoteTrigger" % (
        "FirmwareManagement," if charge_point.updater else "",
        "Reservation," if reserves else "",
    )
    yield "NumberOfConnectors", str(adapter.connectors)
    yield "ReserveConnectorZeroSupported", _text(reserves)
    yield "SupportedFeatureProfiles", profiles
    if adapter.has_fixed_cable:
        yield _FREES_CABLE, "false"


def _text(value) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _value(charge_point, declaration) -> str:
    """A setting's value. One that is not stored is its default: to read each from the table takes long."""
    stored, key = charge_point.settings.stored, declaration.key
    if declaration.ocpp_key == "HeartbeatInterval":  # BootNotification's answer may have set it
        return str(charge_point.heartbeat_s)
    value = stored[key] if key in stored else declaration.default
    if declaration.ocpp_key == _STOPS_UNPLUGGED:
        return _text(value == _STOP_MODES["true"])
    return _text(value == "1" if declaration.type == "bool" and key not in stored else value)


def _entries(charge_point, limits: list):
    """Generate (key, read-only, value) of all that may be read; None where others shall have their turn."""
    for key, value in _facts(charge_point, limits):
        yield key, "true", value
    yield None
    table = _brought(_TABLE)
    for block in storage.line_blocks(table.TABLE):
        yield None
        for declaration in table.ocpp_declarations(block):
            key = declaration.ocpp_key
            is_fact = key == _FREES_CABLE and charge_point.adapter.has_fixed_cable
            if not declaration.is_secret and not is_fact:  # a secret is only written
                yield key, "false", _value(charge_point, declaration)
            if declaration.type == "csl":
                yield key + "MaxLength", "true", str(len(declaration.range.split("|")))


def _answer(charge_point, wanted: "dict | None", limits: list):
    """Generate the answer's JSON text in pieces. wanted: {key in lower case: as asked}, None for all."""
    text = '{"configurationKey":['
    for found in _entries(charge_point, limits):
        if found is None:
            yield b""
            continue
        key, readonly, value = found
        if wanted is None or wanted.pop(key.lower(), None) is not None:
            entry = '{"key":"%s","readonly":%s,"value":%s}' % (key, readonly, json.dumps(value))
            yield (text + entry).encode()
            text = ","
    text = "]" if text == "," else text + "]"
    if wanted:
        text += ',"unknownKey":' + json.dumps(list(wanted.values()))
    yield (text + "}").encode()


async def _get(charge_point, payload: dict) -> tuple:
    names = payload.get("key") or ()
    if len(names) > _MOST_KEYS:
        raise CallError(
            "OccurenceConstraintViolation", "key has more than %d entries" % _MOST_KEYS
        )
    wanted = {name.lower(): name for name in names}  # a CiString50Type
    return _answer(charge_point, wanted or None, await _limits()), None


async def _find(name: str):
    """The declaration of a key that is a setting; None when it is none."""
    table = _brought(_TABLE)
    for block in storage.line_blocks(table.TABLE):
        for declaration in table.ocpp_declarations(block):
            if declaration.ocpp_key.lower() == name:
                return declaration
        await asyncio.sleep_ms(0)  # a read through the table takes long
    return None


async def _change(charge_point, payload: dict) -> tuple:
    name = payload["key"].lower()
    declaration = await _find(name)
    if declaration:
        return {"status": await _changed(charge_point, declaration, payload["value"])}, None
    for found in _entries(charge_point, await _limits()):
        if found and found[0].lower() == name:  # may only be read
            return {"status": "Rejected"}, None
        await asyncio.sleep_ms(0)
    return {"status": "NotSupported"}, None


async def _changed(charge_point, declaration, value: str) -> str:
    """Change a setting; ConfigurationStatus."""
    key = declaration.ocpp_key
    if key in _SECURITY:
        return await loading.once("ocpp16.security", "change", charge_point, key, value)
    if key == _FREES_CABLE and charge_point.adapter.has_fixed_cable:
        return "Rejected"
    if key == _STOPS_UNPLUGGED:
        value = _STOP_MODES.get(value.lower(), "")
    changes = {declaration.key: value}
    try:
        await loading.once("core.setting_types", "change", charge_point.settings, changes)
    except SettingsError:
        return "Rejected"
    return "RebootRequired" if declaration.needs_restart else "Accepted"


HANDLERS = {
    "ChangeConfiguration": ((("key", True, 50), ("value", True, 500)), _change),
    "GetConfiguration": ((("key", False, (LIST, 50)),), _get),
}
