"""Puts private functions that are called in one place where they are called: each would cost a board's heap.

Short functions read well; a function object, its code's record and its place in a dict take some
sixty bytes of the heap, for as long as its module is loaded. Lines keep telling where they are from.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tools.inline_bodies import Refusal, body_lines, expression_lines
from tools.name_scopes import own_statements

# What may not allocate, and a longer frame might: called from an interrupt or beside the loop.
UNTOUCHED = ("lib/evse/guard.py", "drivers/pilot.py")
Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)
_OTHER_SCOPES = (ast.stmt, ast.ExceptHandler, *_SCOPES)


@dataclass
class Text:
    """A source in lines, and the number that each had at the beginning."""

    lines: "list[str]"
    numbers: "list[int]"

    def replace(self, first: int, last: int, lines: "list[str]", numbers: "list[int]") -> None:
        """Put others in the place of the lines first … last, which count from 1."""
        self.lines[first - 1 : last] = lines
        self.numbers[first - 1 : last] = numbers

    @property
    def text(self) -> str:
        """The source."""
        return "\n".join(self.lines) + "\n"


@dataclass
class Site:
    """The one call of a private function."""

    helper: Function
    caller: Function
    statement: ast.stmt
    call: ast.Call


def inlined(sources: "dict[str, str]", users: "tuple[str, ...]") -> "dict[str, Text]":
    """The sources, by path, with what is called in one place put there. users: further sources that use them."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    reached = {path: _reached_names(tree) for path, tree in trees.items()}
    families = _families(trees)
    by_users = {name for text in users for name in _reached_names(ast.parse(text))}
    found = {}
    for path, source in sources.items():
        lines = source.splitlines()
        found[path] = text = Text(lines, list(range(1, len(lines) + 1)))
        if path not in UNTOUCHED:
            others = {name for other in reached if other != path for name in reached[other]}
            _inline_all(text, others | by_users | families[path])
    return found


def _inline_all(text: Text, kept: "set[str]") -> None:
    """One after the other, until there is none left that can be put elsewhere."""
    refused = set(kept)
    while True:
        for site in _sites(ast.parse(text.text)):
            if site.helper.name not in refused:
                try:
                    _inline(text, site)
                    break
                except Refusal:
                    refused.add(site.helper.name)
        else:
            return


def _inline(text: Text, site: Site) -> None:
    """Put a function's body into the place of its call, and take the function away. Refusal: it cannot be."""
    made = expression_lines(text.lines, site) or body_lines(text.lines, site)
    statement, helper = site.statement, site.helper
    new_lines = [line for line, _ in made]
    numbers = [text.numbers[number - 1] for _, number in made]
    places = [
        (helper.lineno, helper.end_lineno or helper.lineno, [], []),
        (statement.lineno, statement.end_lineno or statement.lineno, new_lines, numbers),
    ]
    for place in sorted(places, key=lambda entry: -entry[0]):
        text.replace(*place)
    ast.parse(text.text)


# --- which functions


def _sites(tree: ast.Module) -> "Iterator[Site]":
    """The private functions of a module that are called in one place, with that place."""
    calls = _calls(tree)
    uses = _uses(tree)
    owners: list[ast.Module | ast.ClassDef] = [tree]
    owners += [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner in owners:
        for helper in owner.body:
            if isinstance(helper, Function) and _is_private(helper):
                named = [use for use, user in uses[helper.name] if user in (owner, None)]
                site = calls.get(named[0]) if len(named) == 1 else None
                if site and site.caller is not helper and _reaches(owner, site.caller, named[0]):
                    yield replace(site, helper=helper)


def _is_private(helper: Function) -> bool:
    name = helper.name
    return name.startswith("_") and not name.startswith("__") and not helper.decorator_list


def _uses(tree: ast.Module) -> "dict[str, list[tuple[ast.expr, ast.AST | None]]]":
    """By name: each mention in a module, with the class that has a function of the name and mentions its own."""
    found: dict[str, list[tuple[ast.expr, ast.AST | None]]] = defaultdict(list)
    for part in tree.body:
        own = _own_functions(part)
        for node in ast.walk(part):
            if isinstance(node, ast.Attribute):
                found[node.attr].append((node, part if node.attr in own else None))
            elif isinstance(node, ast.Name):
                found[node.id].append((node, None))
    return found


def _own_functions(part: ast.stmt) -> "set[str]":
    body = part.body if isinstance(part, ast.ClassDef) else []
    return {node.name for node in body if isinstance(node, Function)}


def _calls(tree: ast.Module) -> "dict[ast.expr, Site]":
    """By what is called: the calls in statements of functions that a body can take the place of."""
    found = {}
    for caller in ast.walk(tree):
        if not isinstance(caller, Function) or _has_own_emitter(caller):
            continue
        for statement in own_statements(caller.body):
            for call in _own_calls(statement):
                found[call.func] = Site(caller, caller, statement, call)
    return found


def _own_calls(statement: ast.stmt) -> "list[ast.Call]":
    """Calls in a statement's own expressions, outside its blocks and outside functions in them."""
    found: list[ast.Call] = []
    open_nodes: list[ast.AST] = [statement]
    while open_nodes:
        for child in ast.iter_child_nodes(open_nodes.pop()):
            if isinstance(child, _OTHER_SCOPES):
                continue
            if isinstance(child, ast.Call):
                found.append(child)
            open_nodes.append(child)
    return found


def _reaches(owner: ast.AST, caller: Function, use: ast.expr) -> bool:
    """Tell whether a call is self.name(…) in a method, or name(…) of a module's function."""
    if isinstance(owner, ast.Module):
        return isinstance(use, ast.Name)
    return (
        isinstance(owner, ast.ClassDef)
        and isinstance(use, ast.Attribute)
        and isinstance(use.value, ast.Name)
        and use.value.id == "self"
        and caller in owner.body
        and bool(caller.args.args)
        and caller.args.args[0].arg == "self"
    )


def _has_own_emitter(caller: Function) -> bool:
    """Compiled to machine code, which knows less of Python."""
    return any("micropython" in ast.dump(decorator) for decorator in caller.decorator_list)


# --- names that others may mean


def _reached_names(tree: ast.Module) -> "set[str]":
    """What a file imports, quotes, or asks another object for."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id == "self"
        ):
            found.add(node.attr)
    return found


def _families(trees: "dict[str, ast.Module]") -> "dict[str, set[str]]":
    """By path: the names that a file's classes may share with their bases and with those derived from them."""
    named = {path: _class_names(tree) for path, tree in trees.items()}
    bases = {path: _bases(tree) for path, tree in trees.items()}
    return {
        path: _own_names(tree)
        if any(bases[path] & named[other] or bases[other] & named[path] for other in trees)
        else set()
        for path, tree in trees.items()
    }


def _own_names(tree: ast.Module) -> "set[str]":
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {node.name for node in ast.walk(tree) if isinstance(node, Function)}


def _class_names(tree: ast.Module) -> "set[str]":
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def _bases(tree: ast.Module) -> "set[str]":
    return {
        name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        for name in ast.unparse(base).split(".")
    }
