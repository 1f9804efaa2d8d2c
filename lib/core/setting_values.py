"""Settings that are not kept in memory, several at once: loaded for the call."""

import asyncio

from core import loading, storage
from core.setting_table import TABLE, declarations_in, default

loading.unload("core.setting_table")  # what was taken of it stays as long as this module


async def read(settings, keys) -> dict:
    """The values of some settings, in turns with other tasks: one look at the table for all of them."""
    values = {}
    for block in storage.line_blocks(TABLE):
        for declaration in declarations_in(block, keys):
            key = declaration.key
            stored = settings.stored
            values[key] = stored[key] if key in stored else default(declaration)
        if len(values) == len(keys):
            break
        await asyncio.sleep_ms(0)
    return values
