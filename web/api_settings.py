"""GET and PUT /api/settings: the table's rows as a role sees them, and changes to them."""

import asyncio

from core import loading


async def get(request, services):
    """The rows of ?page=, or of all pages."""
    await asyncio.sleep_ms(0)  # loading takes a while: others have their turn between
    return loading.once("web.settings_rows", "answer", request, services)


async def put(request, services):
    """Change settings, all or none."""
    await asyncio.sleep_ms(0)
    return await loading.once("web.settings_change", "answer", request, services)
