"""Takes definitions that nobody uses out of a module's text; lines keep their numbers."""

import ast
import re
from collections import Counter


def trimmed(text: str, unused: "tuple[str, ...]") -> str:
    """Return a module's text without some of its definitions: "name" or "Class.name".

    ValueError when it does not define one of them.
    """
    lines = text.splitlines()
    missing = set(unused)
    for name, node in _definitions(ast.parse(text)):
        if name in missing:
            missing.discard(name)
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            lines[first - 1 : node.end_lineno] = [""] * ((node.end_lineno or first) - first + 1)
    if missing:
        raise ValueError("not defined: " + ", ".join(sorted(missing)))
    return "\n".join(lines) + "\n"


def _definitions(tree: ast.Module) -> "list[tuple[str, ast.stmt]]":
    found = []
    for node in tree.body:
        found += [(name, node) for name in _defined(node)]
        if isinstance(node, ast.ClassDef):
            found += [
                (f"{node.name}.{name}", part) for part in node.body for name in _defined(part)
            ]
    return found


def _defined(node: ast.stmt) -> "list[str]":
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def without_unused(sources: "dict[str, str]", users: "tuple[str, ...]") -> "dict[str, str]":
    """Return the sources, by path, without what neither they nor their users mention again."""
    while True:
        words = Counter(
            word for text in (*sources.values(), *users) for word in re.findall(r"\w+", text)
        )
        unused = {
            path: tuple(
                name
                for name, _ in _definitions(ast.parse(text))
                if words[leaf := name.rpartition(".")[2]] == 1 and not leaf.startswith("__")
            )
            for path, text in sources.items()
        }
        if not any(unused.values()):
            return sources
        sources = {path: trimmed(text, unused[path]) for path, text in sources.items()}
