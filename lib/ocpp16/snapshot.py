"""The lines of a log that the back office gets. Loaded while it is written."""

import json

from core import clock, log, storage

_STARTS = "/starts.json"


def _is_within(unix_s: int, oldest_s: "int | None", newest_s: "int | None") -> bool:
    """Tell whether a time, 0 when it is not known, is in a span."""
    if not unix_s:
        return True
    return (oldest_s is None or unix_s >= oldest_s) and (newest_s is None or unix_s <= newest_s)


def _head(charge_point) -> str:
    now_s = clock.unix_s()
    return "# %s, mpevse %s, %s, uptime %d s" % (
        charge_point.line.identity,
        charge_point.version,
        clock.iso8601(now_s) if now_s else "time not known",
        clock.uptime_s(),
    )


def diagnostics(charge_point, oldest_s=None, newest_s=None):
    """Generate: what it is, its statuses, starts by cause, the log of this start, the security log.

    oldest_s, newest_s: seconds since 1970, or None; lines whose time is not known are in.
    """
    yield _head(charge_point)
    adapter = charge_point.adapter
    for connector in range(adapter.connectors + 1):
        yield json.dumps(adapter.status_of(connector))
    try:
        yield "starts: " + json.dumps(storage.read_json(charge_point.path + _STARTS, {}))
    except ValueError:
        yield "starts: damaged"
    boot_s = clock.boot_unix_s()
    for line in log.lines():
        uptime = line.split(" ", 1)[0]
        time_s = boot_s + int(uptime) if boot_s and uptime.isdigit() else 0
        if _is_within(time_s, oldest_s, newest_s):
            yield "%s %s" % (clock.iso8601(time_s), line) if time_s else line
    for line in security(charge_point, oldest_s, newest_s):
        yield line


def security(charge_point, oldest_s=None, newest_s=None):
    """Generate the lines of the security log: number, time, type, more about it."""
    yield "# security events"
    for ending in (".old", ".log"):
        name = charge_point.path + "/security" + ending
        if storage.exists(name):
            for block in storage.line_blocks(name):
                for line in block.split("\n"):
                    if _is_within(_unix_s(line), oldest_s, newest_s):
                        yield line


def _unix_s(line: str) -> int:
    """Time of a line of the security log; 0 when it is not known."""
    try:
        return clock.parse_iso8601(line.split(" ")[1])
    except (IndexError, ValueError):
        return 0
