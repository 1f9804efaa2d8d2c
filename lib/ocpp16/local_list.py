"""The LocalAuthListManagement profile: GetLocalListVersion and SendLocalList, OCPP 1.6 sections 5.10 and 5.15."""

from core import loading, log
from ocpp16.fields import DATE, INTEGER, LIST

_LIST = "auth.local_list"
_UPDATE = "auth.local_list_update"
_ID_TAG_LENGTH = 20
_STATUSES = ("Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid")
_INFO = (
    ("status", True, _STATUSES),
    ("expiryDate", False, DATE),
    ("parentIdTag", False, _ID_TAG_LENGTH),
)
_ENTRY = (("idTag", True, _ID_TAG_LENGTH), ("idTagInfo", False, _INFO))
_OFF = -1  # there is no list


def _path(charge_point) -> str:
    return charge_point.authorizer.path + "/auth_list"


def _is_off(charge_point) -> bool:
    return not charge_point.authorizer or not charge_point.settings.get("local_list_enabled")


def _version(charge_point) -> int:
    return loading.once(_LIST, "version", _path(charge_point))


def _get_version(charge_point, payload: dict) -> tuple:
    version = _OFF if _is_off(charge_point) else _version(charge_point)
    return {"listVersion": version}, None


async def _send(charge_point, payload: dict) -> tuple:
    if _is_off(charge_point):
        return {"status": "NotSupported"}, None
    version = payload["listVersion"]
    is_full = payload["updateType"] == "Full"
    if not is_full and version <= _version(charge_point):
        return {"status": "VersionMismatch"}, None
    try:
        await _update(charge_point, payload.get("localAuthorizationList") or [], version, is_full)
    except (OSError, ValueError) as error:
        log.warning("ocpp", "local list: %s" % error)
        return {"status": "Failed"}, None
    charge_point.authorizer.conflict = ""
    return {"status": "Accepted"}, None


async def _update(charge_point, entries: list, version: int, is_full: bool) -> None:
    if version < 1:
        raise ValueError("version %d stands for no list" % version)
    most = loading.load(_LIST).MOST_SENT
    loading.unload(_LIST)
    if len(entries) > most:
        raise ValueError("%d entries at once, not %d" % (most, len(entries)))
    try:
        await loading.load(_UPDATE).update(entries, version, is_full, _path(charge_point))
    finally:
        loading.unload(_UPDATE)


HANDLERS = {
    "GetLocalListVersion": ((), _get_version),
    "SendLocalList": (
        (
            ("listVersion", True, INTEGER),
            ("updateType", True, ("Differential", "Full")),
            ("localAuthorizationList", False, (LIST, _ENTRY)),
        ),
        _send,
    ),
}
