"""config.json, or the factory's board section where that is damaged. Loaded at the start, and to calibrate the pilot."""

import os

from core import log, storage

_FACTORY = __file__.rsplit("/", 1)[0] + "/factory.json"
# What no board can do without. Parts that a board may lack are looked for where they are used.
_PINS = "pilot_pwm pilot_adc contactor contactor_feedback rcm_trip temperature_adc i2c_sda i2c_scl"
_PILOT = "zero_uv uv_per_v diode_mv"
_CALIBRATION = "/data/pilot.json"
_FIGURES = ("zero_uv", "uv_per_v")


def read(crashing: bool = False, path: str = "config.json") -> tuple:
    """(configuration, what is wrong with config.json or ""); crashing: take the factory's anyhow."""
    config = None
    try:
        config = storage.read_json(path)
        trouble = _trouble(config)
    except ValueError:
        trouble = "is no JSON"
    if trouble:
        log.error("start", "config.json %s: contactor stays open" % trouble)
    if trouble or crashing:
        port = config.get("web_port") if isinstance(config, dict) else None
        config = storage.read_json(_FACTORY)
        if isinstance(port, int):
            config["web_port"] = port
    else:
        config["board"]["pilot"].update(_sane_calibration(config["board"]["pilot"]))
    return config, trouble


def _sane_calibration(circuit: dict) -> dict:
    found = calibration() or {}
    trouble = found and calibration_trouble(found, circuit)
    if trouble:
        log.error("start", "calibration of the pilot, not used: " + trouble)
        return {}
    return found


def calibration() -> "dict | None":
    """What a calibration of the pilot has found; None without one."""
    try:
        return storage.read_json(_CALIBRATION)
    except ValueError:
        log.error("start", "calibration of the pilot is no JSON")
        return None


def calibration_trouble(found, circuit: dict) -> str:
    """Why these figures can't be; empty when they may be. circuit: config.json's board.pilot."""
    if not isinstance(found, dict) or sorted(found) != sorted(_FIGURES):
        return "needs zero_uv and uv_per_v"
    for name in _FIGURES:
        if isinstance(found[name], bool) or not isinstance(found[name], int):
            return name + " is no whole number"
    slope_uv = circuit["uv_per_v"]
    for volts in (-12, 12):
        off_uv = found["zero_uv"] - circuit["zero_uv"] + volts * (found["uv_per_v"] - slope_uv)
        if abs(off_uv) > slope_uv:  # 1 V: a third of what the states are apart
            off_mv = off_uv * 1000 // slope_uv
            return "at %d V they are %d mV off config.json's, more than 1000" % (volts, off_mv)
    return ""


def keep_calibration(found: dict, path: str = "config.json") -> str:
    """Keep figures for the next start; returns why not, or ""."""
    trouble = calibration_trouble(found, storage.read_json(path)["board"]["pilot"])
    if not trouble:
        storage.write_json(_CALIBRATION, found)
    return trouble


def forget_calibration() -> None:
    """Go by config.json's figures from the next start on."""
    if storage.exists(_CALIBRATION):
        os.remove(_CALIBRATION)


def _trouble(config) -> str:
    if config is None:
        return "is missing"
    board = config.get("board") if isinstance(config, dict) else None
    if not isinstance(board, dict):
        return "has no board section"
    for section, names in (("pins", _PINS), ("pilot", _PILOT), ("i2c", "inputs outputs")):
        values = board.get(section)
        for name in names.split():
            if not isinstance(values, dict) or not isinstance(values.get(name), int):
                return "has no board.%s.%s" % (section, name)
    for section, values, count in (
        ("pilot.levels_mv", board["pilot"].get("levels_mv"), 4),
        ("dip_a", board.get("dip_a"), 8),
    ):
        if not isinstance(values, list) or len(values) != count:
            return "has no %d values in board.%s" % (count, section)
    return ""
