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


def _content_hash() -> str:
    """What the image build made of the files' contents; "" on a PC."""
    try:
        with open(_FOLDER + "hash") as file:
            return file.read()
    except OSError:
        return ""


def _found(name: str, headers: dict) -> str:
    """Path of a file, compressed or not; ends the request with 404 without one."""
    path = _FOLDER + name
    size = _size(path + ".gz")
    if size >= 0:
        path += ".gz"
        headers["Content-Encoding"] = "gzip"
    else:
        size = _size(path)
    kind = _TYPES.get(name.rsplit(".", 1)[-1])
    if kind is None or size < 0:
        abort(404, {"error": "not found"})
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(size)
    return path


def file_response(request, name: str, version: str) -> Response:
    """Answer with a file of the static folder, or 304 when the browser has this version of it.

    /static/<hash>/… never changes: browsers keep it. For others they ask whether theirs is still good.
    """
    headers = {}
    path = _found(name, headers)
    known = _content_hash()
    if known and request.path == "/static/%s/%s" % (known, name):
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        headers["Cache-Control"] = "no-cache"
    tag = headers["ETag"] = '"%s-%s"' % (known or version, headers["Content-Length"])
    if request.headers.get("If-None-Match") == tag:
        return Response(b"", 304, {"ETag": tag, "Cache-Control": headers["Cache-Control"]})
    if name.endswith(".html"):
        headers["Content-Security-Policy"] = _CONTENT_SECURITY
    return Response(open(path, "rb"), 200, headers)
