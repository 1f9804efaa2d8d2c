"""Lines that stand for the call of a function: its body, with the call's arguments for its parameters."""

import ast
from collections.abc import Iterator
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.inlining import Site

Lines = list[tuple[str, int]]  # a line, and which line of the source it was
_SCOPES = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NEVER = (
    ast.Yield,
    ast.YieldFrom,
    ast.Global,
    ast.Nonlocal,
    ast.JoinedStr,
    ast.Import,
    ast.ImportFrom,
)


class Refusal(Exception):
    """A function that has to stay one."""


def expression_lines(lines: "list[str]", site: "Site") -> "Lines | None":
    """The statement of a call, with the expression that the function returns; None when it does more than that."""
    body = _without_docstring(site.helper)
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    _check(site)
    names, before = _arguments(lines, site, body)
    if before:
        return None
    value = body[0].value
    text = _cut(lines, value, _renamings([value], names))
    call = _awaited(site)
    first, last = call.lineno, call.end_lineno or call.lineno
    head = _bytes(lines, first)[: call.col_offset].decode()
    tail = _bytes(lines, last)[call.end_col_offset :].decode()
    made = [(line, value.lineno + n) for n, line in enumerate(text)]
    made[0] = (head + "(" + made[0][0], first)
    made[-1] = (made[-1][0] + ")" + tail, made[-1][1])
    statement = site.statement
    above = [(lines[n - 1], n) for n in range(statement.lineno, first)]
    return (
        above
        + made
        + [(lines[n - 1], n) for n in range(last + 1, (statement.end_lineno or last) + 1)]
    )


def body_lines(lines: "list[str]", site: "Site") -> Lines:
    """The body of a function before the statement of its call, or in its place. Refusal: it cannot be there."""
    _check(site)
    statement, body = site.statement, _without_docstring(site.helper)
    is_whole = getattr(statement, "value", None) is _awaited(site)
    head = _head(lines, statement) if is_whole else None
    if head is None or not _may_leave(site, body):
        return _result_lines(lines, site, body)
    names, before = _arguments(lines, site, body)
    indent = " " * statement.col_offset
    made = [(f"{indent}{name} = {value}", statement.lineno) for name, value in before]
    made += _body(lines, body, names, statement.col_offset, head)
    if isinstance(statement, ast.Return) and not isinstance(body[-1], (ast.Return, ast.Raise)):
        made.append((indent + "return", body[-1].end_lineno or body[-1].lineno))
    return made


def _result_lines(lines: "list[str]", site: "Site", body: "list[ast.stmt]") -> Lines:
    """The body, which leaves its result in a variable, then the statement with that instead of the call."""
    statement, call = site.statement, _awaited(site)
    _check_order(lines, statement, call)
    names, before = _arguments(lines, site, body)
    result = _fresh("result", _taken(site) | set(names.values()))
    column = statement.col_offset
    made = [(f"{' ' * column}{name} = {value}", statement.lineno) for name, value in before]
    returns = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Return)]
    if returns == [body[-1]] and returns[0].value:
        made += _body(lines, body, names, column, result + " = ")
    else:
        made += _one_pass(lines, body, names, column, result)
    if isinstance(statement, ast.Expr) and statement.value is call:
        return made
    first, last = call.lineno, call.end_lineno or call.lineno
    head = _bytes(lines, first)[: call.col_offset].decode()
    tail = _bytes(lines, last)[call.end_col_offset :].decode()
    made += [(lines[n - 1], n) for n in range(statement.lineno, first)]
    made.append((head + result + tail, first))
    return made + [(lines[n - 1], n) for n in range(last + 1, (statement.end_lineno or last) + 1)]


def _one_pass(
    lines: "list[str]", body: "list[ast.stmt]", names: "dict[str, str]", column: int, result: str
) -> Lines:
    """A loop that is left where the function returned."""
    loops = (ast.For, ast.AsyncFor, ast.While)
    for part in body:
        for loop in ast.walk(part):
            if isinstance(loop, loops) and any(isinstance(n, ast.Return) for n in ast.walk(loop)):
                raise Refusal  # a break would leave the inner loop only
    first = body[0].lineno
    made = _body(lines, body, names, column + 4, "")
    for node in sorted(_returns(body), key=lambda node: -node.lineno):
        start, end = node.lineno - first, (node.end_lineno or node.lineno) - first
        text, number = made[start]
        indent = " " * (len(text) - len(text.lstrip()))
        value = text.strip().removeprefix("return").strip() or "None"
        made[start] = (f"{indent}{result} = {value}", number)
        made.insert(end + 1, (indent + "break", number))
    edge = " " * column
    if not isinstance(body[-1], (ast.Return, ast.Raise)):
        made += [(f"{edge}    {result} = None", made[-1][1]), (edge + "    break", made[-1][1])]
    return [(edge + "while True:", first), *made]


def _returns(body: "list[ast.stmt]") -> "list[ast.Return]":
    return [node for part in body for node in ast.walk(part) if isinstance(node, ast.Return)]


def _check_order(lines: "list[str]", statement: ast.stmt, call: ast.expr) -> None:
    """Refusal unless a call is the first thing of its statement that does or reads something that may change."""
    node: ast.AST | None = statement
    if lines[statement.lineno - 1].lstrip().startswith("elif"):
        raise Refusal
    while node is not call:
        node = _worked_out_first(node)
        if node is None:
            raise Refusal


def _worked_out_first(node: "ast.AST | None") -> "ast.AST | None":
    """Which part of a statement or expression is worked out first; names and constants do not count."""
    if isinstance(node, ast.Assign) and not all(_is_plain(target) for target in node.targets):
        return None
    for kind, parts in _ORDER.items():
        if isinstance(node, kind):
            for part in parts(node):
                if not isinstance(part, (ast.Name, ast.Constant)):
                    return part
    return None


_ORDER = {
    (ast.Expr, ast.Assign, ast.Return, ast.Await): lambda node: [node.value],
    (ast.If, ast.IfExp): lambda node: [node.test],
    (ast.BoolOp,): lambda node: node.values[:1],
    (ast.Compare,): lambda node: [node.left, *node.comparators[:1]],
    (ast.UnaryOp,): lambda node: [node.operand],
    (ast.BinOp,): lambda node: [node.left, node.right],
    (ast.Tuple, ast.List): lambda node: node.elts,
    (ast.Subscript,): lambda node: [node.value, node.slice],
    (ast.Call,): lambda node: [node.func, *node.args],
}


def _head(lines: "list[str]", statement: ast.stmt) -> "str | None":
    """What stands before a call that is all of the rest: "", "name = ", "return "; None for other statements."""
    if isinstance(statement, ast.Expr):
        return ""
    if isinstance(statement, ast.Return):
        return "return "
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        value = statement.value
        if value.lineno == statement.lineno and _is_plain(statement.targets[0]):
            return _bytes(lines, statement.lineno)[
                statement.col_offset : value.col_offset
            ].decode()
    return None


def _is_plain(target: ast.expr) -> bool:
    """A name, names, or an attribute of self: nothing that is worked out before the call."""
    if isinstance(target, ast.Tuple):
        return all(_is_plain(part) for part in target.elts)
    if isinstance(target, ast.Attribute):
        return isinstance(target.value, ast.Name)
    return isinstance(target, ast.Name)


def _body(
    lines: "list[str]", body: "list[ast.stmt]", names: "dict[str, str]", column: int, head: str
) -> Lines:
    """A body that begins at a column; head: what takes the place of its last return."""
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    changed = _replaced(lines, first, last, _renamings(body, names))
    if head not in ("", "return ") and isinstance(body[-1], ast.Return):
        end, at = body[-1].lineno - first, body[-1].col_offset
        changed[end] = changed[end][:at] + head + changed[end][at:].removeprefix("return").strip()
    shift = column - body[0].col_offset
    return [(_shifted(line, shift), first + n) for n, line in enumerate(changed)]


def _shifted(line: str, shift: int) -> str:
    if not line.strip():
        return ""
    if shift >= 0:
        return " " * shift + line
    return line[min(-shift, len(line) - len(line.lstrip())) :]


# --- what can be put elsewhere


def _check(site: "Site") -> None:
    """Refusal for what has a scope of its own, lines that may not move, or arguments that are not plain."""
    helper, call = site.helper, site.call
    for part in helper.body:
        for node in ast.walk(part):
            if isinstance(node, (*_SCOPES, *_NEVER)):
                raise Refusal
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if node.lineno != node.end_lineno and part is not helper.body[0]:
                    raise Refusal
    arguments = helper.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        raise Refusal
    if any(isinstance(a, ast.Starred) for a in call.args) or any(not k.arg for k in call.keywords):
        raise Refusal
    is_async = isinstance(helper, ast.AsyncFunctionDef)
    if is_async != isinstance(_awaited(site), ast.Await):
        raise Refusal


def _awaited(site: "Site") -> ast.expr:
    """The call, or what awaits it."""
    for node in ast.walk(site.statement):
        if isinstance(node, ast.Await) and node.value is site.call:
            return node
    return site.call


def _may_leave(site: "Site", body: "list[ast.stmt]") -> bool:
    """Tell whether the function's returns do no harm where the call was."""
    statement, returns = site.statement, _returns(body)
    if isinstance(statement, ast.Return):
        return True
    if isinstance(statement, ast.Assign):
        return returns == [body[-1]] and bool(returns[0].value)
    is_last = site.caller.body[-1] is statement
    return not returns or (is_last and not any(node.value for node in returns))


def _without_docstring(helper: "ast.FunctionDef | ast.AsyncFunctionDef") -> "list[ast.stmt]":
    first = helper.body[0]
    has_one = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = helper.body[1:] if has_one else helper.body
    if not body:
        raise Refusal
    return body


# --- names


def _arguments(
    lines: "list[str]", site: "Site", body: "list[ast.stmt]"
) -> "tuple[dict[str, str], list[tuple[str, str]]]":
    """({name in the body: what stands for it}, [(name, value)] to be set before it)."""
    given = _given(site)
    stored = set(_stored(body))
    taken = _taken(site)
    free = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    theirs = {*_stored(site.caller.body), *(a.arg for a in site.caller.args.args)} - {"self"}
    if (free - stored - set(given)) & theirs:
        raise Refusal  # a name from outside that means something else there
    names: dict[str, str] = {}
    before = []
    for name, value in given.items():
        if name not in stored and isinstance(value, (ast.Name, ast.Constant)):
            names[name] = _source(lines, value)
        else:
            names[name] = _fresh(name, taken)
            before.append((names[name], _source(lines, value)))
    for name in sorted(stored - set(given)):
        if name in taken:
            names[name] = _fresh(name, taken)
    handlers = {
        n.name for part in body for n in ast.walk(part) if isinstance(n, ast.ExceptHandler)
    }
    if handlers & (set(names) | taken):
        raise Refusal
    return names, before


def _given(site: "Site") -> "dict[str, ast.expr]":
    """Each parameter's argument."""
    parameters = [parameter.arg for parameter in site.helper.args.args]
    if parameters[:1] == ["self"] and isinstance(site.call.func, ast.Attribute):
        parameters.pop(0)
    defaults = dict(zip(reversed(parameters), reversed(site.helper.args.defaults), strict=False))
    given = dict(zip(parameters, site.call.args, strict=False))
    given.update({k.arg: k.value for k in site.call.keywords if k.arg})
    found = {name: given.get(name, defaults.get(name)) for name in parameters}
    if None in found.values() or len(given) != len(site.call.args) + len(site.call.keywords):
        raise Refusal
    if any(
        name in defaults and name not in given and not isinstance(defaults[name], ast.Constant)
        for name in parameters
    ):
        raise Refusal
    return found  # type: ignore[return-value]


def _taken(site: "Site") -> "set[str]":
    """All names that the caller mentions."""
    names = {node.id for node in ast.walk(site.caller) if isinstance(node, ast.Name)}
    return names | {a.arg for a in ast.walk(site.caller) if isinstance(a, ast.arg)}


def _fresh(name: str, taken: "set[str]") -> str:
    new = next(n for n in chain([name], (f"{name}_{i}" for i in count(2))) if n not in taken)
    taken.add(new)
    return new


def _stored(body: "list[ast.stmt]") -> "Iterator[str]":
    for part in body:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name


# --- text


def _bytes(lines: "list[str]", number: int) -> bytes:
    return lines[number - 1].encode()


def _source(lines: "list[str]", node: ast.expr) -> str:
    """An expression on one line."""
    if node.lineno != node.end_lineno:
        return ast.unparse(node)
    return _bytes(lines, node.lineno)[node.col_offset : node.end_col_offset].decode()


def _renamings(nodes: "list", names: "dict[str, str]") -> "list[tuple[int, int, int, str]]":
    """(line, first and last byte, new text) of each mention."""
    return [
        (node.lineno, node.col_offset, node.end_col_offset or 0, names[node.id])
        for part in nodes
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and names.get(node.id, node.id) != node.id
    ]


def _replaced(
    lines: "list[str]", first: int, last: int, changes: "list[tuple[int, int, int, str]]"
) -> "list[str]":
    """The lines first … last with some of their parts exchanged."""
    found = [_bytes(lines, number) for number in range(first, last + 1)]
    for number, start, end, new in sorted(changes, reverse=True):
        line = found[number - first]
        found[number - first] = line[:start] + new.encode() + line[end:]
    return [line.decode() for line in found]


def _cut(
    lines: "list[str]", value: ast.expr, changes: "list[tuple[int, int, int, str]]"
) -> "list[str]":
    """An expression's text, changed."""
    last = value.end_lineno or value.lineno
    ends = [change for change in changes if change[0] == last]
    grown = sum(len(new.encode()) - (end - start) for _, start, end, new in ends)
    found = _replaced(lines, value.lineno, last, changes)
    found[-1] = found[-1].encode()[: (value.end_col_offset or 0) + grown].decode()
    found[0] = found[0].encode()[value.col_offset :].decode()
    return found
