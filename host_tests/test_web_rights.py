"""Every row of the table and every role: what the API lets each see and write is what the table says."""

import pytest
from core.setting_types import declarations, default
from web_rig import make_services, play

ROLES = ("manufacturer", "operator", "user")
TABLE = list(declarations())
PAGES = sorted({declaration.page for declaration in TABLE})
OWN_PASSWORD = "another password"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_the_rows_that_it_may_see_and_no_others(role):
    async def story(browser, services):
        await browser.login(role)
        for page in PAGES:
            answer = (await browser.get("/api/settings?page=" + page)).json
            assert answer["page"] == page
            shown = {row["key"]: row for row in answer["settings"]}
            assert list(shown) == [d.key for d in TABLE if d.page == page and d.may_read(role)]
            for declaration in TABLE:
                if declaration.key in shown:
                    row = shown[declaration.key]
                    assert row["writable"] == declaration.may_write(role), declaration.key

    play(story)


def new_value(declaration):
    """A value that the setting takes: its default, or for a password another."""
    if not declaration.has_value:
        return 1
    return OWN_PASSWORD if declaration.type == "password" else default(declaration)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", PAGES)
def test_a_role_writes_what_it_may_write_and_nothing_else(page, role):
    async def story(browser, services):
        await browser.login(role)
        for declaration in TABLE:
            if declaration.page != page:
                continue
            key = declaration.key
            stored = dict(services.settings.stored)
            response = await browser.put(
                "/api/settings",
                headers={"X-CSRF-Token": browser.csrf},
                body={key: new_value(declaration)},
            )
            if not declaration.may_write(role):
                assert response.status_code == 403, key
                assert list(response.json["errors"]) == [key]
                assert services.settings.stored == stored
            else:  # readings and actions are no settings
                assert response.status_code == (200 if declaration.has_value else 422), key

    play(story)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_what_it_may_do_and_nothing_else(role):
    async def story(browser, services):
        await browser.login(role)
        for declaration in TABLE:
            if not declaration.type.startswith("action"):
                continue
            response = await browser.post(
                "/api/actions/" + declaration.key,
                headers={"X-CSRF-Token": browser.csrf},
                body={"value": ""},
            )
            forbidden = not declaration.may_write(role)
            assert (response.status_code == 403) == forbidden, declaration.key

    play(story)


@pytest.mark.parametrize("role", ROLES)
def test_with_a_factory_password_nothing_is_seen_or_written_but_the_own_password(role):
    async def story(browser, services):
        await browser.login(role)
        for declaration in TABLE:
            body = {declaration.key: 1}
            if declaration.key == role + "_password":
                continue
            response = await browser.put(
                "/api/settings", headers={"X-CSRF-Token": browser.csrf}, body=body
            )
            assert response.status_code == 403, declaration.key
            assert response.json["password_is_factory"] is True
            if declaration.type.startswith("action"):
                path = "/api/actions/" + declaration.key
                response = await browser.post(
                    path, headers={"X-CSRF-Token": browser.csrf}, body={"value": ""}
                )
                assert response.status_code == 403, declaration.key
                assert response.json["password_is_factory"] is True
        assert (await browser.get("/api/settings")).status_code == 403

    play(story, make_services(config={}))


def test_the_rows_of_a_page_are_together():
    pages = [declaration.page for declaration in TABLE]
    changes = [page for before, page in zip(["", *pages], pages, strict=False) if page != before]
    assert len(changes) == len(set(changes)) == 9
