"""A meter made of current transformers and a voltage divider: the port of meter.poller.Meter.

Once a second it takes two whole mains periods: RMS voltage of L1, RMS current of each phase, real power
from the products. The other phases' voltages are not measured: their power takes that of L1, turned by
a third of a period (rotation L1, L2, L3).
"""

import asyncio
from math import sqrt

from core import log
from core.clock import ticks_diff, ticks_ms
from meter.measurement import Measurement
from meter.wave_sums import covariance
from micropython import const

_PERIOD_MS = const(1000)
_QUIET_MV = const(5000)
_QUIET_MA = const(250)  # noise of ± 4 mV at the converter is 130 mA of an 18 mV/A transformer
_MW_MS_PER_WH = const(3600000000)


class CtMeter(Measurement):
    """sampler: drivers.ct_sampler.CtSampler; calibration: config.json's board.ct.

    The log of sessions keeps the energy count over a restart, as it keeps a Modbus meter's: counted_wh.
    """

    def __init__(
        self, sampler, calibration: dict, counted_wh: "int | None" = None, zero_path: str = ""
    ) -> None:
        super().__init__(counted_wh or 0, zero_path)
        self._sampler = sampler
        self._zero_mv = calibration["zero_uv"] // 1000
        self._uv_per_v = calibration["uv_per_v"]
        self._uv_per_a = calibration["uv_per_a"]
        self._register_wh = self.energy_wh
        self._smooth = [0] * (1 + 2 * len(self._uv_per_a))  # n² times mean squares, and products
        self._rest = 0  # energy below 1 Wh, in half milliwatt-milliseconds

    async def run(self) -> None:
        """Measure each second, for ever."""
        while True:
            started = ticks_ms()
            await self.measure()
            await asyncio.sleep_ms(max(50, _PERIOD_MS - ticks_diff(ticks_ms(), started)))

    async def measure(self) -> bool:
        """Take one measurement; False when that did not succeed."""
        self.trouble = "" if await self._sampler.measure() else "no steady wave of the mains"
        waves = self._sampler.waves
        current_ma: list = [None, None, None]
        power_mw = 0
        for phase in range(len(self._uv_per_a)):
            await asyncio.sleep_ms(0)
            self._check(waves[phase + 1], phase + 1)
            if self.trouble:
                self._lose("mains")
                return False
            current_ma[phase] = self._rms_milli(phase + 1, self._uv_per_a[phase], _QUIET_MA)
            if current_ma[phase]:
                await asyncio.sleep_ms(0)
                power_mw += self._phase_mw(phase)
        self._check(waves[0], 0)
        if self.trouble:
            self._lose("mains")
            return False
        self.voltage_mv[0] = self._rms_milli(0, self._uv_per_v, _QUIET_MV)
        self.current_ma = current_ma
        self._accept(power_mw)
        return True

    def _check(self, wave, channel: int) -> None:
        """A sensor that has come off leaves the converter without its bias."""
        if abs(sum(wave) // len(wave) - self._zero_mv) > self._zero_mv // 4:
            self.trouble = "current transformer %d off" % channel if channel else "divider off"

    def _rms_milli(self, channel: int, uv_per_unit: int, quiet_milli: int) -> int:
        """RMS in thousandths of the unit; 0 below what noise alone may be."""
        wave = self._sampler.waves[channel]
        square = self._smoothed(channel, covariance(wave, wave))
        milli = int(sqrt(square) * 1000000 / (len(wave) * uv_per_unit) + 0.5)
        return milli if milli >= quiet_milli else 0

    def _smoothed(self, index: int, value: int) -> int:
        """Noise taken off a value that moves by less than a sixteenth."""
        last = self._smooth[index]
        if abs(value - last) * 16 < last:
            value = (value + 3 * last) // 4
        self._smooth[index] = value
        return value

    def _phase_mw(self, phase: int) -> int:
        """Mean of voltage times current, whichever way round the transformer is.

        The voltage is taken at the current's instant, between two samples. That flattens it a little,
        by f · (1 - f) · θ² / 2 for the part f of a step of θ; two periods make θ² / 2 = 79 / n².
        """
        wave, voltage = self._sampler.waves[phase + 1], self._sampler.waves[0]
        places = len(wave)
        lead_x256 = (phase + 1) * self._sampler.skew_x256 - phase * places * 256 // 6
        lead, part = lead_x256 >> 8, lead_x256 & 255
        before, behind = covariance(wave, voltage, lead), covariance(wave, voltage, lead + 1)
        product = abs(before * (256 - part) + behind * part)
        product = self._smoothed(1 + len(self._uv_per_a) + phase, product)
        product += product * (part * (256 - part) * 79) // (places * places * 65536)
        scale = 256 * places * places * self._uv_per_v * self._uv_per_a[phase]
        return product * 1000000000 // scale

    def _accept(self, power_mw: int) -> None:
        """Count the energy since the last measurement, by the mean of both powers."""
        now = ticks_ms()
        if self._heard:
            self._rest += (self.power_mw + power_mw) * ticks_diff(now, self._sampled_ms)
            self.energy_wh += self._rest // (2 * _MW_MS_PER_WH)
            self._register_wh = self.energy_wh
            self._rest %= 2 * _MW_MS_PER_WH
        else:
            log.info("meter", "current transformers measure")
        self.power_mw = power_mw
        self._sampled_ms = now
        self._heard = True
