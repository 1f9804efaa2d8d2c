"""Which module answers which CALL. Only the module that was needed last is kept in memory."""

import asyncio

from core import loading
from ocpp16.fields import check
from ocpp16.rpc import CallError

_MODULES = {
    "ocpp16.core_profile": (
        "ChangeAvailability",
        "ClearCache",
        "DataTransfer",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "Reset",
        "UnlockConnector",
    ),
    "ocpp16.configuration": ("ChangeConfiguration", "GetConfiguration"),
    "ocpp16.remote_trigger": ("TriggerMessage",),
}
# Actions of OCPP 1.6 and its security whitepaper that this charge point knows and does not do
_UNSUPPORTED = (
    " CancelReservation CertificateSigned ClearChargingProfile DeleteCertificate"
    " ExtendedTriggerMessage GetCompositeSchedule GetDiagnostics GetInstalledCertificateIds"
    " GetLocalListVersion GetLog InstallCertificate ReserveNow SendLocalList SetChargingProfile"
    " SignedUpdateFirmware UpdateFirmware "
)
_module = ""
_handlers: dict = {}  # of that module, action: (table of fields, handler)


def _load(action: str) -> None:
    global _module, _handlers
    for name, actions in _MODULES.items():
        if action in actions:
            if _module:
                loading.unload(_module)
            _module = name
            _handlers = loading.load(name).HANDLERS
            return
    if " %s " % action in _UNSUPPORTED:
        raise CallError("NotSupported", action + " is not supported")
    raise CallError("NotImplemented", "unknown action")


async def serve(charge_point, action: str, payload: dict) -> tuple:
    """(answer, what to do once it is out) of a CALL; CallError refuses it.

    A handler takes (charge point, payload) and returns such a pair, or is awaited for it.
    """
    if action not in _handlers:
        _load(action)
        await asyncio.sleep_ms(0)  # loading takes its time; the handler has a turn of its own
    table, handler = _handlers[action]
    check(payload, table)
    served = handler(charge_point, payload)
    return served if isinstance(served, tuple) else await served
