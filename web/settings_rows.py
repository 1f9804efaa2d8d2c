"""GET /api/settings: the settings, readings and actions that a role sees."""

import asyncio
import json

from microdot import Response
from micropython import const

from core import clock, loading, storage
from web.state import KEYS, member

_TABLE = "core.setting_table"
_NUMBERS = ("int", "float")
_TURN_MS = const(6)  # other tasks have their turn after that
_PIECE = const(240)  # letters sent at a time
_OTHER_NAMES = {"software_version": "version", "sys_controller_serial": "controller_serial"}


class Rows:
    """The JSON text of a page's rows in pieces: a response's body, made in turns with other tasks."""

    def __init__(self, page: str, role: str, stored: dict, readings: list) -> None:
        self._page = page
        self._role = role
        self._stored = stored
        self._readings = readings
        self._table = loading.load(_TABLE)
        loading.unload(_TABLE)  # here it stays until all is sent
        self._blocks = storage.line_blocks(self._table.TABLE)
        self._turn_ms = clock.ticks_ms()
        self._lines = []
        self._separator = ""
        self._texts = ['{"page":"%s","settings":[' % page]

    def __aiter__(self):
        return self

    async def __anext__(self) -> str:
        while not self._texts:
            if clock.ticks_diff(clock.ticks_ms(), self._turn_ms) >= _TURN_MS:
                await asyncio.sleep_ms(0)
                self._turn_ms = clock.ticks_ms()
            if self._blocks is None:
                raise StopAsyncIteration
            self._read_on()
        text = self._texts.pop(0)
        if len(text) > _PIECE:
            self._texts.insert(0, text[_PIECE:])
        return text[:_PIECE]

    async def aclose(self) -> None:
        """Close the table's file, whether or not all was sent."""
        if self._blocks:
            self._blocks.close()

    def _read_on(self) -> None:
        """Take the next row that the role sees, or the next block of the table, or the end."""
        while self._lines:
            line = self._lines.pop(0)
            if line[0] != "#" and self._page in ("", line.split("\t", 3)[2]):
                declaration = self._table.Declaration(line)
                if declaration.may_read(self._role):
                    texts = (self._separator,) + self._row(declaration)
                    self._texts = [text for text in texts if text]
                    self._separator = ","
                    return
        try:
            block = next(self._blocks)
        except StopIteration:
            self._end()
        else:
            if self._page in block:
                self._lines = block.split("\n")
            elif self._separator:  # a page's rows are together
                self._end()

    def _end(self) -> None:
        self._blocks.close()
        self._blocks = None
        self._texts = ["]}"]

    def _row(self, declaration) -> tuple:
        """A row's JSON in pieces: as a whole it would need a large piece of the heap."""
        key = declaration.key
        value, default, is_set = "null", "null", ""
        if declaration.is_secret:
            is_set = '"is_set":%s,' % json.dumps(key in self._stored)
        elif declaration.has_value:
            default = _default(declaration)
            value = json.dumps(self._stored[key]) if key in self._stored else default
        elif declaration.type == "reading":
            value = self._reading(_OTHER_NAMES.get(key, key))
        head = '{"key":"%s","label":"%s","type":"%s",%s"unit":"%s","range":"' % (
            key,
            declaration.label,
            declaration.type,
            is_set,
            declaration.unit,
        )
        values = '","value":%s,"default":%s,' % (value, default)
        return head, declaration.range, values + _marks(declaration, self._role)

    def _reading(self, key: str) -> str:
        index = KEYS.index(key)
        return member(index, self._readings[index]).partition('":')[2]


def _default(declaration) -> str:
    """A setting's default as JSON."""
    text = declaration.default
    if declaration.type == "bool":
        return json.dumps(text == "1")
    return text if declaration.type in _NUMBERS else json.dumps(text)


def _marks(declaration, role: str) -> str:
    return '"writable":%s,"restart":%s,"has_effect":%s,"may_lock_out":%s}' % tuple(
        json.dumps(mark)
        for mark in (
            declaration.may_write(role),
            declaration.needs_restart,
            declaration.has_effect,
            declaration.may_lock_out,
        )
    )


def answer(request, services) -> Response:
    """The rows of ?page=, or all, as JSON; what the role may not see is absent."""
    page = request.args.get("page", "")
    if page and not loading.once("web.api_session", "is_page", page):
        return Response({"error": "no page of that name"}, 404)
    role = request.g.session.role
    rows = Rows(page, role, services.settings.stored, request.app.state.values())
    return Response(rows, 200, {"Content-Type": "application/json"})
