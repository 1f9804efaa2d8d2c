"""What is in service: ChangeAvailability, OCPP 1.6 section 5.2. On flash, for it holds over restarts."""

from core import log, storage
from ocpp16.adapter import AVAILABILITY_FILE
from ocpp16.fields import NATURAL


def read(path: str) -> list:
    """[the whole is in service, connector 1 is, …] from a directory; all is where the note is damaged."""
    try:
        kept = storage.read_json(path + AVAILABILITY_FILE)
    except ValueError:
        log.error("ocpp", "availability is damaged: all is in service")
        kept = None
    if not isinstance(kept, list) or len(kept) < 2:
        return [True, True]
    return [bool(part) for part in kept]


def _change(charge_point, payload: dict) -> tuple:
    """A session that runs is not cut short. The answer goes out first."""
    adapter = charge_point.adapter
    connector, wanted = payload["connectorId"], payload["type"] == "Operative"
    if connector > adapter.connectors or not charge_point.settings.get("change_availability"):
        return {"status": "Rejected"}, None
    known = adapter.operative + [True] * (adapter.connectors + 1 - len(adapter.operative))
    operative = [wanted if connector in (0, number) else part for number, part in enumerate(known)]
    try:
        if operative != adapter.operative:
            storage.write_json(charge_point.path + AVAILABILITY_FILE, operative)
    except OSError as error:
        log.error("ocpp", "availability not kept: %s" % error)
        return {"status": "Rejected"}, None
    concerned = (adapter,) + adapter.others if not connector else (adapter.at(connector),)
    is_charging = any([part.is_charging for part in concerned])
    status = "Scheduled" if is_charging and not wanted else "Accepted"
    return {"status": status}, lambda: adapter.put_in_service(operative)


HANDLERS = {
    "ChangeAvailability": (
        (("connectorId", True, NATURAL), ("type", True, ("Inoperative", "Operative"))),
        _change,
    ),
}
