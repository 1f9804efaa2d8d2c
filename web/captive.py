"""Leads phones on the hotspot to the page: they ask for a page of their maker's, to see whether there is the Internet.

Loaded for such a request.
"""

from microdot import Response


def _is_foreign(host: str) -> bool:
    """Tell whether it is a name out of the Internet: not an address, nor a name of the house."""
    name = host.split(":")[0]
    first, _, last = name.rpartition(".")
    return bool(first) and not last.isdigit() and last != "local"


def redirect(request, services) -> "Response | None":
    """An answer that leads to the controller's page; None to who has come on purpose."""
    links = services.links
    if not links.hotspot_open or not _is_foreign(request.headers.get("Host", "")):
        return None
    port = "" if services.web_port == 80 else ":%d" % services.web_port
    return Response(b"", 302, {"Location": "http://%s%s/" % (links.hotspot_ip, port)})
