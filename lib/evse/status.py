"""What the charger's condition is called: OCPP status, a line for people, lamps (ETEK manual section 6)."""

from evse import faults

_START_GRACE_S = 10  # a car needs seconds from the offer to its first ampere


def ocpp_status(charger) -> str:
    """ChargePointStatus of OCPP 1.6 for connector 1."""
    session = charger.session
    if charger.fault_bits:
        return "Faulted"
    if session:
        if charger.contactor_closed and charger.vehicle in "CD":
            return "Charging"
        if not charger.has_charged and session.duration_s() < _START_GRACE_S:
            return "Preparing"
        return "SuspendedEV" if charger.signaled_ma else "SuspendedEVSE"
    if not charger.available:
        return "Unavailable"
    if charger.plugged:
        return "Finishing" if charger.finished else "Preparing"
    return "Preparing" if charger.awaits_plug else "Available"


def reason(charger) -> str:
    """Why the charger is in its state, in one line for people."""
    fault = faults.first(charger.fault_bits)
    if fault:
        return fault[2]
    status = charger.status
    if status == "Charging":
        return "Charging, limited by " + charger.limit_reason
    if status == "SuspendedEVSE":
        return "Paused: " + charger.limit_reason
    return _REASONS[status] if status != "Preparing" else _preparing(charger)


def _preparing(charger) -> str:
    if charger.session:
        return "Waiting for the car to ask for energy"
    return "Waiting for a card" if charger.plugged else "Authorized, waiting for the plug"


_REASONS = {
    "Available": "Ready for a car",
    "Unavailable": "Out of service",
    "SuspendedEV": "The car asks for no energy",
    "Finishing": "Finished, waiting for the plug to be pulled",
}

_LAMPS = {
    "Available": {"green": "on"},
    "Charging": {"blue": "breathing"},
    "SuspendedEV": {"blue": "on"},
    "SuspendedEVSE": {"blue": "flashing slow"},
    "Finishing": {"green": "flashing slow"},
    "Unavailable": {"yellow": "flashing slow"},
}


def lamps(charger, links) -> dict:
    """Patterns by colour. links: "" no network, "network", "backend" connected, "off" none wanted."""
    status = charger.status
    if status == "Faulted":
        lasting = charger.fault_bits & (faults.CP_SHORT | faults.WELDED_CONTACTOR)
        shown = {"red": "on" if lasting else "flashing fast"}
    elif status == "Preparing":
        shown = {"green": "flashing slow" if charger.plugged else "flashing fast"}
    else:
        shown = dict(_LAMPS[status])
    if links in ("", "network") and "yellow" not in shown:
        shown["yellow"] = "flashing fast" if links else "on"
    return shown


def lcd_lines(charger) -> tuple:
    """Two lines of at most 16 characters."""
    session = charger.session
    if session:
        seconds = session.duration_s()
        clock = "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
        energy = "%d.%02dkWh" % (session.energy_wh // 1000, session.energy_wh % 1000 // 10)
        return charger.status, clock + " " * max(1, 16 - len(clock) - len(energy)) + energy
    fault = faults.first(charger.fault_bits)
    return charger.status, fault[0] if fault else "%d A" % (charger.limit_ma // 1000)
