"""Puts the marks of settings in place of their keys: a hundred keys as names would cost a board three kilobytes.

It makes the file of their defaults too.

Only where a source plainly asks the settings for one that is kept in memory: `settings.get("key")`, or
`get("key")` after `get = settings.get`. core.settings takes the mark as it takes the key.
"""

import ast
import json
import re
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path

from tools.short_names import Replacement, replaced

_TABLE = "lib/core/settings.tsv"
_TYPE, _DEFAULT = 3, 5  # columns
_FLAGS = 8  # the column in which "m" says that a value is kept
_OWNERS = ("settings", "_settings")


def kept_keys(root: Path) -> "set[str]":
    """The settings that a board keeps in memory, by the table of settings."""
    return {row[0] for row in _kept_rows(root)}


def kept_defaults(root: Path) -> bytes:
    """Return their marks and defaults as a JSON list, from which a board starts sooner than from the table."""
    pairs = [(_mark(row[0]), _typed(row[_TYPE], row[_DEFAULT])) for row in _kept_rows(root)]
    return json.dumps([item for pair in pairs for item in pair], separators=(",", ":")).encode()


def _typed(kind: str, text: str) -> "bool | int | float | str":
    """What a default means, as core.setting_default.typed."""
    if kind == "bool":
        return text == "1"
    if kind == "float":
        return float(text)
    return int(text) if kind == "int" else text


def _kept_rows(root: Path) -> "list[list[str]]":
    lines = (root / _TABLE).read_text().splitlines() if (root / _TABLE).exists() else []
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [row for row in rows if "m" in row[_FLAGS]]


def _mark(key: str) -> int:
    return crc32(key.encode()) & 0x3FFFFFFF  # as core.settings.mark


def with_marks(text: str, keys: "set[str]") -> str:
    """Return a source with the keys of kept settings replaced by their marks."""
    tree = ast.parse(text)
    getters = _getters(tree)
    replacements: list[Replacement] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_getter(node.func, getters) and node.args:
            key = node.args[0]
            if isinstance(key, ast.Constant) and key.value in keys:
                assert key.end_col_offset is not None
                mark = str(_mark(key.value))
                replacements.append((key.lineno, key.col_offset, key.end_col_offset, mark))
    return replaced(text, replacements)


def _is_getter(function: ast.expr, getters: "set[str]") -> bool:
    return _is_settings_get(function) or ast.unparse(function) in getters


def _is_settings_get(node: ast.expr) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr != "get":
        return False
    return re.split(r"\.", ast.unparse(node.value))[-1] in _OWNERS


def _getters(tree: ast.Module) -> "set[str]":
    """Names that stand for the settings' get wherever the source binds them."""
    bound = [(ast.unparse(target), value) for target, value in _assignments(tree)]
    found: set[str] = set()
    while True:  # one may be bound to another
        others = {name for name, value in bound if not _is_getter(value, found)}
        more = {name for name, _ in bound} - others
        if more == found:
            return found
        found = more


def _assignments(tree: ast.Module) -> "Iterator[tuple[ast.expr, ast.expr]]":
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=False)
            else:
                yield target, node.value
