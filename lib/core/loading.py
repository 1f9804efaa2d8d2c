"""Modules that are needed rarely: loaded when needed, given up again to keep the heap free.

MicroPython keeps the name and the path of each module that was ever imported, some forty bytes of the heap.
So on a board these are all imported by one name, as the only file of a file system.
"""

import os
import sys

try:
    import vfs
except ImportError:  # a host
    vfs = None

_ROOT = __file__.rsplit("/", 3)[0]
_NAME = "_.m"
_NO_SUCH_FILE = 2


class _Files:
    """A file system whose only file is the module that is loaded; as MicroPython's vfs.mount wants one."""

    __path__ = "/_"  # as a package that has the module

    def __init__(self) -> None:
        self.wanted = ""  # the module, as a path without ending
        self.m = None  # where the import puts it
        self._found = ""

    def mount(self, readonly, make) -> None:
        """There is nothing to prepare."""

    def stat(self, path: str) -> tuple:
        """What os.stat tells of /m.py or /m.mpy."""
        ending = path[2:]
        for folder in ("/lib/", "/"):
            self._found = _ROOT + folder + self.wanted + ending
            try:
                if ending:
                    return os.stat(self._found)
            except OSError:
                pass
        raise OSError(_NO_SUCH_FILE)

    def open(self, path: str, mode: str):
        """What stat found."""
        return open(self._found, mode)


_files = _Files()
if vfs:
    vfs.mount(_files, _Files.__path__)
    sys.modules["_"] = _files


def load(name: str):
    """The module of a dotted name."""
    if name in sys.modules:
        return sys.modules[name]
    if not vfs:
        return __import__(name, None, None, ("*",))
    _files.wanted = name.replace(".", "/")
    sys.modules.pop(_NAME, None)  # the one that is being loaded, and wants this
    try:
        module = sys.modules[name] = __import__(_NAME, None, None, ("*",))
    finally:
        sys.modules.pop(_NAME, None)
        _files.m = None
    return module


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
    if sys.modules.pop(name, None) and hasattr(sys.modules.get(package), leaf):
        delattr(sys.modules[package], leaf)
