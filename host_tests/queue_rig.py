"""A queue of transaction messages, and a back office that answers as planned."""

import asyncio
import json

import virtual_time
from core import clock
from core.journal import Journal
from ocpp16 import meter_values, sampling
from ocpp16.queue import TransactionQueue

NOW_S = 1_795_000_000


def run(coroutine):
    """Run a coroutine that needs no sockets."""
    return virtual_time.run(coroutine)


SETTINGS = {
    "transaction_attempts": 3,
    "transaction_retry_interval": 60,
    "connector_phase_rotation": "",
}


def sample(wh, context=sampling.PERIODIC):
    """A sample that tells an energy."""
    return meter_values.sample(1, context, "", [wh])


def put_start(messages, number, unix_s=NOW_S):
    messages.put_start(number, '"idTag":"T%d"' % number, unix_s, clock.uptime_s())


def put_values(messages, number, wh, online=False):
    messages.put_values(number, sample(wh), 0, online)


def put_stop(messages, number, text="stop", unix_s=NOW_S):
    messages.put_stop(number, '"reason":"%s"' % text, unix_s)


def told(body):
    """What tells a message from others of its kind."""
    if "meterValue" in body:
        return int(body["meterValue"][0]["sampledValue"][0]["value"])
    return body.get("idTag") or body["reason"]


class Office:
    """Answers deliveries; `plan` holds an exception, or None for an answer, for each to come."""

    def __init__(self, *plan) -> None:
        self.plan = list(plan)
        self.got = []
        self.ids = []
        self.transactions = 0

    async def call(self, action, payload, unique_id):
        self.ids.append(unique_id)
        body = payload if isinstance(payload, str) else b"".join(payload)
        outcome = self.plan.pop(0) if self.plan else None
        if outcome is not None:
            raise outcome
        self.got.append((action, json.loads(body)))
        if action != "StartTransaction":
            return {}
        self.transactions += 1
        return {"transactionId": 40 + self.transactions, "idTagInfo": {"status": "Accepted"}}


def reopened(path, limit_bytes=65536):
    return TransactionQueue(Journal(path, limit_bytes), SETTINGS)


def deliver_all(messages, office, limit=1000):
    """Deliver until nothing is left; retries are waited for in virtual time."""

    async def story():
        for _ in range(limit):
            if not messages.pending:
                return
            if messages.due():
                await messages.deliver(office.call)
            if messages.needs_compaction():
                await messages.compact()
            await asyncio.sleep(1)
        raise AssertionError("not delivered")

    run(story())


def put_session(messages, number, values=2):
    put_start(messages, number)
    for index in range(values):
        put_values(messages, number, 100 * number + index)
    put_stop(messages, number, "stop %d" % number)
