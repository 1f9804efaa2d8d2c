"""What settings must fulfil together; loaded while a change is checked."""


class _Values:
    """The settings as they would be after a change."""

    def __init__(self, changes: dict, settings) -> None:
        self._changes = changes
        self._settings = settings

    def changes(self, key: str) -> bool:
        """Tell whether a key is among what changes."""
        return key in self._changes

    def __getitem__(self, key: str):
        return self._changes[key] if key in self._changes else self._settings.get(key)


def _number(ip: str) -> int:
    number = 0
    for part in ip.split("."):
        number = number * 256 + int(part)
    return number


def _current_limits(values, settings) -> dict:
    errors = {}
    output_a, most_a = values["output_current_limit"], values["max_output_current"]
    if output_a > most_a:
        errors["output_current_limit"] = "%g A is above Max output current, %g A" % (
            output_a,
            most_a,
        )
    dip_a = settings.dip_limit_ma() / 1000
    for key in ("output_current_limit", "max_output_current"):
        if dip_a and values.changes(key) and values[key] > dip_a:
            errors[key] = "%g A is above the DIP switch's %g A" % (values[key], dip_a)
    return errors


def _voltages(values, settings) -> dict:
    keys = ("min_voltage", "low_voltage_hysteresis", "high_voltage_hysteresis", "max_voltage")
    volts = [values[key] for key in keys]
    errors = {}
    for index in range(3):
        if volts[index] >= volts[index + 1]:
            text = "%d V must be below %d V (%s)" % (
                volts[index],
                volts[index + 1],
                keys[index + 1],
            )
            errors[keys[index]] = text
            text = "%d V must be above %d V (%s)" % (volts[index + 1], volts[index], keys[index])
            errors[keys[index + 1]] = text
    return errors


def _temperatures(values, settings) -> dict:
    first, second = values["temperature_1"], values["temperature_2"]
    if first < second:
        return {}
    return {
        "temperature_1": "%d °C must be below threshold 2, %d °C" % (first, second),
        "temperature_2": "%d °C must be above threshold 1, %d °C" % (second, first),
    }


def _addresses(values, settings) -> dict:
    if values["dhcp"] != "Static":
        return {}
    keys = ("static_ip", "subnet_mask", "gateway")
    errors = {key: "is needed when DHCP is Static" for key in keys if not values[key]}
    if errors:
        return errors
    address, mask, gateway = [_number(values[key]) for key in keys]
    rest = ~mask & 0xFFFFFFFF
    if rest & (rest + 1) or rest < 3:
        return {"subnet_mask": values["subnet_mask"] + " is no subnet mask such as 255.255.255.0"}
    if not 0 < address & rest < rest:
        return {"static_ip": values["static_ip"] + " is no address of a device in this subnet"}
    if address & mask != gateway & mask or address == gateway:
        text = "%s is no other address in the subnet of %s" % (
            values["gateway"],
            values["static_ip"],
        )
        return {"gateway": text}
    return {}


def _group(values, settings) -> dict:
    kept_a = values["llm_fallback_current"] * values["llm_group_size"]
    if not values["llm_enabled"] or kept_a <= values["llm_grid_current"]:
        return {}
    text = "%g A for each of %d stations is above the grid connection's %g A" % (
        values["llm_fallback_current"],
        values["llm_group_size"],
        values["llm_grid_current"],
    )
    return {"llm_fallback_current": text}


def _logins(values, settings) -> dict:
    keys = ("manufacturer_login", "operator_login", "user_login")
    names = [values[key] for key in keys]
    return {key: "is the login of another role" for key in keys if names.count(values[key]) > 1}


def _phase_rotation(values, settings) -> dict:
    """ConnectorPhaseRotation of OCPP 1.6 section 9.1, such as "0.RST,1.STR"."""
    known = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
    text = values["connector_phase_rotation"]
    for part in text.split(",") if text else ():
        number, _, rotation = part.partition(".")
        if number not in ("0", "1") or rotation not in known:
            return {"connector_phase_rotation": part + " is none such as 0.RST or 1.NotApplicable"}
    return {}


_RULES = (
    (("connector_phase_rotation",), _phase_rotation),
    (("output_current_limit", "max_output_current"), _current_limits),
    (
        ("min_voltage", "low_voltage_hysteresis", "high_voltage_hysteresis", "max_voltage"),
        _voltages,
    ),
    (("temperature_1", "temperature_2"), _temperatures),
    (("dhcp", "static_ip", "subnet_mask", "gateway"), _addresses),
    (("llm_enabled", "llm_fallback_current", "llm_group_size", "llm_grid_current"), _group),
    (("manufacturer_login", "operator_login", "user_login"), _logins),
)


def broken(changes: dict, settings) -> dict:
    """{key: what is wrong}; told of keys that change, or of one that does where none is to blame.

    Rules that no change touches are not asked: what was valid once (before the DIP switch was
    turned) does not keep other settings from being changed.
    """
    values = _Values(changes, settings)
    errors = {}
    for keys, rule in _RULES:
        touched = [key for key in keys if key in changes]
        if not touched:
            continue
        found = rule(values, settings)
        blamed = {key: found[key] for key in found if key in changes}
        if found and not blamed:
            blamed = {touched[0]: ", ".join(["%s %s" % (key, found[key]) for key in found])}
        errors.update(blamed)
    return errors
