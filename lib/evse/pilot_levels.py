"""Pilot voltages to vehicle states, and currents to duty (IEC 61851-1 tables A.2 … A.8)."""

from micropython import const

MIN_MA = const(6000)
MAX_MA = const(80000)
_GAP_LOW_MA = const(51000)  # 51 … 52.5 A has no duty of its own
_GAP_HIGH_MA = const(52500)
HYSTERESIS_MV = const(150)  # of a board that brings none of its own
STATES = "ABCDE"


def duty_x10(current_ma: int) -> int:
    """Duty in 1/10 permille that offers a current, 6 … 80 A: rounded once, 63 A gives 8920."""
    current_ma = min(max(current_ma, MIN_MA), MAX_MA)
    if current_ma <= _GAP_LOW_MA:
        return (current_ma + 3) // 6
    if current_ma < _GAP_HIGH_MA:
        return duty_x10(_GAP_LOW_MA)
    return (current_ma + 12) // 25 + 6400


def offered_ma(duty_x10: int) -> int:
    """Current that a duty of 10 … 96 % offers, to 0.1 A; 0 for 0."""
    current_ma = duty_x10 * 6 if duty_x10 <= 8500 else (duty_x10 - 6400) * 25
    return (current_ma + 50) // 100 * 100


def classify(high_mv: int, levels_mv, hysteresis_mv: int, previous: str) -> str:
    """Vehicle state A … E of the pilot's positive level.

    levels_mv: the thresholds A/B, B/C, C/D, D/E, falling. The previous state keeps for the
    hysteresis beyond its own thresholds, so that noise at a threshold does not chatter.
    """
    state = STATES.index(previous)
    for index, level_mv in enumerate(levels_mv):
        level_mv += hysteresis_mv if index < state else -hysteresis_mv
        if high_mv >= level_mv:
            return STATES[index]
    return "E"
