"""CALLs of the Core profile (OCPP 1.6 section 5), but for the configuration."""

import asyncio

from core import clock, log
from micropython import const
from ocpp16.fields import INTEGER, OBJECT

_ID_TAG_LENGTH = const(20)
_RESET_GRACE_MS = const(5000)
_TICK_MS = const(100)


def _remote_start(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    id_tag = payload["idTag"]
    if not charge_point.accepted or not adapter.can_start(payload.get("connectorId")):
        return {"status": "Rejected"}, None
    if adapter.authorizes_remote_start:  # section 5.11: then as if the tag had been presented here
        return {"status": "Accepted"}, lambda: charge_point.later(
            lambda: _start_if_authorized(charge_point, id_tag)
        )
    return {"status": "Rejected" if adapter.start(id_tag) else "Accepted"}, None


async def _start_if_authorized(charge_point, id_tag: str) -> None:
    status = await charge_point.remote_authorize(id_tag)
    if status == "Accepted":
        charge_point.adapter.start(id_tag)
    else:
        log.warning("ocpp", "remote start: tag not accepted (%s)" % status)


def _remote_stop(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    if not charge_point.accepted or not adapter.is_running(payload["transactionId"]):
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, lambda: adapter.stop("Remote")


def _reset(charge_point, payload: dict) -> tuple:
    if not charge_point.on_reset:
        return {"status": "Rejected"}, None
    kind = payload["type"]

    def begin() -> None:
        charge_point.adapter.stop(kind + "Reset")
        charge_point.resetting = asyncio.create_task(_finish_reset(charge_point, kind))

    return {"status": "Accepted"}, begin


async def _finish_reset(charge_point, kind: str) -> None:
    """Give a StopTransaction a few seconds to go out; what does not is on flash."""
    queue = charge_point.queue
    until = clock.ticks_add(clock.ticks_ms(), _RESET_GRACE_MS)
    adapter = charge_point.adapter
    while clock.ticks_diff(until, clock.ticks_ms()) > 0:
        if adapter.settled and not (charge_point.online and queue.pending):
            break
        await asyncio.sleep_ms(_TICK_MS)
    queue.settle(now=True)
    charge_point.on_reset(kind)


def _change_availability(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    operative = payload["type"] == "Operative"
    return {"status": adapter.change_availability(payload["connectorId"], operative)}, None


async def _unlock_connector(charge_point, payload: dict) -> tuple:
    adapter = charge_point.adapter
    if payload["connectorId"] != 1 or not charge_point.on_unlock or adapter.has_fixed_cable:
        return {"status": "NotSupported"}, None
    adapter.stop("UnlockCommand")  # section 5.18: a transaction is finished first
    unlocked = await charge_point.on_unlock()
    return {"status": "Unlocked" if unlocked else "UnlockFailed"}, None


def _clear_cache(charge_point, payload: dict) -> tuple:
    cleared = bool(charge_point.on_clear_cache and charge_point.on_clear_cache())
    return {"status": "Accepted" if cleared else "Rejected"}, None


def _data_transfer(charge_point, payload: dict) -> tuple:
    return {"status": "UnknownVendorId"}, None


HANDLERS = {
    "ChangeAvailability": (
        (("connectorId", True, INTEGER), ("type", True, ("Inoperative", "Operative"))),
        _change_availability,
    ),
    "ClearCache": ((), _clear_cache),
    "DataTransfer": ((("vendorId", True, 255), ("messageId", False, 50)), _data_transfer),
    "RemoteStartTransaction": (
        (
            ("idTag", True, _ID_TAG_LENGTH),
            ("connectorId", False, INTEGER),
            ("chargingProfile", False, OBJECT),
        ),
        _remote_start,
    ),
    "RemoteStopTransaction": ((("transactionId", True, INTEGER),), _remote_stop),
    "Reset": ((("type", True, ("Hard", "Soft")),), _reset),
    "UnlockConnector": ((("connectorId", True, INTEGER),), _unlock_connector),
}
