"""Links modules into a few large ones, and writes constants where they are used.

A board pays for each module: a dictionary, tables of names and constants, and its path, some 300 bytes
of heap in all. What is always loaded is one module there. Modules that are loaded now and then stay
modules, and find what they import in the linked ones. Lines keep their order, so that a line of a linked
module leads back to its file: see Linked.place.
"""

import ast
import re
from dataclasses import dataclass

from tools.linked_names import LinkError, Module, Origin, Parts, Program, Scope
from tools.name_scopes import bound, declared_global, own_statements

_INTERNED = 10  # letters of a string that MicroPython makes a name by itself


@dataclass
class Linked:
    """A linked module: its text, and the first line of each file in it."""

    text: str
    starts: list[tuple[int, str]]

    def place(self, line: int) -> tuple[str, int]:
        """File and line that a line of the linked module comes from."""
        start, path = max(entry for entry in self.starts if entry[0] <= line)
        return path, line - start + 1


def link(
    sources: "dict[str, str]", parts: Parts, users: "tuple[str, ...]" = ()
) -> "tuple[dict[str, str], dict[str, Linked]]":
    """Return (the sources that stay modules, by path; the linked modules, by name).

    sources: {path below the root, as "lib/core/log.py": text}. Each part takes what its modules import
    at once, unless an earlier one has it. users: sources that stay as they are and may ask a module for
    any of its names.
    """
    program = Program(sources, users)
    for name, roots in parts.items():
        program.gather(name, roots)
    rest = {
        module.path: _Rewriter(program, module).text()
        for module in program.modules.values()
        if not module.linked
    }
    return rest, {name: _joined(program, name) for name in parts if program.order[name]}


def _joined(program: Program, name: str) -> Linked:
    text, starts, line = "", [], 2
    for module in program.order[name]:
        starts.append((line, module.path))
        part = _Rewriter(program, module).text()
        part += "" if part.endswith("\n") else "\n"
        text += part
        line += part.count("\n")
    text += "".join(f"{known} = {new}\n" for known, new in program.asked_for(name))
    return Linked(_named_first(text) + "\n" + text, starts)


def _named_first(text: str) -> str:
    """A line that lets the compiler know long words as names, before they come as strings.

    MicroPython keeps a string of over ten letters as an object of its own, once for each place, unless
    it has met it as a name: then it costs half, and once.
    """
    found = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    words = {v for v in found if isinstance(v, str) and len(v) > _INTERNED and v.isidentifier()}
    return "if 0: " + "; ".join(sorted(words)) if words else ""


class _Rewriter:
    def __init__(self, program: Program, module: Module) -> None:
        self._program = program
        self._module = module
        self._lines = module.text.encode().splitlines(keepends=True)
        self._edits: list[tuple[int, int, int, int, str]] = []  # from line, column to line, column

    def text(self) -> str:
        self._block(self._module.tree.body, [self._module.scope])
        for row, start, end_row, end, new in sorted(set(self._edits), reverse=True):
            before, after = self._lines[row - 1][:start], self._lines[end_row - 1][end:]
            self._lines[row - 1 : end_row] = [
                before + new.encode() + b"\n" * (end_row - row) + after
            ]
        return b"".join(self._lines).decode()

    def _replace(self, node: "ast.expr | ast.stmt", new: str) -> None:
        end_row, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        self._edits.append((node.lineno, node.col_offset, end_row, end, new))

    def _refuse(self, node: "ast.expr | ast.stmt", why: str) -> None:
        raise LinkError(f"{self._module.path}:{node.lineno}: {why}")

    def _block(self, statements: "list[ast.stmt]", scopes: "list[Scope]") -> None:
        for statement in statements:
            self._visit(statement, scopes)

    def _visit(self, node: ast.AST, scopes: "list[Scope]") -> None:
        kind = type(node).__name__
        visit = getattr(self, f"_visit_{kind.removeprefix('Async').removesuffix('From')}", None)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            found = {
                n.id
                for g in node.generators
                for n in ast.walk(g.target)
                if isinstance(n, ast.Name)
            }
            self._children(node, [*scopes, dict.fromkeys(found)])
        elif visit:
            visit(node, scopes)
        else:
            self._children(node, scopes)

    def _children(self, node: ast.AST, scopes: "list[Scope]") -> None:
        for child in ast.iter_child_nodes(node):
            self._visit(child, scopes)

    def _visit_Import(self, node: "ast.Import | ast.ImportFrom", scopes: "list[Scope]") -> None:
        line = self._program.import_line(node, self._module, len(scopes) == 1)
        if line != ast.unparse(node):
            self._replace(node, line)

    def _visit_ClassDef(self, node: ast.ClassDef, scopes: "list[Scope]") -> None:
        """Functions of a class do not see its names; what stands beside them does."""
        self._definition(node, scopes)
        for part in (*node.decorator_list, *node.bases):
            self._visit(part, scopes)
        inner: Scope = {name: None for name in bound(node.body)}
        for statement in node.body:
            is_function = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
            self._visit(statement, [*scopes, {}] if is_function else [*scopes, inner])

    def _visit_Lambda(self, node: ast.Lambda, scopes: "list[Scope]") -> None:
        own: Scope = {a.arg: None for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self._visit(node.args, scopes)
        self._visit(node.body, [*scopes, own])

    def _visit_Assign(self, node: ast.Assign, scopes: "list[Scope]") -> None:
        if len(scopes) == 1 and self._defines_constant(node):
            self._replace(node, "pass")
        else:
            self._children(node, scopes)

    def _defines_constant(self, node: ast.Assign) -> bool:
        target = node.targets[0]
        if not self._module.linked or not isinstance(target, ast.Name):
            return False
        return target.id in self._module.constants and target.id not in self._program.kept

    def _visit_FunctionDef(
        self, node: "ast.FunctionDef | ast.AsyncFunctionDef", scopes: "list[Scope]"
    ) -> None:
        self._definition(node, scopes)
        for part in (*node.decorator_list, node.args, *([node.returns] if node.returns else [])):
            self._visit(part, scopes)
        own: Scope = {a.arg: None for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        own.update({name: None for name in set(bound(node.body)) - declared_global(node)})
        for statement in own_statements(node.body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                own.update(self._program.imported(statement))
        self._block(node.body, [*scopes, own])

    def _definition(
        self, node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef", scopes: list
    ) -> None:
        if len(scopes) > 1:
            return
        new = self._program.spelled(Origin(self._module.dotted, node.name), self._module)
        line = self._lines[node.lineno - 1]
        found = re.compile(rb"(?:def|class)\s+(\w+)").search(line, node.col_offset)
        if new and found:
            self._edits.append((node.lineno, found.start(1), node.lineno, found.end(1), new))

    def _visit_Global(self, node: ast.Global, scopes: "list[Scope]") -> None:
        names = [Origin(self._module.dotted, name) for name in node.names]
        spelled = [self._program.spelled(name, self._module) or name.name for name in names]
        self._replace(node, "global " + ", ".join(spelled))

    def _meaning(self, name: str, scopes: "list[Scope]") -> "Origin | None":
        for depth in range(len(scopes) - 1, -1, -1):
            if name in scopes[depth]:
                found = scopes[depth][name]
                return found if found or depth else Origin(self._module.dotted, name)
        return None

    def _visit_Name(self, node: ast.Name, scopes: "list[Scope]") -> None:
        if node.id == "__file__":
            self._replace_file(node)
        origin = self._meaning(node.id, scopes)
        if origin is None:
            return
        origin = self._program.resolved(origin)
        if not origin.name:
            home = self._program.modules.get(origin.module)
            if home and home.linked and isinstance(node.ctx, ast.Load):
                self._refuse(node, f"{node.id} is a module: only its names may be used")
            return
        new = self._program.spelled(origin, self._module)
        is_kept = isinstance(node.ctx, ast.Store) and node.id in self._module.constants
        if new and new != node.id and not is_kept:
            self._replace(node, new)

    def _replace_file(self, node: ast.Name) -> None:
        """A module's own path. Linked ones are in lib/, and those that they load have no path of their own."""
        loader = self._program.part_with_loader()
        own = "__file__" if self._module.linked else f'__import__("{loader}").__file__'
        if self._module.linked or loader:
            self._replace(node, f'({own}.rsplit("/", 2)[0] + "/{self._module.path}")')

    def _visit_Attribute(self, node: ast.Attribute, scopes: "list[Scope]") -> None:
        owner = self._meaning(node.value.id, scopes) if isinstance(node.value, ast.Name) else None
        home = self._program.modules.get(owner.module) if owner and not owner.name else None
        if home is None or owner is None:
            self._visit(node.value, scopes)
            return
        new = self._program.spelled(Origin(owner.module, node.attr), self._module)
        if new:
            if isinstance(node.ctx, ast.Store):
                self._refuse(node, "a module's name can't be changed from outside")
            self._replace(node, new)
