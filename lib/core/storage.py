"""Files that survive a power cut at any instant: the old content or the new, never a mixture."""

import json
import os

from micropython import const

_BLOCK_BYTES = const(256)


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


def line_blocks(path: str):
    """Generate a text file in blocks of whole lines.

    Its own lines would come a character at a time, and so would a text: it is read as bytes.
    """
    rest = b""
    with open(path, "rb") as file:
        block = file.read(_BLOCK_BYTES)
        while block:
            block = rest + block
            end = block.rfind(b"\n")
            rest = block[end + 1 :]
            if end >= 0:  # a line may be longer than a block
                yield str(block[:end], "utf-8")
            block = file.read(_BLOCK_BYTES)


def find_line(path: str, starts) -> str:
    """The first line of a text file that begins with one of these; empty without one."""
    starts = [b"\n" + start.encode() for start in starts]
    with open(path, "rb") as file:
        rest = b"\n"
        block = file.read(_BLOCK_BYTES)
        while block:
            block = rest + block
            end = block.rfind(b"\n")
            places = [block.find(start, 0, end) + 1 for start in starts]
            place = min([place for place in places if place] or (0,))
            if place:
                return str(block[place : block.find(b"\n", place)], "utf-8")
            rest = block[end:]
            block = file.read(_BLOCK_BYTES)
    return ""


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
