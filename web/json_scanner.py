"""Reads a JSON text of any length piece by piece: its values one after the other, never the whole of it."""

import json

from micropython import const

_LONGEST_BYTES = const(600)  # of one text or number
_DEEPEST = const(4)
# What may come next.
_VALUE = const(0)
_VALUE_OR_END = const(1)
_KEY = const(2)
_KEY_OR_END = const(3)
_COLON = const(4)
_COMMA_OR_END = const(5)
_NOTHING = const(6)
_ESCAPES = '"\\/bfnrtu'


def _end_of_text(data: bytes, place: int) -> int:
    """Where a text that begins at a place is over; -1 when its end is still to come."""
    end = data.find(b'"', place + 1)
    while end >= 0:
        before = end
        while (
            data[before - 1] == 92
        ):  # backslashes; an even number of them leaves the quote its meaning
            before -= 1
        if (end - before) % 2 == 0:
            return end + 1
        end = data.find(b'"', end + 1)
    return -1


def _end_of_word(data: bytes, place: int) -> int:
    """The same for a number, true, false or null."""
    for end in range(place, len(data)):
        if data[end] in b' \t\r\n,:[]{}"':
            return end
    return -1


def _decoded(token: bytes):
    """The value of a text, number or word. ETEK's stations write escapes that JSON does not know."""
    text = token.decode()
    if "\\" not in text:
        return json.loads(text)
    parts = []
    place = 0
    while place < len(text):
        size = 1 + (text[place] == "\\")
        part = text[place : place + size]
        parts.append(part if len(part) == 1 or part[1] in _ESCAPES else part[1:])
        place += size
    return json.loads("".join(parts))


class JsonScanner:
    """take(path, value) is called for each text, number, true, false and null.

    path: for each level the key in an object, or None in a list. ValueError tells the line of an error.
    """

    def __init__(self, take) -> None:
        self._take = take
        self._rest = b""
        self._line = 1
        self._path: list = []
        self._next = _VALUE

    def feed(self, data: bytes) -> None:
        """Take the next piece of the text."""
        data = self._rest + data
        place = 0
        while place < len(data):
            byte = data[place]
            if byte in b" \t\r\n":
                self._line += byte == 10
                place += 1
            elif byte in b"{}[]:,":
                self._mark(byte)
                place += 1
            else:
                end = _end_of_text(data, place) if byte == 34 else _end_of_word(data, place)
                if end < 0:
                    break
                self._token(data[place:end])
                place = end
        self._rest = data[place:]
        if len(self._rest) > _LONGEST_BYTES:
            self._fail("a text is longer than %d bytes" % _LONGEST_BYTES)

    def finish(self) -> None:
        """The text is over."""
        if self._next != _NOTHING or self._rest:
            self._fail("the file ends too early")

    def _fail(self, why: str) -> None:
        raise ValueError("line %d: %s" % (self._line, why))

    def _mark(self, byte: int) -> None:
        awaited = self._next
        if byte in b"{[" and awaited in (_VALUE, _VALUE_OR_END):
            if len(self._path) == _DEEPEST:
                self._fail("too many levels")
            self._path.append("" if byte == 123 else None)
            self._next = _KEY_OR_END if byte == 123 else _VALUE_OR_END
        elif byte == 58 and awaited == _COLON:
            self._next = _VALUE
        elif byte == 44 and awaited == _COMMA_OR_END:
            self._next = _VALUE if self._path[-1] is None else _KEY
        elif byte == 125 and self._path and self._path[-1] is not None:
            self._end(awaited in (_KEY_OR_END, _COMMA_OR_END))
        elif byte == 93 and self._path and self._path[-1] is None:
            self._end(awaited in (_VALUE_OR_END, _COMMA_OR_END))
        else:
            self._fail("this is no JSON, at " + chr(byte))

    def _end(self, is_right: bool) -> None:
        if not is_right:
            self._fail("this is no JSON: something is missing")
        self._path.pop()
        self._next = _COMMA_OR_END if self._path else _NOTHING

    def _token(self, token: bytes) -> None:
        if len(token) > _LONGEST_BYTES:
            self._fail("a text is longer than %d bytes" % _LONGEST_BYTES)
        try:
            value = _decoded(token)
        except ValueError:
            self._fail("this is no JSON: " + repr(token[:20])[2:-1])
        if self._next in (_KEY, _KEY_OR_END) and isinstance(value, str):
            self._path[-1] = value
            self._next = _COLON
        elif self._next in (_VALUE, _VALUE_OR_END) and self._path:
            self._next = _COMMA_OR_END
            self._take(self._path, value)
        else:
            self._fail("this is no JSON: " + repr(token[:20])[2:-1])
