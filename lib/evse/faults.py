"""Faults as bits, and the book that keeps the active ones: texts and policies are rows of faults.tsv.

A check tells the present condition of its fault as often as it likes. The book raises the fault at once
and clears it as its row says: when the condition has been well for a time, so many times in a row, or
when the plug is out, or never before a restart.
"""

from core import clock, log
from core.clock import ticks_diff, ticks_ms
from micropython import const

# In the order in which one of several is shown; the n-th is row n of faults.tsv, after its heading.
GUARD_STALLED = const(0x1)
WELDED_CONTACTOR = const(0x2)
CP_SHORT = const(0x4)
DIODE_SHORT = const(0x8)
RESIDUAL_CURRENT = const(0x10)
RCM_TEST_FAILED = const(0x20)
GROUND_LOST = const(0x40)
CONTACTOR_FAILS_TO_CLOSE = const(0x80)
NOT_OBEYING = const(0x100)
PP_ERROR = const(0x200)
LOCK_JAM = const(0x400)
OVER_VOLTAGE = const(0x800)
UNDER_VOLTAGE = const(0x1000)
PHASE_LOSS = const(0x2000)
OVER_CURRENT = const(0x4000)
OVER_TEMPERATURE = const(0x8000)
TEMPERATURE_SENSOR = const(0x10000)
METER_FAULT = const(0x20000)
CRASH_LOOP = const(0x40000)
CONTACTOR_WORN = const(0x80000)
PLUG_WORN = const(0x100000)
UNLOCK_JAM = const(0x200000)
READER_FAULT = const(0x400000)
CONFIG_DAMAGED = const(0x800000)
QUEUE_FULL = const(0x1000000)

STOPPING = const(0x7FFFF | CONFIG_DAMAGED | QUEUE_FULL)  # these keep the contactor open
BLOCKING = const(CONTACTOR_WORN | PLUG_WORN)  # no new session, a running one goes on
NOTICES = const(UNLOCK_JAM | READER_FAULT)  # charging goes on
LASTING = const(
    GUARD_STALLED | WELDED_CONTACTOR | CRASH_LOOP | CONFIG_DAMAGED
)  # the pilot stays in state F
ENDING = const(LASTING | QUEUE_FULL)  # a running session ends
# Here the pilot stops the car before the contactor opens, 6 s at most.
GENTLE = const(OVER_CURRENT | OVER_TEMPERATURE | TEMPERATURE_SENSOR | METER_FAULT | QUEUE_FULL)

_THE_CARS = const(
    CP_SHORT | DIODE_SHORT | RESIDUAL_CURRENT | CONTACTOR_FAILS_TO_CLOSE | NOT_OBEYING
)
_THE_PLUGS = const(PP_ERROR | LOCK_JAM | OVER_CURRENT)
_CLEARED_BY_UNPLUG = const(_THE_CARS | _THE_PLUGS)
_ALWAYS = const(65535)
_TABLE = __file__.rsplit("/", 1)[0] + "/faults.tsv"
_NO_ROW = ("", "fault", "OtherError", "", "0", "Fault: call service", "red:on", "red:on", "", "")
_ROW_BYTES = const(160)  # rows have one length, so that one can be found at once
_NAME = const(1)
_CODE = const(2)
_WELL_S = const(3)
_RETRIES = const(4)
_TEXT = const(5)


class FaultBook:
    """The faults of one charger; .bits are the active ones."""

    def __init__(self) -> None:
        self.bits = 0
        self.fresh = 0  # raised and not yet reported
        self._present = 0  # conditions as last told
        self._entries = {}  # bit: [raised at uptime s, well since ticks, row of the table or None]
        self._tries = {}  # bit: how often it was cleared by time since the car came
        self.residual_policy = (
            900,
            3,
        )  # seconds well, retries: local rules differ, see config.json

    def set(self, bit: int, active) -> None:
        """Tell a fault's present condition."""
        if active:
            self._present |= bit
            if not self.bits & bit:
                self.bits |= bit
                self.fresh |= bit
                self._entries[bit] = [clock.uptime_s(), 0, None]
        elif self._present & bit:
            self._present &= ~bit
            self._entries[bit][1] = ticks_ms()

    def step(self, now_ms: int) -> None:
        """Clear the faults whose condition has been well for long enough."""
        well = self.bits & ~self._present
        if not well:
            return
        gone = 0
        for bit, entry in self._entries.items():
            if bit & well and self._is_over(bit, ticks_diff(now_ms, entry[1])):
                self._tries[bit] = self._tries.get(bit, 0) + 1
                gone |= bit
        self._clear(gone)

    def unplugged(self) -> None:
        """The plug is out: what belonged to that car is forgotten."""
        self._clear(self.bits & _CLEARED_BY_UNPLUG & ~self._present)
        if self._tries and not self.bits & STOPPING:
            self._tries.clear()

    def is_spent(self, bit: int) -> bool:
        """True when a fault has used its retries up, or has none: unplugging or a restart helps."""
        return self._tries.get(bit, 0) >= self._policy(bit)[1]

    def row(self, bit: int):
        """An active fault's row of faults.tsv, read when it is first wanted."""
        entry = self._entries[bit]
        if entry[2] is None:
            entry[2] = read_row(bit)
        return entry[2]

    def first(self, mask: int) -> int:
        """The bit to be shown of those in a mask; 0 without any."""
        active = self.bits & mask
        return active & -active

    def each(self):
        """Generate (bit, raised at uptime s) of the active faults, the one to be shown first."""
        rest = self.bits
        while rest:
            bit = rest & -rest
            rest ^= bit
            yield bit, self._entries[bit][0]

    def names(self) -> list:
        """Names of the active faults, for API and log."""
        return [self.row(bit)[_NAME] for bit, _ in self.each()]

    def told(self):
        """Generate (name, line for people, raised at uptime s) of the active faults."""
        for bit, raised_s in self.each():
            yield self.row(bit)[_NAME], self.text(bit), raised_s

    def text(self, bit: int) -> str:
        """An active fault's line for people."""
        text = self.row(bit)[_TEXT]
        return text + ": unplug the car" if bit in self._tries and self.is_spent(bit) else text

    def code(self) -> tuple:
        """OCPP errorCode and vendorErrorCode of the fault that is shown."""
        bit = self.bits & -self.bits
        return (self.row(bit)[_CODE], self.row(bit)[_NAME]) if bit else ("NoError", "")

    def _is_over(self, bit: int, well_ms: int) -> bool:
        well_s, retries = self._policy(bit)
        return well_ms >= well_s * 1000 and self._tries.get(bit, 0) < retries

    def _policy(self, bit: int) -> tuple:
        """Seconds that the condition has to be well, and how often that clears the fault."""
        if bit == RESIDUAL_CURRENT:
            return self.residual_policy
        row = self.row(bit)
        return int(row[_WELL_S] or 0), int(row[_RETRIES] or _ALWAYS)

    def _clear(self, bits: int) -> None:
        for bit in list(self._entries) if bits else ():
            if bit & bits:
                log.info("fault", self.row(bit)[_NAME] + " is over")
                del self._entries[bit]
        self.bits &= ~bits


def read_row(bit: int):
    """A fault's row of faults.tsv; one that stays until a restart where the table can't be read."""
    place = _ROW_BYTES
    while bit > 1:
        bit >>= 1
        place += _ROW_BYTES
    try:
        with open(_TABLE, "rb") as file:
            file.seek(place)
            row = str(file.read(_ROW_BYTES), "utf-8").rstrip(" \n").split("\t")
        return row if len(row) == len(_NO_ROW) else _NO_ROW
    except (OSError, ValueError) as error:
        log.error("fault", "no table: %s" % error)
        return _NO_ROW
