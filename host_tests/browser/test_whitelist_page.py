"""The WHITELIST page on a phone: cards added, found, learned and deleted; configuration card and cache."""

import pytest
from bench_process import until

pytestmark = pytest.mark.slow
TAG = "04A1B2C3D4E5F6"
CARD = "04C0FFEE123456"
LEARNED_S = 60


@pytest.fixture
def page(station, browser_page):
    """The page as the operator sees it on a phone, with nothing on the list."""
    station.power(True)
    station.connected(60)
    page = browser_page(station, "operator", width=360)
    token = page.context.request.get("/api/session").json()["csrf"]
    for key, body in (
        ("whitelist_delete", {"value": "", "confirm": True}),
        ("whitelist_learning", {"value": False}),
    ):
        answer = page.context.request.post(
            f"/api/actions/{key}", data=body, headers={"X-CSRF-Token": token}
        )
        assert answer.status == 200
    page.goto("/#whitelist")
    page.locator(".tags").wait_for()
    return page


def tags(page) -> list:
    return page.locator(".tags code").all_inner_texts()


def add(page, tag: str) -> str:
    """Type a tag, add it; what the page answers."""
    page.locator("#wl-tag").fill(tag)
    with page.expect_response("**/api/actions/whitelist_insert"):
        page.get_by_role("button", name="Add", exact=True).click()
    page.locator("#wl-answer:not(:empty)").wait_for()
    return page.locator("#wl-answer").inner_text()


def test_a_card_is_added_found_and_deleted(page):
    assert page.get_by_text("No cards yet.").is_visible()
    assert "is on the list now" in add(page, TAG)
    until(lambda: tags(page) == [TAG], "the card in the list")
    assert page.get_by_text("1 of 1,000").is_visible()
    page.locator("#wl-tag").fill(TAG)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text(f"{TAG} is on the list.").wait_for()
    page.locator("#wl-tag").fill("DEADBEEF")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text("DEADBEEF is not on the list.").wait_for()
    page.get_by_role("button", name=f"Delete {TAG}").click()
    page.get_by_text("No cards yet.").wait_for()


def test_what_is_refused_is_said_at_the_field(page):
    add(page, TAG)
    until(lambda: tags(page) == [TAG], "the card in the list")
    with page.expect_response("**/api/actions/whitelist_insert"):
        page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("was on the list already").wait_for()
    page.locator("#wl-tag").fill("")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Please enter a card number.").wait_for()
    assert page.locator("#wl-tag").get_attribute("aria-invalid") == "true"
    assert tags(page) == [TAG]


def test_a_card_is_learned_at_the_reader(station, page, picture):
    learning = page.locator("#f-whitelist_learning")
    learning.get_by_role("button", name="Start learning").click()
    learning.get_by_text("Learning: hold cards to the reader").wait_for()
    station.card(CARD)
    until(lambda: tags(page) == [CARD], "the learned card", LEARNED_S)
    page.evaluate("scrollTo(0, 0)")
    picture(page, "whitelist-phone")
    learning.get_by_role("button", name="Stop learning").click()
    learning.get_by_text("Off", exact=True).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_all_are_deleted_only_after_a_question(page):
    add(page, TAG)
    add(page, CARD)
    until(lambda: len(tags(page)) == 2, "both cards")
    page.get_by_role("button", name="Delete all").click()
    page.get_by_text("All 2 cards are taken off the list.").wait_for()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert len(tags(page)) == 2
    page.get_by_role("button", name="Delete all").click()
    page.locator("dialog").get_by_role("button", name="Delete all").click()
    page.get_by_text("No cards yet.").wait_for()


def test_a_long_list_comes_in_pages(page):
    token = page.context.request.get("/api/session").json()["csrf"]
    for number in range(23):
        answer = page.context.request.post(
            "/api/actions/whitelist_insert",
            data={"value": f"04000000{number:06X}"},
            headers={"X-CSRF-Token": token},
        )
        assert answer.status == 200
    page.reload()
    page.get_by_text("1 – 20 of 23").wait_for()
    first = set(tags(page))
    page.get_by_role("button", name="Later").click()
    page.get_by_text("21 – 23 of 23").wait_for()
    assert len(first) == 20 and len(tags(page)) == 3 and not first & set(tags(page))
    page.get_by_role("button", name="Earlier").click()
    page.get_by_text("1 – 20 of 23").wait_for()
    assert set(tags(page)) == first


def test_the_cache_is_cleared_only_after_a_question(page):
    page.locator("#f-clear_cache button").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    with page.expect_response("**/api/actions/clear_cache") as answer:
        page.locator("#f-clear_cache button").click()
        page.locator("dialog").get_by_role("button", name="Clear cache").click()
    assert answer.value.status == 200
    page.get_by_text("The cache is empty.").wait_for()


def test_the_configuration_card_is_learned_and_taken_away(station, page):
    box = page.locator("#f-learn_config_card")
    field = page.locator("#i-config_card")
    box.get_by_role("button", name="Start learning").click()
    box.get_by_text("Hold the configuration card to the reader").wait_for()
    station.card(CARD)
    until(lambda: field.input_value() == CARD, "the card's number in its field", LEARNED_S)
    field.fill("")
    box.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.reload()
    page.locator("#i-config_card").wait_for()
    assert field.input_value() == ""


def test_a_user_learns_cards_but_no_configuration_card(station, browser_page, page):
    user = browser_page(station, "user", width=360)
    user.goto("/#whitelist")
    user.locator(".tags").wait_for()
    assert user.locator("#f-whitelist_learning button").count() == 2
    assert user.locator("#f-learn_config_card button").count() == 0
    assert user.locator("#i-config_card").is_disabled()
