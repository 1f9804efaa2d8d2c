"""A new charger is set up from a phone: password, hotspot, network, installation, mode, back office."""

import json
import re

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
OWN_PASSWORD = "garage-door-9"
CHOSEN = {
    "phases": "3P+N400V",
    "output_current_limit": 16,
    "chargepoint_type": "Home",
    "free_charging": False,
    "whitelist_enabled": True,
    "setup_done": True,
}


@pytest.fixture(scope="module")
def new_station(chromium, start_station):
    """A station as it comes out of its box."""
    return start_station()


def settings_of(page) -> dict:
    rows = json.loads(page.context.request.get("/api/settings").text())["settings"]
    return {row["key"]: row["value"] for row in rows}


def log_in(page, password: str) -> None:
    page.goto("/")
    page.get_by_label("User name").fill("etec")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def choose_password(page, picture) -> None:
    page.get_by_role("heading", name="Choose your own password").wait_for()
    picture(page, "phone-password")
    page.get_by_label("New password", exact=False).first.fill(OWN_PASSWORD)
    page.get_by_label("New password once more").fill("something else")
    page.get_by_role("button", name="Set password").click()
    page.get_by_text("The two are not the same").wait_for()
    page.get_by_label("New password once more").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Set password").click()


def choose_hotspot_password(page) -> None:
    page.get_by_role("heading", name="The hotspot's password").wait_for()
    page.get_by_label("Hotspot password").fill("short")
    next_step(page)
    page.get_by_text("Please enter 8 to 63 characters").wait_for()
    page.get_by_label("Hotspot password").fill("mountain-lake")
    next_step(page)


def pick_network(page, picture) -> str:
    """The name of the strongest in reach."""
    page.get_by_role("heading", name="Your network").wait_for()
    page.get_by_role("button", name="Look for networks").click()
    network = page.locator(".network").first
    network.wait_for()
    picture(page, "phone-networks")
    name = network.locator("span").first.evaluate("(node) => node.firstChild.textContent")
    network.click()
    assert page.get_by_label("Network name (SSID)").input_value() == name
    page.get_by_label("Wi-Fi password").fill("neighbours-cat")
    next_step(page)
    return name


def next_step(page) -> None:
    page.get_by_role("button", name="Save and continue").click()


def test_a_new_owner_goes_through_the_set_up(new_station, browser_page, picture):
    # Given a new charger and its owner's phone
    page = browser_page(new_station, width=360)
    log_in(page, "88888888")
    # When the owner chooses a password, then the hotspot's, picks a network from those in reach,
    choose_password(page, picture)
    choose_hotspot_password(page)
    name = pick_network(page, picture)
    # … tells what the electrician has installed
    page.get_by_role("heading", name="The installation").wait_for()
    page.get_by_label("Phases").select_option("3P+N400V")
    page.get_by_label("Output current limit").fill("16")
    next_step(page)
    # … and who may charge
    page.get_by_role("heading", name="Who may charge?").wait_for()
    picture(page, "phone-mode")
    page.get_by_label("Only cards on my list").check()
    next_step(page)
    # Then the charger is set so, without a back office, and the wizard does not come again
    page.get_by_role("heading", name="All set").wait_for()
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("link", name="State", exact=True).wait_for()
    assert {**CHOSEN, "ssid": name}.items() <= settings_of(page).items()
    page.reload()
    page.get_by_role("link", name="Network").wait_for()
    assert "#setup" not in page.url
    assert page.get_by_role("link", name="Set-up").count() == 0


def test_with_a_factory_password_only_the_state_shows(new_station, browser_page):
    # Given another login that still has its factory password
    page = browser_page(new_station, "user")
    page.goto("/")
    page.get_by_role("heading", name="Choose your own password").wait_for()
    # When its owner puts that off
    page.get_by_role("link", name="Not now, show the state").click()
    # Then there is the state and nothing else
    until(lambda: page.title() != "Charger", "the live state")
    assert page.locator("nav a").all_text_contents() == ["State"]
    page.goto("/#network")
    assert page.locator(".settings").count() == 0
    assert page.context.request.get("/api/settings?page=NETWORK").status == 403


def test_the_set_up_is_taken_up_where_it_was_left(start_station, browser_page):
    # Given a charger whose set-up was left after the network
    half = {"hotspot_password": "mountain-lake", "ssid": "Home"}
    station = start_station(half, config={"allow_factory_passwords": True})
    # When the owner comes back with another device
    page = browser_page(station, "operator", width=768)
    page.goto("/")
    # Then the installation is next, the steps before it are marked as done
    page.get_by_role("heading", name="The installation").wait_for()
    done = page.locator(".progress .done")
    assert [step.get_attribute("aria-label") for step in done.all()][:2] == [
        "The hotspot's password",
        "Your network",
    ]
    # … and leaving it again shows the state, with a way back
    page.get_by_role("link", name="Go on later").click()
    page.get_by_role("link", name="Set-up").wait_for()
    assert re.search("#state$", page.url)
