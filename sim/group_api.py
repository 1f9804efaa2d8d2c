"""The part of the bench's API that is about the RS485 line of a group."""

from aiohttp import web

from sim.checks import (
    Shape,
    checked,
    hex_upto,
    list_of,
    milliseconds,
    needed,
    number,
    one_of,
    parsed,
)
from sim.world import World

MOST_CUT = 100
FRAME_BYTES = 256
FRAME: Shape = {"hex": hex_upto(FRAME_BYTES)}


class GroupApi:
    """Routes that look at the line and change it; vehicle: what may be changed of a light slave's."""

    def __init__(self, world: World, vehicle: Shape) -> None:
        self._world = world
        self._vehicle = vehicle
        self._line = world.group_line

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.add_routes(
            [
                web.get("/api/bus", self._state),
                web.put("/api/bus", self._change),
                web.get("/api/bus/frames", self._frames),
                web.post("/api/bus/frames", self._send),
                web.get("/api/light", self._light),
                web.put("/api/light/{number}/vehicle", self._change_light),
            ]
        )

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._line.state())

    async def _change(self, request: web.Request) -> web.Response:
        boards = list_of(one_of(*self._line.numbers), MOST_CUT)
        shape: Shape = {"cut": boards, "echo": boards, "noise": number(0, 1)}
        values = checked(parsed(await request.read()), shape)
        with self._world.lock:
            for key, change in (
                ("cut", self._line.cut),
                ("echo", self._line.echo),
                ("noise", self._line.disturb),
            ):
                if key in values:
                    change(values[key])
            return web.json_response(self._line.state())

    async def _frames(self, request: web.Request) -> web.Response:
        since_ms = milliseconds(request.query.get("since", "0"))
        with self._world.lock:
            return web.json_response(self._line.frames(since_ms))

    async def _send(self, request: web.Request) -> web.Response:
        data = needed(parsed(await request.read()), FRAME, "hex")["hex"]
        with self._world.lock:
            self._line.say(data)
        return web.json_response({"hex": data.hex().upper()})

    async def _light(self, request: web.Request) -> web.Response:
        light = self._world.light
        return web.json_response(light.state() if light else [])

    async def _change_light(self, request: web.Request) -> web.Response:
        light, name = self._world.light, request.match_info["number"]
        number = int(name) if name.isdecimal() else 0
        if light is None or number not in light.numbers:
            raise web.HTTPNotFound(text=f"there is no light slave {name[:20]}")
        values = checked(parsed(await request.read()), self._vehicle)
        light.change(number, values)
        return web.json_response(values)
