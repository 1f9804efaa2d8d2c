"""Long-running tasks: named, restarted when they fail, and only a healthy set of them feeds the watchdog."""

import asyncio
import gc
import sys

from core import clock, log

_BACK_OFF_MS = (500, 1000, 2000, 5000, 15000, 60000)
_STEADY_S = 120  # a task that ran this long starts again from the shortest back-off
_FEED_MS = 500
_COLLECT_ROUNDS = 3  # a collection takes a small chip 40 ms; an idle charger leaves 3 kB a round


class Task:
    """One supervised task's record."""

    def __init__(self, name: str, stale_ms: int) -> None:
        self.name = name
        self.stale_ms = stale_ms
        self.beat_ms = clock.ticks_ms()
        self.failures = 0
        self.keeper = None

    def beat(self) -> None:
        """Tell that the task goes round; a critical task calls this in its loop."""
        self.beat_ms = clock.ticks_ms()

    def is_fresh(self) -> bool:
        """True for a task without a deadline, or one that has beaten within it."""
        return (
            not self.stale_ms or clock.ticks_diff(clock.ticks_ms(), self.beat_ms) < self.stale_ms
        )


class Supervisor:
    """Starts the long tasks and answers for them to the watchdog."""

    def __init__(self, watchdog=None) -> None:
        self._watchdog = watchdog
        self._tasks = []

    def start(self, name: str, run, stale_ms: int = 0) -> Task:
        """Start `run()`, a coroutine function, for ever.

        With stale_ms the task must call its record's beat() that often or the watchdog is not fed.
        """
        task = Task(name, stale_ms)
        self._tasks.append(task)
        task.keeper = asyncio.create_task(self._keep(task, run))
        return task

    async def _keep(self, task: Task, run) -> None:
        while True:
            started_s = clock.uptime_s()
            try:
                await run()
                log.error(task.name, "task ended")
            except Exception as error:
                log.error(task.name, "task failed: %s %s" % (type(error).__name__, error))
                sys.print_exception(error)
            if clock.uptime_s() - started_s > _STEADY_S:
                task.failures = 0
            wait_ms = _BACK_OFF_MS[min(task.failures, len(_BACK_OFF_MS) - 1)]
            task.failures += 1
            await asyncio.sleep_ms(wait_ms)

    def stale(self) -> list:
        """Names of critical tasks whose heartbeat is late."""
        return [task.name for task in self._tasks if not task.is_fresh()]

    def look(self) -> None:
        """Feed the watchdog if every critical task goes round."""
        stale = self.stale()
        if stale:
            log.error("tasks", "no heartbeat: " + ", ".join(stale))
        elif self._watchdog:
            self._watchdog.feed()

    async def run(self) -> None:
        """Look after the tasks for ever."""
        rounds = 0
        while True:
            self.look()
            clock.uptime_s()  # keeps the uptime counting across the wrap of the ticks
            rounds += 1
            if rounds % _COLLECT_ROUNDS == 0:
                gc.collect()  # here, so that seldom another task's turn has to wait for it
            await asyncio.sleep_ms(_FEED_MS)
