"""Gives the public names of modules that are loaded now and then short ones, which many modules share.

A board's table of names never shrinks: what a module brought with it stays when the module is given up.
A name is changed everywhere at once: where it is bound, imported, used behind a module, and as the text
by which core.loading.once calls it. It stays where it may mean something else: an attribute of an object,
an argument that is passed by name, a word in a table or in another text. Lines keep their numbers.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tools.attribute_names import foreign_names, spare_names
from tools.short_names import Replacement, replaced

_CALLS_BY_NAME = ("getattr", "hasattr", "once")  # their second argument is a name
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Reading:
    """What one source says of names."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        nodes = list(ast.walk(self.tree))
        self.called = {id(text): text for node in nodes for text in _called_by_name(node)}
        self.plain = {name for node in nodes for name in _plain(node)}  # not behind a dot
        self.fixed = {name for node in nodes for name in _fixed_by(node)}  # means other things too
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) not in self.called and id(node) not in docstrings:
                    self.fixed.update(_words(node.value))

    def own(self) -> "Iterator[str]":
        """The public names that the module binds."""
        for node in self.tree.body:
            if isinstance(node, _Function):
                yield node.name
            elif isinstance(node, ast.Assign):
                yield from (n.id for n in node.targets if isinstance(n, ast.Name))


def short_functions(
    sources: "dict[str, str]", linked: "dict[str, str]", fixed: "set[str]"
) -> "tuple[dict[str, str], dict[str, str]]":
    """Return both kinds of sources, by path, with the names of the first kind's modules shortened.

    linked: those that are always loaded and use the others; fixed: names that have to stay.
    """
    readings = {path: _Reading(text) for path, text in {**sources, **linked}.items()}
    stays = fixed.union(foreign_names(), *(reading.fixed for reading in readings.values()))
    stays.update(word for path in sources for word in re.findall(r"\w+", path))
    own = {name for path in sources for name in readings[path].own()}
    chosen = sorted(name for name in own - stays if name[0] != "_" and len(name) > 2)
    new = _coloured(chosen, list(readings.values()))
    done = {
        path: replaced(text, list(_uses(text, readings[path], new)))
        for path, text in {**sources, **linked}.items()
    }
    return {path: done[path] for path in sources}, {path: done[path] for path in linked}


def _called_by_name(node: ast.AST) -> "Iterator[ast.Constant]":
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return
    function = ast.unparse(node.func).split(".")[-1]
    text = node.args[1]
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        if function in _CALLS_BY_NAME:
            yield text


def _plain(node: ast.AST) -> "Iterator[str]":
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, (*_Function, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.split(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def _fixed_by(node: ast.AST) -> "Iterator[str]":
    if isinstance(node, ast.keyword) and node.arg:
        yield node.arg
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.attr
    elif isinstance(node, ast.ClassDef):
        for child in node.body:
            yield from _plain(child)
            if isinstance(child, ast.Assign):
                yield from (name for target in child.targets for name in _plain(target))
    elif isinstance(node, ast.Import):
        yield from (word for alias in node.names for word in alias.name.split("."))
    elif isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")


def _words(text: str) -> "list[str]":
    """The words of a text that may be names: one alone, or some in a row, as "module.name function"."""
    return re.findall(r"\w+", text) if re.fullmatch(r"[\w\s.]+", text) else []


def _coloured(names: "list[str]", readings: "list[_Reading]") -> "dict[str, str]":
    """Give each the first short name that no source has beside it."""
    spare = list(spare_names())
    reserved = foreign_names()
    taken = [set(reading.plain) for reading in readings]
    new: dict[str, str] = {}
    for name in names:
        beside = [have for have, reading in zip(taken, readings) if name in reading.plain]
        new[name] = next(
            short
            for short in spare
            if short not in reserved and not any(short in have for have in beside)
        )
        for have in beside:
            have.add(new[name])
    return new


def _uses(text: str, reading: _Reading, new: "dict[str, str]") -> "Iterator[Replacement]":
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in new:
            start = len(token.line[: token.start[1]].encode())
            end = start + len(token.string.encode())
            yield token.start[0], start, end, new[token.string]
    for called in reading.called.values():
        if called.value in new:
            end = called.end_col_offset or 0
            yield called.lineno, called.col_offset, end, '"%s"' % new[str(called.value)]
