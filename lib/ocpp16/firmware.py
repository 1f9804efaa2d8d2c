"""UpdateFirmware (OCPP 1.6 section 5.19) and SignedUpdateFirmware (whitepaper edition 3, L01): loaded when asked.

What the board does of it is the port `charge_point.updater`, an object with

    await download(location)   fetches the file (http, https, ftp) and returns its SHA-256 digest;
                               OSError, asyncio.TimeoutError or ValueError when it fails
    await install()            has the next start run what was downloaded; ValueError says why not
    discard()                  drops what was downloaded
    outcome()                  of the start that runs: "Installed", "InstallationFailed", or "" when
                               nothing was to be installed

The part that sets the port calls `ocpp16.firmware.resume(charge_point)` then: what a restart cut short goes
on, and what it completed is told. While the port is None the messages are answered with NotSupported.
"""

from binascii import a2b_base64

from core import clock, loading, log, storage
from ocpp16.fields import DATE, INTEGER, NATURAL
from ocpp16.rpc import CallError

_WORK = "update"
_FILE = "/update.json"
_LONGEST_S = 86400  # between attempts: MicroPython sleeps for six days at most
_LOCATION_LENGTH = 512
_CERTIFICATE_LENGTH = 5500
_SIGNATURE_LENGTH = 800


def _begin(charge_point, order: dict, former=None) -> None:
    """Carry an order out, as it is on flash."""
    update = loading.once("ocpp16.update", "Update", charge_point, order)
    charge_point.works[_WORK] = update
    update.start(former)


def _order(charge_point, payload: dict, location: str, retrieve: str) -> dict:
    settings = charge_point.settings
    interval_s = payload.get("retryInterval", settings.get("download_interval"))
    return {
        "location": location,
        "retrieve_s": clock.parse_iso8601(retrieve),
        "retries": payload.get("retries", settings.get("download_retries")),
        "interval_s": max(1, min(interval_s, _LONGEST_S)),
    }


def _need_updater(charge_point) -> None:
    if not charge_point.updater:
        raise CallError("NotSupported", "there is no firmware update on this board")


def _update(charge_point, payload: dict) -> tuple:
    """With a security profile only signed updates are taken (L01.FR.20)."""
    _need_updater(charge_point)
    if charge_point.settings.get("security_profile"):
        raise CallError("NotSupported", "use SignedUpdateFirmware")
    order = _order(charge_point, payload, payload["location"], payload["retrieveDate"])
    former = charge_point.works.get(_WORK)
    if former and former.is_installing:
        raise CallError("InternalError", "an update is being installed")
    storage.write_json(charge_point.path + _FILE, order)
    return {}, lambda: _begin(charge_point, order, former)


async def _certificate_fault(charge_point, text: str) -> str:
    """What is wrong with a signing certificate; empty when a maker's root has issued it."""
    try:
        return await loading.once(
            "ocpp16.certificate_requests", "signing_fault", charge_point, text
        )
    except ValueError as error:
        return str(error)


async def _signed_update(charge_point, payload: dict) -> tuple:
    _need_updater(charge_point)
    former = charge_point.works.get(_WORK)
    if former and former.is_installing:
        return {"status": "Rejected"}, None
    firmware = payload["firmware"]
    fault = await _certificate_fault(charge_point, firmware["signingCertificate"])
    if fault:
        charge_point.security_event("InvalidFirmwareSigningCertificate", "certificate " + fault)
        return {"status": "InvalidCertificate"}, None
    try:
        a2b_base64(firmware["signature"])
    except ValueError:
        raise CallError("PropertyConstraintViolation", "firmware.signature is not base64")
    order = _order(charge_point, payload, firmware["location"], firmware["retrieveDateTime"])
    order["request"] = payload["requestId"]
    order["certificate"] = firmware["signingCertificate"]
    order["signature"] = firmware["signature"]
    install = firmware.get("installDateTime")
    order["install_s"] = clock.parse_iso8601(install) if install else 0
    storage.write_json(charge_point.path + _FILE, order)
    status = "AcceptedCanceled" if former else "Accepted"
    return {"status": status}, lambda: _begin(charge_point, order, former)


def resume(charge_point) -> None:
    """Go on with an update that a restart belongs to, or has cut short."""
    try:
        order = storage.read_json(charge_point.path + _FILE)
    except ValueError:
        log.error("ocpp", "order for an update is damaged")
        return
    if isinstance(order, dict):
        _begin(charge_point, order)


def triggered_status(charge_point) -> dict:
    """Payload of a FirmwareStatusNotification of this moment."""
    update = charge_point.works.get(_WORK)
    return {"status": update.status if update and update.request is None else "Idle"}


def signed_status(charge_point) -> dict:
    """Payload of a SignedFirmwareStatusNotification of this moment."""
    update = charge_point.works.get(_WORK)
    if not update or update.request is None:
        return {"status": "Idle"}
    return {"status": update.status, "requestId": update.request}


_ATTEMPTS = (("retries", False, NATURAL), ("retryInterval", False, NATURAL))
_FIRMWARE = (
    ("location", True, _LOCATION_LENGTH),
    ("retrieveDateTime", True, DATE),
    ("installDateTime", False, DATE),
    ("signingCertificate", True, _CERTIFICATE_LENGTH),
    ("signature", True, _SIGNATURE_LENGTH),
)
HANDLERS = {
    "SignedUpdateFirmware": (
        (("requestId", True, INTEGER), ("firmware", True, _FIRMWARE)) + _ATTEMPTS,
        _signed_update,
    ),
    "UpdateFirmware": (
        (("location", True, _LOCATION_LENGTH), ("retrieveDate", True, DATE)) + _ATTEMPTS,
        _update,
    ),
}
