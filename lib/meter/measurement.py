"""What every kind of meter tells: its latest measurement, how old that is, and its energy."""

from core import log, storage
from core.clock import ticks_add, ticks_diff, ticks_ms
from micropython import const

_STALE_MS = const(5000)
_NEVER_MS = const(3600000)


def _kept(zero_path: str) -> int:
    try:
        return storage.read_json(zero_path, 0) if zero_path else 0
    except ValueError:
        return 0


class Measurement:
    """What the meter does not have, or has not told lately, is None.

    energy_wh never runs backwards and never jumps, from before a restart (counted_wh) on: sessions
    are counted by it. zero_path: the file that set_zero writes.
    """

    def __init__(self, counted_wh: "int | None" = None, zero_path: str = "") -> None:
        self.voltage_mv: list = [None, None, None]
        self.current_ma: list = [None, None, None]
        self.power_mw = None
        self.energy_wh = counted_wh
        self.trouble = ""  # why there is nothing new; none where no meter is set
        self._register_wh = None  # the meter's own count, as it was last believed
        self._sampled_ms = ticks_ms()
        self._heard = False  # within _STALE_MS, as of the last try
        self._zero_path = zero_path
        self._zero_wh = _kept(zero_path)

    @property
    def ok(self) -> bool:
        """True while the last complete and sane measurement is less than five seconds old."""
        return self._heard and self.age_ms() < _STALE_MS

    def age_ms(self) -> int:
        """Milliseconds since the last measurement, or since the start; an hour at most."""
        return ticks_diff(ticks_ms(), self._sampled_ms)

    @property
    def shown_wh(self) -> "int | None":
        """What the meter's own register has counted since set_zero."""
        register_wh = self._register_wh
        if register_wh is None:
            return None
        if register_wh < self._zero_wh:
            self._zero_wh = 0  # another meter, or one that was reset
        return register_wh - self._zero_wh

    def set_zero(self) -> str:
        """Have shown_wh count from 0; sessions do not notice. Returns why not, or ""."""
        register_wh = self._register_wh
        if register_wh is None:
            return "the meter has not told its energy yet"
        storage.write_json(self._zero_path, register_wh)
        self._zero_wh = register_wh
        return ""

    def hold_count(self) -> None:
        """A session begins: what was counted before the first measurement is not its energy."""

    def _lose(self, name: str) -> None:
        """Forget a measurement that has become too old; the energy count stays."""
        age_ms = self.age_ms()
        if age_ms > _NEVER_MS:
            self._sampled_ms = ticks_add(ticks_ms(), -_NEVER_MS)  # ticks wrap
        if self._heard and age_ms >= _STALE_MS:
            self._heard = False
            log.warning("meter", "%s lost: %s" % (name, self.trouble))
            self.voltage_mv = [None, None, None]
            self.current_ma = [None, None, None]
            self.power_mw = None
