"""GET /api/whitelist?from=&limit=: the whitelist, a page at a time."""

import json

from microdot import Response

from core import loading
from web.api_sessions import page_of

_WHITELIST = "auth.whitelist"

loading.unload("web.api_sessions")  # it was needed for a function only


async def get(request, services):
    """Tags in the order of the flash, and how many there are in all."""
    first, limit = page_of(request, 50)
    tags = loading.once(_WHITELIST, "page", first, limit)
    text = '{"tags":%s,"total":%d}' % (json.dumps(tags), loading.once(_WHITELIST, "count"))
    return Response(text, 200, {"Content-Type": "application/json"})
