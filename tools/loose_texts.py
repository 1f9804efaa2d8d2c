"""Keeps texts of modules that are loaded now and then out of a board's table of names.

The compiler makes a name of each text of up to ten letters, and the table of names never shrinks: a text that
only one message has would stay when its module is given up. As a constant it costs twenty bytes until then.
The form of compiled modules: py/persistentcode.c, py/bc.h and py/bc0.h of MicroPython 1.25.
"""

import ast
import re
from collections.abc import Iterable, Iterator

_HEAD = 4  # bytes: letter, version, features, bits of a small number
_EMPTY_TEXT = b"\x03"  # an entry of the table of names: every build has that one
_TEXT, _BYTES, _TUPLE, _LAST_WITHOUT_CONTENT = 5, 6, 10, 4  # kinds of constants
_MOST_CONSTANTS = 127  # in one byte, which is what there is in place of a low name's number
_LOAD_TEXT, _LOAD_CONSTANT = 0x10, 0x23
_ALONE, _NUMBER, _OFFSET = range(3)
_FORMS = (_ALONE, _NUMBER, _NUMBER, _NUMBER, _OFFSET)  # by the high half of an instruction
_ONE_BYTE_MORE = (0x20, 0x21, 0x40)  # closures: of how many; a jump: out of how many blocks
_ASKS_BY_NAME = ("getattr", "hasattr", "setattr")
_NAMES_IN = ("id", "attr", "arg", "name", "asname", "module")  # of a node
_Place = tuple[int, int, int]  # of an instruction: begin, end, its number


class _MachineCode(Exception):
    """A function is not bytecode."""


def loose_texts(sources: "Iterable[str]", lasting: "Iterable[str]") -> "set[str]":
    """Return the texts that only the sources have, which are given up again, and that name nothing.

    lasting: the sources that are not given up; what they have stays a name.
    """
    texts: set[str] = set()
    names: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            names.update(_names(node))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    for source in lasting:
        names.update(re.findall(r"\w+", source))
        nodes = ast.walk(ast.parse(source))
        names.update(n.value for n in nodes if isinstance(n, ast.Constant) and n.value in texts)
    return texts - names


def _names(node: ast.AST) -> "Iterator[str]":
    """The names in a node, and texts that are used as such."""
    for field in _NAMES_IN:
        name = getattr(node, field, None)
        if isinstance(name, str):
            yield from (name, *name.split("."))
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    if isinstance(node, ast.Call) and ast.unparse(node.func) in _ASKS_BY_NAME:
        yield from (str(part.value) for part in node.args if isinstance(part, ast.Constant))


def without_names(code: bytes, texts: "set[str]") -> bytes:
    """Return a compiled module in which these texts, which name nothing, are constants.

    A module with machine code stays as it is: its names are numbers in there.
    """
    tables = _Tables(code)
    body = bytearray(code[tables.end :])
    try:
        places, _ = _places(body, 0)
    except _MachineCode:
        return code
    constants: dict[int, int] = {}  # by the numbers that these had as names
    for begin, end, name in places:
        if tables.names[name] in texts:
            number = constants.setdefault(name, len(tables.constants) + len(constants))
            if number > _MOST_CONSTANTS:
                return code
            body[begin:end] = bytes([_LOAD_CONSTANT]) + _bytes_of(number, end - begin - 1)
    return tables.written(constants) + body


def names_of(code: bytes) -> "set[str]":
    """The names that a compiled module brings with it."""
    return set(_Tables(code).names) - {""}


class _Tables:
    """What is at the begin of a compiled module: the tables of names and of constants."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self.names: list[str] = []
        self.constants: list[bytes] = []
        self._entries: list[bytes] = []
        names, place = _number(code, _HEAD)
        constants, place = _number(code, place)
        for _ in range(names):
            place = self._take_name(place)
        for _ in range(constants):
            end = self._end_of_constant(place)
            self.constants.append(code[place:end])
            place = end
        self.end = place

    def _take_name(self, place: int) -> int:
        size, start = _number(self._code, place)
        is_known = size & 1  # to every build, by a number
        end = start if is_known else start + (size >> 1) + 1
        self._entries.append(self._code[place:end])
        self.names.append("" if is_known else self._code[start : end - 1].decode())
        return end

    def _end_of_constant(self, place: int) -> int:
        kind, place = self._code[place], place + 1
        if kind <= _LAST_WITHOUT_CONTENT:
            return place
        size, place = _number(self._code, place)
        if kind != _TUPLE:
            return place + size + (kind in (_TEXT, _BYTES))  # these end with a zero
        for _ in range(size):
            place = self._end_of_constant(place)
        return place

    def written(self, moved: "Iterable[int]") -> bytes:
        """The tables with some names, by number, as further constants."""
        texts = [self.names[number].encode() for number in moved]
        added = [bytes([_TEXT]) + _bytes_of(len(text)) + text + b"\0" for text in texts]
        entries = [_EMPTY_TEXT if n in moved else entry for n, entry in enumerate(self._entries)]
        counts = _bytes_of(len(entries)) + _bytes_of(len(self.constants) + len(added))
        return self._code[:_HEAD] + counts + b"".join((*entries, *self.constants, *added))


def _places(body: bytearray, place: int) -> "tuple[list[_Place], int]":
    """Where a function, and those within it, load texts, and where it ends."""
    kind, place = _number(body, place)
    if kind & 3:
        raise _MachineCode
    end = place + (kind >> 3)
    found = list(_loads(body, _end_of_head(body, place), end))
    if kind & 4:
        inner, end = _number(body, end)
        for _ in range(inner):
            more, end = _places(body, end)
            found += more
    return found, end


def _end_of_head(body: bytearray, place: int) -> int:
    """Behind the sizes of a function's state, its names, lines and cells."""
    while body[place] & 0x80:
        place += 1
    place += 1
    size, shift, more = 0, 0, 0x80
    while more:
        part, place = body[place], place + 1
        size += ((part & 0x7E) >> 1 << 6 * shift) + ((part & 1) << shift)
        shift, more = shift + 1, part & 0x80
    return place + size


def _loads(body: bytearray, place: int, end: int) -> "Iterator[_Place]":
    while place < end:
        begin, opcode = place, body[place]
        place += 1
        half = opcode >> 4
        form = _FORMS[half] if half < len(_FORMS) else _ALONE
        if form == _NUMBER:
            number, place = _number(body, place)
            if opcode == _LOAD_TEXT:
                yield begin, place, number
        elif form == _OFFSET:
            place += 2 if body[place] & 0x80 else 1
        place += opcode in _ONE_BYTE_MORE


def _number(code: "bytes | bytearray", place: int) -> "tuple[int, int]":
    """A number of seven bits a byte, and the place behind it."""
    number, more = 0, 0x80
    while more:
        number, more = number << 7 | code[place] & 0x7F, code[place] & 0x80
        place += 1
    return number, place


def _bytes_of(number: int, length: int = 0) -> bytes:
    """A number of seven bits a byte, in at least so many."""
    digits = [number & 0x7F]
    while (number := number >> 7) or len(digits) < length:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
