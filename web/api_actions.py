"""POST /api/actions/<key>: what the buttons do. Each group of actions is a module, loaded for the call."""

from microdot import abort

from core import loading, storage
from web.app import json_object

_TYPES = "core.setting_types"
_ACTIONS = {  # what does it: names that the firmware has anyhow, since each new one stays in memory
    "start_charging": "web.actions_charging start",
    "stop_charging": "web.actions_charging stop",
    "unlock_connector": "web.actions_charging unlock",
    "simulate_card": "web.actions_charging card",
    "restart": "web.actions_system restart",
    "soft_reset": "web.actions_system stop",
    "factory_reset": "web.actions_system reset",
    "whitelist_learning": "web.actions_whitelist learn",
    "learn_config_card": "web.actions_whitelist card",
    "whitelist_insert": "web.actions_whitelist insert",
    "whitelist_search": "web.actions_whitelist find",
    "whitelist_delete": "web.actions_whitelist delete",
    "clear_cache": "web.actions_whitelist clear",
    "set_zero": "web.actions_device set_zero",
    "dlb_meters_list": "web.actions_device read",
    "scan_wifi": "web.actions_device scan",
    "group_setup": "web.actions_device settle",
    "calibrate_pilot": "web.actions_pilot set",
}
# Actions without a row in settings.tsv: who may change this setting may do it.
_RIGHT_OF = {
    "scan_wifi": "ssid",
    "group_setup": "slave_number",
    "calibrate_pilot": "temperature_calibration",
}


class Call:
    """An action that is asked for: what, by whom, with which value."""

    def __init__(self, key: str, role: str, services, value, confirmed: bool) -> None:
        self.key = key
        self.role = role
        self.services = services
        self.value = value
        self.confirmed = confirmed

    def needed(self, part, name: str):
        """A part of the firmware; ends the request with 409 where it did not start."""
        if part is None:
            abort(409, {"error": "not now: %s does not run" % name})
        return part

    def refuse(self, why: str) -> None:
        """End the request: it cannot be done now."""
        abort(409, {"error": why})

    def reject(self, why: str) -> None:
        """End the request: the value is wrong."""
        abort(422, {"errors": {self.key: why}})


def _checked(key: str, role: str, value):
    """The value as the action takes it; ends the request without the right to it, or with a wrong value."""
    types = loading.load(_TYPES)
    try:
        line = storage.find_line(types.TABLE, (_RIGHT_OF.get(key, key) + "\t",))
        declaration = types.Declaration(line)
        if not declaration.may_write(role):
            abort(403, {"error": "not for this login"})
        if declaration.type != "action+text":
            return value
        return types.parse(declaration, "" if value is None else value)
    except ValueError as error:
        text = "%s %s: %s" % (declaration.label, str(value)[:40], error)
        abort(422, {"errors": {key: text}})
    finally:
        loading.unload(_TYPES)


async def post(request, services):
    """Do it: 200 with {"result", "text"}; 403, 404, 409 (not now, and why) or 422 (wrong value)."""
    key = request.g.rest
    action = _ACTIONS.get(key)
    if action is None or request.g.kind:
        return {"error": "no such action"}, 404
    body = json_object(request) if request.content_length else {}
    role = request.g.session.role
    value = _checked(key, role, body.get("value"))
    call = Call(key, role, services, value, body.get("confirm") is True)
    group, function = action.split(" ")
    try:
        return await getattr(loading.load(group), function)(call)
    finally:
        loading.unload(group)
