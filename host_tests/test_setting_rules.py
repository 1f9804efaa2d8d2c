"""What settings must fulfil together, and what each type takes: errors name the setting, the value and what is allowed."""

import pytest
from core import setting_default
from core.setting_types import declarations, parse
from core.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path):
    return Settings(str(tmp_path / "settings.json"))


def refusal(settings, **changes) -> dict:
    """The errors of a change that must be refused; it changes nothing."""
    before = {key: settings.get(key) for key in changes}
    with pytest.raises(SettingsError) as refused:
        settings.change(changes)
    assert {key: settings.get(key) for key in changes} == before
    return refused.value.errors


def test_the_operators_limit_stays_below_the_hardwares(settings):
    settings.change({"output_current_limit": 16})
    settings.change({"max_output_current": 20})
    errors = refusal(settings, output_current_limit=25)
    assert errors == {"output_current_limit": "25 A is above Max output current, 20 A"}
    assert (
        "16 A is above Max output current, 10 A"
        in refusal(settings, max_output_current=10)["max_output_current"]
    )
    settings.change({"output_current_limit": 10, "max_output_current": 10})


def test_the_dip_switch_is_above_both_and_keeps_nothing_else_from_being_changed(settings):
    settings.dip_limit_ma = lambda: 16000
    assert refusal(settings, output_current_limit=20) == {
        "output_current_limit": "20 A is above the DIP switch's 16 A"
    }
    settings.change({"output_current_limit": 13})
    settings.change({"stop_limit": 130})


def test_voltages_and_temperatures_are_in_order(settings):
    errors = refusal(settings, max_voltage=250, high_voltage_hysteresis=255)
    assert set(errors) == {"max_voltage", "high_voltage_hysteresis"}
    assert "low_voltage_hysteresis" in refusal(settings, min_voltage=210)["min_voltage"]
    assert "threshold 1, 70" in refusal(settings, temperature_2=60)["temperature_2"]
    settings.change({"temperature_1": 50, "temperature_2": 60})


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({"static_ip": ""}, "static_ip"),
        ({"gateway": ""}, "gateway"),
        ({"subnet_mask": "255.0.255.0"}, "subnet_mask"),
        ({"subnet_mask": "255.255.255.255"}, "subnet_mask"),
        ({"static_ip": "192.168.1.255"}, "static_ip"),
        ({"gateway": "192.168.2.1"}, "gateway"),
        ({"gateway": "192.168.1.100"}, "gateway"),
    ],
)
def test_static_addresses_are_complete_and_fit(settings, changes, blamed):
    assert list(refusal(settings, dhcp="Static", **changes)) == [blamed]
    settings.change(changes)  # unused while addresses come from DHCP
    assert refusal(settings, dhcp="Static")["dhcp"].startswith(blamed)


def test_a_group_keeps_its_fallback_free(settings):
    group = {"llm_enabled": True, "llm_group_size": 4, "llm_grid_current": 40}
    settings.change({**group, "llm_fallback_current": 10})
    assert list(refusal(settings, llm_group_size=5)) == ["llm_group_size"]


def test_two_roles_have_two_logins(settings):
    assert list(refusal(settings, user_login="etec")) == ["user_login"]
    settings.change({"user_login": "etec", "operator_login": "user"})


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("free_charging", "ON", True),
        ("free_charging", "off", False),
        ("wlan_enabled", "Disable", False),
        ("meter_value_sample_interval", 0, 0),
        ("heartbeat_interval", "60", 60),
        ("static_ip", "", ""),
        ("start_time", "23:59", "23:59"),
        ("dlb_pid", "500, 1800,10", "500,1800,10"),
        ("ssid_password", "", ""),
        ("backend_url", "wss://example.org/ocpp", "wss://example.org/ocpp"),
        ("meter_values_sampled_data", "Voltage, Temperature", "Voltage,Temperature"),
    ],
)
def test_what_is_taken(settings, key, value, stored):
    settings.change({key: value})
    assert settings.get(key) == stored


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("meter_value_sample_interval", 9, "0 or 10 to 86400"),
        ("llm_fallback_current", 3, "0 or 6 to 80"),
        ("ssid_password", "short", "0 or 8 to 63"),
        ("static_ip", "192.168.1.256", "such as 192.168.1.100"),
        ("static_ip", "1.2.3", "such as 192.168.1.100"),
        ("start_time", "24:00", "time of the day"),
        ("start_time", "7:30", "such as 22:30"),
        ("dlb_pid", "1,2", "three whole numbers"),
        ("dhcp", "auto", "Auto, Static"),
        ("backend_url", "ws://a b", "blank"),
        ("backend_url", "ws://", "ws:// or wss://"),
        ("ssid", "caf\u0007", "control character"),
        ("output_current_limit", True, "not a number"),
        ("output_current_limit", float("inf"), "6 to 80"),
        ("start_delay_max", "1e400", "0 to 1800"),
        ("factory_reset", 1, "no setting"),
        ("voltage_l1", 230, "no setting"),
        ("user_password", "a new password", "not protected"),
    ],
)
def test_what_is_refused_is_named(settings, key, value, told):
    text = refusal_of(settings, key, value)
    assert told in text


def refusal_of(settings, key, value) -> str:
    with pytest.raises(SettingsError) as refused:
        settings.change({key: value})
    assert list(refused.value.errors) == [key]
    return refused.value.errors[key]


def test_a_refused_secret_is_not_repeated(settings):
    text = refusal_of(settings, "ssid_password", "short")
    assert "short" not in text
    assert text.startswith("SSID Password: ")


def test_every_declaration_is_whole():
    pages = set()
    for declaration in declarations():
        pages.add(declaration.page)
        for role in ("manufacturer", "operator", "user"):
            assert declaration.may_read(role) or not declaration.may_write(role)
        if declaration.has_value:
            parse(declaration, declaration.default)
        if declaration.type == "enum":
            assert declaration.default in declaration.range.split("|")
        assert declaration.label
    assert len(pages) == 9
    with pytest.raises(KeyError):
        setting_default.of("nonsense")
