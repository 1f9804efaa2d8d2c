"""GET /api/log: the last lines of the log as a file, for those who look after the station."""

from microdot import Response

from core import clock, log


def _lines(services):
    yield "# %s, mpevse %s, uptime %d s\n" % (services.serial, services.version, clock.uptime_s())
    for line in log.lines():
        yield line + "\n"


async def get(request, services):
    """Which controller this is; then the lines, oldest first: uptime in seconds, severity, source, text."""
    if request.g.session.role == "user":
        return {"error": "not for this login"}, 403
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Disposition": 'attachment; filename="log-%s.txt"' % services.serial,
    }
    return Response(_lines(services), 200, headers)
