"""GET /api/group: the group of chargers that this one leads or follows, and how it shares its current."""

import json

from microdot import Response

from web.state import decimal

# dlm.group_member.REASONS, which a slave has no use for otherwise
_REASONS = (
    "all it asks for|shared with the others|what the car draws|waits for its turn|"
    "until others have reduced|not heard from|asks for nothing|the group is on its fallback currents"
)
_MODES = {"RS485": ("Master", "Slave"), "IP": ("Gateway", "Client")}


def _amperes(values_ma) -> str:
    """JSON list in A."""
    return "[" + ",".join([decimal(value, 1) for value in values_ma]) + "]"


def _wires(phases: int) -> str:
    """The grid's phases among some bits, by OCPP's letters."""
    return "".join(["RST"[phase] for phase in range(3) if phases >> phase & 1])


def _member(member, address: str):
    """Generate a charger of the group as its master knows it, in short pieces: the heap has many small gaps."""
    yield '{"number":%d,"connector":%d,"address":%s,"serial":%s,"online":%s' % (
        member.number,
        member.connector_id,
        json.dumps(address),
        json.dumps(member.serial),
        "true" if member.online else "false",
    )
    yield ',"silent_s":%d,"wires":"%s","priority":%d,"rating_a":%s,"fallback_a":%s' % (
        member.silent_ms // 1000,
        _wires(member.wired),
        member.priority,
        decimal(member.rating_ma, 1),
        decimal(member.fallback_ma, 1),
    )
    yield ',"request_a":%s,"granted_a":%s,"signaled_a":%s,"current_a":%s' % (
        decimal(member.request_ma, 1),
        decimal(member.granted_ma, 1),
        decimal(member.signaled_ma, 1),
        _amperes(member.current_ma),
    )
    yield ',"energy_kwh":%s,"status":"%s","error_code":"%s"' % (
        decimal(member.energy_wh, 3) if member.session else "null",
        member.status,
        member.error_code,
    )
    yield ',"reason":%s,"trouble":%s}' % (json.dumps(member.reason), json.dumps(member.trouble))


def _head(mode: str, stored) -> str:
    """What leader and follower both tell."""
    return '{"mode":"%s","group_id":%s' % (mode, json.dumps(stored.get("llm_group_id", "")))


def _led(group, carrier, stored):
    """Generate the group as its master or gateway has it, a member at a time."""
    members = group.members
    online = sum([1 for member in members if member.online])
    yield _head(_MODES[carrier.medium][0], stored)
    yield ',"trouble":%s,"policy":%s,"online":%d,"size":%d' % (
        json.dumps(group.trouble),
        json.dumps(stored.get("llm_policy", "Uniform Distribution")),
        online,
        len(members),
    )
    yield ',"limit_a":%s,"limit_reason":%s,"settling_s":%d' % (
        _amperes(group.limit_ma),
        json.dumps(group.limit_reason),
        group.settling,
    )
    before = ',"members":['
    for member in members:
        yield before
        for piece in _member(member, carrier.address_of(member)):
            yield piece
        before = ","
    yield "]}"


def _followed(group, carrier, stored):
    """Generate what a slave or client knows."""
    yield _head(_MODES[carrier.medium][1], stored)
    yield ',"address":%s,"granted_a":%s,"reason":%s,"fallback":%s,"master_silent_s":%d}' % (
        json.dumps(carrier.address_of(group)),
        decimal(group.granted_ma, 1),
        json.dumps(_REASONS.split("|")[group.reason]),
        "true" if group.fallback else "false",
        group.master_silent_ms // 1000,
    )


async def get(request, services):
    """{"mode": ""} without a group, else docs/web-api.md."""
    group = services.group
    if group is None:
        return {"mode": ""}
    pieces = _led if group.role == "master" else _followed
    found = pieces(group, services.group_carrier, services.settings.stored)
    return Response(found, 200, {"Content-Type": "application/json"})
