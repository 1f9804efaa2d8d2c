"""Tells which file, line and function are meant in a board's tracebacks: its modules are linked into a few.

As a program: where.py [CONSOLE_LOG]; without a file it reads standard input.
"""

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.device_files import PARTS, firmware_modules, linked_texts, names_in_data
from tools.flat_modules import short_labels
from tools.inlining import inlined

ENTRY = re.compile(r'File "([^"]+)", line (\d+), in \S+')


def translator() -> "Callable[[str], str]":
    """Return what translates a line of a console, with the sources as they are now."""
    modules, users = firmware_modules()
    rest, linked, moved = linked_texts(modules, users, PARTS, names_in_data())
    parts = {Path(path).stem: part for path, part in linked.items()}
    former = {new: path for path, new in moved.items()}
    names = short_labels((*rest, *linked)).items()
    labels = {name: former.get(path, path) for path, name in names}
    numbers = {path: text.numbers for path, text in inlined(modules, users).items()}

    def entry(match: "re.Match[str]") -> str:
        path, line = match[1], int(match[2])
        if path in parts:
            path, line = parts[path].place(line)
        path = labels.get(path, path)
        if path not in modules:
            return match[0]
        line = numbers[path][line - 1]
        function = function_at(modules[path], line)
        return f'File "{path}", line {line}, in {function}'

    return lambda text: ENTRY.sub(entry, text)


def function_at(source: str, line: int) -> str:
    """Return the name of the function that a line belongs to."""
    name = "<module>"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.lineno <= line <= (node.end_lineno or line):
                name = node.name  # inner ones come later
    return name


def main(arguments: "list[str]") -> int:
    """Print a console log with its tracebacks translated; return the exit status."""
    text = Path(arguments[0]).read_text(errors="replace") if arguments else sys.stdin.read()
    translate = translator()
    for line in text.splitlines():
        print(translate(line))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
