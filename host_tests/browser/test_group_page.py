"""The group of chargers on the page LOADMANAGEMENT: what a master tells, seen on a phone and on a desktop."""

import json

import pytest
from bench_process import until
from visit import visit

pytestmark = pytest.mark.slow
FOLLOWER = {
    "mode": "Slave",
    "group_id": "",
    "address": "103",
    "granted_a": 10.0,
    "reason": "not heard from",
    "fallback": True,
    "master_silent_s": 40,
}


def member(number: int, **others) -> dict:
    """A member as GET /api/group tells it."""
    usual = {
        "number": number,
        "connector": number + 1,
        "address": str(100 + number) if number else "",
        "serial": f"240AC400000{number}",
        "online": True,
        "silent_s": 1,
        "wires": "RST",
        "priority": 0,
        "rating_a": 32.0,
        "fallback_a": 10.0,
        "request_a": 32.0,
        "granted_a": 20.0,
        "signaled_a": 20.0,
        "current_a": [19.5, 19.5, 19.5],
        "energy_kwh": 1.5,
        "status": "Charging",
        "error_code": "NoError",
        "reason": "shared with the others",
        "trouble": "",
    }
    return {**usual, **others}


def leader(**others) -> dict:
    """What a master of two slaves tells: one charges on L2, one is silent."""
    silent = {"online": False, "status": "Unavailable", "current_a": [None] * 3}
    usual = {
        "mode": "Master",
        "group_id": "",
        "trouble": "",
        "policy": "Uniform Distribution",
        "online": 2,
        "size": 3,
        "limit_a": [50.0] * 3,
        "limit_reason": "llm_grid_current",
        "settling_s": 0,
        "members": [
            member(0),
            member(1, wires="S", current_a=[None, 12.5, None]),
            member(2, **silent, reason="not heard from"),
        ],
    }
    return {**usual, **others}


def show(page, told: dict) -> None:
    """Open the page of a charger that tells this of its group."""
    page.route("**/api/group", lambda route: route.fulfill(json=told))
    visit(page, "loadmanagement")
    page.locator("#g-group-now").wait_for()


def words(page) -> str:
    """The group's card as it is read."""
    return page.locator("#g-group-now").inner_text().replace("\xa0", " ")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_master_shows_who_gets_how_much_and_why(station, browser_page, width):
    page = browser_page(station, "operator", width=width, dark=width == 360)
    show(page, leader(trouble="2400 disobeys"))
    shown = words(page)
    for text in ("2 of 3 answer", "50 A: Supply of the group", "19.5 / 32 / 19.5 A"):
        assert text in shown
    assert "2400: draws more than its share" in shown
    rows = [
        row.replace("\xa0", " ") for row in page.locator(".members tbody tr").all_inner_texts()
    ]
    assert len(rows) == 3
    assert "2 · 240AC4000001" in rows[1] and "101 · L2" in rows[1]
    assert "shared with the others" in rows[1] and "12.5 A" in rows[1]
    assert "does not answer" in rows[2] and "its share is kept free" in rows[2]
    picture = page.locator("#g-group-now .chart").get_attribute("aria-label").replace("\xa0", " ")
    assert "L2 32.0 A" in picture and "Limit 50.0 A" in picture
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_follows_the_group(station, browser_page):
    page = browser_page(station, "operator")
    show(page, leader())
    page.unroute("**/api/group")
    page.route("**/api/group", lambda route: route.fulfill(json=leader(online=3)))
    until(lambda: "3 of 3 answer" in words(page), "the member that came back", 30)


def test_slaves_are_looked_for_by_a_button(station, browser_page):
    page = browser_page(station, "operator")
    show(page, leader())
    asked = []

    def answer(route) -> None:
        asked.append(json.loads(route.request.post_data))
        route.fulfill(json={"result": 300, "text": ""})

    page.route("**/api/actions/group_setup", answer)
    page.unroute("**/api/group")
    page.route("**/api/group", lambda route: route.fulfill(json=leader(settling_s=300)))
    page.get_by_role("button", name="Find slaves").click()
    page.get_by_role("button", name="Stop looking").wait_for()
    assert asked == [{"value": True}]
    assert "Looking for slaves, 5:00 min left." in words(page)


def test_a_user_cannot_look_for_slaves(station, browser_page):
    page = browser_page(station, "user")
    show(page, leader())
    assert not page.get_by_role("button", name="Find slaves").is_visible()


def test_a_slave_shows_that_its_master_is_silent(station, browser_page):
    page = browser_page(station, "operator", width=360)
    show(page, FOLLOWER)
    shown = words(page)
    for text in ("follows its master", "does not answer", "10.0 A: fallback current", "103"):
        assert text in shown
    assert page.locator(".members").count() == 0


def test_a_charger_of_its_own_shows_no_group(station, browser_page):
    page = browser_page(station, "operator")
    visit(page, "loadmanagement")
    page.locator(".settings").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.locator("#g-group-now").count() == 0
