"""CALLs of the Core profile that start, stop and unlock from afar (OCPP 1.6 sections 5.11, 5.12, 5.18)."""

from core import loading, log
from micropython import const
from ocpp16.fields import INTEGER, NATURAL, OBJECT

_ID_TAG_LENGTH = const(20)
_SMART_CHARGING = "ocpp16.smart_charging"


async def _remote_start(charge_point, payload: dict) -> tuple:
    id_tag, profile = payload["idTag"], payload.get("chargingProfile")
    adapter = _connector_for(charge_point.adapter, payload.get("connectorId"), id_tag)
    possible = charge_point.accepted and adapter is not None
    if possible and profile:
        possible = await loading.once(_SMART_CHARGING, "check_remote", charge_point, profile)
    if not possible:
        return {"status": "Rejected"}, None
    # Section 5.11: as if the tag had been presented here.
    if adapter.authorizes_remote_start or adapter.must_ask(id_tag):
        return {"status": "Accepted"}, lambda: charge_point.later(
            lambda: _start_if_authorized(charge_point, adapter, id_tag, profile)
        )
    started = await _start(charge_point, adapter, id_tag, profile)
    return {"status": "Accepted" if started else "Rejected"}, None


def _connector_for(adapter, wanted: "int | None", id_tag: str):
    """The connector on which a tag is to start: the one it wants, or where a car waits, or the first free one.

    None where there is none.
    """
    if wanted is None:
        able = [part for part in (adapter,) + adapter.others if part.can_start(id_tag)]
        plugged = [part for part in able if part.plugged]
        return (plugged or able or [None])[0]
    connector = adapter.at(wanted) if wanted else None
    return connector if connector is not None and connector.can_start(id_tag) else None


async def _start_if_authorized(charge_point, adapter, id_tag: str, profile) -> None:
    status = await (adapter.authorize or charge_point.remote_authorize)(id_tag)
    if status == "Accepted":
        await _start(charge_point, adapter, id_tag, profile)
    else:
        log.warning("ocpp", "remote start: tag not accepted (%s)" % status)


async def _start(charge_point, adapter, id_tag: str, profile: "dict | None") -> bool:
    """Start a session, or have it wait for its plug; False when the charger refuses."""
    if await adapter.start(id_tag):
        return False
    if profile:
        asked = (charge_point, adapter, id_tag, profile)
        await loading.once(_SMART_CHARGING, "install_remote", *asked)
    return True


def _remote_stop(charge_point, payload: dict) -> tuple:
    adapter, transaction = charge_point.adapter, payload["transactionId"]
    running = [part for part in (adapter,) + adapter.others if part.is_running(transaction)]
    if not charge_point.accepted or not running:
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, lambda: running[0].stop("Remote")


async def _unlock_connector(charge_point, payload: dict) -> tuple:
    number = payload["connectorId"]
    adapter = charge_point.adapter.at(number) if number else None
    unlock = adapter is not None and (adapter.unlock or charge_point.on_unlock)
    if not unlock or adapter.has_fixed_cable:
        return {"status": "NotSupported"}, None
    adapter.stop("UnlockCommand")  # section 5.18: a transaction is finished first
    unlocked = await unlock()
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
