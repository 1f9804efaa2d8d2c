"""Makes a frame from a long message in pieces, which a heap has no room for in one. Loaded for each.

Objects on the fourth level, such as the entries of a SendLocalList, are parsed one by one as they come. In
the rest of the text, which is parsed at the end, a mark with a number stands for each.
"""

import asyncio
import json

from micropython import const

_DEPTH = const(4)
_QUOTE = const(34)


async def parse(pieces: list) -> list:
    """The array that a JSON text is; the pieces, bytes, are used up. ValueError: it is none."""
    splitter = _Splitter()
    while pieces:
        splitter.feed(pieces.pop(0))
        await asyncio.sleep_ms(0)
    frame = json.loads(splitter.outer())  # type: ignore[type-var]  # any buffer will do
    if not isinstance(frame, list):
        raise ValueError("no array")
    return _filled(frame, splitter.objects)


class _Splitter:
    """Takes the objects out of a text."""

    def __init__(self) -> None:
        self.objects: list = []
        self._outer = bytearray()
        self._inner = bytearray()  # of the object that has begun
        self._depth = 0
        self._is_inside = False  # an object
        self._is_text = False
        self._is_escaped = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        start = place = 0
        while place < len(piece):
            if self._is_text:
                place = self._follow_text(piece, place)
                continue
            byte = piece[place]
            if byte == _QUOTE:
                self._is_text = True
            elif byte in b"[{":
                self._depth += 1
                if byte in b"{" and self._depth == _DEPTH:
                    self._is_inside = True
                    self._outer.extend(piece[start:place])
                    start = place
            elif byte in b"]}":
                if self._is_inside and self._depth == _DEPTH:
                    self._end_object(piece[start : place + 1])
                    start = place + 1
                self._depth -= 1
            place += 1
        (self._inner if self._is_inside else self._outer).extend(piece[start:])

    def _follow_text(self, piece: bytes, place: int) -> int:
        """Where to go on in a text: behind its end, an escape, or the piece."""
        if self._is_escaped:
            self._is_escaped = False
            return place + 1
        end = piece.find(b'"', place)
        escape = piece.find(b"\\", place, len(piece) if end < 0 else end)
        if escape >= 0:
            self._is_escaped = True
            return escape + 1
        self._is_text = end < 0
        return len(piece) if end < 0 else end + 1

    def _end_object(self, rest) -> None:
        self._inner.extend(rest)
        self._outer.extend(b'"\\u0001%d"' % len(self.objects))
        self.objects.append(json.loads(self._inner))  # type: ignore[type-var]
        self._inner = bytearray()
        self._is_inside = False

    def outer(self) -> bytearray:
        """What is around the objects. ValueError: the text is not a whole one."""
        if self._depth or self._is_text:
            raise ValueError("not a whole text")
        return self._outer


def _filled(value, objects: list):
    """A value with the objects in the place of their marks. A mark that came from outside is a text."""
    if isinstance(value, str):
        number = value[1:] if value[:1] == "\x01" else ""
        return objects[int(number)] if number.isdigit() and int(number) < len(objects) else value
    places = range(len(value)) if isinstance(value, list) else ()
    if isinstance(value, dict):
        places = list(value)
    for place in places:
        value[place] = _filled(value[place], objects)
    return value
