"""What is around the connector: earth, residual-current monitor, cable and lock, wear.

It looks after them in a task of its own, tells limits and faults, and tells the charger by `ready`
whether the contactor may be closed.
"""

import asyncio

from core import clock, log
from core.clock import ticks_diff, ticks_ms
from core.loading import load
from evse import faults
from micropython import const

_IDLE_MS = const(250)
_PLUGGED_MS = const(100)
_BUSY_MS = const(20)
_STALE_MS = const(1000)
_DEAD_MS = const(3000)
_UNEARTHED_MS = const(150)  # two looks
_RETEST_S = const(60)
_FRESH_TEST_S = const(60)  # a test before the card was held up still counts
_DAILY_S = const(86400)
_UNLOCK_MS = const(10000)  # a car gets 6 s to let go, then the motor its pulse


class Connector:
    """Steps all of it.

    expander: drivers.io_expander.IoExpander; contacts_closed(): the contactor's; rcm_trip(): the
    monitor's output; outlet_parts(expander): (lock, proximity) of a socket outlet; monitors_earth: whether
    the board has a ground monitor.
    """

    def __init__(
        self, charger, settings, expander, contacts_closed, rcm_trip, outlet_parts, monitors_earth
    ) -> None:
        self.outlet = None  # evse.outlet.Outlet where cables are plugged in
        self._charger = charger
        self._settings = settings
        self._expander = expander
        self._contacts_closed = contacts_closed
        self._rcm_trip = rcm_trip
        self._outlet_parts = outlet_parts
        self._monitors_earth = monitors_earth
        self._unearthed_ms = 0
        self._stepped_ms = self._read_ms = ticks_ms()
        self._plugged = False  # the situation that the last step has seen
        self._session = None
        self._rcm_test: type = None  # type: ignore[assignment]  # RcmTest where setting rcmu is on
        self._test = None  # the one under way
        self._test_counts = False  # it began in the present situation
        self._tested = False  # passed, for the present situation
        self._tested_s = -_RETEST_S
        settings.listen(self._apply)
        self._apply(None)

    @property
    def ready(self) -> bool:
        """The contactor may be closed: all is well, and was looked at in the present situation."""
        charger = self._charger
        seen = self._plugged == charger.plugged and self._session is charger.session
        fresh = seen and 0 <= ticks_diff(ticks_ms(), self._read_ms) < _STALE_MS
        tested = self._tested or not self._rcm_test
        return fresh and tested and (self.outlet is None or self.outlet.ready)

    @property
    def alive(self) -> bool:
        """The task goes round: a closed contactor may stay so."""
        return 0 <= ticks_diff(ticks_ms(), self._stepped_ms) < _DEAD_MS

    async def run(self) -> None:
        """Look after it for ever. Whatever ends this leaves motor and test output off."""
        try:
            while True:
                self.step(ticks_ms())
                await asyncio.sleep_ms(self._period_ms())
        finally:
            self._end_test()
            if self.outlet:
                self.outlet.lock.rest()

    async def unlock(self) -> bool:
        """Let the plug go once the contactor is open; tells whether the lock has opened."""
        outlet = self.outlet
        if not outlet:
            return False
        outlet.released = True
        for _ in range(_UNLOCK_MS // _PLUGGED_MS):
            if outlet.lock.closed is False and not outlet.lock.driving:
                return True
            await asyncio.sleep_ms(_PLUGGED_MS)
        return False

    def _period_ms(self) -> int:
        if self._test or (self.outlet and self.outlet.busy):
            return _BUSY_MS
        return _PLUGGED_MS if self._plugged or self._charger.session else _IDLE_MS

    def step(self, now_ms: int) -> None:
        """One round."""
        # A held loop must not make one look count for seconds.
        elapsed_ms = min(ticks_diff(now_ms, self._stepped_ms), _PLUGGED_MS)
        self._stepped_ms = now_ms
        charger = self._charger
        if self._plugged != charger.plugged or self._session is not charger.session:
            self._see_change()
        if self._rcm_test:
            self._test_monitor(now_ms)
        if self._expander.poll():
            self._watch_earth(elapsed_ms)
            if self.outlet:
                self.outlet.step(now_ms, elapsed_ms)
            self._read_ms = now_ms

    def _see_change(self) -> None:
        charger = self._charger
        arrives = charger.plugged and not self._plugged
        starts = charger.session is not None and charger.session is not self._session
        self._plugged = charger.plugged
        self._session = charger.session
        if arrives or (starts and clock.uptime_s() - self._tested_s > _FRESH_TEST_S):
            self._tested = self._test_counts = False
        self._check_wear()

    def _check_wear(self) -> None:
        charger, get = self._charger, self._settings.get
        worn = charger.contactor_cycles >= get("contactor_lifetime")
        charger.book.set(faults.CONTACTOR_WORN, worn)
        charger.book.set(faults.PLUG_WORN, charger.plug_cycles > get("plug_lifetime"))

    def _apply(self, keys) -> None:
        get = self._settings.get
        has_outlet = get("cable_or_socket") == "Socket"
        if has_outlet and not self.outlet:
            self._fit_outlet()
        elif self.outlet and not has_outlet:
            self.outlet.give_up()
            self.outlet = None
        if self.outlet:
            self.outlet.permanent = get("permanent_lock")
            self.outlet.keeps_cable = not get("unlock_on_ev_disconnect")
        if get("rcmu"):
            self._rcm_test = load("evse.rcm_test").RcmTest
        else:
            self._rcm_test = None
            self._end_test()
            self._charger.book.set(faults.RCM_TEST_FAILED, False)
        self._check_wear()

    def _fit_outlet(self) -> None:
        try:
            lock, proximity = self._outlet_parts(self._expander)
        except (KeyError, TypeError) as error:
            log.error("connector", "config.json, lock or proximity: %s" % error)
            self._charger.book.set(faults.CONFIG_DAMAGED, True)
            return
        outlet = load("evse.outlet")
        self.outlet = outlet.Outlet(self._charger, lock, proximity, self._contacts_closed)

    def _watch_earth(self, elapsed_ms: int) -> None:
        lost = self._monitors_earth and not self._expander.earthed()
        self._unearthed_ms = min(self._unearthed_ms + elapsed_ms, _UNEARTHED_MS) if lost else 0
        self._charger.book.set(faults.GROUND_LOST, self._unearthed_ms >= _UNEARTHED_MS)

    # The residual-current monitor's self-test: after each closing, for each car, each day.

    def _test_monitor(self, now_ms: int) -> None:
        guard = self._charger.guard
        if self._test:
            passed = self._test.step(now_ms)
            if passed is not None:
                self._end_test()
                self._tested = passed and self._test_counts
                self._tested_s = clock.uptime_s()
                self._charger.book.set(faults.RCM_TEST_FAILED, not passed)
        elif guard.asked or self._contacts_closed():
            self._tested = False
        elif self._is_test_due() and not self._rcm_trip():
            guard.testing = self._test_counts = True
            self._test = self._rcm_test(self._expander.test_monitor, self._rcm_trip, now_ms)

    def _is_test_due(self) -> bool:
        age_s = clock.uptime_s() - self._tested_s
        if self._tested:
            return age_s >= _DAILY_S
        failed = self._charger.book.bits & faults.RCM_TEST_FAILED
        return not failed or age_s >= _RETEST_S

    def _end_test(self) -> None:
        if self._test:
            self._expander.test_monitor(False)
            self._test = None
            self._charger.guard.testing = False
