"""config.json, or the factory's board section where that is damaged. Loaded at the start only."""

from core import log, storage

_FACTORY = __file__.rsplit("/", 1)[0] + "/factory.json"
# What no board can do without. Parts that a board may lack are looked for where they are used.
_PINS = "pilot_pwm pilot_adc contactor contactor_feedback rcm_trip temperature_adc i2c_sda i2c_scl"
_PILOT = "zero_uv uv_per_v diode_mv"


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
    return config, trouble


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
