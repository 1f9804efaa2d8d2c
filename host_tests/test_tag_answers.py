"""What the back office's answers tell of tags: kept for the group, in the cache, or held against its list."""

import asyncio
import os
from types import SimpleNamespace

import pytest
from auth import answers, local_list_update, tag_cache

NOTHING = ("", "")


class Backend:
    """Takes notices."""

    decides = False

    def __init__(self):
        self.adapter = SimpleNamespace(status_of=lambda connector: {"connectorId": connector})
        self.told = []

    def later(self, job):
        job()

    def tell(self, action, payload):
        self.told.append((action, payload))


@pytest.fixture
def path(tmp_path):
    """Of the cache."""
    return str(tmp_path / "tag_cache")


def authorizer_at(tmp_path, cache=True, session_tag="", own_list=True):
    session = SimpleNamespace(id_tag=session_tag) if session_tag else None
    settings = {"authorization_cache": cache, "local_list_enabled": own_list}
    return SimpleNamespace(
        settings=SimpleNamespace(get=settings.get),
        charger=SimpleNamespace(session=session),
        backend=Backend(),
        path=str(tmp_path),
        group=NOTHING,
        conflict="",
    )


def put_on_list(tmp_path, **tags):
    entries = [{"idTag": tag, "idTagInfo": {"status": status}} for tag, status in tags.items()]
    asyncio.run(local_list_update.update(entries, 1, True, str(tmp_path / "auth_list")))


@pytest.mark.parametrize("payload", [{"idTag": "card"}, '{"connectorId":1,"idTag":"card"}'])
def test_an_answers_tag_info_is_kept(tmp_path, path, payload):
    authorizer = authorizer_at(tmp_path)
    info = {"status": "Accepted", "expiryDate": "2030-01-01T00:00:00Z", "parentIdTag": "fleet"}
    answers.note(authorizer, payload, info)
    assert tag_cache.find("CARD", path) == ("Accepted", 1_893_456_000, "FLEET")
    assert authorizer.group == ("CARD", "FLEET")


def test_with_the_cache_off_only_the_group_is_remembered(tmp_path):
    authorizer = authorizer_at(tmp_path, cache=False)
    answers.note(authorizer, {"idTag": "CARD"}, {"status": "Accepted", "parentIdTag": "FLEET"})
    assert authorizer.group == ("CARD", "FLEET")
    assert not os.listdir(tmp_path)


def test_another_card_does_not_change_the_sessions_group(tmp_path):
    authorizer = authorizer_at(tmp_path, session_tag="CARD")
    authorizer.group = ("CARD", "FLEET")
    answers.note(authorizer, {"idTag": "OTHER"}, {"status": "Accepted", "parentIdTag": "THEIRS"})
    assert authorizer.group == ("CARD", "FLEET")


@pytest.mark.parametrize("info", [None, [], "Accepted", {}, {"status": {}}])
def test_nonsense_is_passed_over(tmp_path, path, info):
    answers.note(authorizer_at(tmp_path), {"idTag": "CARD"}, info)
    answers.note(authorizer_at(tmp_path), {"meterStop": 1}, {"status": "Accepted"})
    assert tag_cache.find("CARD", path) is None


# --- the local list


def test_a_listed_tag_is_never_cached(tmp_path, path):
    put_on_list(tmp_path, CARD="Accepted")
    authorizer = authorizer_at(tmp_path)
    answers.note(authorizer, {"idTag": "card"}, {"status": "Accepted", "parentIdTag": "fleet"})
    assert tag_cache.find("CARD", path) is None
    assert authorizer.group == ("CARD", "FLEET")
    assert authorizer.backend.told == []


def test_with_the_list_switched_off_it_is(tmp_path, path):
    put_on_list(tmp_path, CARD="Accepted")
    authorizer = authorizer_at(tmp_path, own_list=False)
    answers.note(authorizer, {"idTag": "CARD"}, {"status": "Blocked"})
    assert tag_cache.find("CARD", path) == ("Blocked", 0, "")
    assert authorizer.backend.told == []


@pytest.mark.parametrize(
    ("listed", "told", "differs"),
    [
        ("Accepted", "Accepted", False),
        ("Accepted", "Blocked", True),
        ("Accepted", "ConcurrentTx", False),  # which says nothing about the tag as such
        ("Blocked", "Expired", False),
        ("Blocked", "Accepted", True),
    ],
)
def test_an_answer_that_contradicts_the_list_is_told_once(tmp_path, listed, told, differs):
    put_on_list(tmp_path, CARD=listed, OTHER=listed)
    authorizer = authorizer_at(tmp_path)
    for tag in ("CARD", "card", "OTHER"):
        answers.note(authorizer, {"idTag": tag}, {"status": told})
    notice = ("StatusNotification", {"connectorId": 0, "errorCode": "LocalListConflict"})
    assert authorizer.backend.told == ([notice] * 2 if differs else [])
