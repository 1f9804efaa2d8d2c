"""The log: the last lines in a fixed ring of memory, and every line on the console."""

from core import clock

DEBUG = 10
INFO = 20
WARNING = 30
ERROR = 40

_LETTERS = {DEBUG: "D", INFO: "I", WARNING: "W", ERROR: "E"}
_KEPT = 40
_LONGEST = 120

_ring = [""] * _KEPT
_next = 0
level = INFO


def _write(severity: int, source: str, text: str) -> None:
    global _next
    if severity < level:
        return
    line = "%d %s %s: %s" % (clock.uptime_s(), _LETTERS[severity], source, text)
    if len(line) > _LONGEST:
        line = line[:_LONGEST]
    _ring[_next % _KEPT] = line
    _next += 1
    print(line)


def debug(source: str, text: str) -> None:
    """Log what only a developer wants; dropped unless level is DEBUG."""
    _write(DEBUG, source, text)


def info(source: str, text: str) -> None:
    """Log a normal event."""
    _write(INFO, source, text)


def warning(source: str, text: str) -> None:
    """Log something that was wrong and handled."""
    _write(WARNING, source, text)


def error(source: str, text: str) -> None:
    """Log something that keeps the charger from its job."""
    _write(ERROR, source, text)


def lines():
    """The kept lines, oldest first: uptime in seconds, severity, source, text."""
    for i in range(max(0, _next - _KEPT), _next):
        yield _ring[i % _KEPT]
