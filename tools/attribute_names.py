"""Gives attributes short names that many classes share, and classes the same ones.

A board's table of names doubles when it is full, which takes nine kilobytes at once; most names in it are
attributes. Any two may have the same name as long as no object has both, and a name means the same
everywhere. What cannot be told for sure keeps its name: attributes that are set from outside, that a
string may mean, or that objects of MicroPython, of the drivers' hardware or of a module have as well.
Lines keep their numbers, so that a traceback still leads to the place.
"""

import array
import ast
import asyncio
import binascii
import builtins
import collections
import functools
import hashlib
import io
import json
import keyword
import random
import re
import socket
import struct
import string
import sys
import time
import types
from collections.abc import Iterable, Iterator
from itertools import chain, count, product
from pathlib import Path

from tools.short_names import replaced

_ROOT = Path(__file__).resolve().parent.parent
_SHIMS = (
    "sim/shim",
    "host_tests/shim",
)  # all that the firmware asks of MicroPython and of hardware
_LIBRARIES = (array, asyncio, binascii, builtins, collections, hashlib, io, json, random)
_MODULES = (*_LIBRARIES, re, socket, struct, sys, time)
_OBJECTS = (hashlib.sha256(), types.FunctionType, types.GeneratorType, types.CoroutineType)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Source:
    """What one source says of names."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.families: list[tuple[str, set[str], set[str]]] = []  # class, own names, its parents
        self.fixed: set[str] = set()  # names that have to stay
        self.classes = _plain_classes(self.tree)
        self.no_class = {name for node in ast.walk(self.tree) for name in _no_class_by(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                self._take_class(node)
            else:
                self.fixed.update(_fixed_by(node))
        self.fixed.update(_bound_in(self.tree.body))

    def _take_class(self, node: ast.ClassDef) -> None:
        own = {child.name for child in node.body if isinstance(child, _Function)}
        own.update(_stored_on_self(node))
        rest = [child for child in node.body if not isinstance(child, _Function)]
        self.fixed.update(_bound_in(rest))
        for child in node.body:  # decorators and other uses without self
            outside = child.decorator_list if isinstance(child, _Function) else [child]
            names = (part for tree in outside for part in ast.walk(tree))
            self.fixed.update(part.id for part in names if isinstance(part, ast.Name))
        parents = {ast.unparse(base).split(".")[-1] for base in node.bases}
        self.families.append((node.name, own, parents))


def _plain_classes(tree: ast.Module) -> "set[str]":
    """The public classes of a module; the name of an exception is for people."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = [node.name, *(ast.unparse(base) for base in node.bases)]
            is_error = any(name.endswith(("Error", "Exception")) for name in names)
            if not is_error and node.name[0].isupper():
                found.add(node.name)
    return found


def _no_class_by(node: ast.AST) -> "Iterator[str]":
    """Names that this node uses for something else than a class, or as a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.alias) and node.asname:
        yield from (node.name, node.asname)
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, (ast.arg, ast.keyword)):
        yield node.arg or ""
    elif isinstance(node, _Function):
        yield node.name
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        yield node.attr


def _stored_on_self(tree: ast.AST) -> "Iterator[str]":
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if _is_self(node.value):
                yield node.attr


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _fixed_by(node: ast.AST) -> "Iterator[str]":
    """Names that this node uses in a way that a changed one would break."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.alias):
        yield from node.name.split(".")
        yield node.asname or ""
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        if not _is_self(node.value):
            yield node.attr


def _bound_in(statements: "Iterable[ast.AST]") -> "Iterator[str]":
    """Names that statements of a module or a class bind, within their ifs and tries too."""
    for statement in statements:
        if isinstance(statement, (*_Function, ast.ClassDef)):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, (*_Function, ast.ClassDef)):
                yield node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def share(sources: "dict[str, str]", users: "tuple[str, ...]") -> "dict[str, str]":
    """Return the sources, by path, with short names for attributes; these and users are all there is."""
    try:
        new = shared_names(sources, users)
    except SyntaxError:  # the compiler will say so, and better
        return sources
    return {path: replaced(text, list(uses(text, new))) for path, text in sources.items()}


@functools.cache
def foreign_names() -> "frozenset[str]":
    """Names that objects which are not the firmware's own may have."""
    types_ = [
        value for module in _MODULES for value in vars(module).values() if isinstance(value, type)
    ]
    found = {name for thing in (*_MODULES, *_OBJECTS, *types_) for name in dir(thing)}
    for text in shims():
        found.update(re.findall(r"\w+", text))
    return frozenset(found)


def shims() -> "list[str]":
    """Return the sources of what stands for MicroPython and hardware."""
    folders = [_ROOT / folder for folder in _SHIMS]
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.py"))]


def shared_names(sources: "dict[str, str]", users: "tuple[str, ...]") -> "dict[str, str]":
    """Return {attribute or class: its new name} for sources that, with their users, are all there is."""
    read = [_Source(text) for text in sources.values()]
    fixed = set(foreign_names().union(*(source.fixed for source in read)))
    fixed.update(*map(_words, users))
    families = [
        {name for name in own if name not in fixed and len(name) > 2 and not name.startswith("__")}
        for own in _families(read)
    ]
    endings = tuple(name for name in fixed if re.fullmatch(r"_\w+", name))
    families = [{n for n in family if not n.endswith(endings)} for family in families]
    taken = fixed.union(*map(_words, sources.values()))
    new = _coloured(families, taken)
    kept = foreign_names().union(*(source.no_class for source in read), *map(_words, users), new)
    classes = set().union(*(source.classes for source in read)) - kept
    known = sorted(set(new.values()))
    more = (name for name in spare_names() if name not in taken and name not in known)
    new.update(
        zip(sorted(classes), chain(known, more))
    )  # each another: they are linked into few modules
    return new


def _words(text: str) -> "set[str]":
    return set(re.findall(r"\w+", text))


def _families(sources: "list[_Source]") -> "list[set[str]]":
    """Names by family: classes that inherit from each other share their objects."""
    families: list[tuple[set[str], set[str]]] = []  # classes with their parents, names
    for source in sources:
        for name, own, parents in source.families:
            kin = {name, *(parent for parent in parents if not hasattr(builtins, parent))}
            names = set(own)
            apart = []
            for classes, known in families:
                if classes & kin:
                    kin |= classes
                    names |= known
                else:
                    apart.append((classes, known))
            families = [*apart, (kin, names)]
    return [names for _, names in families]


def _coloured(families: "list[set[str]]", taken: "set[str]") -> "dict[str, str]":
    """Give each name the first short one that nobody in its families has."""
    neighbours: dict[str, set[str]] = {}
    for family in families:
        for name in family:
            neighbours.setdefault(name, set()).update(family)
    spare = [name for name in spare_names() if name not in taken]
    new: dict[str, str] = {}
    for name in sorted(neighbours, key=lambda n: (-len(neighbours[n]), n)):
        used = {new[other] for other in neighbours[name] if other in new}
        new[name] = next(short for short in spare if short not in used)
    return new


def spare_names() -> "Iterator[str]":
    """Short names, those first that most others use too."""
    for length in count(2):
        if length > 3:
            return
        for letters in product(string.ascii_lowercase, repeat=length):
            if not keyword.iskeyword("".join(letters)):
                yield "".join(letters)


def uses(text: str, new: "dict[str, str]") -> "Iterator[tuple[int, int, int, str]]":
    """Where attributes and classes stand in a source: line, first and last column in bytes, the new name."""
    lines = text.encode().splitlines()
    for node in ast.walk(ast.parse(text)):
        name = getattr(node, "id", getattr(node, "name", ""))
        if isinstance(node, (ast.Name, ast.alias)) and name in new:
            if name[0].isupper():  # a class: an attribute's name may be a variable's as well
                yield node.lineno, node.col_offset, node.col_offset + len(name), new[name]
        if isinstance(node, ast.Attribute) and node.attr in new:
            end = node.end_col_offset or 0
            yield node.end_lineno or 0, end - len(node.attr), end, new[node.attr]
        elif isinstance(node, ast.ClassDef):
            methods = [child for child in node.body if isinstance(child, _Function)]
            for made, word in [(node, b"class "), *((method, b"def ") for method in methods)]:
                if made.name in new:
                    start = lines[made.lineno - 1].index(
                        word + made.name.encode(), made.col_offset
                    )
                    start += len(word)
                    yield made.lineno, start, start + len(made.name), new[made.name]
