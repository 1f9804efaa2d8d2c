"""GET /api/history: current and power of the last hour, a value each minute."""

from microdot import Response


def _values(history, row: int):
    """Generate a row as JSON, oldest first."""
    before = "["
    for value in history.values(row):
        yield before + ("null" if value is None else str(value))
        before = ","
    yield "]"


def _pieces(history):
    yield '{"period_s":60,"end_uptime_s":%d,"current_da":' % history.noted_s
    for piece in _values(history, 0):
        yield piece
    yield ',"power_10w":'
    for piece in _values(history, 1):
        yield piece
    yield "}"


async def get(request, services):
    """The largest phase's current in tenths of an ampere and the power in tens of watts; null: unknown."""
    if services.environment is None:
        return {"error": "not now: nothing is recorded after so many crashes"}, 409
    history = services.environment.history
    return Response(_pieces(history), 200, {"Content-Type": "application/json"})
