"""The Reservation profile: ReserveNow and CancelReservation, OCPP 1.6 sections 5.13 and 5.1."""

from core import clock, loading, log
from ocpp16.fields import DATE, INTEGER

_RESERVATION = "auth.reservation"
_ID_TAG_LENGTH = 20


def _reserve(charge_point, payload: dict) -> tuple:
    return {"status": _status(charge_point, payload)}, None


def _status(charge_point, payload: dict) -> str:
    """Reserve if nothing is against it; ReservationStatus.

    To keep any of the connectors free (connector 0) is to keep the first of those that are.
    """
    adapter = charge_point.adapter
    number, wanted = payload["reservationId"], payload["connectorId"]
    end_s = clock.parse_iso8601(payload["expiryDate"])
    if not charge_point.authorizer or not charge_point.settings.get("reservation_supported"):
        return "Rejected"
    if not 0 <= wanted <= adapter.connectors or not 0 < clock.unix_s() < end_s:
        return "Rejected"
    connectors = (adapter,) + adapter.others if not wanted else (adapter.at(wanted),)
    free = [part for part in connectors if part.reservable == "Accepted"]
    if not free:
        return connectors[0].reservable
    holder = _holder(charge_point, number)
    connector = holder if holder in free else ([p for p in free if not p.reserved] or free)[0]
    authorizer = connector.desk or charge_point.authorizer
    id_tag, parent = payload["idTag"], payload.get("parentIdTag") or ""
    try:
        kept = loading.once(_RESERVATION, "reserve", authorizer, number, id_tag, parent, end_s)
    except OSError as error:
        log.error("ocpp", "reservation: %s" % error)
        return "Rejected"
    if kept and holder not in (None, connector):
        _end(charge_point, holder, number)
    return "Accepted" if kept else "Occupied"


def _holder(charge_point, number: int):
    """The connector with the reservation of a number; None without one."""
    adapter = charge_point.adapter
    for connector in (adapter,) + adapter.others:
        if connector.reserved == number:
            return connector
    return None


def _end(charge_point, connector, number: int) -> bool:
    authorizer = connector.desk or charge_point.authorizer
    return loading.once(_RESERVATION, "cancel", authorizer, number)


def _cancel(charge_point, payload: dict) -> tuple:
    number = payload["reservationId"]
    holder = _holder(charge_point, number) if charge_point.authorizer else None
    is_over = holder is not None and _end(charge_point, holder, number)
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
