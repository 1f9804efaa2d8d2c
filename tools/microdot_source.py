"""The web framework's source as a board gets it: from where pip put it, without what the pages do not use."""

import importlib.util
from pathlib import Path

from tools.trimming import trimmed

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
