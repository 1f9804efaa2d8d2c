"""Mains periods as the ADC sees them: a voltage divider at L1, a current transformer around each phase.

MicroPython's ADC has no burst mode, and two periods of conversions in one go would hold the loop for
40 ms. So they are put together from bursts of 5 ms: each conversion goes to the place of its instant
within two periods. What a burst misses, to a delay or on a slow chip, later ones fill in.
"""

import asyncio
from array import array

import micropython
from core.clock import ticks_diff, ticks_ms, ticks_us
from micropython import const

_CONVERSIONS = const(200)
_EMPTY = const(0xFFFF)  # in a place without a conversion; these are millivolts
_MARGIN_US = const(50)  # how much a place's conversions may take longer than usual
_EARLY_US = const(2500)  # a burst begins that long before an empty place: the loop may be late
_PATIENT_MS = const(160)  # after it, one conversion for both periods will do
_BRIDGE_MS = const(800)  # from then on some places are made up from their neighbours,
_FULL_MS = const(8000)  # so much later all would be
_LONGEST_MS = const(8000)
_LEAST_MV = const(60)  # swing of the voltage's samples without mains
_SEARCHES = const(6)
_TRIES = const(5)
_SETTLED = const(3)

_NOMINAL_US = const((20000, 16667))
_SHORTEST_US = const(12000)
_LONGEST_US = const(26000)

# Cells of the array that the bursts work with.
_PLACES = const(0)
_CHANNELS = const(1)
_WINDOW_US = const(2)  # two periods
_ORIGIN_US = const(3)  # ticks at a rise of the voltage through its middle
_TOOK_US = const(4)  # the shortest time that all channels' conversions took
_MOST_US = const(5)  # if they take longer, they are of different instants
_FIRST_US = const(6)  # crossings found
_SECOND_US = const(7)
_RISING = const(8)  # 1: the first one rises
_BEGIN_US = const(9)  # ticks at the beginning of a period whose first place was filled; or -1


@micropython.viper
def clear(samples, places: int):
    """Empty the places."""
    values = ptr16(samples)
    place = 0
    while place < places:
        values[place] = 0xFFFF
        place += 1


@micropython.viper
def burst(reads, samples, cells) -> int:
    """Convert for 5 ms into the places of their instants; returns how many it filled."""
    values = ptr16(samples)
    cell = ptr32(cells)
    places = cell[_PLACES]
    channels = cell[_CHANNELS]
    window_us = cell[_WINDOW_US]
    filled = 0
    last = -1
    begin_us = int(ticks_us())
    now_us = begin_us
    while (now_us - begin_us) & 0x3FFFFFFF < 5000:
        at = ((now_us - cell[_ORIGIN_US]) & 0x3FFFFFFF) % window_us * places * 4 // window_us
        place = at >> 2
        is_done = values[place] != 0xFFFF
        if is_done or place == last or at & 3:  # failed just now, or too late for it
            if is_done and filled and place != last:
                break  # the empty ones in a row are filled
            now_us = int(ticks_us())
            continue
        last = place
        channel = 0
        while channel < channels:
            values[place + channel * places] = int(reads[channel]()) // 1000
            channel += 1
        since_us = now_us
        now_us = int(ticks_us())
        took_us = (now_us - since_us) & 0x3FFFFFFF
        cell[_TOOK_US] = took_us if took_us < cell[_TOOK_US] else cell[_TOOK_US]
        if took_us > cell[_MOST_US]:
            values[place] = 0xFFFF
            continue
        filled += 1
        if place == 0 or place + place == places:
            at = ((since_us - cell[_ORIGIN_US]) & 0x3FFFFFFF) % (window_us // 2)
            cell[_BEGIN_US] = (since_us - at) & 0x3FFFFFFF
    return filled


@micropython.viper
def wait_us(samples, cells) -> int:
    """Time until the next empty place comes round."""
    values = ptr16(samples)
    cell = ptr32(cells)
    places = cell[_PLACES]
    window_us = cell[_WINDOW_US]
    at_us = ((int(ticks_us()) - cell[_ORIGIN_US]) & 0x3FFFFFFF) % window_us
    place = at_us * places // window_us + 1
    ahead = 0
    while ahead < places and values[(place + ahead) % places] != 0xFFFF:
        ahead += 1
    return (place + ahead) * window_us // places - at_us


@micropython.viper
def lend(samples, cells) -> int:
    """Fill places from those of the other period at the same phase; returns how many stay empty."""
    values = ptr16(samples)
    cell = ptr32(cells)
    places = cell[_PLACES]
    missing = 0
    place = 0
    while place < places:
        twin = (place + places // 2) % places
        if values[place] == 0xFFFF and values[twin] == 0xFFFF:
            missing += 1
        elif values[place] == 0xFFFF:
            channel = 0
            while channel < cell[_CHANNELS]:
                values[place + channel * places] = values[twin + channel * places]
                channel += 1
        place += 1
    return missing


@micropython.viper
def bridge(samples, cells):
    """Fill the places that are still empty by straight lines between the others."""
    values = ptr16(samples)
    cell = ptr32(cells)
    places = cell[_PLACES]
    before = 0
    while values[before] == 0xFFFF and before < places - 1:
        before += 1
    done = 1 if values[before] != 0xFFFF else places
    while done < places:
        place = (before + 1) % places
        steps = 1
        while values[(before + steps) % places] == 0xFFFF:
            steps += 1
        behind = (before + steps) % places
        channel = cell[_CHANNELS]
        while steps > 1 and channel > 0:  # the voltage last: it tells which are empty
            channel -= 1
            start = channel * places
            from_mv = values[start + before]
            values[start + place] = from_mv + (values[start + behind] - from_mv) // steps
        before = place
        done += 1


@micropython.viper
def difference(samples, cells) -> int:
    """Mean difference of the voltage between the two periods, in millivolts."""
    values = ptr16(samples)
    half = ptr32(cells)[_PLACES] // 2
    total = 0
    place = 0
    while place < half:
        apart = values[place] - values[place + half]
        total += apart if apart > 0 else 0 - apart
        place += 1
    return total // half


@micropython.viper
def find_crossings(read, middle_mv: int, cells) -> int:
    """Find two crossings of the middle within 14 ms, half a period apart; returns how many came.

    The line is 100 mV wide, so that noise does not cross it.
    """
    cell = ptr32(cells)
    side = 0
    found = 0
    begin_us = int(ticks_us())
    now_us = begin_us
    while found < 2 and (now_us - begin_us) & 0x3FFFFFFF < 14000:
        level_mv = int(read()) // 1000 - middle_mv
        since_us = now_us
        now_us = int(ticks_us())
        pause_us = (now_us - since_us) & 0x3FFFFFFF
        before = side
        if level_mv > 50:
            side = 1
        elif level_mv < -50:
            side = -1
        if pause_us > 6000 or (pause_us > 500 and before != side):
            found = 0  # nobody knows when it was: begin anew
        elif before + side == 0 and side != 0:
            cell[_FIRST_US + found] = now_us
            if found == 0:
                cell[_RISING] = 1 if side > 0 else 0
            found += 1
    return found


class CtSampler:
    """reads: conversions in microvolts, of the voltage at L1, then of the current in each phase.

    zero_uv: what they read without mains. `waves` are the samples, in millivolts, in the same order.
    """

    def __init__(self, reads: tuple, zero_uv: int) -> None:
        places = _CONVERSIONS // len(reads)
        self._reads = reads
        self._middle_mv = zero_uv // 1000
        self._samples = array("H", [_EMPTY] * (places * len(reads)))
        self._cells = array("i", [places, len(reads), 0, 0, _MARGIN_US * 20, 0, 0, 0, 0, 0])
        samples = memoryview(self._samples)
        self.waves = [samples[n * places : (n + 1) * places] for n in range(len(reads))]
        self._follows = -1  # how often the period was put right since the mains were found
        self._trusts_grid = False
        self._set_period(_NOMINAL_US[0])

    @property
    def skew_x256(self) -> int:
        """How much later than the one before a channel is converted, in 1/256 of a place."""
        cell = self._cells
        return cell[_TOOK_US] * cell[_PLACES] * 256 // (cell[_WINDOW_US] * cell[_CHANNELS])

    def _set_period(self, period_us: int) -> None:
        cell = self._cells
        self.period_us = period_us
        cell[_WINDOW_US] = 2 * period_us

    async def measure(self) -> bool:
        """Have two whole periods in `waves`; False when that did not succeed."""
        for _ in range(_TRIES):
            for _ in range(_SEARCHES if self._follows < 0 else 0):
                found = self._find_mains()
                await asyncio.sleep_ms(3)
                if self._follows >= 0 or not found:
                    break
            if not await self._collect():
                return False
            swing_mv = max(self.waves[0]) - min(self.waves[0])
            if swing_mv < _LEAST_MV:
                self._follows = -1  # no mains: any period is as good
                return True
            if difference(self._samples, self._cells) > swing_mv // 10:
                self._follows = -1  # the two periods are none of the mains
                await asyncio.sleep_ms(0)
            if self._follows >= 0 and self._follow():
                return True
        return False

    async def _collect(self) -> bool:
        """Fill the places; the longer it takes, the more of them may be made up."""
        cells = self._cells
        places = cells[_PLACES]
        clear(self._samples, places)
        cells[_BEGIN_US] = -1
        cells[_MOST_US] = cells[_TOOK_US] * 5 // 4 + _MARGIN_US
        cells[_TOOK_US] = self.period_us
        begin_ms = ticks_ms()
        passed_ms = 0
        missing = places
        while passed_ms < _LONGEST_MS:
            rest_us = wait_us(self._samples, cells) - _EARLY_US
            if rest_us > 0:
                await asyncio.sleep_ms(rest_us // 1000)
            else:
                missing -= burst(self._reads, self._samples, cells)
                await asyncio.sleep_ms(0)
            passed_ms = ticks_diff(ticks_ms(), begin_ms)
            if missing and passed_ms > _PATIENT_MS:
                cells[_MOST_US] = 2 * cells[_WINDOW_US] // places
                missing = lend(self._samples, cells)
            if not missing:
                return True
            if missing <= min(places // 4, (passed_ms - _BRIDGE_MS) * places // _FULL_MS):
                bridge(self._samples, cells)
                return True
        return False

    def _find_mains(self) -> int:
        """Take the period from two crossings, roughly, and begin it with the one that rises.

        Returns how many crossings there were: without any, there are no mains.
        """
        cells = self._cells
        found = find_crossings(self._reads[0], self._middle_mv, cells)
        period_us = 2 * (cells[_SECOND_US] - cells[_FIRST_US] & 0x3FFFFFFF)
        if found < 2 or not _SHORTEST_US < period_us < _LONGEST_US:
            return found
        # Half a period is as wrong as the middle is; but the grid may be, too: try one, then the other.
        self._trusts_grid = not self._trusts_grid
        for nominal_us in _NOMINAL_US if self._trusts_grid else ():
            if abs(period_us - nominal_us) < nominal_us // 16:
                period_us = nominal_us
        self._set_period(period_us)
        cells[_ORIGIN_US] = cells[_FIRST_US if cells[_RISING] else _SECOND_US]
        self._follows = 0
        return found

    def _follow(self) -> bool:
        """Move the period with the mains; False when it was off, so that the samples are not whole.

        The voltage's rise should be at the first place. The time from one such rise to another tells
        the period; the very first one was noticed late, and only begins the count.
        """
        off_us = self._crossing_us()
        if off_us is None:
            self._follows = -1
            return False
        cells = self._cells
        if cells[_BEGIN_US] < 0:
            return self._follows == _SETTLED  # made up from other places: it tells no time
        rise_us = cells[_BEGIN_US] + off_us & 0x3FFFFFFF
        passed_us = rise_us - cells[_ORIGIN_US] & 0x3FFFFFFF
        cells[_ORIGIN_US] = rise_us
        periods = (passed_us + self.period_us // 2) // self.period_us
        if self._follows and periods:
            self._set_period((passed_us + periods // 2) // periods)
        self._follows = min(self._follows + 1, _SETTLED)
        return self._follows == _SETTLED and abs(off_us) < self.period_us // 64

    def _crossing_us(self) -> "int | None":
        """When the voltage rises through its mean, from the first place on; None if not near it."""
        wave = self.waves[0]
        places = len(wave)
        mean_mv = sum(wave) // places
        for n in range(places // 8):
            place = n // 2 if n & 1 else -n // 2
            low_mv, high_mv = wave[place - 1], wave[place]
            if low_mv < mean_mv <= high_mv:
                part = place * 256 - 256 * (high_mv - mean_mv) // (high_mv - low_mv)
                return part * 2 * self.period_us // (places * 256)
        return None
