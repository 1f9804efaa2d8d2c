"""The shim goes in before any firmware module is imported."""

import os
import sys
from pathlib import Path

# The firmware loads and gives up modules all the time: compiled anew each time they take half of the tests' time.
sys.dont_write_bytecode = False
sys.pycache_prefix = str(Path(__file__).parents[1] / "build" / "pycache")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # for the processes that tests start
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

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


@pytest.fixture
def make_station(tmp_path, monkeypatch):
    """make_station(**settings) makes a charging station and its back office (octt_rig)."""
    from octt_rig import Station

    return lambda **settings: Station(tmp_path, monkeypatch, **settings)


@pytest.fixture
def station(make_station):
    """Such a station with ordinary settings."""
    return make_station()
