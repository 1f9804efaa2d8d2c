"""Starting the bench: what stops it, in one line, and what lasts between runs."""

import json
import socket
from pathlib import Path

import pytest
from littlefs import LittleFS
from tools.build_image import BLOCK_BYTES

from sim import run
from sim.board_data import BoardData, charge_point_id, new_board_settings

CONFIG = json.loads((Path(__file__).parent.parent / "config.json").read_text())


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_taken_port_ends_the_start_with_one_line(taken_port, capsys, monkeypatch):
    monkeypatch.setattr(run, "check_interpreter", lambda options: None)
    status = run.main(["--web", str(taken_port), "--csms", "none"])
    output = capsys.readouterr()
    assert status == 1
    assert output.out == ""
    assert output.err == f"sim.run: port {taken_port} for board 1's page is not free\n"


def test_without_micropython_the_line_tells_what_to_do(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "ROOT", tmp_path)
    assert run.main([]) == 1
    error = capsys.readouterr().err
    assert "make setup" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--boards", "0"], ["--boards", "99"], ["--heap", "much"], ["--csms", "http://x"]],
)
def test_wrong_options_are_refused(arguments):
    with pytest.raises(SystemExit):
        run.parse(arguments)


def test_boards_of_one_bench_come_with_ids_of_their_own():
    settings = [new_board_settings(number, "ws://127.0.0.1:8900/ocpp") for number in (1, 2)]
    assert settings[0]["backend_chargepoint_id"] == charge_point_id(1) == "MPEVSE-240AC4000001"
    assert settings[0]["backend_chargepoint_id"] != settings[1]["backend_chargepoint_id"]
    assert "backend_url" not in new_board_settings(1, "")


def test_a_boards_own_values_are_put_into_config_json():
    config = {"board": {"pins": {"coil": 26, "meter_tx": 17}, "dip_a": [6, 10]}, "web_port": 80}
    changes = {"board": {"meter": "ct", "pins": {"coil": 25, "meter_tx": None}, "dip_a": [6]}}
    board = {"pins": {"coil": 25}, "dip_a": [6], "meter": "ct"}
    assert run.merged(config, changes) == {"board": board, "web_port": 80}
    assert config["board"]["pins"] == {"coil": 26, "meter_tx": 17}
    assert run.merged(config, {}) == config


def mounted(image):
    buffer = bytearray(image.read_bytes())
    fs = LittleFS(block_size=BLOCK_BYTES, block_count=len(buffer) // BLOCK_BYTES, mount=False)
    fs.context.buffer = buffer
    fs.mount()
    return fs


def read(image, name):
    fs = mounted(image)  # must outlive its files
    with fs.open(name, "rb") as file:
        return file.read()


@pytest.mark.parametrize("romfs", [True, False])
def test_a_used_flash_keeps_its_files_and_gets_the_new_port(tmp_path, romfs):
    data = BoardData(tmp_path / "board-1")
    data.prepare_flash(1, {**CONFIG, "web_port": 8080}, "ws://127.0.0.1:8900/ocpp", not romfs)
    data.prepare_flash(1, {**CONFIG, "web_port": 9090}, "ws://elsewhere/", romfs)
    assert json.loads(read(data.flash, "config.json"))["web_port"] == 9090
    kept = json.loads(read(data.flash, "data/settings.json"))
    assert kept["backend_url"] == "ws://127.0.0.1:8900/ocpp"
    data.prepare_flash(1, CONFIG, "ws://127.0.0.1:9999/ocpp", romfs)
    kept = json.loads(read(data.flash, "data/settings.json"))
    assert kept["backend_url"] == "ws://127.0.0.1:9999/ocpp"  # the demo back office, moved
    fs = mounted(data.flash)
    code_in_image = any(names for _, _, names in fs.walk("/lib"))
    assert (data.romfs.exists(), code_in_image) == (romfs, not romfs)
