"""CALLs of the Core profile that start, stop and unlock from afar (OCPP 1.6 sections 5.11, 5.12, 5.18)."""

from core import loading, log
from micropython import const
from ocpp16.fields import INTEGER, NATURAL, OBJECT

_ID_TAG_LENGTH = const(20)
_SMART_CHARGING = "ocpp16.smart_charging"


async def _remote_start(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    id_tag, profile = payload["idTag"], payload.get("chargingProfile")
    possible = charge_point.accepted and adapter.can_start(payload.get("connectorId"), id_tag)
    if possible and profile:
        possible = await loading.once(_SMART_CHARGING, "check_remote", charge_point, profile)
    if not possible:
        return {"status": "Rejected"}, None
    # Section 5.11: as if the tag had been presented here.
    if adapter.authorizes_remote_start or adapter.must_ask(id_tag):
        return {"status": "Accepted"}, lambda: charge_point.later(
            lambda: _start_if_authorized(charge_point, id_tag, profile)
        )
    started = await _start(charge_point, id_tag, profile)
    return {"status": "Accepted" if started else "Rejected"}, None


async def _start_if_authorized(charge_point, id_tag: str, profile: "dict | None") -> None:
    status = await charge_point.remote_authorize(id_tag)
    if status == "Accepted":
        await _start(charge_point, id_tag, profile)
    else:
        log.warning("ocpp", "remote start: tag not accepted (%s)" % status)


async def _start(charge_point, id_tag: str, profile: "dict | None") -> bool:
    """Start a session, or have it wait for its plug; False when the charger refuses."""
    if charge_point.adapter.start(id_tag):
        return False
    if profile:
        await loading.once(_SMART_CHARGING, "install_remote", charge_point, id_tag, profile)
    return True


def _remote_stop(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    if not charge_point.accepted or not adapter.is_running(payload["transactionId"]):
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, lambda: adapter.stop("Remote")


async def _unlock_connector(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    known = 0 < payload["connectorId"] <= adapter.connectors
    if not known or not charge_point.on_unlock or adapter.has_fixed_cable:
        return {"status": "NotSupported"}, None
    adapter.stop("UnlockCommand")  # section 5.18: a transaction is finished first
    unlocked = await charge_point.on_unlock()
    return {"status": "Unlocked" if unlocked else "UnlockFailed"}, None


HANDLERS = {
    "RemoteStartTransaction": (
        (
            ("idTag", True, _ID_TAG_LENGTH),
            ("connectorId", False, NATURAL),
            ("chargingProfile", False, OBJECT),
        ),
        _remote_start,
    ),
    "RemoteStopTransaction": ((("transactionId", True, INTEGER),), _remote_stop),
    "UnlockConnector": ((("connectorId", True, NATURAL),), _unlock_connector),
}
