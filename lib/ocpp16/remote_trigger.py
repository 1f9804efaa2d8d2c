"""The RemoteTrigger profile: TriggerMessage, OCPP 1.6 section 5.17."""

from core import loading
from ocpp16.fields import NATURAL

_STATUS_OF = {  # messages that tell the state of a module
    "DiagnosticsStatusNotification": "ocpp16.diagnostics",
    "FirmwareStatusNotification": "ocpp16.firmware",
}
_MESSAGES = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
)


def _requested(charge_point, payload: dict) -> tuple:
    return trigger(charge_point, payload["requestedMessage"], payload.get("connectorId"))


def trigger(charge_point, message: str, connector: "int | None") -> tuple:
    """The answer to a request for a message, and what sends it then; connector None: of all."""
    if message == "FirmwareStatusNotification" and not charge_point.updater:
        return {"status": "NotImplemented"}, None
    if connector is not None and not 0 <= connector <= charge_point.adapter.connectors:
        return {"status": "Rejected"}, None
    if message == "BootNotification":  # some back offices ask for it to learn vendor and model
        return {"status": "Accepted"}, charge_point.boot_again
    return {"status": "Accepted"}, lambda: charge_point.later(
        lambda: _send(charge_point, message, connector)
    )


async def _send(charge_point, message: str, connector: "int | None") -> None:
    adapter = charge_point.adapter
    if message == "Heartbeat":
        await charge_point.beat()
    elif message == "StatusNotification":
        for number in range(adapter.connectors + 1) if connector is None else (connector,):
            await charge_point.tell(message, adapter.status_of(number))
    elif message == "MeterValues":  # the whole has no meter of its own: it is sent when asked for
        for number in range(1, adapter.connectors + 1) if connector is None else (connector,):
            values = await adapter.at(number).sampler.triggered_values(number)
            if values:
                await charge_point.tell(message, values)
    else:
        status = loading.once(_STATUS_OF[message], "triggered_status", charge_point)
        await charge_point.tell(message, status)


HANDLERS = {
    "TriggerMessage": (
        (("requestedMessage", True, _MESSAGES), ("connectorId", False, NATURAL)),
        _requested,
    ),
}
