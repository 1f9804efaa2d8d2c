"""The full scenario that a heap must suffice for."""

import threading
import time
from contextlib import suppress

from sim.bench.browser import Browser
from sim.bench.stand import CARD, Stand, StandError, until

SETTINGS = {"meter_value_sample_interval": 10}
SCENARIO = (
    "boot, back office, login, all page files, a live page, /api/state, all sections' settings, a "
    "setting changed, an export, 3 charges by card and remotely with meter values, the back office "
    "away and back (a load management group comes later)"
)
STATE_REQUESTS = 20
SAMPLED_S = 11  # longer than the sample interval


def run_scenario(stand: Stand) -> None:
    """Go through SCENARIO; StandError, OSError or ValueError where the board does not keep up."""
    stand.connected()
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
        _charge_remotely(stand, browser)
        _charge_through_an_outage(stand, browser)
        browser.files()
        browser.get("/api/state")
    finally:
        ends.set()
        live.join()
    if stand.state["firmware"]["restarts"]:
        raise StandError("the board restarted")


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


def _transactions(stand: Stand, count: int) -> list:
    """The ended ones, when there are so many; a restart ends the waiting."""

    def ended() -> list:
        if stand.state["firmware"]["restarts"]:
            raise StandError("the board restarted")
        found = [t for t in stand.record["transactions"] if t["stops"]]
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
        lambda: [t["id"] for t in stand.record["transactions"] if not t["stops"]],
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
