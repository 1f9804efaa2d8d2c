"""The Reservation profile: ReserveNow and CancelReservation, OCPP 1.6 sections 5.13 and 5.1."""

from core import clock, loading, log
from ocpp16.fields import DATE, INTEGER

_RESERVATION = "auth.reservation"
_ID_TAG_LENGTH = 20


def _reserve(charge_point, payload: dict) -> tuple:
    return {"status": _status(charge_point, payload)}, None


def _status(charge_point, payload: dict) -> str:
    """Reserve if nothing is against it; ReservationStatus.

    With one connector, to keep any of them free (connector 0) is to keep that one.
    """
    adapter = charge_point.adapter
    authorizer = charge_point.authorizer
    end_s = clock.parse_iso8601(payload["expiryDate"])
    if not authorizer or not charge_point.settings.get("reservation_supported"):
        return "Rejected"
    if not 0 <= payload["connectorId"] <= adapter.connectors or not 0 < clock.unix_s() < end_s:
        return "Rejected"
    status = adapter.reservable
    if status != "Accepted":
        return status
    number, id_tag = payload["reservationId"], payload["idTag"]
    parent = payload.get("parentIdTag") or ""
    try:
        kept = loading.once(_RESERVATION, "reserve", authorizer, number, id_tag, parent, end_s)
    except OSError as error:
        log.error("ocpp", "reservation: %s" % error)
        return "Rejected"
    return "Accepted" if kept else "Occupied"


def _cancel(charge_point, payload: dict) -> tuple:
    authorizer = charge_point.authorizer
    is_over = authorizer and loading.once(
        _RESERVATION, "cancel", authorizer, payload["reservationId"]
    )
    return {"status": "Accepted" if is_over else "Rejected"}, None


HANDLERS = {
    "CancelReservation": ((("reservationId", True, INTEGER),), _cancel),
    "ReserveNow": (
        (
            ("connectorId", True, INTEGER),
            ("expiryDate", True, DATE),
            ("idTag", True, _ID_TAG_LENGTH),
            ("parentIdTag", False, _ID_TAG_LENGTH),
            ("reservationId", True, INTEGER),
        ),
        _reserve,
    ),
}
