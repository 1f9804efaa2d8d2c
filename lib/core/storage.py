"""Files that survive a power cut at any instant: the old content or the new, never a mixture."""

import json
import os


def exists(path: str) -> bool:
    """True when there is something at a path."""
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def make_directory(path: str) -> None:
    """Make a directory unless it is there."""
    try:
        os.mkdir(path)
    except OSError:
        if not exists(path):
            raise


def write_json(path: str, value) -> None:
    """Replace a file by JSON text: written beside it, then renamed (atomic on LittleFS)."""
    temporary = path + ".new"
    with open(temporary, "w") as file:
        json.dump(value, file)
    os.rename(temporary, path)


def read_json(path: str, default=None):
    """Read JSON from a file; the default when there is none. ValueError when it is damaged."""
    try:
        file = open(path)
    except OSError:
        return default
    with file:
        return json.loads(file.read())  # load() would read a character at a time
