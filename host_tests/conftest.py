"""The shim goes in before any firmware module is imported."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "shim"))
sys.path.insert(0, str(Path(__file__).parent))

import install  # noqa: E402

install.install()

import pytest  # noqa: E402
import virtual_time  # noqa: E402
from core import clock as controller_clock  # noqa: E402


@pytest.fixture
def clock():
    """The virtual clock."""
    return virtual_time.clock


@pytest.fixture(autouse=True)
def _nobody_has_told_the_time():
    """Given a controller that has just started."""
    controller_clock._boot_unix_s = 0
