"""The bench's HTTP API: looks at the world and changes it. docs/ describes it for users."""

import asyncio
import logging
from pathlib import Path
from typing import Awaitable, Callable, Protocol

from aiohttp import web

from sim import circuit, faults, meter_maps, radio
from sim.board import LINK_BITS, Board
from sim.checks import (
    BadInput,
    Shape,
    checked,
    flag,
    hex_bytes,
    limited,
    list_of,
    mapping,
    milliseconds,
    needed,
    number,
    one_of,
    parsed,
    shaped,
    text,
    three,
    whole,
)
from sim.group_api import GroupApi
from sim.shim import registers as layout
from sim.world import World

HOST = "127.0.0.1"
BODY_BYTES = 65536
HEAP_TRY_S = 0.01
HEAP_TRIES = 500
PAGE = Path(__file__).parent / "page"
CALL_KEYS: Shape = {"action": text(100), "payload": mapping}
VEHICLE: Shape = {
    "plugged": flag,
    "ready": flag,
    "max_a": number(0, 80),
    "phases": one_of(1, 2, 3),
    "battery_kwh": number(0.1, 1000),
    "soc": number(0, 1),
    "ventilation": flag,
    "obeys_pilot": flag,
    "asleep": flag,
    "glitch_ms": whole(0, 5000),
    "simplified": flag,
    "cable_a": one_of(*circuit.CABLE_OHM),
    "bcb": whole(1, 5),
}
LIGHT_VEHICLE = {key: check for key, check in VEHICLE.items() if key != "bcb"}
CARD: Shape = {"uid": hex_bytes(4, 7, 10), "hold_ms": whole(1, 600_000)}
MAINS: Shape = {"v": three(number(0, 500)), "hz": number(40, 70)}
HOUSE: Shape = {"a": three(number(0, 1000))}
TEMPERATURE: Shape = {"c": number(-40, 150)}
METER: Shape = {"preset": one_of(*meter_maps.names())}
FAULTS: Shape = {name: flag for name in faults.NAMES}
BUTTON: Shape = {"hold_ms": whole(1, 600_000)}
POWER: Shape = {"on": flag}
HANG: Shape = {"ms": whole(1, 60_000)}
AIR: Shape = {
    "ssid": limited(1, 32),
    "rssi_dbm": whole(-100, -10),
    "security": one_of(*radio.SECURITIES),
    "password": limited(0, 63),
}
NETWORK: Shape = {
    **{name: flag for name in LINK_BITS},
    "networks": list_of(shaped(AIR), radio.MOST_NETWORKS),
    "hotspot_guests": whole(0, radio.MOST_GUESTS),
}
_WORLD: "web.AppKey[World]" = web.AppKey("world", World)
_PAGE: "web.AppKey[Path]" = web.AppKey("page", Path)
_log = logging.getLogger(__name__)


class Csms(Protocol):
    """The demo back office."""

    port: int

    async def start(self, host: str, port: int) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Close every connection and stop listening."""

    def is_connected(self, identity: str) -> bool:
        """Whether a charge point's line is up."""

    def state(self) -> dict:
        """What it received, by charge point."""

    async def call(self, identity: str, action: str, payload: dict) -> dict:
        """Send a call: {"result": its answer} or {"error": why there is none}."""


def create_app(world: World, csms: "Csms | None" = None, page: Path = PAGE) -> web.Application:
    """The bench's application for a world and, where there is one, its back office."""
    app = web.Application(middlewares=[_errors], client_max_size=BODY_BYTES)
    app[_WORLD] = world
    app.add_routes(_look_routes() + _change_routes())
    GroupApi(world, LIGHT_VEHICLE).add_to(app)
    BackOffice(csms).add_to(app)
    if page.is_dir():
        app[_PAGE] = page
        app.add_routes([web.get("/", _page), web.get(r"/{name:[\w.-]+}", _page)])
    return app


@web.middleware
async def _errors(request: web.Request, handler: Callable) -> web.StreamResponse:
    """Every failure as JSON; a caller's mistake has changed nothing."""
    try:
        return await handler(request)
    except (BadInput, web.HTTPRequestEntityTooLarge) as error:
        return web.json_response({"error": str(error)}, status=400)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return web.json_response({"error": error.text}, status=error.status)
    except Exception:
        _log.exception("%s %s", request.method, request.path)
        return web.json_response({"error": "the bench failed; see its output"}, status=500)


async def _page(request: web.Request) -> web.StreamResponse:
    """A file of the page for people; its directory is flat."""
    path = request.app[_PAGE] / request.match_info.get("name", "index.html")
    if not path.is_file():
        raise web.HTTPNotFound(text=f"there is no {request.path[:80]}")
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _body(request: web.Request) -> object:
    return parsed(await request.read())


def _board(request: web.Request) -> Board:
    name = request.match_info["board"]
    board = request.app[_WORLD].boards.get(int(name) if name.isdecimal() else 0)
    if board is None:
        known = ", ".join(map(str, request.app[_WORLD].boards))
        raise web.HTTPNotFound(text=f"there is no board {name[:20]}; boards: {known}")
    return board


def _look_routes() -> list[web.RouteDef]:
    return [
        web.get("/api/boards", _boards),
        web.get("/api/boards/{board}", _board_state),
        web.get("/api/boards/{board}/heap", _heap),
        web.get("/api/events", _events),
    ]


async def _boards(request: web.Request) -> web.Response:
    boards = request.app[_WORLD].boards.values()
    return web.json_response(
        [
            {
                "id": board.number,
                "web": f"http://127.0.0.1:{board.web_port}",
                "serial": board.serial,
            }
            for board in boards
        ]
    )


async def _board_state(request: web.Request) -> web.Response:
    board = _board(request)
    with request.app[_WORLD].lock:
        return web.json_response(board.state())


async def _heap(request: web.Request) -> web.Response:
    """Bytes in use once the firmware has collected its garbage."""
    registers = _board(request).registers
    registers[layout.HEAP_ASKED] = 1
    for _ in range(HEAP_TRIES):
        await asyncio.sleep(HEAP_TRY_S)
        if not registers[layout.HEAP_ASKED]:
            return web.json_response({"used": registers[layout.HEAP_USED]})
    raise web.HTTPServiceUnavailable(text="the firmware does not count its heap")


async def _events(request: web.Request) -> web.Response:
    since_ms = milliseconds(request.query.get("since", "0"))
    return web.json_response(request.app[_WORLD].events.since(since_ms))


def _change(
    shape: Shape, apply: "Callable[[Board, dict], object]", *keys: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that checks the body and answers with what apply(board, values) returns."""

    async def handle(request: web.Request) -> web.Response:
        board = _board(request)
        values = needed(await _body(request), shape, *keys)
        with request.app[_WORLD].lock:
            return web.json_response(apply(board, values))

    return handle


def _change_routes() -> list[web.RouteDef]:
    base = "/api/boards/{board}/"
    return [
        web.put(base + "vehicle", _change(VEHICLE, _set_vehicle)),
        web.post(base + "card", _change(CARD, _hold_card, "uid")),
        web.put(base + "mains", _change(MAINS, _set_mains)),
        web.put(base + "house", _change(HOUSE, _set_house, "a")),
        web.put(base + "temperature", _change(TEMPERATURE, _set_temperature, "c")),
        web.put(base + "meter", _change(METER, _set_meter, "preset")),
        web.put(base + "faults", _change(FAULTS, _set_faults)),
        web.put(base + "dip", _set_dip),
        web.post(base + "button", _press_button),
        web.put(base + "power", _set_power),
        web.put(base + "hang", _change(HANG, _hang, "ms")),
        web.put(base + "network", _change(NETWORK, _set_network)),
    ]


def _set_vehicle(board: Board, values: dict) -> dict:
    plugged = values.get("plugged", board.model.vehicle.plugged)
    if "bcb" in values and not plugged:
        raise BadInput("bcb: no vehicle is plugged")
    board.model.change_vehicle(values)
    return board.model.vehicle.state()


def _hold_card(board: Board, values: dict) -> dict:
    hold_ms = values.get("hold_ms", 500)
    board.hold_card(values["uid"], hold_ms / 1000)
    return {"uid": values["uid"].hex().upper(), "hold_ms": hold_ms}


def _set_mains(board: Board, values: dict) -> dict:
    if "v" in values:
        board.model.change("mains_v", values["v"])
    if "hz" in values:
        board.model.change("mains_hz", values["hz"])
    return {"v": board.model.mains_v, "hz": board.model.mains_hz}


def _set_house(board: Board, values: dict) -> dict:
    board.model.change("house_a", values["a"])
    return values


def _set_temperature(board: Board, values: dict) -> dict:
    board.model.change("temperature_c", values["c"])
    return values


def _set_meter(board: Board, values: dict) -> dict:
    board.meter.become(values["preset"])
    return values


def _set_faults(board: Board, values: dict) -> dict:
    board.set_faults(values)
    return {"faults": sorted(board.model.faults)}


async def _set_dip(request: web.Request) -> web.Response:
    board = _board(request)
    shape = {"max_a": one_of(*board.model.dip_codes), "factory_reset": flag}
    values = checked(await _body(request), shape)
    with request.app[_WORLD].lock:
        board.model.change("dip_a", values.get("max_a", board.model.dip_a))
        reset = values.get("factory_reset", board.model.dip_factory_reset)
        board.model.change("dip_factory_reset", reset)
        return web.json_response(
            {"max_a": board.model.dip_a, "factory_reset": board.model.dip_factory_reset}
        )


async def _press_button(request: web.Request) -> web.Response:
    board = _board(request)
    body = await _body(request) if request.can_read_body else {}
    hold_ms = checked(body, BUTTON, required=False).get("hold_ms", 100)
    with request.app[_WORLD].lock:
        board.model.press_button(hold_ms / 1000)
    return web.json_response({"hold_ms": hold_ms})


async def _set_power(request: web.Request) -> web.Response:
    board = _board(request)
    values = needed(await _body(request), POWER, "on")
    board.power(values["on"])  # takes the world's lock itself, after that of the process
    return web.json_response(values)


def _hang(board: Board, values: dict) -> dict:
    board.registers[layout.HANG_MS] = values["ms"]
    return values


def _set_network(board: Board, values: dict) -> dict:
    board.set_links(values)
    guests = board.radio.guests
    return {**board.links(), "networks": board.radio.networks, "hotspot_guests": guests}


class BackOffice:
    """The part of the API that is about the demo back office."""

    def __init__(self, csms: "Csms | None") -> None:
        self._csms = csms
        self._on = csms is not None

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.add_routes(
            [
                web.get("/api/csms", self._state),
                web.put("/api/csms", self._switch),
                web.post("/api/csms/{id}/call", self._call),
            ]
        )

    def _there(self) -> Csms:
        if self._csms is None:
            raise web.HTTPNotFound(text="this bench runs without a back office of its own")
        return self._csms

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._there().state())

    async def _switch(self, request: web.Request) -> web.Response:
        csms = self._there()
        on = needed(await _body(request), POWER, "on")["on"]
        if on != self._on:
            self._on = on
            await (csms.start(HOST, csms.port) if on else csms.stop())
        return web.json_response({"on": on})

    async def _call(self, request: web.Request) -> web.Response:
        csms = self._there()
        values = needed(await _body(request), CALL_KEYS, "action")
        identity = request.match_info["id"]
        if not csms.is_connected(identity):
            raise web.HTTPNotFound(text=f"{identity[:48]} is not connected")
        answer = await csms.call(identity, values["action"], values.get("payload", {}))
        if "result" not in answer:
            return web.json_response(answer, status=502)
        return web.json_response(answer["result"])
