"""The pilot's calibration by a multimeter, and what the converters read."""

import asyncio

import pytest
from action_rig import Stand
from core import board_config
from data_rig import use_directory
from rig import CONFIG

POINTS = {"high_mv": 12010, "high_uv": 2_230_000, "low_mv": -11980, "low_uv": 180_000}


def test_two_measured_points_calibrate_the_pilot_from_the_next_start_on(tmp_path, monkeypatch):
    async def story(stand, push):
        status, answer = await push("calibrate_pilot", POINTS)
        slope = 2_050_000_000 // 23_990
        found = {"uv_per_v": slope, "zero_uv": 2_230_000 - 12010 * slope // 1000}
        assert (status, answer["result"]) == (200, found)
        circuit = board_config.read()[0]["board"]["pilot"]
        assert {key: circuit[key] for key in found} == found
        page = await stand.browsers["manufacturer"].get("/api/calibration")
        assert page.json["pilot"]["calibrated"] is True
        assert (await push("calibrate_pilot", {"forget": True}))[0] == 200
        circuit = board_config.read()[0]["board"]["pilot"]
        assert circuit["uv_per_v"] == CONFIG["pilot"]["uv_per_v"]

    Stand(tmp_path, monkeypatch).tell(story)


@pytest.mark.parametrize(
    "change",
    [
        {"high_mv": 9000},
        {"low_mv": -1000},
        {"high_uv": 3_000_000},
        {"low_uv": 900_000},
        {"high_uv": "2230000"},
        {"high_uv": True},
        {"high_uv": None},
        {"high_uv": 180_000},
    ],
)
def test_absurd_points_are_rejected(tmp_path, monkeypatch, change):
    async def story(stand, push):
        status, answer = await push("calibrate_pilot", {**POINTS, **change})
        assert (status, list(answer["errors"])) == (422, ["calibrate_pilot"])
        assert board_config.calibration() is None

    Stand(tmp_path, monkeypatch).tell(story)


@pytest.mark.parametrize("content", ["{", "[]", '{"zero_uv": 1}', '{"zero_uv": 0, "uv_per_v": 0}'])
def test_a_damaged_calibration_is_not_used(tmp_path, monkeypatch, content):
    use_directory(monkeypatch, tmp_path)
    (tmp_path / "pilot.json").write_text(content)
    config, trouble = board_config.read()
    assert (config["board"]["pilot"], trouble) == (CONFIG["pilot"], "")


def test_the_second_point_is_measured_in_state_f_and_nothing_charges_then(tmp_path, monkeypatch):
    async def story(stand, push):
        assert (await push("calibrate_pilot", {"hold_low_s": 60}))[0] == 200
        await asyncio.sleep(1)
        page = (await stand.browsers["manufacturer"].get("/api/calibration")).json
        assert (page["state"], page["pilot"]["duty_permille"]) == ("F", 0)
        assert abs(page["pilot"]["low_mv"] + 12000) < 200
        stand.charger.start("CARD")
        stand.car(plugged=True, ready=True)
        await asyncio.sleep(50)
        assert (stand.coil(), stand.charger.signaled_ma) == (0, 0)
        await asyncio.sleep(20)
        assert stand.charger.state != "F"

    Stand(tmp_path, monkeypatch).tell(story)


def test_holding_low_ends_when_told_to_and_a_car_forbids_it(tmp_path, monkeypatch):
    async def story(stand, push):
        await push("calibrate_pilot", {"hold_low_s": 100})
        await push("calibrate_pilot", {"hold_low_s": 5})
        await asyncio.sleep(6)
        assert stand.charger.state == "A"
        await push("calibrate_pilot", {"hold_low_s": 100})
        await push("calibrate_pilot", {"hold_low_s": 0})
        await asyncio.sleep(1)
        assert stand.charger.state == "A"
        for value in (121, -1, "5", 1.5, True):
            assert (await push("calibrate_pilot", {"hold_low_s": value}))[0] == 422
        for value in (None, "", 5, []):
            assert (await push("calibrate_pilot", value))[0] == 422
        stand.car(plugged=True)
        await asyncio.sleep(2)
        assert (await push("calibrate_pilot", POINTS))[0] == 409

    Stand(tmp_path, monkeypatch).tell(story)


def test_raw_values_are_for_the_manufacturer(tmp_path, monkeypatch):
    async def story(stand, push):
        for role in ("operator", "user"):
            assert (await stand.browsers[role].get("/api/calibration")).status_code == 403
        stand.car(plugged=True, cable_a=20)
        await asyncio.sleep(2)
        page = (await stand.browsers["manufacturer"].get("/api/calibration")).json
        assert abs(page["pilot"]["high_mv"] - 9000) < 300
        assert abs(page["proximity"]["ohm"] - 680) < 30
        assert 0 < page["proximity"]["uv"] < 3_300_000

    Stand(tmp_path, monkeypatch, cable_or_socket="Socket").tell(story)
