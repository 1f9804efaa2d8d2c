"""How the pages look and are used: widths, dark mode, languages, keyboard, screen readers, slow networks."""

import importlib.util
from pathlib import Path

import pytest
from bench_process import until
from visit import HEIGHTS, visit

pytestmark = pytest.mark.slow
SECTIONS = (
    "state network installation system backend whitelist manufacturer loadmanagement authorization"
).split()
WORDS = {"en-US": "Network", "de-DE": "Netzwerk", "zh-CN": "网络"}
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 25_000}


@pytest.mark.parametrize("width", HEIGHTS)
def test_no_page_scrolls_sideways(station, browser_page, picture, width):
    page = browser_page(station, "manufacturer", width=width)
    for section in SECTIONS:
        visit(page, section)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{section} is {wide} wide"
        if width == 360 and section == "network":
            picture(page, "phone-network")
        if width == 1280 and section == "backend":
            picture(page, "desktop-backend")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(station, browser_page, picture, dark):
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or not package.origin:
        pytest.skip("no axe-core here: run tools/get_chromium.sh")
    axe = (Path(package.origin).parent / "axe.min.js").read_text()
    page = browser_page(station, "manufacturer", width=360 if dark else 1280, dark=dark)
    page.goto("/")
    page.evaluate(axe)
    for section in SECTIONS:
        visit(page, section)
        if dark and section == "authorization":
            picture(page, "phone-dark")
        assert serious(page, "{runOnly: ['color-contrast']}" if dark else "{}") == [], section


def serious(page, options: str) -> list:
    """[(rule, elements)] of what axe-core finds on a page."""
    found = page.evaluate(f"axe.run({options})")["violations"]
    return [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


def test_the_login_is_usable_without_a_mouse(station, browser_page):
    page = browser_page(station, width=768)
    page.goto("/")
    page.get_by_label("User name").wait_for()
    page.keyboard.type("etec")
    page.keyboard.press("Tab")
    page.keyboard.type("88888888")
    page.keyboard.press("Enter")
    page.locator("nav a").first.wait_for()
    # the first stop skips the sections
    page.reload()
    page.locator("nav a").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_switch_and_its_saving_work_by_keyboard(station, browser_page):
    page = browser_page(station, "operator")
    visit(page, "authorization")
    switch = page.locator("#i-start_delay")
    switch.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    assert switch.is_checked()
    assert page.locator("#said p").text_content() == "Saved."


@pytest.mark.parametrize("language", WORDS)
def test_the_browsers_language_is_taken(station, browser_page, language, picture):
    page = browser_page(station, "operator", language=language)
    visit(page, "network")
    assert page.locator('nav a[href="#network"]').text_content() == WORDS[language]
    assert page.evaluate("document.documentElement.lang") == language[:2]
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len([name for name in loaded if "/lang_" in name]) == 1
    if language == "zh-CN":
        picture(page, "desktop-chinese")


def test_choices_of_language_and_theme_are_remembered(station, browser_page):
    page = browser_page(station, "operator", width=360)
    visit(page, "installation")
    page.locator("#menu summary").click()
    page.get_by_label("Appearance").select_option("dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_label("Language").select_option("de")
    page.get_by_role("heading", name="Installation").wait_for()
    until(lambda: page.evaluate("document.documentElement.lang") == "de", "German")
    page.reload()
    page.get_by_role("link", name="Netzwerk").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_system_decides_about_dark_or_light(station, browser_page):
    page = browser_page(station, dark=True)
    page.goto("/")
    page.get_by_label("User name").wait_for()
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    page.emulate_media(color_scheme="light")
    page.wait_for_function("document.documentElement.dataset.theme == 'light'")


def test_a_slow_network_only_takes_longer(station, browser_page):
    page = browser_page(station, "operator", width=360)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.emulateNetworkConditions", SLOW)
    page.goto("/#network")
    page.locator(".settings").wait_for()


def test_a_charger_out_of_reach_is_told(station, browser_page):
    page = browser_page(station, "operator", width=360)
    visit(page, "installation")
    page.get_by_label("Output current limit").fill("11")
    station.power(False)
    page.get_by_text("No connection to the charger").wait_for()
    assert page.get_by_label("Output current limit").input_value() == "11"
    station.power(True)
    # its sessions have gone with the power
    page.get_by_role("button", name="Log in").wait_for()
