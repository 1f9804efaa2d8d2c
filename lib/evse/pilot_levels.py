"""Pilot voltages to vehicle states, and currents to duty (IEC 61851-1 tables A.2 … A.8)."""

from micropython import const

MIN_MA = const(6000)
MAX_MA = const(80000)
_GAP_LOW_MA = const(51000)  # 51 … 52.5 A has no duty of its own
_GAP_HIGH_MA = const(52500)
HYSTERESIS_MV = const(250)
STATES = "ABCDE"


def duty_x10(current_ma: int) -> int:
    """Duty in 1/10 permille that offers a current, 6 … 80 A: rounded once, 63 A gives 8920."""
    current_ma = min(max(current_ma, MIN_MA), MAX_MA)
    if current_ma <= _GAP_LOW_MA:
        return (current_ma + 3) // 6
    if current_ma < _GAP_HIGH_MA:
        return duty_x10(_GAP_LOW_MA)
    return (current_ma + 12) // 25 + 6400


def classify(high_mv: int, levels_mv, previous: str = "") -> str:
    """Vehicle state A … E of the pilot's positive level.

    levels_mv: the thresholds A/B, B/C, C/D, D/E, falling. A state keeps for 250 mV beyond its
    own thresholds, so that noise at a threshold does not chatter.
    """
    for index, level_mv in enumerate(levels_mv):
        if previous:
            level_mv += HYSTERESIS_MV if index < STATES.index(previous) else -HYSTERESIS_MV
        if high_mv >= level_mv:
            return STATES[index]
    return "E"
