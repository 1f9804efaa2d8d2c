"""Payloads of transaction messages, made when they are sent. Loaded for that."""

import asyncio
import json

from core import clock, loading, storage
from ocpp16.queue import NO_TRANSACTION, START, VALUES

_VALUES_MODULE = "ocpp16.meter_values"
_RECORDER_MODULE = "ocpp16.transaction_data"
_DATA_MODULE = "ocpp16.stop_message"


async def build(queue, kind: int, session: int, unix_s: int, rest: bytes):
    """A payload as text, as its parts in a list, or as a generator of them (see rpc.Rpc.call)."""
    time = clock.iso8601(unix_s)
    if kind == START:
        return '{%s,"timestamp":"%s"}' % (str(rest, "utf-8"), time)
    transaction = queue.transaction_of(session)
    if transaction is None:
        transaction = NO_TRANSACTION
    if kind == VALUES:
        phases = queue.settings.get("connector_phase_rotation")
        module = await _loaded(_VALUES_MODULE)
        return await module.message(rest, transaction if session else None, unix_s, phases)
    members = str(rest, "utf-8")
    head = '{"transactionId":%d,"timestamp":"%s",%s' % (transaction, time, members)
    path = queue.data_path(session)
    if not storage.exists(path):
        return head + "}"
    end = unix_s, json.loads("{%s}" % members)["meterStop"]
    return await _with_data(queue, head, path, end)


async def _loaded(name: str):
    """Load a module, in a turn of its own."""
    module = loading.load(name)
    await asyncio.sleep_ms(0)
    return module


async def _with_data(queue, head: str, path: str, end: tuple):
    phases = queue.settings.get("connector_phase_rotation")
    for name in (_VALUES_MODULE, _RECORDER_MODULE):  # what the next one imports
        await _loaded(name)
    try:
        module = await _loaded(_DATA_MODULE)
        return await module.parts(head, path, end, queue.line_start_s(), phases)
    finally:
        loading.unload(_DATA_MODULE)
