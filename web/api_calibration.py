"""GET /api/calibration: pilot and proximity as the converters read them, for the manufacturer."""

import json

from microdot import Response

from core import loading


async def get(request, services):
    """Raw values in microvolts at the converter, and what is made of them."""
    if request.g.session.role != "manufacturer":
        return {"error": "not for this login"}, 403
    charger = services.charger
    pilot, connector = charger.pilot, charger.connector
    circuit = services.config["board"]["pilot"]
    proximity = "null"
    if connector and connector.outlet:
        contact = connector.outlet.proximity
        proximity = '{"uv":%d,"ohm":%d}' % (contact.mean_uv(), contact.read_ohm())
    text = (
        '{"state":"%s","pilot":{"high_uv":%d,"low_uv":%d,"high_mv":%d,"low_mv":%d,"duty_permille":%d,"age_ms":%d,'
        '"zero_uv":%d,"uv_per_v":%d,"calibrated":%s},"proximity":%s}'
        % (
            charger.state,
            pilot.raw_uv[0],
            pilot.raw_uv[1],
            pilot.high_mv,
            pilot.low_mv,
            pilot.duty_permille,
            pilot.age_ms(),
            circuit["zero_uv"],
            circuit["uv_per_v"],
            json.dumps(loading.once("core.board_config", "calibration") is not None),
            proximity,
        )
    )
    return Response(text, 200, {"Content-Type": "application/json"})
