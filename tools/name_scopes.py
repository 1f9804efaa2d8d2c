"""Which names the scopes of a Python source bind."""

import ast
from collections.abc import Iterator
from itertools import product
from string import ascii_lowercase


def own_statements(statements: "list[ast.stmt]") -> "Iterator[ast.stmt]":
    """The statements of a scope, nested ones included, other scopes' not."""
    for statement in statements:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from own_statements(getattr(statement, part, []))
        for handler in getattr(statement, "handlers", []):
            yield from own_statements(handler.body)


def bound(statements: "list[ast.stmt]") -> "Iterator[str]":
    """Names that a scope's statements bind."""
    for statement in own_statements(statements):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for handler in getattr(statement, "handlers", []):
            if handler.name:
                yield handler.name
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
        for node in _own_expressions(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _own_expressions(statement: ast.stmt) -> "Iterator[ast.AST]":
    """Nodes of a statement itself, without those of its blocks."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler)):
            yield from ast.walk(child)


def bound_inside(tree: ast.Module) -> "set[str]":
    """Names that any function of a module binds: a name from outside must not be one of them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found |= set(bound(node.body)) - declared_global(node)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.comprehension):
            found |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
    return found


def declared_global(function: ast.stmt) -> "set[str]":
    return {name for n in ast.walk(function) if isinstance(n, ast.Global) for name in n.names}


def is_short(name: str) -> bool:
    return name.startswith("_") and len(name) <= 3


def spare_names() -> "Iterator[str]":
    for length in (1, 2):
        for letters in product(ascii_lowercase, repeat=length):
            yield "_" + "".join(letters)
