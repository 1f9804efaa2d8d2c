"""Load balancing of a single charger (DLB): the building's meter bounds what the charger offers.

A slot of the charger's limits each: "building" is what the building leaves, "building meter" the fallback
current while that meter does not answer, "solar surplus" what it exports.
"""

import asyncio

from core import loading, log
from core.clock import ticks_diff, ticks_ms
from dlm.balance import Balance
from micropython import const

_ROOM = "building"
_FALLBACK = "building meter"
_SURPLUS = "solar surplus"
_READER = "dlm.building_settings"
_SURPLUS_MODULE = "dlm.surplus"
_KEYS = (
    "llm_fallback_current",
    "phases",
    "connector_phase_rotation",
)  # besides those of the meter
_PERIOD_MS = const(1000)
_LOST_PERIOD_MS = const(2000)  # a meter that keeps silent leaves the bus to the other one
_LOOK_MS = const(40)
_FRESH_MS = const(300)
_LONGEST_MS = const(10000)
_USES_MA = const(1000)


class Building:
    """Keeps the charger's limits by what the building's meter tells.

    charger: evse.charger.Charger; meter: a meter.poller.Meter at address 2, polled from here right
    after the charger's own. Until the first measurement the fallback current holds.
    """

    def __init__(self, settings, charger, meter) -> None:
        self._settings = settings
        self._charger = charger
        self._meter = meter
        self._balance = Balance()
        self._surplus = None
        self._seen = 0  # bits of the phases that the meter has told
        self._silent_ms = 0
        self._stepped_ms = ticks_ms()
        self._limit_ma = 0
        self._fallback_ma = int(settings.get("llm_fallback_current") * 1000)
        self._timeout_ms = 0
        self._due = True
        self._order = (0, 1, 2)
        self._phases = 7
        self._fall_back()
        settings.listen(self._changed)

    def _changed(self, keys) -> None:
        if "dlb_function" in keys:
            self._fall_back()
        for key in keys:
            if key in _KEYS or key.startswith("dlb_"):
                self._due = True
            if key.startswith("dlb_reg") or key == "dlb_preset":
                self._seen = 0

    async def run(self) -> None:
        """Measure and balance each second, for ever. Whatever ends this leaves the fallback current."""
        try:
            while True:
                if self._settings.get("dlb_function") != "DLB":
                    self._release()
                    await asyncio.sleep_ms(_PERIOD_MS)
                    continue
                if self._due:
                    await self._read_settings()
                await self._await_own()
                heard = await self._meter.poll()
                self.step(self._meter.current_ma if heard else None)
                if not heard:
                    lost = self._silent_ms >= _LONGEST_MS
                    await asyncio.sleep_ms(_LOST_PERIOD_MS if lost else _PERIOD_MS)
        finally:
            self._due = True
            self._fall_back()

    async def _read_settings(self) -> None:
        """In turns: those that are at their defaults are looked up on flash."""
        self._due = False
        reader = loading.load(_READER)
        loading.unload(_READER)
        found = await reader.read(self._settings)
        self._limit_ma, self._fallback_ma, self._timeout_ms, self._balance.pid = found[:4]
        least_ma, self._order, self._phases = found[4:]
        if least_ma is None:
            self._surplus = None
            self._charger.limits.set(_SURPLUS, None)
            loading.unload(_SURPLUS_MODULE)
        elif not self._surplus or self._surplus.least_ma != least_ma:
            self._surplus = loading.load(_SURPLUS_MODULE).Surplus(least_ma)
        if self._silent_ms >= self._timeout_ms:
            self._fall_back()

    async def _await_own(self) -> None:
        """Until the charger's own meter has just been read, or could have been."""
        own = self._charger.meter
        if not own or not own.ok:
            return await asyncio.sleep_ms(_PERIOD_MS)
        await asyncio.sleep_ms(max(_LOOK_MS, _PERIOD_MS - own.age_ms()))
        for _ in range(_PERIOD_MS // _LOOK_MS):
            if own.age_ms() < _FRESH_MS:
                break
            await asyncio.sleep_ms(_LOOK_MS)

    def step(self, building_ma) -> None:
        """Take the building's currents, or None, and set the limits by them."""
        now_ms = ticks_ms()
        elapsed_ms = max(0, min(ticks_diff(now_ms, self._stepped_ms), _LONGEST_MS))
        self._stepped_ms = now_ms
        if not building_ma or not self._is_whole(building_ma):
            self._silent_ms = min(self._silent_ms + elapsed_ms, 1000 * _LONGEST_MS)
            if self._silent_ms >= self._timeout_ms:
                if self._balance.offer_ma >= 0:
                    log.warning("building", "no meter: fallback current")
                self._fall_back()
            return
        self._silent_ms = 0
        own_ma = self._own_ma()
        limits, signaled_ma = self._charger.limits, self._charger.signaled_ma
        offer_ma = self._balance.step(
            self._limit_ma,
            list(building_ma),
            own_ma,
            self._phases,
            signaled_ma,
            elapsed_ms,
        )
        if offer_ma < 0:
            return
        limits.set(_ROOM, offer_ma)
        if self._surplus:
            lines = self._lines(own_ma)
            limits.set(_SURPLUS, self._surplus.step(building_ma, own_ma, lines, elapsed_ms))
        limits.set(_FALLBACK, None)

    def _is_whole(self, building_ma) -> bool:
        """All phases that the meter has ever told are there."""
        told = 0
        for phase in range(3):
            if building_ma[phase] is not None:
                told |= 1 << phase
        self._seen |= told
        return told == self._seen != 0

    def _own_ma(self) -> list:
        """The charger's own current on the grid's phases; None where nobody knows."""
        own = self._charger.meter
        lines = own.current_ma if own and own.ok else None
        if not lines:
            return [None, None, None]
        lines = [lines[line] for line in self._order]
        known = self._phases if self._phases != 7 else 0
        # A charger of a single phase has no current on the others, and its meter does not tell it.
        return [lines[n] if not known or known >> n & 1 else 0 for n in range(3)]

    def _lines(self, own_ma) -> int:
        """How many phases the car draws on, or could."""
        drawn = [ma for ma in own_ma if ma is not None and ma > _USES_MA]
        return len(drawn) or (3 if self._phases == 7 else 1)

    def _fall_back(self) -> None:
        """Nobody knows what the building draws."""
        self._balance.forget()
        limits = self._charger.limits
        limits.set(_FALLBACK, self._fallback_ma)
        if self._surplus:
            limits.set(_SURPLUS, None)
        limits.set(_ROOM, None)

    def _release(self) -> None:
        """Load balancing is switched off."""
        for slot in (_ROOM, _FALLBACK, _SURPLUS):
            if slot in self._charger.limits.slots():
                self._charger.limits.set(slot, None)
        self._balance.forget()
        self._due = True
