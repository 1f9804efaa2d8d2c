"""The web framework's source as a board gets it: from where pip put it, without what the pages do not use."""

import ast
import importlib.util
from pathlib import Path

PACKAGE = "lib/microdot/__init__.py"
MODULE = "lib/microdot/microdot.py"
EXPORTS = "from microdot.microdot import Microdot, Request, Response, abort\n"

# Routes are a table of web.app, the server is web.server, cookies are written by hand.
UNUSED = (
    "urlencode",
    "URLPattern",
    "redirect",
    "send_file",
    "MultiDict.getlist",
    "AsyncBytesIO.awrite",
    "AsyncBytesIO.aclose",
    "AsyncBytesIO.readuntil",
    "Request.create",
    "Request.form",
    "Request.files",
    "Request.after_request",
    "Request._safe_readline",
    "Response.set_cookie",
    "Response.delete_cookie",
    "Response.redirect",
    "Response.send_file",
    "Response.types_map",
    "Response.default_send_file_max_age",
    "Microdot.route",
    "Microdot.get",
    "Microdot.post",
    "Microdot.put",
    "Microdot.patch",
    "Microdot.delete",
    "Microdot.query",
    "Microdot.errorhandler",
    "Microdot.mount",
    "Microdot.start_server",
    "Microdot.run",
    "Microdot.shutdown",
    "Microdot.find_route",
    "Microdot.handle_request",
)


def sources() -> "dict[str, str] | None":
    """Return {path on the board: text}, or None where Microdot is not installed."""
    package = importlib.util.find_spec("microdot")
    if package is None or package.origin is None:
        return None
    text = Path(package.origin).with_name("microdot.py").read_text()
    return {PACKAGE: EXPORTS, MODULE: trimmed(text, UNUSED)}


def trimmed(text: str, unused: "tuple[str, ...]") -> str:
    """Return a module's text without some of its definitions: "name" or "Class.name".

    ValueError when it does not define one of them. Lines keep their numbers.
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
