"""Gives modules that are loaded now and then short names outside any package.

A board keeps of each module that was ever loaded its name, its name in the package and its path: some
eighty bytes of heap and three places in the table of names, which never shrinks. A package costs three hundred bytes.
Names are changed where a source imports a module or has its name as a text. A module keeps its own where
texts or data files may put that name together, and where it asks for its own path.
"""

import ast
import re
from collections.abc import Iterable, Iterator

from tools.attribute_names import spare_names

_BUILT_IN = {"gc", "io", "js", "os", "re"}  # MicroPython's own modules
_Import = (ast.Import, ast.ImportFrom)
Edit = tuple[int, int, int, int, str]  # from line, column to line, column; new text


def flat_names(
    sources: "dict[str, str]", linked: "dict[str, str]", fixed: "set[str]"
) -> "dict[str, str]":
    """Return {module's name: short one} of those among the sources that may have one.

    sources: modules by path; linked: those that are always loaded, which may load the others; fixed:
    names that have to stay.
    """
    names = {module_name(path): text for path, text in sources.items() if "/" in path}
    trees = [ast.parse(text) for text in (*sources.values(), *linked.values())]
    starts = {start for tree in trees for start in _starts_of_names(tree)}
    taken = {top for name in names for top in name.split(".")[:1]} | set(linked) | _BUILT_IN
    spare = (name for name in spare_names() if name not in taken)
    packages = {name.rpartition(".")[0] for name in names}
    whole = {name for tree in trees for name in (*_imported_whole(tree), *_in_longer_texts(tree))}
    return {
        name: next(spare)
        for name in sorted(names)
        if "." in name
        and name not in packages | fixed | whole
        and not re.search(r"(?<!\.)\b__file__", names[name])
        and not any(name.startswith(start) for start in starts)
    }


def short_labels(paths: "Iterable[str]") -> "dict[str, str]":
    """Return {path: what tracebacks call the module}: its name, or a short one if that has dots."""
    names = {path: module_name(path) for path in paths}
    spare = (name for name in spare_names() if name not in names.values())
    return {path: next(spare) if "." in name else name for path, name in sorted(names.items())}


def module_name(path: str) -> str:
    """The name by which a source is imported on a board."""
    return (
        path.removesuffix(".py").removesuffix("/__init__").removeprefix("lib/").replace("/", ".")
    )


def renamed(text: str, names: "dict[str, str]") -> str:
    """Return a source that loads and imports modules by their short names. Lines keep their numbers."""
    tree = ast.parse(text)
    edits = [edit for node in ast.walk(tree) for edit in _edits(node, names)]
    lines = text.encode().splitlines(keepends=True)
    for row, start, end_row, end, new in sorted(edits, reverse=True):
        before, after = lines[row - 1][:start], lines[end_row - 1][end:]
        lines[row - 1 : end_row] = [before + new.encode() + b"\n" * (end_row - row) + after]
    return b"".join(lines).decode()


def unused_packages(paths: "set[str]") -> "set[str]":
    """Paths of packages in which no module is left."""
    folders = {path.rpartition("/")[0] for path in paths if not path.endswith("/__init__.py")}
    markers = {path for path in paths if path.endswith("/__init__.py")}
    return {path for path in markers if path.rpartition("/")[0] not in folders}


def _starts_of_names(tree: ast.AST) -> "Iterator[str]":
    """Texts that look like the first part of a module's name, to which the rest is added."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            start = node.value.partition("%")[0]
            if re.fullmatch(r"[a-z_0-9]+\.([a-z_0-9]+_)?", start):
                yield start


def _imported_whole(tree: ast.AST) -> "Iterator[str]":
    """Modules that are used as package.module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if not alias.asname)


def _in_longer_texts(tree: ast.AST) -> "Iterator[str]":
    """Names within texts that say more than the name."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = re.findall(r"\b[a-z_0-9]+\.[a-z_0-9]+\b", node.value)
            if id(node) not in docstrings and names != [node.value]:
                yield from names


def _edits(node: ast.AST, names: "dict[str, str]") -> "Iterator[Edit]":
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
        yield _edit(node, '"%s"' % names[node.value])
    elif isinstance(node, ast.Import):
        if any(alias.name in names for alias in node.names):
            yield _edit(node, "; ".join(_import(alias, names) for alias in node.names))
    elif isinstance(node, ast.ImportFrom) and node.module:
        if node.module in names:
            asked = ", ".join(_as(alias.name, alias.asname) for alias in node.names)
            yield _edit(node, f"from {names[node.module]} import {asked}")
        elif any(f"{node.module}.{alias.name}" in names for alias in node.names):
            yield _edit(node, "; ".join(_from(node.module, alias, names) for alias in node.names))


def _edit(node: "ast.expr | ast.stmt", new: str) -> Edit:
    return (
        node.lineno,
        node.col_offset,
        node.end_lineno or node.lineno,
        node.end_col_offset or 0,
        new,
    )


def _import(alias: ast.alias, names: "dict[str, str]") -> str:
    return "import " + _as(names.get(alias.name, alias.name), alias.asname)


def _from(package: str, alias: ast.alias, names: "dict[str, str]") -> str:
    short = names.get(f"{package}.{alias.name}")
    if short:
        return f"import {short} as {alias.asname or alias.name}"
    return f"from {package} import {_as(alias.name, alias.asname)}"


def _as(name: str, asname: "str | None") -> str:
    return f"{name} as {asname}" if asname else name
