"""Which module answers which CALL. It is loaded for that, and given up again to keep the heap free."""

import asyncio

from core import loading, storage
from ocpp16.fields import check
from ocpp16.rpc import CallError

_TABLE = __file__.rsplit("/", 1)[0] + "/calls.tsv"  # action and module, in lines


async def serve(charge_point, action: str, payload: dict) -> tuple:
    """(answer, what to do once it is out) of a CALL; CallError refuses it.

    The module's HANDLERS have {action: (table of its fields, handler)}. A handler takes (charge point,
    payload) and returns such a pair, or is awaited for it.
    """
    line = storage.find_line(_TABLE, (action + "\t",))
    if not line:
        raise CallError("NotImplemented", "unknown action")
    name = line.split("\t")[1]
    try:
        table, handler = loading.load(name).HANDLERS[action]
        await asyncio.sleep_ms(0)  # loading takes its time; the handler has a turn of its own
        await check(payload, table)
        served = handler(charge_point, payload)
        return served if isinstance(served, tuple) else await served
    finally:
        loading.unload(name)
