"""The STATE page on a phone: a charge seen live, its buttons, faults with advice, chart and sessions."""

import csv
import io

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
CARD = "04A1B2C3D4E5F6"
MARKUP = "<img src=x>"
LIVE_S = 60  # the contactor closes within 2 s; the machine may be busy


@pytest.fixture
def free_station(station):
    """The station with nothing plugged in and nothing wrong; and so it is left behind."""
    station.power(True)
    station.connected(60)
    station.clear()
    yield station
    station.clear()


def charge(station, **vehicle) -> None:
    """A car comes, a card is held up long enough for a busy machine, current flows."""
    station.plug(**vehicle)
    station.card(CARD, 1500)
    station.charging(40)


def open_state(page) -> None:
    page.goto("/#state")
    page.locator(".now .status").wait_for()


def text_of(place) -> str:
    """The text that is seen, with ordinary spaces between numbers and units."""
    return place.inner_text().replace("\xa0", " ")


def words_of(chart) -> str:
    """What the chart tells those who do not see it."""
    return (chart.get_attribute("aria-label") or "").replace("\xa0", " ")


def now(page) -> str:
    return text_of(page.locator(".now"))


def shows(page, text: str, timeout_s: float = LIVE_S) -> None:
    """Wait until the card of the present state has a text in it."""
    until(lambda: text in now(page), f"{text} on the page", timeout_s)


def first_session(page) -> str:
    """The newest session's row; waits for the list."""
    row = page.locator(".sessions tbody tr:nth-child(2)").first
    row.wait_for(timeout=LIVE_S * 1000)
    return text_of(row)


def test_a_charge_is_seen_from_plug_to_unplug(free_station, browser_page):
    page = browser_page(free_station, "operator", width=360)
    open_state(page)
    shows(page, "Ready for a car")
    free_station.plug(max_a=16)
    shows(page, "waiting for a card or a start")
    free_station.card(CARD, 1500)
    shows(page, "Charging")
    shows(page, "With up to 32 A: set by the operator")
    shows(page, CARD)
    until(
        lambda: "16.0 A" in now(page) and "3.6" in page.locator(".now .power").inner_text(),
        "16 A",
        LIVE_S,
    )
    free_station.unplug()
    shows(page, "Available")
    until(lambda: "plug pulled" in first_session(page), "the session in the list", LIVE_S)
    assert CARD in first_session(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_operator_starts_and_stops_by_buttons(free_station, browser_page):
    page = browser_page(free_station, "operator", width=360)
    open_state(page)
    free_station.plug()
    shows(page, "Plugged in")
    page.get_by_role("button", name="Start charging").click()
    free_station.charging()
    shows(page, "Charging")
    assert not page.get_by_role("button", name="Start charging").is_visible()
    page.get_by_role("button", name="Stop charging").click()
    free_station.shows(lambda state: not state["coil"])
    shows(page, "Finished: pull the plug")


def test_a_start_without_a_car_can_be_taken_back(free_station, browser_page):
    page = browser_page(free_station, "operator", width=360)
    open_state(page)
    page.get_by_role("button", name="Start charging").click()
    page.locator("#said").get_by_text("plug in the car").wait_for()
    page.get_by_role("button", name="Stop charging").click()
    shows(page, "Ready for a car")


def test_a_user_sees_everything_and_has_no_buttons(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    with page.expect_response("**/api/settings?page=STATE"):
        open_state(page)
    free_station.plug()
    shows(page, "Plugged in")
    assert page.locator(".now button").count() == 3
    assert not page.locator(".now button:visible").count()
    assert page.get_by_text("Pilot calibration").count() == 0


def test_a_fault_comes_with_advice_and_goes_again(free_station, browser_page, picture):
    page = browser_page(free_station, "operator", width=360)
    open_state(page)
    free_station.fault(pe_open=True)
    fault = page.locator(".fault")
    fault.wait_for(timeout=LIVE_S * 1000)
    assert "Protective earth is missing" in fault.inner_text()
    assert "Have an electrician check the earth wire" in fault.inner_text()
    assert page.locator(".now .status").inner_text() == "Fault"
    picture(page, "state-fault-phone")
    free_station.fault(pe_open=False)
    fault.wait_for(state="detached", timeout=60_000)
    shows(page, "Ready for a car")


def test_all_limits_are_behind_the_one_that_counts(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    open_state(page)
    shows(page, "Limit 32 A")
    assert not page.get_by_text("switches on the board").is_visible()
    page.locator(".limits summary").click()
    page.get_by_text("switches on the board").wait_for()


def test_links_tell_their_true_state(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    open_state(page)
    links = page.locator(".links")
    until(lambda: "Back office\nconnected" in links.inner_text(), "the back office", LIVE_S)
    free_station.back_office(False)
    try:
        until(lambda: "Back office\nnot connected" in links.inner_text(), "its loss", 60)
    finally:
        free_station.back_office(True)
    free_station.connected(60)


def hour(values: int) -> dict:
    """A history: nothing known, then nothing charged, then a charge with 11 kW."""
    current = [None] * (60 - values) + [0] * 10 + [160] * (values - 10)
    power = [amperes and amperes * 69 // 10 for amperes in current]
    return {"period_s": 60, "current_da": current, "power_10w": power}


def with_hour(page, values: int) -> None:
    """Have the station answer with the history of a long day."""

    def answer(route):
        uptime_s = page.context.request.get("/api/state").json()["uptime_s"]
        route.fulfill(json={**hour(values), "end_uptime_s": uptime_s})

    page.route("**/api/history", answer)


def test_the_chart_draws_the_last_hour_and_tells_it_in_words(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    with_hour(page, 40)
    open_state(page)
    chart = page.locator("svg.chart")
    until(lambda: "at most 16.0 A" in words_of(chart), "words", LIVE_S)
    assert "Power in the last hour" in words_of(chart)
    lines = page.locator("svg.chart .line")
    assert [line.get_attribute("d").count("L") >= 39 for line in lines.all()] == [True, True]
    page.get_by_text("As a table").click()
    means = [text_of(row) for row in page.locator(".minutes tbody tr").all()]
    assert len(means) == 6
    assert "11.04 kW" in means[1] and "16.0 A" in means[1]
    assert means[5].endswith("–")


def test_the_chart_goes_on_with_live_values(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    charge(free_station, max_a=10)
    open_state(page)
    last = page.locator("svg.chart .current .line")
    until(lambda: (last.get_attribute("d") or "").count("L") >= 2, "a point each 10 s", 40)
    assert "now 10.0 A" in words_of(page.locator("svg.chart"))


def test_the_log_of_sessions_has_weeks_pages_and_a_csv(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    charge(free_station)
    free_station.unplug()
    open_state(page)
    newest = first_session(page)
    week = text_of(page.locator(".sessions .week").first)
    assert "session" in week and "kWh" in week
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    text = open(download.value.path(), newline="", encoding="utf-8").read()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["tag"] == CARD
    assert rows[0]["tag"] in newest


def many_sessions(page, count: int) -> None:
    """Have the station answer with a log of so many sessions, one each day."""

    def answer(route):
        query = dict(part.split("=") for part in route.request.url.split("?")[1].split("&"))
        first, limit = int(query.get("from", 0)), int(query["limit"])
        places = range(first, min(first + limit, count))
        sessions = [
            {
                "number": count - place,
                "start_unix_s": 1795262400 - place * 86400,
                "stop_unix_s": 1795269600 - place * 86400,
                "duration_s": 7200,
                "energy_wh": 1000,
                "id_tag": MARKUP,
                "reason": "Local",
            }
            for place in places
        ]
        following = first + limit if first + limit < count else None
        route.fulfill(json={"sessions": sessions, "next": following})

    page.route("**/api/sessions?**", answer)


def test_older_sessions_come_page_by_page_with_totals_of_each_week(free_station, browser_page):
    page = browser_page(free_station, "user", width=768)
    many_sessions(page, 15)
    open_state(page)
    first_session(page)
    weeks = page.locator(".sessions .week")
    assert "so far" in weeks.last.inner_text()
    page.get_by_role("button", name="Show older ones").click()
    until(
        lambda: page.locator(".sessions tbody tr:not(:first-child)").count() == 15, "all", LIVE_S
    )
    assert not page.get_by_role("button", name="Show older ones").is_visible()
    totals = "\n".join(text_of(week) for week in weeks.all())
    assert "7 sessions · 7.00" in totals and "so far" not in totals
    assert page.locator("main img").count() == 0  # a tag is text, whatever it looks like


def test_a_tag_that_looks_like_markup_stays_text(free_station, browser_page):
    page = browser_page(free_station, "operator", width=360)
    open_state(page)
    free_station.plug()
    token = page.context.request.get("/api/session").json()["csrf"]
    answer = page.context.request.post(
        "/api/actions/start_charging", data={"value": MARKUP}, headers={"X-CSRF-Token": token}
    )
    assert answer.status == 200
    shows(page, MARKUP)
    assert page.locator("main img").count() == 0


def test_a_lost_line_is_said_and_found_again(free_station, browser_page):
    page = browser_page(free_station, "user", width=360)
    open_state(page)
    free_station.power(False)
    page.get_by_text("No connection to the charger").wait_for(timeout=60_000)
    assert "stale" in page.locator("main").get_attribute("class")
    free_station.power(True)
    page.get_by_label("User name").wait_for(timeout=60_000)  # sessions end with a restart


@pytest.mark.parametrize("width, dark", [(360, False), (360, True), (1024, False), (1024, True)])
def test_the_page_of_a_charge_is_fit_to_be_seen(free_station, browser_page, picture, width, dark):
    page = browser_page(free_station, "operator", width=width, dark=dark)
    with_hour(page, 45)
    charge(free_station, max_a=16, phases=3)
    open_state(page)
    shows(page, "11.0")  # kW
    until(lambda: page.locator("svg.chart .line").count() == 2, "the chart", LIVE_S)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture(page, f"state-{'phone' if width == 360 else 'desktop'}-{'dark' if dark else 'light'}")
