"""What the charger's condition is called and shown as: a row of conditions.tsv, or of faults.tsv."""

from core import storage

_START_GRACE_S = 10  # a car needs seconds from the offer to its first ampere
_PAUSED = "SuspendedEVSE"
_TABLE = __file__.rsplit("/", 1)[0] + "/conditions.tsv"


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
        offers = charger.signaled_ma or charger.waking or not charger.plugged
        return "SuspendedEV" if offers else "SuspendedEVSE"
    if not charger.available:
        return "Unavailable"
    # A plug alone does not use a reservation. From Preparing the standard knows no way to Reserved.
    if charger.reservation and not charger.awaits_plug and charger.status != "Preparing":
        return "Reserved"
    if charger.plugged:
        return "Finishing" if charger.finished else "Preparing"
    return "Preparing" if charger.awaits_plug else "Available"


class Condition:
    """The row for the present condition: line for people, lamps of ETEK and Blink, two lines of LCD."""

    def __init__(self) -> None:
        self._key = None
        self.row: list = []

    def update(self, charger) -> str:
        """Follow the charger; returns its reason, a line for people."""
        fault = charger.book.first(charger.fault_bits)
        key = fault or self._name(charger)
        if key != self._key:
            self._key = key
            self.row = charger.book.row(fault)[-5:] if fault else find_row(key)
        return charger.book.text(fault) if fault else self.fill(self.row[0], charger)

    def _name(self, charger) -> str:
        status = charger.status
        if status == "Preparing" and not charger.session:
            return "Awaiting a card" if charger.plugged else "Awaiting the plug"
        if status == _PAUSED:
            return status + " " + charger.limit_reason
        if status == "SuspendedEV" and not charger.plugged:
            return "Unplugged"
        return status

    def fill(self, text: str, charger) -> str:
        """A text of the row with the values that it names."""
        if text[-1:] != "}":
            return text
        if text[-7:] == "{limit}":
            return text[:-7] + charger.limit_reason
        if text[-6:] == "{left}":
            left_s = charger.limits.left_s
            hours = left_s // 3600
            left = "%d h %d min" % (hours, left_s // 60 % 60) if hours else "%d s" % left_s
            return text[:-6] + left + " left"
        session = charger.session
        if text == "{session}" and session:
            seconds = session.duration_s()
            clock = "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
            energy = "%d.%02dkWh" % (session.energy_wh // 1000, session.energy_wh % 1000 // 10)
            return clock + " " * max(1, 16 - len(clock) - len(energy)) + energy
        return "%d A" % (charger.limit_ma // 1000)


def find_row(name: str) -> list:
    """The row of a condition; SuspendedEVSE's, further down, for a reason that has none of its own."""
    starts = [name + "\t"]
    if name.startswith(_PAUSED):
        starts.append(_PAUSED + "\t")
    line = storage.find_line(_TABLE, starts)
    return line.split("\t")[1:] if line else [name, "", "", name, ""]
