"""Who charges and who stops by the back office's list: it goes before the whitelist, the cache and a question."""

import asyncio

import pytest
from auth import local_list_update, tag_cache, whitelist
from auth.tag_files import TagFiles, key
from authorizer_rig import ANY, B1, B3, B7, BAD, Backend, GOOD, _HOME, card, play

LISTED, BLOCKED, ENDED = "11571157", "B10CCED0", "E0DED000"
FULL = 24  # tags in a file of the cache
LOCAL = {**B1, "whitelist_enabled": False}
ASKS = B3


@pytest.fixture(autouse=True)
def lists(tmp_path):
    """The cache and the whitelist know otherwise than the list, and the back office knows GOOD only."""
    ended = {"status": "Accepted", "expiryDate": "2020-01-01T00:00:00Z"}
    entries = [
        {"idTag": LISTED, "idTagInfo": {"status": "Accepted"}},
        {"idTag": BLOCKED, "idTagInfo": {"status": "Blocked"}},
        {"idTag": ENDED, "idTagInfo": ended},
    ]
    send(tmp_path, entries)
    cache = str(tmp_path / "tag_cache")
    tag_cache.put(LISTED, "Blocked", 0, "", cache)
    for tag in (BLOCKED, ENDED):
        tag_cache.put(tag, "Accepted", 0, "", cache)
        whitelist.insert(tag, str(tmp_path / "whitelist"))


@pytest.fixture(autouse=True)
def known_time(monkeypatch):
    monkeypatch.setattr("core.clock.unix_s", lambda: 1_795_000_000)


def send(tmp_path, entries):
    asyncio.run(local_list_update.update([*entries], 1, True, str(tmp_path / "auth_list")))


def starts(tmp_path, tag, changes, backend):
    """(it charges, what the back office was asked)."""
    backend.adapter = type("Adapter", (), {"status_of": lambda self, number: {}})()
    backend.later = lambda job: None
    asked = play(tmp_path, changes, card(tag), backend)
    return asked == [("start", tag)], backend.asked


@pytest.mark.parametrize("whitelist_enabled", [True, False])
@pytest.mark.parametrize(
    ("tag", "charges", "is_asked"),
    [(LISTED, True, False), (BLOCKED, False, True), (ENDED, False, True), (GOOD, True, True)],
)
def test_with_a_line(tmp_path, tag, charges, is_asked, whitelist_enabled):
    """Accepted on the list: at once. One that it refuses may have been allowed since: it is asked for."""
    changes = {**LOCAL, "whitelist_enabled": whitelist_enabled}
    assert starts(tmp_path, tag, changes, Backend()) == (charges, [tag] if is_asked else [])


def test_without_pre_authorization_each_is_asked_for(tmp_path):
    assert starts(tmp_path, LISTED, ASKS, Backend()) == (False, [LISTED])


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize(
    ("tag", "charges"), [(LISTED, True), (BLOCKED, False), (ENDED, False), (ANY, False)]
)
def test_without_an_answer_the_list_holds(tmp_path, tag, charges, online):
    backend = Backend(online=online, answers=False)
    changes = {**LOCAL, "whitelist_enabled": True, "local_pre_authorize": False}
    assert starts(tmp_path, tag, changes, backend)[0] is charges


@pytest.mark.parametrize(
    ("tag", "charges"), [(LISTED, True), (BLOCKED, False), (ENDED, False), (ANY, True)]
)
@pytest.mark.parametrize("local", [False, True])
def test_doubt_is_for_tags_that_are_not_listed(tmp_path, tag, charges, local):
    """AllowOfflineTxForUnknownId."""
    changes = {**B7, "local_authorize_offline": local}
    assert starts(tmp_path, tag, changes, Backend(online=False))[0] is charges


def test_offline_without_leave_to_go_by_the_list(tmp_path):
    changes = {**LOCAL, "local_authorize_offline": False}
    assert not starts(tmp_path, LISTED, changes, Backend(online=False))[0]


def test_a_list_that_is_switched_off_says_nothing(tmp_path):
    changes = {**LOCAL, "local_list_enabled": False}
    assert starts(tmp_path, LISTED, changes, Backend()) == (False, [LISTED])
    assert starts(tmp_path, BLOCKED, changes, Backend()) == (True, [])  # by the cache


def test_at_home_the_whitelist_alone_counts(tmp_path):
    assert starts(tmp_path, BLOCKED, {**LOCAL, **_HOME}, Backend())[0]
    assert not starts(tmp_path, LISTED, {**LOCAL, **_HOME}, Backend())[0]


# --- groups

FAMILY = [
    {"idTag": LISTED, "idTagInfo": {"status": "Accepted", "parentIdTag": "family"}},
    {"idTag": ANY, "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}},
    {"idTag": BLOCKED, "idTagInfo": {"status": "Blocked", "parentIdTag": "FAMILY"}},
    {"idTag": GOOD, "idTagInfo": {"status": "Accepted", "parentIdTag": "OTHERS"}},
]


@pytest.mark.parametrize("online", [True, False])
def test_the_list_knows_the_group_that_may_stop(tmp_path, online):
    send(tmp_path, FAMILY)
    backend = Backend(online=online)
    backend.adapter = backend.later = None  # nothing is told: the answers agree with the list
    story = card(LISTED, BAD, BLOCKED, ANY)
    assert play(tmp_path, LOCAL, story, backend) == [("start", LISTED), ("stop", "Local", ANY)]
    assert ANY not in backend.asked


def test_an_answer_that_names_no_parent_leaves_the_one_on_the_list(tmp_path):
    send(tmp_path, FAMILY)

    async def story(authorizer, charger):
        await card(LISTED)(authorizer, charger)
        authorizer.told({"idTag": LISTED}, {"status": "Accepted"})  # to StartTransaction
        await card(ANY)(authorizer, charger)

    assert play(tmp_path, LOCAL, story, Backend())[1:] == [("stop", "Local", ANY)]


def test_one_of_another_group_does_not_stop(tmp_path):
    send(tmp_path, FAMILY)
    assert play(tmp_path, LOCAL, card(LISTED, GOOD), Backend()) == [("start", LISTED)]


def test_a_silent_back_office_leaves_the_group_to_the_list(tmp_path):
    send(tmp_path, FAMILY)
    backend = Backend(answers=False)
    changes = {**LOCAL, "local_pre_authorize": False}
    story = card(LISTED, ANY)
    assert play(tmp_path, changes, story, backend) == [("start", LISTED), ("stop", "Local", ANY)]
    assert backend.asked == [LISTED, ANY]


# --- the cache, beside it


def test_a_card_that_charges_by_the_cache_stays_in_it(tmp_path):
    cache = str(tmp_path / "tag_cache")
    tags = ["CA54ED01", *of_file_of("CA54ED01", FULL)]
    for tag in tags[:FULL]:
        tag_cache.put(tag, "Accepted", 0, "", cache)
    backend = Backend()
    assert play(tmp_path, LOCAL, card(tags[0]), backend) == [("start", tags[0])]
    tag_cache.put(tags[FULL], "Accepted", 0, "", cache)
    assert [tag for tag in tags if tag_cache.find(tag, cache) is None] == [tags[1]]


def of_file_of(tag, count):
    """Tags that share a file with another."""
    file_of = TagFiles("", 52).file_of
    found = (f"T{number}" for number in range(10000))
    wanted = file_of(key(tag))
    return [other for other in found if file_of(key(other)) == wanted][:count]
