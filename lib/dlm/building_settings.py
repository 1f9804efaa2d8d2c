"""What the settings say of balancing with the building: loaded when they have changed."""

from core import loading
from dlm.balance import MIN_MA
from dlm.group_settings import line_order

_READER = "core.setting_values"
_KEYS = (
    "dlb_max_current",
    "llm_fallback_current",
    "dlb_timeout",
    "dlb_pid",
    "dlb_eco",
    "phases",
    "connector_phase_rotation",
)


async def read(settings) -> tuple:
    """(limit mA, fallback mA, timeout ms, pid, least mA of the surplus, order of lines, phases).

    The least is None without surplus charging; the phases are bits of those that the charger is on.
    """
    reader = loading.load(_READER)
    loading.unload(_READER)
    found = await reader.read(settings, _KEYS)
    limit_a, fallback_a, timeout_s, pid, eco, phases, rotation = [found[key] for key in _KEYS]
    order = line_order(rotation)
    return (
        int(limit_a * 1000),
        int(fallback_a * 1000),
        timeout_s * 1000,
        [int(part) for part in pid.split(",")],
        {"Surplus only": 0, "At least 6 A": MIN_MA}.get(eco),
        order,
        7 if phases[0] == "3" else 1 << order.index(0),
    )
