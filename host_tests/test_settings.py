"""Settings: checked as a whole, kept whole."""

import json

import pytest
from core.setting_types import declarations, parse
from core.settings import Settings, SettingsError, mark


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "settings.json")


def test_defaults_are_valid_and_need_no_file(path):
    settings = Settings(path)
    for declaration in declarations():
        if declaration.has_value:
            assert settings.get(declaration.key) == parse(declaration, declaration.default)


def test_no_two_keys_have_the_same_mark():
    keys = [declaration.key for declaration in declarations()]
    assert len({mark(key) for key in keys}) == len(keys) == len(set(keys))


def test_a_reset_brings_all_defaults_back_and_is_told(path):
    heard = []
    settings = Settings(path)
    settings.change({"output_current_limit": 16, "office_address": "Main Street 1"})
    settings.listen(heard.append)
    settings.reset()
    for known in (settings, Settings(path)):
        assert known.get("output_current_limit") == 32
        assert known.get("office_address") == ""
    assert {"output_current_limit", "free_charging"} <= heard[0]


def test_a_change_is_there_after_a_restart(path):
    heard = []
    settings = Settings(path)
    settings.listen(heard.append)
    settings.change({"output_current_limit": 16, "free_charging": True})
    again = Settings(path)
    assert (again.get("output_current_limit"), again.get("free_charging")) == (16, True)
    assert heard == [{"output_current_limit", "free_charging"}]


def test_all_or_nothing(path):
    settings = Settings(path)
    with pytest.raises(SettingsError) as refused:
        settings.change({"output_current_limit": 10, "pdu_timeout": 1000, "nonsense": 1})
    assert set(refused.value.errors) == {"pdu_timeout", "nonsense"}
    assert settings.get("output_current_limit") == 32
    assert Settings(path).get("output_current_limit") == 32


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("output_current_limit", 5.9),
        ("output_current_limit", "a lot"),
        ("output_current_limit", None),
        ("output_current_limit", [16]),
        ("output_current_limit", float("nan")),
        ("pdu_timeout", 5.5),
        ("meter_value_sample_interval", 9),
        ("user_password", "short"),
        ("user_password", 12345678),
        ("stop_mode", "never"),
        ("backend_url", "http://example.org"),
        ("meter_values_sampled_data", "Voltage,Frequency"),
        ("free_charging", "maybe"),
        ("free_charging", 2),
    ],
)
def test_bad_values_are_refused(path, key, value):
    with pytest.raises(SettingsError) as refused:
        Settings(path).change({key: value})
    assert list(refused.value.errors) == [key]


def test_an_interval_may_be_off(path):
    settings = Settings(path)
    settings.change({"meter_value_sample_interval": 0})
    assert settings.get("meter_value_sample_interval") == 0


def test_one_damaged_value_costs_only_itself(path):
    with open(path, "w") as file:
        json.dump({"output_current_limit": 1000, "free_charging": True}, file)
    settings = Settings(path)
    assert (settings.get("output_current_limit"), settings.get("free_charging")) == (32, True)


def test_a_damaged_file_gives_the_defaults(path):
    with open(path, "w") as file:
        file.write('{"output_current')
    assert Settings(path).get("output_current_limit") == 32


def test_a_full_flash_changes_nothing(path, monkeypatch):
    settings = Settings(path)
    monkeypatch.setattr("os.rename", lambda old, new: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(OSError):
        settings.change({"output_current_limit": 16})
    assert settings.get("output_current_limit") == 32
