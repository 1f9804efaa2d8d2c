"""Actions on what belongs to the station: its meter, the meters it knows, networks and slaves around it."""

import json

from microdot import Response

from core import storage

_PRESETS = __file__.rsplit("/", 2)[0] + "/lib/meter/presets.tsv"


async def set_zero(call) -> dict:
    """Have the shown energy count from 0; sessions do not notice."""
    meter = call.needed(call.services.meter, "the energy meter")
    trouble = meter.set_zero()
    if trouble:
        call.refuse(trouble)
    return {"result": True, "text": "the energy counts from 0"}


def _registers(cell: str) -> list:
    return [] if cell == "-" else [int(register) for register in cell.split(",")]


def _row(line: str) -> dict:
    """A row of presets.tsv as JSON."""
    cells = line.split("\t")
    meter = {"name": cells[0], "function": cells[1], "word_order": cells[2], "line": cells[3]}
    for name, place in (("voltage", 5), ("current", 7), ("power", 9), ("energy", 12)):
        meter[name] = _registers(cells[place])
    meter["voltage_format"], meter["current_format"] = cells[6], cells[8]
    meter["power_format"], meter["energy_format"] = cells[11], cells[13]
    return meter


def _for_people(line: str) -> str:
    """What to set for a meter in the building; "" for one that does not tell its currents."""
    cells = line.split("\t")
    registers = cells[7].split(",")
    if registers == ["-"]:
        return ""
    fmt = cells[8].lstrip("u")  # currents stay far below the sign
    if cells[2] == "low" or cells[14][:5] == "ratio" or fmt[:6] == "float*":
        return "%s: choose it by its name" % cells[0]
    lines = ", L".join(["%d: %s" % (n + 1, registers[n]) for n in range(len(registers))])
    return "%s: function %s, %s, L%s (%s)" % (cells[0], cells[1], fmt, lines, cells[3])


def _lines():
    """Generate the rows of the table of meters."""
    for block in storage.line_blocks(_PRESETS):
        for line in block.split("\n"):
            if line[0] != "#":
                yield line


def _pieces():
    """Generate the answer, a row of the table at a time: for people, then for programs."""
    before = '{"text":"'
    for line in _lines():
        text = _for_people(line)
        if text:
            yield before + json.dumps(text)[1:-1]
            before = "\\n"
    before = '","result":['
    for line in _lines():
        yield before + json.dumps(_row(line))
        before = ","
    yield "]}"


async def read(call) -> Response:
    """The meters that the firmware knows, with their registers; from flash, no network needed."""
    return Response(_pieces(), 200, {"Content-Type": "application/json"})


async def scan(call) -> dict:
    """The networks in reach, the strongest first."""
    links = call.services.links
    if not call.services.settings.get("wlan_enabled"):
        call.refuse("Wi-Fi is switched off")
    try:
        networks = await links.scan()
    except OSError as error:
        call.refuse("the scan fails: %s" % error)
    return {"result": networks, "text": "%d networks" % len(networks)}


async def settle(call) -> dict:
    """Have a master look for slaves without a number, or end that with False."""
    group = call.needed(call.services.group, "a group of chargers")
    if group.role != "master":
        call.refuse("the master of the group does that")
    if call.value is False:
        group.settle(0)
        return {"result": 0, "text": "no more slaves are looked for"}
    group.settle()
    return {"result": group.settling, "text": "slaves are looked for, %d s" % group.settling}
