"""Current limits: every source owns a slot, the smallest wins and gives the reason."""


class Limits:
    """Slots by reason, in mA; 0 pauses."""

    def __init__(self) -> None:
        self._slots = {}
        self.ma = 0
        self.reason = "no limit set"
        self.left_s = 0  # until it ends or changes by itself; 0: not known

    def set(self, reason: str, limit_ma) -> None:
        """Set a source's limit in mA; None gives the slot up."""
        if limit_ma is None:
            self._slots.pop(reason, None)
        else:
            self._slots[reason] = limit_ma
        self.ma = 0
        before = self.reason
        self.reason = "no limit set"
        for name, slot_ma in self._slots.items():
            if self.reason == "no limit set" or slot_ma < self.ma:
                self.ma = slot_ma
                self.reason = name
        if self.reason != before:
            self.left_s = 0

    def without(self, reasons) -> int:
        """The effective limit in mA if these sources had no slot."""
        others = [ma for name, ma in self._slots.items() if name not in reasons]
        return min(others) if others else 0

    def slots(self) -> dict:
        """All slots, for the page that explains a limit."""
        return self._slots
