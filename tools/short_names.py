"""Shortens names that nobody outside knows: private ones, and arguments never passed by name.

On a board each spelling of a name costs heap once, whatever it names and however often: some ten bytes
and its letters. Public names keep theirs; so does a private name that another file, or a string, may mean.
Lines keep their numbers, so that a traceback still leads to the place.
"""

import ast
import builtins
import io
import keyword
import re
import string
import tokenize
from collections import Counter
from collections.abc import Iterator


Replacement = tuple[int, int, int, str]  # line, first and last column in bytes, new name


def shorten(sources: "dict[str, str]", users: "tuple[str, ...] | None" = None) -> "dict[str, str]":
    """Return the sources, by path, with their private names shortened.

    users: sources that stay as they are and call these. Given, these and those are all there is: then
    arguments are shortened too, and public names that a single file knows.
    """
    for path, text in sources.items():
        try:
            ast.parse(text)
        except SyntaxError:  # the compiler will say so, and better
            rest = {p: t for p, t in sources.items() if p != path}
            return {**shorten(rest, users), path: text}
    whole = users is not None
    if users is not None:
        fixed = {name for text in (*sources.values(), *users) for name in _fixed_names(text)}
        sources = {path: _shorten_arguments(text, fixed) for path, text in sources.items()}
    everything = (*sources.values(), *(users or ()))
    known = Counter(name for text in everything for name in _names(text))
    shared = {name for text in everything for name in _reached_from_outside(text)}
    quoted = "\n".join(_strings(sources))
    return {
        path: _shorten_file(
            text,
            {
                name
                for name in _own(text, whole)
                if known[name] == 1 or (name.startswith("_") and whole and name not in shared)
            },
            quoted,
        )
        for path, text in sources.items()
    }


def _tokens(text: str) -> "Iterator[tokenize.TokenInfo]":
    return tokenize.generate_tokens(io.StringIO(text).readline)


def _names(text: str) -> "set[str]":
    return {token.string for token in _tokens(text) if token.type == tokenize.NAME}


def _strings(sources: "dict[str, str]") -> "Iterator[str]":
    for text in sources.values():
        for token in _tokens(text):
            if token.type == tokenize.STRING and not token.line.strip().startswith('"""'):
                yield token.string


def _own(text: str, public: bool) -> "set[str]":
    """Names that the file itself gives to functions, classes, attributes or variables.

    Public ones only where each use is plain or behind self: other objects may have the same name.
    None where a class inherits from another file: parent and child share one object's names.
    """
    tree = ast.parse(text)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found, elsewhere = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_is_foreign(b, classes) for b in node.bases):
            return set()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            if isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            if ast.unparse(node.value) != "self":
                elsewhere.add(node.attr)
        elif isinstance(node, ast.alias):
            elsewhere.update(node.name.split("."))
    return {name for name in found if _may_change(name, public and name not in elsewhere)}


def _reached_from_outside(text: str) -> "Iterator[str]":
    """Names that a source uses of what may be another file's.

    What comes after anything but self; and all names of a file with a class whose parent is elsewhere.
    """
    tree = ast.parse(text)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_is_foreign(b, classes) for b in node.bases):
            yield from _names(text)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) != "self":
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def _may_change(name: str, public: bool) -> bool:
    if name.startswith("_"):
        return not name.startswith("__")
    return public and not name.isupper() and len(name) > 2


def _is_foreign(base: ast.expr, classes: "set[str]") -> bool:
    name = ast.unparse(base)
    return name not in classes and not hasattr(builtins, name)


def _shorten_file(text: str, own: "set[str]", quoted: str) -> str:
    endings = tuple(re.findall(r"""["'](_\w+)["']""", quoted))  # getattr(self, kind + "_handlers")
    own = {name for name in own if name not in quoted and not name.endswith(endings)}
    taken = _names(text)
    spare = (name for name in _short_names("_") if name not in taken)
    short = {name: next(spare) for name in sorted(own)}
    found = (token for token in _tokens(text) if token.type == tokenize.NAME)
    return replaced(
        text,
        [
            (
                token.start[0],
                _byte(token.line, token.start[1]),
                _byte(token.line, token.end[1]),
                new,
            )
            for token in found
            if (new := short.get(token.string, ""))
        ],
    )


def _byte(line: str, column: int) -> int:
    return len(line[:column].encode())


def replaced(text: str, replacements: "list[Replacement]") -> str:
    """Return a source with names replaced."""
    lines = text.encode().splitlines(keepends=True)
    for row, start, end, new in sorted(set(replacements), reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:start] + new.encode() + line[end:]
    return b"".join(lines).decode()


def _fixed_names(text: str) -> "Iterator[str]":
    """Names that the source uses as such: keywords of calls, and what statements bind as text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, (ast.Nonlocal, ast.Global)):
            yield from node.names
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _shorten_arguments(text: str, fixed: "set[str]") -> str:
    """Shorten the positional arguments of outermost functions and methods, in these and in theirs."""
    taken = _names(text)
    spare = [name for name in _short_names("") if name not in taken][:40]
    replacements: list[Replacement] = []
    for function in _outermost_functions(ast.parse(text)):
        own = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        bound = Counter(n.arg for n in ast.walk(function) if isinstance(n, ast.arg))
        free = [n for n in own if n not in fixed and n not in ("self", "cls") and bound[n] == 1]
        short = dict(zip([n for n in free if len(n) > 1], spare, strict=False))
        replacements += _uses(function, short)
    return replaced(text, replacements)


def _outermost_functions(node: ast.AST) -> "Iterator[ast.FunctionDef | ast.AsyncFunctionDef]":
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
        else:
            yield from _outermost_functions(child)


def _uses(function: ast.AST, short: "dict[str, str]") -> "Iterator[Replacement]":
    for node in ast.walk(function):
        name = (
            getattr(node, "arg", None) if isinstance(node, ast.arg) else getattr(node, "id", None)
        )
        if name in short:
            start = node.col_offset  # type: ignore[attr-defined]
            yield node.lineno, start, start + len(name.encode()), short[name]  # type: ignore


def _short_names(prefix: str) -> "Iterator[str]":
    letters = string.ascii_lowercase
    for first in ("", *letters):
        for second in letters:
            if not keyword.iskeyword(first + second):
                yield prefix + first + second
