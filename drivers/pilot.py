"""The control pilot's generator and its measurement at the EVSE's terminal (IEC 61851-1 annex A)."""

from array import array

import micropython
from core.clock import ticks_diff, ticks_ms, ticks_us
from micropython import const

FULL_SCALE = const(65536)
_SHORT_SPAN_US = const(150)  # a steady level needs a few conversions, not a whole period
_SPAN_US = const(1250)  # one period of 1 ms and what the converter needs besides
_NARROW_SPAN_US = const(2250)  # 10 % of a period fit two conversions: look at two periods
_LOW_PART_MV = const(-6000)
_NARROWEST_SPAN_US = const(4250)  # … and 4 % fit one, at 80 A


def duty_u16(duty_permille_x10: int) -> int:
    """Duty in 1/10 permille as the PWM's 1/65536, rounded once; steady high from 1000 permille on."""
    return min(65535, (duty_permille_x10 * FULL_SCALE + 5000) // 10000)


@micropython.viper
def sample(read, result, span_us: int) -> int:
    """Convert for a while: result[0] second largest, result[1] second smallest, in microvolts.

    The extremes themselves are dropped as outliers. A pause between two conversions may hide a whole
    level of the wave: then it starts anew, up to four spans in all. Answers 1 when a pause is left in
    it: a level may be missing. result is an array("i"), nothing is allocated.
    """
    found = ptr32(result)
    begin_us = int(ticks_us())
    start_us = begin_us
    last_us = begin_us
    count = 0
    high = next_high = low = next_low = 0
    torn = 0
    while count < 20000:  # a clock that stands still does not hold the loop for ever
        value_uv = int(read())
        if count == 0:
            high = next_high = -1
            low = next_low = 10000000
        count += 1
        if value_uv >= high:
            next_high = high
            high = value_uv
        elif value_uv > next_high:
            next_high = value_uv
        if value_uv <= low:
            next_low = low
            low = value_uv
        elif value_uv < next_low:
            next_low = value_uv
        now_us = int(ticks_us())
        pause_us = (now_us - last_us) & 0x3FFFFFFF
        last_us = now_us
        if pause_us > 300:
            if (now_us - begin_us) & 0x3FFFFFFF < 4 * span_us:
                start_us = now_us
                count = 0
                continue
            torn = 1
        if count > 2 and (now_us - start_us) & 0x3FFFFFFF >= span_us:
            break
    found[0] = next_high
    found[1] = next_low
    return torn


def _span_us(shorter_x10: int) -> int:
    """How long to sample so that the shorter part of the wave is met at least twice."""
    if shorter_x10 == 0:
        return _SHORT_SPAN_US
    if shorter_x10 < 900:
        return _NARROWEST_SPAN_US
    return _NARROW_SPAN_US if shorter_x10 < 2000 else _SPAN_US


class Pilot:
    """PWM output and ADC input of one connector's control pilot.

    pwm: machine.PWM at 1 kHz, made with an explicit duty; read_uv: the ADC channel's conversion;
    circuit: config.json's board.pilot, the divider that maps -12 … +12 V into the converter's range.
    """

    def __init__(self, pwm, read_uv, circuit: dict) -> None:
        self._pwm = pwm
        self.read_uv = read_uv
        self.sample = sample  # the guard samples too, into cells of its own
        self._zero_uv = circuit["zero_uv"]
        self._uv_per_v = circuit["uv_per_v"]
        self.raw_uv = array("i", [0, 0])
        self.sampled_ms = ticks_ms()
        self.high_mv = 0
        self.low_mv = 0
        self.torn = 0  # 1: something else had the chip meanwhile, and the low level may be missing
        self._duty_x10 = -1
        self.span_us = _SHORT_SPAN_US
        self.set_duty(10000)

    @property
    def duty_permille(self) -> int:
        """Duty that is on the wire; 1000: steady +12 V, 0: steady -12 V."""
        return (self._duty_x10 + 5) // 10

    def set_duty(self, duty_permille_x10: int) -> bool:
        """Set the duty in 1/10 permille; 10000 is steady +12 V (x1), 0 steady -12 V (state F).

        Tells whether that is a change.
        """
        if duty_permille_x10 == self._duty_x10:
            return False
        self._pwm.duty_u16(duty_u16(duty_permille_x10))
        self._duty_x10 = duty_permille_x10
        self.span_us = _span_us(min(duty_permille_x10, 10000 - duty_permille_x10))
        return True

    def threshold_uv(self, level_mv: int) -> int:
        """What the converter reads at a pilot voltage."""
        return self._zero_uv + level_mv * self._uv_per_v // 1000

    def measure(self) -> None:
        """Sample for one or two periods and update high_mv and low_mv."""
        raw_uv = self.raw_uv
        self.torn = sample(self.read_uv, raw_uv, self.span_us)
        self.sampled_ms = ticks_ms()
        self.high_mv = (raw_uv[0] - self._zero_uv) * 1000 // self._uv_per_v
        self.low_mv = (raw_uv[1] - self._zero_uv) * 1000 // self._uv_per_v

    @property
    def is_blind(self) -> bool:
        """The measurement met only the low part of the PWM: it tells nothing of the car."""
        return 0 < self._duty_x10 < 10000 and self.high_mv < _LOW_PART_MV

    def age_ms(self) -> int:
        """Age of the measurement."""
        return ticks_diff(ticks_ms(), self.sampled_ms)
