"""ChargePointErrorCode of OCPP 1.6 (7.6) as numbers: loaded when one changes."""

_CODES = (
    "NoError",
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
)


def index(code: str) -> int:
    """Its number; that of OtherError for one that the standard does not know."""
    return _CODES.index(code if code in _CODES else "OtherError")


def text(number: int) -> str:
    """The code of a number; OtherError for one that there is not."""
    return _CODES[number] if number < len(_CODES) else "OtherError"
