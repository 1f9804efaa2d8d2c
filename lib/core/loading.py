"""Modules that are needed rarely: loaded when needed, given up again to keep the heap free."""

import sys


def load(name: str):
    """The module of a dotted name."""
    return __import__(name, None, None, ("*",))


def once(name: str, function: str, *arguments):
    """Load a module for one call of a function of it, unless somebody else has it loaded."""
    is_loaded = name in sys.modules
    try:
        return getattr(load(name), function)(*arguments)
    finally:
        if not is_loaded:
            unload(name)


def unload(name: str) -> None:
    """Give a module up; whatever of it is still in use stays until it is not."""
    package, _, leaf = name.rpartition(".")
    if sys.modules.pop(name, None) and package and hasattr(sys.modules[package], leaf):
        delattr(sys.modules[package], leaf)
