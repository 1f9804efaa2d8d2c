"""Starts of the controller, counted on flash: by cause, and those in a row that did not last a minute.

Loaded for these few calls only.
"""

from core import log, storage

LASTING_S = 60
_PATH = "/data/starts.json"
_IN_A_ROW = "in a row"
_MOST = 5  # unexpected resets in a row; one more is a crash loop


def note(cause: str, path: str = _PATH) -> bool:
    """Count a start; True when the controller has crashed again and again."""
    counts = _read(path)
    counts[cause] = counts.get(cause, 0) + 1
    # Power gives it a new chance: people try that first.
    in_a_row = 0 if cause == "power on" else counts.get(_IN_A_ROW, 0)
    counts[_IN_A_ROW] = in_a_row + 1
    _write(path, counts)
    causes = ["%s %d" % (name, counts[name]) for name in counts if name != _IN_A_ROW]
    log.info("start", "starts so far: " + ", ".join(causes))
    return in_a_row >= _MOST


def lasted(path: str = _PATH) -> None:
    """It has run for a minute, or is restarted on purpose: that was no crash."""
    counts = _read(path)
    if counts.get(_IN_A_ROW):
        counts[_IN_A_ROW] = 0
        _write(path, counts)


def _read(path: str) -> dict:
    try:
        counts = storage.read_json(path, {})
    except ValueError:
        counts = {}
    return counts if isinstance(counts, dict) else {}


def _write(path: str, counts: dict) -> None:
    try:
        storage.write_json(path, counts)
    except OSError as error:
        log.error("start", "not counted: %s" % error)
