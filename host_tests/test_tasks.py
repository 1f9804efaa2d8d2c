"""The supervisor: restarts what fails, and feeds the watchdog only while all is well."""

import asyncio

import virtual_time
from core.tasks import Supervisor


class Watchdog:
    """Counts feeds."""

    def __init__(self):
        self.feeds = 0

    def feed(self):
        self.feeds += 1


def test_a_failing_task_is_restarted_ever_more_slowly():
    starts = []

    async def fails():
        starts.append(virtual_time.clock.now_us // 1000)
        raise ValueError("no")

    async def story():
        supervisor = Supervisor()
        supervisor.start("fails", fails)
        await asyncio.sleep(300)

    virtual_time.run(story())
    pauses = [round((b - a) / 1000, 1) for a, b in zip(starts, starts[1:])]
    assert pauses[:6] == [0.5, 1, 2, 5, 15, 60]
    assert max(pauses) == 60


def test_a_critical_task_without_heartbeat_starves_the_watchdog():
    watchdog = Watchdog()

    async def hangs():
        await asyncio.sleep(100000)

    async def story():
        supervisor = Supervisor(watchdog)
        task = supervisor.start("hangs", hangs, stale_ms=2000)
        asyncio.create_task(supervisor.run())
        await asyncio.sleep(5)
        fed = watchdog.feeds
        await asyncio.sleep(10)
        assert watchdog.feeds == fed
        assert supervisor.stale() == ["hangs"]
        task.beat()
        await asyncio.sleep(1)
        assert watchdog.feeds > fed

    virtual_time.run(story())
