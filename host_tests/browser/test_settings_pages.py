"""The sections as forms: what each role sees and may change, saving, refusals, search."""

import json
import time

import pytest
from bench_process import until
from visit import LOGINS

pytestmark = pytest.mark.slow
FORMS = (
    "network",
    "installation",
    "system",
    "backend",
    "manufacturer",
    "loadmanagement",
    "authorization",
)
HEADINGS = {"backend": "Back office", "loadmanagement": "Load management"}
# {id of a setting's place: what is in it}, for places with a help text
FIELDS = """Object.fromEntries([...document.querySelectorAll('.settings .field')]
    .filter((place) => place.querySelector('.help').textContent.length > 3)
    .map((place) => [place.id, place.querySelector('.act') ? 'button'
        : document.getElementById(place.id.replace('f-', 'i-')) ? 'control' : 'text']))"""


def open_form(page, section: str) -> None:
    page.goto(f"/#{section}")
    page.locator(".settings").wait_for()


def rows_of(page, section: str) -> list:
    """The section's rows as the API gives them; the page's own connections may be all that it has."""

    def ask():
        answer = page.context.request.get("/api/settings?page=" + section.upper())
        assert answer.status in (200, 503), answer.text()
        return answer.status == 200 and json.loads(answer.text())["settings"]

    return until(ask, "the section's rows")


@pytest.mark.parametrize("role", LOGINS)
def test_each_section_shows_what_the_role_may_see(station, browser_page, role):
    page = browser_page(station, role)
    page.goto("/")
    assert page.locator("nav a").first.text_content() == "State"
    assert page.locator("nav a").count() == 9
    for section in FORMS:
        page.evaluate(f"location.hash = '{section}'")
        page.get_by_role("heading", level=1, name=HEADINGS.get(section, section)).wait_for()
        page.locator(".settings").wait_for()
        shown = page.evaluate(FIELDS)
        rows = rows_of(page, section)
        expected = {}
        for row in rows:
            is_action = row["type"].startswith("action")
            if row["writable"] or not is_action:
                kind = "button" if is_action else "control" if row["writable"] else "text"
                expected["f-" + row["key"]] = kind
        assert shown == expected


def test_a_change_is_saved_and_shown_again(station, browser_page, picture):
    page = browser_page(station, "operator")
    open_form(page, "installation")
    limit = page.get_by_label("Output current limit")
    limit.fill("20")
    page.get_by_text("1 change").wait_for()
    picture(page, "desktop-installation")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved.").wait_for()
    page.reload()
    page.locator(".settings").wait_for()
    assert page.get_by_label("Output current limit").input_value() == "20"
    assert page.get_by_text("No changes").is_visible()


def test_errors_stand_at_their_fields_and_nothing_is_lost(station, browser_page):
    page = browser_page(station, "manufacturer", width=768)
    open_form(page, "manufacturer")
    # what the page itself knows to be wrong
    lowest = page.get_by_label("Lowest voltage")
    lowest.fill("7")
    page.get_by_role("button", name="Save", exact=True).click()
    assert "80 to 230" in page.locator("#e-min_voltage").text_content()
    assert lowest.get_attribute("aria-invalid") == "true"
    # what only the charger knows: the voltages must be in order
    lowest.fill("225")
    page.get_by_label("Model").fill("A new model")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#e-min_voltage").get_by_text("must be below").wait_for()
    assert page.get_by_label("Model").input_value() == "A new model"
    stored = {row["key"]: row["value"] for row in rows_of(page, "manufacturer")}
    assert (stored["min_voltage"], stored["model"]) != (225, "A new model")
    assert stored["model"] != "A new model"
    page.get_by_role("button", name="Discard").click()
    until(lambda: page.get_by_label("Lowest voltage").input_value() == "180", "the stored value")


def test_a_change_that_may_lock_out_asks_first(station, browser_page):
    page = browser_page(station, "operator")
    open_form(page, "network")
    page.get_by_label("Network name (SSID)").fill("Elsewhere")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    assert "Network name" in dialog.text_content()
    dialog.get_by_role("button", name="Cancel").click()
    assert {r["key"]: r["value"] for r in rows_of(page, "network")}["ssid"] != "Elsewhere"
    assert page.get_by_label("Network name (SSID)").input_value() == "Elsewhere"


def test_leaving_with_changes_asks_first(station, browser_page):
    page = browser_page(station, "operator")
    open_form(page, "backend")
    page.get_by_text("Timing and messages").click()
    page.get_by_label("Wait for answers").fill("44")
    page.get_by_role("link", name="System").click()
    page.get_by_role("button", name="Keep editing").click()
    assert page.url.endswith("#backend")
    assert page.get_by_label("Wait for answers").input_value() == "44"
    page.get_by_role("link", name="System").click()
    page.get_by_role("button", name="Discard").last.click()
    page.get_by_role("heading", name="System").wait_for()


def test_save_and_restart_restarts_the_charger(station, browser_page):
    page = browser_page(station, "manufacturer")
    open_form(page, "manufacturer")
    boots = station.record["boots"]
    page.get_by_label("LCD with two lines").check()
    page.get_by_role("button", name="Save & Restart").click()
    page.get_by_text("The charger restarts").wait_for()
    # the session has gone with the restart: the page asks for a login again by itself
    page.get_by_role("button", name="Log in").wait_for()
    until(lambda: station.record["boots"] > boots, "a restart", 30)
    time.sleep(1)


def test_search_leads_to_the_field(station, browser_page, picture):
    page = browser_page(station, "operator")
    page.goto("/#state")
    page.locator("nav a").first.wait_for()
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("heartbeat")
    page.locator(".hits a").first.wait_for()
    picture(page, "desktop-search")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#backend/heartbeat_interval")
    until(
        lambda: page.evaluate("document.activeElement.id") == "i-heartbeat_interval", "the field"
    )


def test_a_known_meter_folds_its_registers_away(station, browser_page):
    page = browser_page(station, "manufacturer")
    open_form(page, "manufacturer")
    preset = page.locator("#i-meter_preset")
    preset.select_option("Chint DTSU666")
    assert not page.locator("#i-meter_reg_w").is_visible()
    preset.select_option("Custom")
    assert page.locator("#i-meter_reg_w").is_visible()


def test_a_user_reads_what_it_may_not_change(station, browser_page):
    page = browser_page(station, "user", width=360)
    open_form(page, "backend")
    assert page.locator("#f-heartbeat_interval output").text_content() == "900 s"
    assert page.locator("#i-heartbeat_interval").count() == 0
    assert page.locator("#i-time_zone").count() == 1


def test_the_configuration_goes_out_and_comes_back(station, browser_page, tmp_path):
    page = browser_page(station, "manufacturer")
    open_form(page, "system")
    # Given a file of the whole configuration
    page.get_by_role("button", name="Export …").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save file").click()
    path = tmp_path / "configuration.json"
    saved.value.save_as(path)
    found = json.loads(path.read_text())
    assert "password" not in json.dumps(found["settings"]).replace("basic_auth_password", "")
    # When one value of it is changed and it is brought back
    found["settings"]["stop_limit"] = 133
    path.write_text(json.dumps(found))
    page.get_by_role("button", name="Import …").click()
    page.locator("dialog input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Show what would change").click()
    # Then the change is shown before it is made
    row = page.locator("dialog tbody tr")
    row.wait_for()
    assert [cell.text_content() for cell in row.locator("td").all()] == [
        "Stop limit",
        "120",
        "133",
    ]
    page.get_by_role("button", name="Take over").click()
    page.get_by_text("Taken over.").wait_for()
    stored = {row["key"]: row["value"] for row in rows_of(page, "installation")}
    assert stored["stop_limit"] == 133
