"""The small CALLs of the Core profile: ClearCache and DataTransfer, OCPP 1.6 sections 5.4 and 5.6."""

from micropython import const

_ANY_LENGTH = const(16384)  # a message is no longer


def _clear_cache(charge_point, payload: dict) -> tuple:
    cleared = bool(charge_point.on_clear_cache and charge_point.on_clear_cache())
    return {"status": "Accepted" if cleared else "Rejected"}, None


def _data_transfer(charge_point, payload: dict) -> tuple:
    """There are no extensions of any vendor here."""
    return {"status": "UnknownVendorId"}, None


HANDLERS = {
    "ClearCache": ((), _clear_cache),
    "DataTransfer": (
        (("vendorId", True, 255), ("messageId", False, 50), ("data", False, _ANY_LENGTH)),
        _data_transfer,
    ),
}
