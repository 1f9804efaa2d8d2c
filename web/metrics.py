"""The state as Prometheus text, made line by line."""

import json

from microdot import Response

from web.auth import same
from web.state import decimal

# Metric, its type, and the state's keys with the label that tells them apart.
_METRICS = (
    ("voltage_volts", "gauge", "phase", ("voltage_l1", "voltage_l2", "voltage_l3")),
    ("current_amperes", "gauge", "phase", ("current_l1", "current_l2", "current_l3")),
    ("building_current_amperes", "gauge", "phase", ("dlb_l1", "dlb_l2", "dlb_l3")),
    ("power_watts", "gauge", "", ("power",)),
    ("energy_kilowatthours_total", "counter", "", ("energy",)),
    ("limit_amperes", "gauge", "", ("limit_a",)),
    ("signaled_current_amperes", "gauge", "", ("signaled_current",)),
    ("temperature_celsius", "gauge", "", ("temperature",)),
    ("plugged", "gauge", "", ("plugged",)),
    ("contactor_closed", "gauge", "", ("contactor_closed",)),
    ("contactor_cycles_total", "counter", "", ("contactor_cycles",)),
    ("plug_cycles_total", "counter", "", ("plug_cycles",)),
    ("heap_free_bytes", "gauge", "", ("heap_free",)),
    ("heap_used_bytes", "gauge", "", ("heap_used",)),
    ("uptime_seconds_total", "counter", "", ("uptime_s",)),
)


_TRUTH = {"true": "1", "false": "0"}
_PILOT = (
    ('volts{level="high"}', "high_mv"),
    ('volts{level="low"}', "low_mv"),
    ("duty_ratio", "duty_permille"),
    ("age_seconds", "age_ms"),
)


def _label(json_text: str) -> str:
    """Value of a label (exposition format 0.0.4: backslash, quote and line feed escaped)."""
    text = str(json.loads(json_text) or "")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def lines(members):
    """Generate the exposition text from the members of the state's JSON object.

    The numbers' own text is kept, since an ESP32's floats would lose digits of the energy. What is
    not measured is left out.
    """
    texts = {}
    for member in members:
        key, text = member[1:].split('":', 1)
        texts[key] = _TRUTH.get(text, text)
    yield "# TYPE mpevse_info gauge\nmpevse_info{serial=%s,version=%s,chargepoint=%s} 1\n" % (
        _label(texts["controller_serial"]),
        _label(texts["version"]),
        _label(texts["chargepoint_id"]),
    )
    yield "# TYPE mpevse_status gauge\nmpevse_status{status=%s,state=%s} 1\n" % (
        _label(texts["status"]),
        _label(texts["state"]),
    )
    yield "# TYPE mpevse_faults gauge\nmpevse_faults %d\n" % len(json.loads(texts["faults"]))
    pilot = json.loads(texts["pilot"])
    for name, key in _PILOT:
        if key != "low_mv":  # a second sample of the same metric
            yield "# TYPE mpevse_pilot_%s gauge\n" % name.split("{")[0]
        yield "mpevse_pilot_%s %s\n" % (name, decimal(pilot[key], 3))
    for name, kind, label, keys in _METRICS:
        samples = [(key, texts[key]) for key in keys if texts[key] != "null"]
        if samples:
            yield "# TYPE mpevse_%s %s\n" % (name, kind)
        for key, text in samples:
            which = '{%s="%s"}' % (label, key[-2:].upper()) if label else ""
            yield "mpevse_%s%s %s\n" % (name, which, text)


def response(request):
    """The answer to GET /metrics, for a session or for the token of the settings."""
    given = request.headers.get("Authorization", "")
    token = request.app.services.settings.stored.get("metrics_token")
    if not hasattr(request.g, "session") and not (token and same(given, "Bearer " + token)):
        return {"error": "wrong token"}, 401
    state = request.app.state
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=UTF-8"}
    return Response(lines(state.members(state.values())), 200, headers)
