"""When the meter is sampled for the back office (OCPP 1.6 section 3.16), and what it tells then."""

import asyncio

from core import clock, loading, log, storage
from micropython import const

# Contexts of samples, by their place in meter_values
PERIODIC = const(0)
CLOCK = const(1)
TRIGGER = const(2)
BEGIN = const(3)
END = const(4)
_INTERRUPTION_BEGIN = const(5)
_INTERRUPTION_END = const(6)

_ITEMS = const(11)
_NOMINAL_MV = const(230000)
_NOMINAL_V = const(230)
_DAY_S = const(86400)
_AT_ONCE_S = const(5)  # a session that began no longer ago is told with the values of now
_ENERGY = "Energy.Active.Import.Register"
_SAMPLED = ("meter_values_sampled_data", "stop_txn_sampled_data")
_ALIGNED = ("meter_values_aligned_data", "stop_txn_aligned_data")
_VALUES_MODULE = "ocpp16.meter_values"
_DATA_MODULE = "ocpp16.transaction_data"


def readings(charger) -> list:
    """What there is to sample, None where it is not known.

    Energy in Wh; in thousandths of W, A, degrees, A, V: power, power and current offered,
    temperature, current by phase, voltage by phase.
    """
    meter = charger.meter
    if meter and meter.ok:
        voltages = meter.voltage_mv
        values = [meter.energy_wh, meter.power_mw]
        by_phase = meter.current_ma + voltages
    else:
        voltages = ()
        values = [None, None]
        by_phase = [None] * 6
    phases = len([mv for mv in voltages if mv and mv > _NOMINAL_MV // 2])
    offered_ma = charger.signaled_ma
    temperature_dc = charger.temperature_dc
    values.append(offered_ma * _NOMINAL_V * max(1, phases))
    values.append(offered_ma)
    values.append(None if temperature_dc is None else temperature_dc * 100)
    return values + by_phase


class Sampler:
    """Takes the samples of the running transaction, and those by the clock, and queues them.

    For StopTransaction's transactionData they go into a file of the transaction's own.
    """

    connector = 1

    def __init__(self, settings, charger, queue) -> None:
        self._settings = settings
        self._charger = charger
        self._queue = queue
        self._online = False
        self._number = 0  # of the session that is being sampled
        self._seen = 0  # of the one that began or was resumed since the controller started
        self._interval_s = 0  # the periodic samples', …
        self._due_s = 0  # … and when the next is due
        self._aligned_s = 0  # the clock-aligned interval, …
        self._period_s = 0  # … and when the present one began, unix time
        self._sums: list = []  # of the readings, and how many each is of, since then
        self._data = None  # transaction_data.Recorder where the settings want transactionData
        self._unwritten: list = []  # begins and ends for it: session, context, stamp, readings

    async def step(self, online: bool) -> None:
        """Sample when it is due; await it every second or so."""
        self._online = online
        if self._unwritten:
            await self._write()
        session = self._charger.session
        if session and not self._queue.has_started(session.number):
            return
        number = session.number if session else 0
        if number != self._number:
            self._number = number
            self._interval_s = 0
            self._sums = []  # an average of a transaction is of nothing else
            if number and number != self._seen:
                await self._resume(session)
        if self._data and clock.boot_unix_s():
            self._data.set_origin(self._queue.line_start_s())
        if number and self._is_due():
            await self._take(_SAMPLED, PERIODIC, 0, readings(self._charger))
        await self._step_aligned()

    def _is_due(self) -> bool:
        """A periodic sample is due: section 9.1.14, counted from the start of the transaction."""
        interval_s = self._settings.get("meter_value_sample_interval")
        now_s = clock.uptime_s()
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            self._due_s = now_s + interval_s
        if not interval_s or now_s < self._due_s:
            return False
        self._due_s += interval_s * ((now_s - self._due_s) // interval_s + 1)
        return True

    # --- by the clock

    async def _step_aligned(self) -> None:
        interval_s = self._settings.get("clock_aligned_interval")
        now_s = clock.unix_s()
        if not interval_s or not now_s:
            self._aligned_s = 0
            return
        of_day_s = now_s % _DAY_S
        begin_s = now_s - of_day_s % interval_s  # intervals are counted from midnight, UTC
        if interval_s != self._aligned_s or begin_s < self._period_s:  # or the clock was put back
            self._aligned_s = interval_s
            self._period_s = begin_s
            self._sums = []
        if self._wants_averages():
            self._sum_up()
        if begin_s != self._period_s:
            length_s = begin_s - self._period_s
            self._period_s = begin_s
            values = self._averages()
            self._sums = []
            await self._take(_ALIGNED, CLOCK, begin_s, values, length_s)

    def _wants_averages(self) -> bool:
        values = [self._settings.get(key) for key in _ALIGNED]
        return bool([value for value in values if value not in ("", _ENERGY)])

    def _sum_up(self) -> None:
        sums = self._sums = self._sums or [0] * (2 * _ITEMS)
        for item, value in enumerate(readings(self._charger)):
            if value is not None:
                sums[item] += value
                sums[_ITEMS + item] += 1

    def _averages(self) -> list:
        """The energy's present reading, and averages of the rest."""
        values = readings(self._charger)
        sums = self._sums
        for item in range(1, _ITEMS):
            count = sums[_ITEMS + item] if sums else 0
            values[item] = (sums[item] + count // 2) // count if count else None
        return values

    # --- a transaction's beginning, its end, and what comes between

    def begin(self, session) -> None:
        """A session's StartTransaction is about to be queued."""
        is_now = clock.uptime_s() - session.start_s < _AT_ONCE_S
        if is_now:
            self._seen = session.number
        if self._measurands_at_end:
            self._note_begin(session, readings(self._charger) if is_now else [None] * _ITEMS)

    def end(self, session) -> None:
        """A session's StopTransaction is about to be queued."""
        if self._measurands_at_end or self._data:
            is_now = self._seen == session.number  # else the power was cut meanwhile
            if not is_now:
                self._note_begin(session, [None] * _ITEMS)
            values = readings(self._charger) if is_now else [None] * _ITEMS
            values[0] = session.meter_stop_wh
            stamp = self._queue.stamp(session.stop_unix_s, clock.uptime_s())
            self._unwritten.append((session.number, END, stamp, values))
            self._queue.held += 1

    def _note_begin(self, session, values: list) -> None:
        values[0] = session.meter_start_wh
        stamp = self._queue.stamp(session.start_unix_s, session.start_s)
        self._unwritten.append((session.number, BEGIN, stamp, values))

    async def _write(self) -> None:
        """Put begins and ends on flash: in the charger's turn it would take too long."""
        while self._unwritten:
            number, context, stamp, values = self._unwritten[0]
            if context == BEGIN or not self._data:
                self._record(number, context == BEGIN)
            await asyncio.sleep_ms(0)
            module = loading.load(_VALUES_MODULE)
            await asyncio.sleep_ms(0)
            wanted = self._measurands_at_end
            sample = module.sample(self.connector, context, wanted, values)
            if self._data and sample and (context == END or self._data.is_empty):
                self._data.add(stamp, sample)
            self._unwritten.pop(0)
            if context == END:
                self._data = None
                self._queue.held -= 1
        loading.unload(_VALUES_MODULE)

    def _record(self, number: int, begins: bool) -> None:
        """Write a session's samples from now on, where it has any or begins."""
        self._data = None
        path = self._queue.data_path(number)
        anew = begins and number == self._seen
        try:
            if begins or storage.exists(path):
                self._data = loading.once(_DATA_MODULE, "Recorder", path, anew)
        except (MemoryError, OSError) as error:  # the transaction is to be told all the same
            log.error("ocpp", "no transactionData: %s" % error)

    async def _resume(self, session) -> None:
        """A transaction goes on that a power cut interrupted."""
        self._seen = session.number
        self._record(session.number, False)
        if not self._settings.get("meter_value_sample_interval"):
            return
        values = [None] * _ITEMS
        values[0] = session.meter_stop_wh
        cut_s = self._charger.session_log.kept_unix_s
        await self._take(_SAMPLED, _INTERRUPTION_BEGIN, cut_s, values)
        await self._take(_SAMPLED, _INTERRUPTION_END, 0, readings(self._charger))

    @property
    def _measurands_at_end(self) -> str:
        settings = self._settings
        return settings.get("stop_txn_sampled_data") or settings.get("stop_txn_aligned_data")

    async def _take(
        self, keys: tuple, context: int, unix_s: int, values: list, length_s: int = 0
    ) -> None:
        """Queue a sample, and keep it for the transactionData; unix_s: when, if that is not now."""
        number = self._number
        of_message, of_data = [self._settings.get(key) for key in keys]
        stamp = self._queue.stamp(unix_s, clock.uptime_s())
        self._keep_energy(values[0])
        await asyncio.sleep_ms(0)
        module = loading.load(_VALUES_MODULE)
        await asyncio.sleep_ms(0)
        sample = module.sample(self.connector, context, of_message, values, length_s)
        if sample and not self._is_over(number):
            self._queue.put_values(number, sample, unix_s, self._online)
        if number and self._data and of_data:
            await asyncio.sleep_ms(0)
            sample = module.sample(self.connector, context, of_data, values, length_s)
            if sample and not self._is_over(number):
                self._data.add(stamp, sample)
        loading.unload(_VALUES_MODULE)

    def _is_over(self, number: int) -> bool:
        """A session has ended meanwhile: nothing may follow its end."""
        return bool(number) and self._queue.has_stopped(number)

    def _keep_energy(self, energy_wh: "int | None") -> None:
        """Have on flash what is told: a stop after a power cut must not tell less."""
        session = self._charger.session
        if session and energy_wh is not None:
            session.meter_stop_wh = max(session.meter_stop_wh, energy_wh)
            self._charger.session_log.keep(session)

    async def triggered_values(self, connector: int) -> list:
        """A MeterValues payload for TriggerMessage, in parts; empty when there is nothing to tell."""
        session = self._charger.session if connector else None
        transaction = self._queue.transaction_of(session.number) if session else None
        settings = self._settings
        measurands = settings.get("meter_values_sampled_data")
        values = readings(self._charger)
        unix_s = clock.unix_s()
        module = loading.load(_VALUES_MODULE)
        loading.unload(_VALUES_MODULE)
        await asyncio.sleep_ms(0)
        sample = module.sample(connector, TRIGGER, measurands, values)
        phases = settings.get("connector_phase_rotation")
        return await module.message(sample, transaction, unix_s, phases) if sample else []
