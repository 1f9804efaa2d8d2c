"""GET /api/sessions?from=&limit= and /api/sessions.csv: the sessions that have ended, newest first."""

import json

from microdot import Response, abort
from micropython import const

from core import clock

_MOST = const(100)
_ALL = const(1024)
_LARGEST = const(1000000)
_HEAD = "number,start,stop,duration_s,energy_kwh,tag,reason\r\n"


def page_of(request, usual: int) -> tuple:
    """(from, limit) of a request's query; ends the request when they are no numbers in range."""
    numbers = []
    for name, otherwise, least, most in (("from", 0, 0, _LARGEST), ("limit", usual, 1, _MOST)):
        text = request.args.get(name) or str(otherwise)
        if not text.isdigit() or len(text) > 7 or not least <= int(text) <= most:
            wanted = "must be a whole number, %d to %d" % (least, most)
            abort(422, {"errors": {name: "%s %s: %s" % (name, text[:20], wanted)}})
        numbers.append(int(text))
    return numbers[0], numbers[1]


def _row(session) -> dict:
    return {
        "number": session.number,
        "start_unix_s": session.start_unix_s or None,
        "stop_unix_s": session.stop_unix_s or None,
        "duration_s": session.duration_s(),
        "energy_wh": session.energy_wh,
        "id_tag": session.id_tag,
        "reason": session.reason,
    }


def _page(log, first: int, limit: int):
    """Generate the answer; next: where the next page begins, counted from the newest, null at the end."""
    before = '{"sessions":['
    yield before
    before = ""
    further = None
    for session in log.read(first, limit + 1):
        if not limit:
            further = log.last_number - session.number
            break
        limit -= 1
        yield before + json.dumps(_row(session))
        before = ","
    yield '],"next":%s}' % json.dumps(further)


def _cell(text: str) -> str:
    """A text as a cell of CSV (RFC 4180) that no spreadsheet takes for a formula."""
    if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        text = "'" + text
    if "," in text or '"' in text or "\r" in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _time(unix_s: int) -> str:
    return clock.iso8601(unix_s) if unix_s else ""


def _csv_lines(log):
    """Generate the whole log as CSV; times are UTC."""
    yield _HEAD
    for session in log.read(0, _ALL):
        wh = session.energy_wh
        yield "%d,%s,%s,%d,%d.%03d,%s,%s\r\n" % (
            session.number,
            _time(session.start_unix_s),
            _time(session.stop_unix_s),
            session.duration_s(),
            wh // 1000,
            wh % 1000,
            _cell(session.id_tag),
            session.reason,
        )


async def get(request, services):
    """A page as JSON, or all as CSV."""
    log = services.charger.session_log
    if request.g.kind == "csv":
        headers = {
            "Content-Type": "text/csv; charset=UTF-8",
            "Content-Disposition": 'attachment; filename="sessions-%s.csv"' % services.serial,
        }
        return Response(_csv_lines(log), 200, headers)
    first, limit = page_of(request, 20)
    return Response(_page(log, first, limit), 200, {"Content-Type": "application/json"})
