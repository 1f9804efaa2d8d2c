"""Faults as bits, each with its policy: what clears it and what it is called."""

from micropython import const

CP_SHORT = const(1)
DIODE_SHORT = const(2)
RESIDUAL_CURRENT = const(4)
WELDED_CONTACTOR = const(8)
CONTACTOR_FAILS_TO_CLOSE = const(16)
NOT_OBEYING = const(32)
GUARD_STALLED = const(64)

# Gone when the plug is out. The others stay: a welded contactor for good, a guard until a restart.
CLEARED_BY_UNPLUG = CP_SHORT | DIODE_SHORT | RESIDUAL_CURRENT | CONTACTOR_FAILS_TO_CLOSE | NOT_OBEYING

# bit: (name, OCPP 1.6 ChargePointErrorCode, line for people)
TABLE = {
    CP_SHORT: ("cp_short", "OtherError", "Pilot short circuit: check the CP line"),
    DIODE_SHORT: ("diode_short", "OtherError", "Vehicle's pilot diode is missing or short"),
    RESIDUAL_CURRENT: ("residual_current", "GroundFailure", "Residual current"),
    WELDED_CONTACTOR: ("welded_contactor", "PowerSwitchFailure", "Contactor welded: call service"),
    CONTACTOR_FAILS_TO_CLOSE: ("contactor_fails_to_close", "PowerSwitchFailure", "Contactor does not close"),
    NOT_OBEYING: ("car_ignores_pilot", "EVCommunicationError", "Car ignores the pilot: unplug it"),
    GUARD_STALLED: ("guard_stalled", "InternalError", "Safety guard does not run: restart"),
}


def names(bits: int) -> list:
    """Names of the faults in a set of bits."""
    return [entry[0] for bit, entry in TABLE.items() if bits & bit]


def first(bits: int):
    """(name, OCPP error code, line for people) of one fault in a set, or None."""
    for bit, entry in TABLE.items():
        if bits & bit:
            return entry
    return None
