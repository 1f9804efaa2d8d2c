"""What the settings say of a group and of this member of it: loaded when they have changed."""

from core import loading

_MEMBER_KEYS = (
    "max_output_current",
    "output_current_limit",
    "llm_fallback_current",
    "llm_priority",
    "phases",
    "connector_phase_rotation",
)
_GROUP_KEYS = ("llm_policy", "llm_grid_current", "llm_rotation", "dlb_function")


def line_order(rotation: str) -> tuple:
    """Which of the charger's lines is on the grid's L1, L2, L3, by OCPP 1.6's ConnectorPhaseRotation."""
    for connector in ("1.", "0."):
        for part in rotation.split(","):
            name = part[2:]
            if part[:2] == connector and sorted(name) == ["R", "S", "T"]:
                return name.find("R"), name.find("S"), name.find("T")
    return 0, 1, 2


def of_member(settings, keys) -> "tuple | None":
    """(rating mA, fallback mA, priority, order of lines, phases); None where nothing of it changed.

    keys: what has changed, None for all; phases: bits of those that the charger is on.
    """
    if keys is not None and not [key for key in _MEMBER_KEYS if key in keys]:
        return None
    most_a, operator_a, fallback_a, priority, phases, rotation = [
        settings.get(key) for key in _MEMBER_KEYS
    ]
    order = line_order(rotation)
    bits = 7 if phases[0] == "3" else 1 << order.index(0)
    rating_ma = int(min(most_a, operator_a) * 1000)
    return rating_ma, int(fallback_a * 1000), priority, order, bits


def of_group(settings, keys) -> "tuple | None":
    """(policy, limit mA, rotation s, load balancing); None where nothing of it changed."""
    if keys is not None and not [key for key in _GROUP_KEYS if key in keys]:
        return None
    allocator = loading.load("dlm.allocator")
    policy, limit_a, rotation_min, function = [settings.get(key) for key in _GROUP_KEYS]
    first_come = policy.startswith("First")
    chosen = allocator.FIRST_IN_FIRST_SERVED if first_come else allocator.UNIFORM
    return chosen, int(limit_a * 1000), rotation_min * 60, function == "DLB"
