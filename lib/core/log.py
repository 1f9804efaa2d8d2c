"""The log: the last lines in a fixed ring of memory, and every line on the console."""

from core import clock
from micropython import const

DEBUG = 10
INFO = 20
WARNING = 30
ERROR = 40

_LETTERS = {DEBUG: "D", INFO: "I", WARNING: "W", ERROR: "E"}
_KEPT_BYTES = const(2048)  # one block: forty texts here and there would leave the heap in pieces
_LONGEST = const(120)

_ring = bytearray(_KEPT_BYTES)  # lines, each ended by a newline, from _next on round to before it
_next = 0
level = INFO


def _write(severity: int, source: str, text: str) -> None:
    global _next
    if severity < level:
        return
    line = "%d %s %s: %s" % (clock.uptime_s(), _LETTERS[severity], source, text)
    if len(line) > _LONGEST:
        line = line[:_LONGEST]
    print(line)
    data = (line.replace("\n", " ") + "\n").encode()
    first = min(len(data), _KEPT_BYTES - _next)
    _ring[_next : _next + first] = data[:first]
    _ring[: len(data) - first] = data[first:]
    _next = (_next + len(data)) % _KEPT_BYTES


def show_debug(on: bool) -> None:
    """Keep, or drop, what only a developer wants (setting debug)."""
    global level
    level = DEBUG if on else INFO


def debug(source: str, text: str) -> None:
    """Log what only a developer wants."""
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
    line = bytearray()
    start = _next  # what is logged while somebody reads comes too late for him
    whole = not _ring[start]  # once it has gone round, the oldest line is cut
    for i in range(_KEPT_BYTES):
        byte = _ring[(start + i) % _KEPT_BYTES]
        if byte == 10:
            if whole:
                yield str(line, "utf-8")
            whole = True
            line = bytearray()
        elif byte:
            line.append(byte)
