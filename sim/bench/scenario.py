"""The full scenario that a heap must suffice for."""

import threading
import time
from contextlib import suppress
from typing import Callable

from sim.bench.browser import Browser
from sim.bench.stand import CARD, Stand, StandError, until

SETTINGS = {"meter_value_sample_interval": 10}
SCENARIO = (
    "boot, back office, login, all page files, a live page, /api/state, all sections' settings, a "
    "setting changed, an export, 3 charges by card and remotely with meter values, the back office "
    "away and back, all as master of a group whose slaves charge meanwhile, one of them going off and on"
)
MEMBER_A = 10  # each member's part of the group's limit
JOIN_S = 60
NEXT_CAR_S = 4
STATE_REQUESTS = 20
SAMPLED_S = 11  # longer than the sample interval


def group_options(slaves: int) -> dict:
    """Options of the stand that make its board the master of so many."""
    return {"light": slaves, "group": (slaves + 1) * MEMBER_A} if slaves else {}


def run_scenario(stand: Stand) -> None:
    """Go through SCENARIO; StandError, OSError or ValueError where the board does not keep up."""
    stand.connected()
    _charge_slaves(stand)
    browser = Browser(stand.web_port)
    browser.first_visit()
    ends = threading.Event()
    live = threading.Thread(target=_stay_live, args=[browser, ends])
    live.start()
    try:
        for _ in range(STATE_REQUESTS):
            browser.get("/api/state")
        browser.pages()
        _charge_by_card(stand, browser)
        browser.pages()
        _change_slave(stand)
        _charge_remotely(stand, browser)
        _charge_through_an_outage(stand, browser)
        browser.files()
        browser.get("/api/state")
    finally:
        ends.set()
        live.join()
    if stand.state["firmware"]["restarts"]:
        raise StandError("the board restarted")


def _slaves(stand: Stand) -> list:
    return list(stand.ask("GET", "/api/light"))


def _plug_slave(stand: Stand, number: int, plugged: bool) -> None:
    stand.ask("PUT", f"/api/light/{number}/vehicle", {"plugged": plugged})


def _charge_slaves(stand: Stand) -> None:
    """Cars come to all slaves, and each is granted a current."""
    for slave in _slaves(stand):
        _plug_slave(stand, slave["id"], True)
    _all_slaves(stand, lambda slave: slave["signaled_a"] > 0, "the slaves charge")


def _change_slave(stand: Stand) -> None:
    """A slave's car goes, and the next one comes."""
    for slave in _slaves(stand)[:1]:
        _plug_slave(stand, slave["id"], False)
        time.sleep(NEXT_CAR_S)
        _plug_slave(stand, slave["id"], True)


def _all_slaves(stand: Stand, check: Callable, what: str) -> None:
    until(lambda: all(check(slave) for slave in _slaves(stand)), what, JOIN_S)


def _stay_live(browser: Browser, ends: threading.Event) -> None:
    with suppress(OSError), browser.open("GET", "/api/live") as line:
        line.settimeout(0.5)
        while not ends.is_set():
            with suppress(TimeoutError):
                if not line.recv(65536):
                    return


def _charging(stand: Stand, browser: Browser, since_ms: float) -> None:
    stand.closed(since_ms)
    browser.files()
    browser.get("/api/state")


def _own(stand: Stand) -> list:
    """Transactions of the board itself, not of its slaves."""
    return [t for t in stand.record["transactions"] if t["connectorId"] == 1]


def _transactions(stand: Stand, count: int) -> list:
    """The ended ones, when there are so many; a restart ends the waiting."""

    def ended() -> list:
        if stand.state["firmware"]["restarts"]:
            raise StandError("the board restarted")
        found = [t for t in _own(stand) if t["stops"]]
        return found if len(found) >= count else []

    return until(ended, f"{count} ended transactions at the back office", 40)


def _charge_by_card(stand: Stand, browser: Browser) -> None:
    """A card starts it, meter values go out, the card ends it."""
    plugged_ms = stand.plug()
    stand.card()
    _charging(stand, browser, plugged_ms)
    time.sleep(SAMPLED_S)
    before_ms = stand.now_ms()
    stand.card()
    stand.opened(before_ms)
    stand.unplug()
    if not _transactions(stand, 1)[0]["meter_values"]:
        raise StandError("no meter values at the back office")


def _charge_remotely(stand: Stand, browser: Browser) -> None:
    plugged_ms = stand.plug()
    stand.call("RemoteStartTransaction", idTag=CARD, connectorId=1)
    _charging(stand, browser, plugged_ms)
    stand.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    running = until(
        lambda: [t["id"] for t in _own(stand) if not t["stops"]],
        "a running transaction",
    )
    before_ms = stand.now_ms()
    stand.call("RemoteStopTransaction", transactionId=running[0])
    stand.opened(before_ms)
    stand.unplug()
    _transactions(stand, 2)


def _charge_through_an_outage(stand: Stand, browser: Browser) -> None:
    plugged_ms = stand.plug()
    stand.card()
    _charging(stand, browser, plugged_ms)
    stand.back_office(False)
    time.sleep(1)
    left_ms = stand.unplug()
    stand.opened(left_ms)
    time.sleep(1)
    stand.back_office(True)
    _transactions(stand, 3)
