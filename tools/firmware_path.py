"""Lets a program on CPython run the firmware's modules, as the host tests do."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def use_firmware() -> None:
    """Put the firmware, its shim for CPython and the tests' rigs on the path; once is enough."""
    for name in ("host_tests/shim", "host_tests"):
        path = str(ROOT / name)
        if path not in sys.path:
            sys.path.insert(0, path)
    import install

    install.install()
