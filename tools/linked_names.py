"""What the names of a program's modules mean, and what they become when modules are linked."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tools.name_scopes import bound, bound_inside, is_short, own_statements, spare_names

LOADER = "load"  # of this module: loads another that is not linked, where a plain import would
LOADING = "core.loading"  # leave its path on the board for ever
Parts = Mapping[str, tuple[str, ...]]  # linked modules by name: the modules that each starts from
Scope = dict[str, "Origin | None"]  # what names mean; None: something of the scope's own


class LinkError(Exception):
    """A module does what linking can't follow; the text names the place."""


@dataclass(frozen=True)
class Origin:
    """Where a name comes from: a module, and a name in it or "" for the module itself."""

    module: str
    name: str = ""


@dataclass
class Module:
    """One source: its text, its tree, and what its outermost names mean."""

    path: str
    dotted: str
    text: str
    tree: ast.Module
    scope: Scope = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    linked: str = ""  # the linked module that it becomes a part of


def _dotted(path: str) -> str:
    name = path.removesuffix(".py").removeprefix("lib/").removesuffix("/__init__")
    return name.replace("/", ".")


class Program:
    """All modules that are linked, or that may use what is."""

    def __init__(self, sources: "dict[str, str]", users: "tuple[str, ...]") -> None:
        self.modules: dict[str, Module] = {}
        for path, text in sources.items():
            module = Module(path, _dotted(path), text, ast.parse(text, path))
            self.modules[module.dotted] = module
        for module in self.modules.values():
            module.scope = self._outermost(module)
        assigned = {
            target for module in self.modules.values() for target in self._assigned(module)
        }
        for module in self.modules.values():
            module.constants = _constants(module, assigned)
        self.kept = {name for text in users for name in re.findall(r"\w+", text)}
        self.order: dict[str, list[Module]] = {}
        self._names: dict[Origin, str] = {}
        self._emitted: set[tuple[str, Origin]] = set()

    # Which modules go where, and what their names become.

    def gather(self, name: str, roots: "tuple[str, ...]") -> None:
        order = self.order[name] = []
        for root in roots:
            self._visit(root, name, order)
        self._choose_names(order)

    def _visit(self, dotted: str, name: str, order: "list[Module]") -> None:
        module = self.modules.get(dotted)
        if module is None or module.linked or module.path.endswith("__init__.py"):
            return
        module.linked = name
        for statement in module.tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                for origin in self.imported(statement).values():
                    self._visit(origin.module, name, order)
        order.append(module)

    def _choose_names(self, order: "list[Module]") -> None:
        """Keep a name where it is the only one; else take one that nothing in the part has."""
        taken = set(dir(builtins)) | {"const", "micropython"} | self.order.keys()
        own: list[Origin] = []
        for module in order:
            taken |= bound_inside(module.tree)
            taken |= {name for name, origin in module.scope.items() if origin and not origin.name}
            for name, origin in module.scope.items():
                if origin is None and name not in module.constants:
                    own.append(Origin(module.dotted, name))
                elif (
                    origin and origin.name and origin.module not in (*self.modules, "micropython")
                ):
                    own.append(origin)
        spare = (name for name in spare_names() if name not in taken)
        # Others know a part by the names of the module that it is called after: these come first.
        for origin in sorted(
            set(own), key=lambda o: (o.module not in self.order, o.module, o.name)
        ):
            free = origin.name not in taken and not is_short(origin.name)
            name = origin.name if free else next(spare)
            taken.add(name)
            self._names[origin] = name

    # What names mean.

    def _outermost(self, module: Module) -> Scope:
        scope: Scope = {name: None for name in bound(module.tree.body)}
        for statement in own_statements(module.tree.body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                scope.update(self.imported(statement))
        return scope

    def imported(self, statement: "ast.Import | ast.ImportFrom") -> "dict[str, Origin]":
        if isinstance(statement, ast.Import):
            return {a.asname or a.name.split(".")[0]: Origin(a.name) for a in statement.names}
        found = {}
        for alias in statement.names:
            whole = f"{statement.module}.{alias.name}"
            origin = Origin(statement.module or "", alias.name)
            found[alias.asname or alias.name] = Origin(whole) if whole in self.modules else origin
        return found

    def resolved(self, origin: Origin) -> Origin:
        """Follow a name through modules that import it themselves."""
        module = self.modules.get(origin.module)
        if module and origin.name:
            if origin.name not in module.scope:
                raise LinkError(f"{module.path} has no {origin.name}")
            further = module.scope[origin.name]
            if further:
                return self.resolved(further)
        return origin

    def _assigned(self, module: Module) -> "Iterator[Origin]":
        """Outermost names that change after their first value."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Global):
                yield from (Origin(module.dotted, name) for name in node.names)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = isinstance(node.value, ast.Name) and module.scope.get(node.value.id)
                if owner and owner.module in self.modules:
                    yield Origin(owner.module, node.attr)

    def asked_for(self, part: str) -> "Iterator[tuple[str, str]]":
        """Names by which others may ask for what a part calls differently."""
        module = self.modules.get(part)
        for name in sorted(module.scope) if module else ():
            new = self._names.get(Origin(part, name), name)
            if name in self.kept and new != name:
                yield name, new

    # How names are written.

    def spelled(self, origin: Origin, user: Module) -> "str | None":
        """How `user` writes a name or constant; None where nothing changes."""
        through = self.modules.get(origin.module)  # a module may hand on what it imports itself
        origin = self.resolved(origin)
        home = self.modules.get(origin.module)
        if home and origin.name in home.constants:
            value = home.constants[origin.name]
            return str(value) if value >= 0 else f"({value})"
        place = home or through
        if origin not in self._names or not (place or user.linked):
            return None
        name = self._names[origin]
        if place is None or place.linked == user.linked:
            return name
        return f"{place.linked}.{name}"

    def import_line(
        self, statement: "ast.Import | ast.ImportFrom", user: Module, outermost: bool
    ) -> str:
        """What becomes of an import: the linked modules it needs, and what is not linked."""
        wanted = []
        for name, origin in self.imported(statement).items():
            origin = self.resolved(origin)
            home = self.modules.get(origin.module)
            if origin == Origin("micropython", "const"):
                continue
            part = self._part_for(origin, user)
            if part and (outermost or part not in self._known_outside(user)):
                wanted.append("import " + part)
            if home and (home.linked or origin.name in home.constants):
                continue
            if home and self.loads:
                load = self.spelled(Origin(LOADING, LOADER), user)
                whole = f'{load}("{origin.module}")' + (origin.name and "." + origin.name)
                wanted.append(f"{name} = {whole}")
            elif not (outermost and user.linked and home is None) or self._is_first(user, origin):
                wanted.append(self._plain_import(name, origin, user if outermost else None))
        return "; ".join(dict.fromkeys(wanted)) or "pass"

    @property
    def loads(self) -> bool:
        """Modules that are not linked are loaded, not imported."""
        return LOADING in self.modules and bool(self.modules[LOADING].linked)

    def part_with_loader(self) -> str:
        """The linked module that loads others."""
        return self.modules[LOADING].linked if self.loads else ""

    def _part_for(self, origin: Origin, user: Module) -> str:
        """The linked module that an import needs: the one with the name, or with what loads its module."""
        home = self.modules.get(origin.module)
        if home is None or origin.name in home.constants:
            return ""
        part = home.linked or self.part_with_loader()
        return part if part != user.linked else ""

    def _known_outside(self, user: Module) -> "set[str]":
        """Linked modules that the whole module imports: a function that did too would make them its own."""
        found = set()
        for statement in user.tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                origins = map(self.resolved, self.imported(statement).values())
                found |= {self._part_for(origin, user) for origin in origins}
        return found

    def _is_first(self, user: Module, origin: Origin) -> bool:
        known = (user.linked, origin) in self._emitted
        self._emitted.add((user.linked, origin))
        return not known

    def _plain_import(self, name: str, origin: Origin, user: "Module | None") -> str:
        if not origin.name:
            package, _, leaf = origin.module.rpartition(".")
            if package:
                return f"from {package} import {leaf} as {name}"
            return f"import {origin.module}" + (f" as {name}" if name != origin.module else "")
        if user and user.linked:
            name = self._names.get(origin, name)
        return f"from {origin.module} import {origin.name}" + (
            f" as {name}" if name != origin.name else ""
        )


def _constants(module: Module, assigned: "set[Origin]") -> "dict[str, int]":
    """Outermost names of the module with an integer that never changes."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    for name in bound(module.tree.body):
        counts[name] = counts.get(name, 0) + 1
    for statement in module.tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        name = statement.targets[0].id
        value = _integer(statement.value, found)
        if value is not None and counts[name] == 1 and Origin(module.dotted, name) not in assigned:
            found[name] = value
    return found


def _integer(node: ast.expr, known: "dict[str, int]") -> "int | None":
    """An expression's value, when it is an integer made of constants."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "const":
        node = node.args[0]
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    allowed = (ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Load)
    if not names <= known.keys() or not all(isinstance(n, allowed) for n in ast.walk(node)):
        return None
    value = eval(ast.unparse(node), {"__builtins__": {}}, dict(known))  # noqa: S307 constants alone
    return value if type(value) is int else None
