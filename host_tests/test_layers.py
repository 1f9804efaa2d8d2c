"""The rule that imports point one way, and that only drivers and boot.py reach the hardware."""

import pytest

from tools.check_layers import check_tree
from tools.device_files import ROOT


def check(tmp_path, name: str, source: str) -> "list[str]":
    """Return what the check says about a tree with this one file."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return check_tree(tmp_path)


def test_the_tree_keeps_the_rule():
    assert check_tree(ROOT) == []


def test_a_refusal_names_the_line_the_import_and_what_is_allowed(tmp_path):
    said = check(tmp_path, "lib/evse/x.py", "import asyncio\n\nfrom modbus import rtu\n")
    assert said == ["lib/evse/x.py:3 imports modbus.rtu: evse may import core"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("lib/core/x.py", "from evse.limits import Limits"),
        ("lib/evse/x.py", "import machine"),
        ("lib/evse/x.py", "def late():\n    from drivers.pilot import Pilot"),
        ("lib/meter/x.py", "from evse import charger"),
        ("lib/auth/x.py", "import ocpp16.charge_point"),
        ("lib/ocpp16/charge_point.py", "from evse import charger"),
        ("lib/dlm/x.py", "from evse import charger"),
        ("lib/net/x.py", "import network"),
        ("lib/core/x.py", "from ..evse import limits"),
        ("lib/core/x.py", "from microdot import Microdot"),
        ("lib/core/x.py", "from sim import world"),
        ("drivers/x.py", "from core.settings import Settings"),
        ("drivers/x.py", "import core"),
        ("web/x.py", "from drivers.pilot import Pilot"),
        ("web/x.py", "import esp32"),
        ("main.py", "from machine import Pin"),
        ("sim/x.py", "from core import log"),
        ("sim/x.py", "import web.app"),
        ("sim/shim/x.py", "from evse import charger"),
    ],
)
def test_an_import_against_the_rule_is_refused(tmp_path, name, source):
    assert len(check(tmp_path, name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("lib/core/x.py", "import asyncio, json\nfrom micropython import const"),
        ("lib/core/x.py", "from . import log\nfrom core.clock import uptime_s"),
        ("lib/evse/x.py", "from core import log"),
        ("lib/meter/x.py", "from modbus.rtu import Client\nfrom core import log"),
        ("lib/ocpp16/adapter.py", "from evse.charger import Charger"),
        ("lib/ocpp16/charge_point.py", "from websocket_client import client\nimport auth.tags"),
        ("lib/dlm/x.py", "from evse.limits import Limits"),
        ("drivers/x.py", "from core import log\nfrom machine import Pin\nimport drivers.lamps"),
        ("web/x.py", "from microdot import Microdot\nfrom core import clock\nimport web.state"),
        ("boot.py", "import machine"),
        ("main.py", "from firmware import main"),
        ("lib/firmware.py", "from drivers.board import Board\nfrom web.app import create_app"),
        ("sim/x.py", "from sim.shim import registers\nimport aiohttp, tools.build_image"),
        ("sim/shim/x.py", "import machine, registers, ffi"),
    ],
)
def test_an_import_along_the_rule_is_fine(tmp_path, name, source):
    assert check(tmp_path, name, source) == []


def test_what_micropython_lacks_is_refused_but_for_types(tmp_path):
    types = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from typing import Any\n"
    assert check(tmp_path, "lib/core/x.py", types) == []
    assert check(tmp_path, "lib/core/x.py", types + "from dataclasses import dataclass\n") == [
        "lib/core/x.py:4 imports dataclasses.dataclass: MicroPython has no such module"
    ]


def test_a_new_room_must_be_given_its_rule(tmp_path):
    (said,) = check(tmp_path, "lib/weather/x.py", "")
    assert "does not know" in said
