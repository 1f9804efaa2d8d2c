"""A browser for the stories about the pages, and a bench with a controller to show in it.

Needs Chromium and the packages of requirements-browser.txt (tools/get_chromium.sh); without them the
tests are skipped.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "host_tests" / "e2e"))

from bench_process import BenchProcess  # noqa: E402
from station import Station  # noqa: E402
from visit import HEIGHTS, LOGINS  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
WAIT_MS = 60_000  # the machine may be busy
CAMERA = os.environ.get("SCREENSHOTS")  # a folder; the pictures of docs/pages.md are made there


@pytest.fixture(scope="session")
def chromium():
    """The browser itself."""
    api = pytest.importorskip("playwright.sync_api", reason="run tools/get_chromium.sh first")
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here: run tools/get_chromium.sh as root")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def start_station(tmp_path_factory):
    """start_station(settings, config=…) starts a station that ends with the last test."""
    benches = []

    def start(settings=None, **options) -> Station:
        bench = BenchProcess(tmp_path_factory.mktemp("bench"), settings, **options)
        benches.append(bench)
        bench.start()
        return Station(bench)

    yield start
    for bench in benches:
        bench.end()


@pytest.fixture(scope="session")
def station(chromium, start_station):
    """A station that is set up, with the factory's logins for short."""
    return start_station({"setup_done": True}, config={"allow_factory_passwords": True})


@pytest.fixture
def browser_page(chromium, request):
    """browser_page(station, role, width=…, language=…, dark=…): a page in a browser of its own.

    With a role it is logged in. Errors in its console fail the test.
    """
    contexts, errors = [], []

    def told(message):
        # what the server answers is for the pages to show, and for the tests to expect
        if message.type == "error" and "Failed to load resource" not in message.text:
            errors.append(message.text)

    def open_page(station, role="", width=1280, language="en-US", dark=False):
        context = chromium.new_context(
            base_url=f"http://127.0.0.1:{station.page.port}",
            viewport={"width": width, "height": HEIGHTS.get(width, 800)},
            locale=language,
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("console", told)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if role:
            assert context.request.post("/api/login", data=LOGINS[role]).status == 204
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="session")
def picture():
    """picture(page, name) takes a picture for the documentation, where a folder for them is named."""

    def take(page, name: str) -> None:
        if CAMERA:
            page.screenshot(path=Path(CAMERA) / f"{name}.png", animations="disabled")

    return take
