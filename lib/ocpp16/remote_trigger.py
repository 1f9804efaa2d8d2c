"""The RemoteTrigger profile: TriggerMessage, OCPP 1.6 section 5.17."""

from ocpp16.fields import INTEGER

_MESSAGES = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
)


def _trigger(charge_point, payload: dict) -> tuple:
    message = payload["requestedMessage"]
    connector = payload.get("connectorId")
    if message in ("DiagnosticsStatusNotification", "FirmwareStatusNotification"):
        return {"status": "NotImplemented"}, None
    if connector not in (None, 0, 1):
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
        for number in (0, 1) if connector is None else (connector,):
            await charge_point.tell(message, adapter.status_of(number))
    else:
        values = adapter.triggered_values()
        if values:
            await charge_point.tell(message, values)


HANDLERS = {
    "TriggerMessage": (
        (("requestedMessage", True, _MESSAGES), ("connectorId", False, INTEGER)),
        _trigger,
    ),
}
