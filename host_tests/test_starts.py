"""Starts that are counted, a controller that crashes again and again, and a config.json that is damaged."""

import json

import pytest
from core import board_config, log, starts
from rig import CONFIG


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "starts.json")


def test_five_unexpected_resets_in_a_row_are_a_crash_loop(path):
    assert not starts.note("power on", path)
    for _ in range(4):
        assert not starts.note("watchdog", path)
    assert starts.note("watchdog", path)
    assert starts.note("reset", path)  # and stays one


def test_a_start_that_lasted_a_minute_or_was_planned_begins_anew(path):
    starts.note("power on", path)
    for _ in range(20):
        assert not starts.note("reset", path)
        starts.lasted(path)


def test_new_power_is_a_new_chance(path):
    for _ in range(7):
        starts.note("watchdog", path)
    assert not starts.note("power on", path)
    for _ in range(4):
        assert not starts.note("watchdog", path)
    assert starts.note("watchdog", path)


def test_causes_are_counted_on_flash_and_logged(path):
    for cause in ("power on", "watchdog", "watchdog"):
        starts.note(cause, path)
    kept = json.loads(open(path).read())
    assert (kept["power on"], kept["watchdog"]) == (1, 2)
    line = list(log.lines())[-1]
    assert line.endswith("starts so far: power on 1, watchdog 2")


@pytest.mark.parametrize("content", ["", "[1]", "{", '"x"'])
def test_a_damaged_count_counts_from_one(path, content):
    with open(path, "w") as file:
        file.write(content)
    assert not starts.note("watchdog", path)
    assert json.loads(open(path).read())["watchdog"] == 1


def test_a_flash_that_can_not_be_written_hinders_no_start(tmp_path):
    assert not starts.note("reset", str(tmp_path / "missing" / "starts.json"))


def config_file(tmp_path, content) -> str:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_good_config_is_taken(tmp_path):
    board = {**CONFIG, "name": "other board"}
    path = config_file(tmp_path, {"board": board, "web_port": 81})
    assert board_config.read(False, path) == ({"board": board, "web_port": 81}, "")
    config, trouble = board_config.read(True, path)  # a crashing controller takes the factory's
    assert (config["board"], config["web_port"], trouble) == (CONFIG, 81, "")


def without(section: str, name: str) -> dict:
    return {"board": {**CONFIG, section: {k: v for k, v in CONFIG[section].items() if k != name}}}


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        ("", "is no JSON"),
        ('{"board": {"pins"', "is no JSON"),
        ("[]", "has no board section"),
        ({"board": 7}, "has no board section"),
        ({"board": {}}, "has no board.pins.pilot_pwm"),
        (without("pins", "contactor"), "has no board.pins.contactor"),
        (without("pilot", "zero_uv"), "has no board.pilot.zero_uv"),
        (without("i2c", "outputs"), "has no board.i2c.outputs"),
        (
            {"board": {**CONFIG, "pins": {**CONFIG["pins"], "contactor": "26"}}},
            "has no board.pins.contactor",
        ),
        (
            {"board": {**CONFIG, "pilot": {**CONFIG["pilot"], "levels_mv": 7}}},
            "has no 4 values in board.pilot.levels_mv",
        ),
        ({"board": {**CONFIG, "dip_a": [6]}}, "has no 8 values in board.dip_a"),
    ],
)
def test_a_damaged_config_gives_the_factory_section_and_the_reason(tmp_path, content, trouble):
    config, told = board_config.read(False, config_file(tmp_path, content))
    assert (config["board"], told) == (CONFIG, trouble)
    assert list(log.lines())[-1].endswith("config.json %s: contactor stays open" % trouble)


def test_a_missing_config_gives_it_too(tmp_path):
    config, told = board_config.read(False, str(tmp_path / "none.json"))
    assert (config["board"], told) == (CONFIG, "is missing")
