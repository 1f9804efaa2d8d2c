"""Defaults of the settings: loaded for one look at them, which the table's own module would make four times as long."""

import json

from core import storage

_FOLDER = __file__.rsplit("/", 2)[0] + "/core/"
TABLE = _FOLDER + "settings.tsv"
_KEPT = _FOLDER + "kept.json"  # the build makes it of the table: mark, default, mark, default, …
WITHOUT_VALUE = ("reading", "action", "action+text")


def typed(kind: str, text: str):
    """The value that a default in the table means. It needs no check: the start would take much longer."""
    if kind == "bool":
        return text == "1"
    convert = {"float": float, "int": int}.get(kind, str)
    return convert(text)


def of(key: str):
    """The default of a setting that is not kept in memory. KeyError when there is none of the name."""
    line = storage.find_line(TABLE, (key + "\t",))
    cells = line.split("\t")
    # A piece of the table, or its heading, is no key.
    if key[:1] == "#" or cells[0] != key or not key or cells[3] in WITHOUT_VALUE:
        raise KeyError(key)
    return typed(cells[3], cells[5])


def kept() -> "dict | None":
    """The defaults of those that are kept in memory, by mark; None without the file that the build makes."""
    try:
        with open(_KEPT) as file:
            pairs = json.loads(file.read())
    except OSError:
        return None
    return {pairs[place]: pairs[place + 1] for place in range(0, len(pairs), 2)}
