"""OCPP's authorization cache: what it keeps, how long that serves, and what gives way."""

import os
from types import SimpleNamespace

import pytest
from auth import tag_cache
from auth.tag_files import TagFiles, key
from core import clock

NOW_S = 1_795_000_000


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "tag_cache")


@pytest.fixture
def known_time(monkeypatch):
    """The back office has told the time."""
    monkeypatch.setattr(clock, "unix_s", lambda: NOW_S)


def test_what_was_told_last_is_found_in_any_spelling(path):
    assert tag_cache.find("900D900D", path) is None
    assert tag_cache.put("2416807949", "Accepted", NOW_S, "fleet", path)
    assert tag_cache.find("900d900d", path) == ("Accepted", NOW_S, "FLEET")
    assert tag_cache.put("900D900D", "Blocked", 0, "", path)
    assert tag_cache.find("900D900D", path) == ("Blocked", 0, "")


def test_a_tag_is_not_found_by_its_parent(path):
    tag_cache.put("CARD", "Accepted", 0, "FLEET", path)
    assert tag_cache.find("FLEET", path) is None


def test_what_is_known_is_not_written_again(path):
    assert tag_cache.put("CARD", "Accepted", NOW_S, "FLEET", path)
    before = {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(path)}
    inode = [entry.inode() for entry in os.scandir(path)]
    assert not tag_cache.put("card", "Accepted", NOW_S, "fleet", path)
    assert {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(path)} == before
    assert [entry.inode() for entry in os.scandir(path)] == inode


@pytest.mark.parametrize("status", ["ConcurrentTx", "Nonsense", "", None, 7])
def test_what_says_nothing_about_the_tag_is_not_kept(path, status):
    assert not tag_cache.put("CARD", status, 0, "", path)
    assert tag_cache.find("CARD", path) is None


@pytest.mark.parametrize(
    ("told", "expiry_s", "lasts", "status"),
    [
        ("Accepted", NOW_S + 1, False, "Accepted"),
        ("Accepted", NOW_S, False, "Expired"),
        ("Accepted", NOW_S - 1, True, "Expired"),
        ("Accepted", 0, True, "Accepted"),  # until 2038
        ("Accepted", 0, False, ""),  # no date, no trust
        ("Blocked", 0, False, "Blocked"),
        ("Blocked", NOW_S + 9, True, "Blocked"),
        ("Invalid", 0, True, "Invalid"),
        ("Expired", 0, True, "Expired"),
    ],
)
def test_how_long_an_entry_serves(path, known_time, told, expiry_s, lasts, status):
    tag_cache.put("CARD", told, expiry_s, "", path)
    assert tag_cache.status_of("CARD", lasts, path) == status


def test_without_a_date_an_entry_ends_in_2038(path, monkeypatch):
    tag_cache.put("CARD", "Accepted", 0, "", path)
    for now_s, status in ((0x7FFFFFFE, "Accepted"), (0x7FFFFFFF, "Expired")):
        monkeypatch.setattr(clock, "unix_s", lambda now_s=now_s: now_s)
        assert tag_cache.status_of("CARD", True, path) == status


def test_while_nobody_has_told_the_time_a_date_cannot_be_judged(path, monkeypatch):
    monkeypatch.setattr(clock, "unix_s", lambda: 0)
    tag_cache.put("DATED", "Accepted", NOW_S, "", path)
    tag_cache.put("LASTING", "Accepted", 0, "", path)
    assert tag_cache.status_of("DATED", True, path) == ""
    assert tag_cache.status_of("LASTING", True, path) == "Accepted"
    assert tag_cache.status_of("UNKNOWN", True, path) == ""


def of_one_file(count: int) -> list:
    """Tags that share a file."""
    files = TagFiles("", 52)
    wanted = files.file_of(key("CARD"))
    found = [f"T{n}" for n in range(count * 40) if files.file_of(key(f"T{n}")) == wanted]
    return found[:count]


def test_the_oldest_gives_way(path):
    tags = of_one_file(18)
    for tag in tags[:16]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    tag_cache.put(tags[0], "Accepted", NOW_S, "", path)  # news: now it is the youngest
    for tag in tags[16:]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    gone = [tag for tag in tags if tag_cache.find(tag, path) is None]
    assert gone == tags[1:3]


def test_one_that_is_not_accepted_gives_way_first(path):
    tags = of_one_file(18)
    for number, tag in enumerate(tags[:16]):
        tag_cache.put(tag, "Blocked" if number in (5, 9) else "Accepted", 0, "", path)
    for tag in tags[16:]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    assert [tag for tag in tags if tag_cache.find(tag, path) is None] == [tags[5], tags[9]]


def test_it_holds_256_tags_at_most(path):
    for number in range(600):
        tag_cache.put(f"{number:08X}", "Accepted", 0, "", path)
    held = sum(tag_cache.find(f"{number:08X}", path) is not None for number in range(600))
    assert 200 < held <= 256
    assert tag_cache.clear(path) == held
    assert tag_cache.clear(path) == 0
    assert tag_cache.find("00000257", path) is None


def test_a_damaged_file_costs_its_entries_and_no_more(path, known_time):
    tag_cache.put("CARD", "Accepted", 0, "", path)
    (name,) = os.listdir(path)
    with open(f"{path}/{name}", "r+b") as file:
        file.seek(41)
        file.write(b"not a date")
    assert tag_cache.status_of("CARD", True, path) == "Expired"
    assert tag_cache.put("CARD", "Accepted", 0, "", path)
    assert tag_cache.status_of("CARD", True, path) == "Accepted"


# --- what the back office tells


def authorizer_at(tmp_path, cache=True, session_tag=""):
    session = SimpleNamespace(id_tag=session_tag) if session_tag else None
    return SimpleNamespace(
        settings=SimpleNamespace(get=lambda key: {"authorization_cache": cache}[key]),
        charger=SimpleNamespace(session=session),
        path=str(tmp_path),
        group=("", ""),
    )


@pytest.mark.parametrize("payload", [{"idTag": "card"}, '{"connectorId":1,"idTag":"card"}'])
def test_an_answers_tag_info_is_kept(tmp_path, path, payload):
    authorizer = authorizer_at(tmp_path)
    info = {"status": "Accepted", "expiryDate": "2030-01-01T00:00:00Z", "parentIdTag": "fleet"}
    tag_cache.note(authorizer, payload, info)
    assert tag_cache.find("CARD", path) == ("Accepted", 1_893_456_000, "FLEET")
    assert authorizer.group == ("CARD", "FLEET")


def test_with_the_cache_off_only_the_group_is_remembered(tmp_path):
    authorizer = authorizer_at(tmp_path, cache=False)
    tag_cache.note(authorizer, {"idTag": "CARD"}, {"status": "Accepted", "parentIdTag": "FLEET"})
    assert authorizer.group == ("CARD", "FLEET")
    assert not os.listdir(tmp_path)


def test_another_card_does_not_change_the_sessions_group(tmp_path):
    authorizer = authorizer_at(tmp_path, session_tag="CARD")
    authorizer.group = ("CARD", "FLEET")
    tag_cache.note(authorizer, {"idTag": "OTHER"}, {"status": "Accepted", "parentIdTag": "THEIRS"})
    assert authorizer.group == ("CARD", "FLEET")


@pytest.mark.parametrize("info", [None, [], "Accepted", {}, {"status": {}}])
def test_nonsense_is_passed_over(tmp_path, path, info):
    tag_cache.note(authorizer_at(tmp_path), {"idTag": "CARD"}, info)
    tag_cache.note(authorizer_at(tmp_path), {"meterStop": 1}, {"status": "Accepted"})
    assert tag_cache.find("CARD", path) is None
