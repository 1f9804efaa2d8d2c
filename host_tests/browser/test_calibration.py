"""The calibration wizard: two values of a multimeter, and the pilot's figures that follow from them."""

import pytest
from bench_process import until

pytestmark = pytest.mark.slow


@pytest.fixture
def wizard(station, browser_page):
    """The wizard in front of the manufacturer, no car at the station."""
    station.power(True)
    station.connected(60)
    station.clear()
    page = browser_page(station, "manufacturer", width=360)
    page.goto("/#state")
    page.get_by_text("Details for experts").click()
    page.get_by_role("button", name="Pilot calibration").click()
    page.get_by_text("V · ").first.wait_for()
    return page


def take(page, which: str, text: str) -> str:
    """Enter what the multimeter shows; what the wizard says to it."""
    field = page.locator(f"#cal-{which}")
    field.fill(text)
    page.locator("dialog .entry", has=field).get_by_role("button").click()
    return page.locator(f"#cal-{which}-told").inner_text()


def test_two_levels_give_the_figures_and_they_can_be_forgotten(station, wizard, picture):
    page = wizard
    assert "Please enter 11 to 13 V." in take(page, "high", "9")
    assert "not at this level" in take(page, "low", "-12")
    assert "Taken" in take(page, "high", "12.05")
    page.get_by_role("button", name="Put −12 V on the pilot").click()
    station.shows(lambda state: state["pilot"]["high_mv"] < -11000)
    until(lambda: "-12." in page.locator("dialog .list").first.inner_text(), "-12 V in the wizard")
    assert "Taken" in take(page, "low", "−12,05")
    station.shows(lambda state: state["pilot"]["low_mv"] > 11000)  # and so the pilot is well again
    result = page.locator("dialog .list").nth(1).inner_text()
    assert "until now 85000" in result
    page.get_by_role("button", name="Keep these figures").click()
    page.get_by_text("Done. It counts after a restart.").wait_for()
    picture(page, "calibration-phone")
    page.get_by_role("button", name="Back to the figures").click()
    page.get_by_role("button", name="Back to the figures").wait_for(state="hidden")


def test_closing_the_wizard_lets_go_of_the_pilot(station, wizard):
    wizard.get_by_role("button", name="Put −12 V on the pilot").click()
    station.shows(lambda state: state["pilot"]["high_mv"] < -11000)
    wizard.get_by_role("button", name="Close").click()
    station.shows(lambda state: state["pilot"]["low_mv"] > 11000)


def test_with_a_car_it_says_what_is_in_the_way(station, wizard):
    station.plug()
    wizard.get_by_text("Unplug the car first").wait_for()
    wizard.get_by_role("button", name="Put −12 V on the pilot").click()
    wizard.get_by_text("a car is connected").wait_for()
    station.unplug()
