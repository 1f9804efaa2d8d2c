"""What a back office gets after an outage."""

import time

from sim.bench.figures import Row
from sim.bench.stand import PLUG_CHARGES, Stand, StandError, until

SPEED = "esp32"
APART_S = 1.2  # the back office tells sessions apart by their starts, in seconds


def offline_replay(sessions: int) -> list[Row]:
    """Rate at which the transaction messages of sessions without a line are delivered after it."""
    with Stand(PLUG_CHARGES, speed=SPEED) as stand:
        stand.connected()
        stand.back_office(False)
        for _ in range(sessions):
            until_s = time.monotonic() + APART_S
            stand.offered(stand.plug(ready=False))
            stand.idle(stand.unplug())
            time.sleep(max(0.2, until_s - time.monotonic()))
        back_s = time.time()
        stand.back_office(True)
        record = until(lambda: _delivered(stand, sessions), "all is delivered", 60)
        time.sleep(2)  # a doubled one would come now
        record = stand.record
    times_s = check(record, sessions)
    rate = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    conditions = (
        f"SPEED={SPEED}, {len(times_s)} StartTransaction and StopTransaction messages in a row, in "
        f"order, each once; the first {times_s[0] - back_s:.1f} s after the back office was back"
    )
    return [Row("offline_replay_per_s", round(rate, 1), "1/s", conditions)]


def _delivered(stand: Stand, sessions: int) -> "dict | None":
    record = stand.record
    ended = [t for t in record["transactions"] if t["stops"]]
    return record if len(ended) >= sessions else None


def check(record: dict, sessions: int) -> list[float]:
    """Times of the messages; StandError unless each came once and in order."""
    transactions = record["transactions"]
    if len(transactions) != sessions:
        raise StandError(f"{len(transactions)} transactions instead of {sessions}")
    if any((t["starts"], t["stops"]) != (1, 1) for t in transactions):
        raise StandError("a message came twice or not at all")
    expected = [
        action for _ in range(sessions) for action in ("StartTransaction", "StopTransaction")
    ]
    messages = [m for m in record["messages"] if m["action"] in expected]
    starts = [m["payload"]["timestamp"] for m in messages if m["action"] == "StartTransaction"]
    stopped = [m["payload"]["transactionId"] for m in messages if m["action"] == "StopTransaction"]
    in_order = [m["action"] for m in messages] == expected and starts == sorted(starts)
    if not in_order or stopped != [t["id"] for t in transactions]:
        raise StandError("messages out of order")
    return [m["time"] for m in messages]
