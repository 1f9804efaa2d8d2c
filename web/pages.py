"""The pages' files, from flash: gzipped by the image build, as they are on a PC."""

import os

from microdot import Response, abort

_FOLDER = __file__.rsplit("/", 1)[0] + "/static/"
_TYPES = {
    "html": "text/html; charset=UTF-8",
    "js": "text/javascript; charset=UTF-8",
    "css": "text/css; charset=UTF-8",
    "svg": "image/svg+xml",
}
_CONTENT_SECURITY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def _size(path: str) -> int:
    """Bytes in a file, -1 when there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def file_response(request, name: str, version: str) -> Response:
    """Answer with a file of the static folder, or 304 when the browser has this version of it."""
    kind = _TYPES.get(name.rsplit(".", 1)[-1])
    path = _FOLDER + name
    headers = {"Cache-Control": "no-cache"}  # the browser asks whether its copy is still good
    size = _size(path + ".gz")
    if size >= 0:
        path += ".gz"
        headers["Content-Encoding"] = "gzip"
    else:
        size = _size(path)
    if kind is None or size < 0:
        abort(404, {"error": "not found"})
    headers["ETag"] = '"%s-%d"' % (version, size)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(b"", 304, headers)
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(size)
    if name.endswith(".html"):
        headers["Content-Security-Policy"] = _CONTENT_SECURITY
        headers["Referrer-Policy"] = "same-origin"
    return Response(open(path, "rb"), 200, headers)
