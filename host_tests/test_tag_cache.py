"""OCPP's authorization cache: what it keeps, how long that serves, and what gives way."""

import os

import pytest
from auth import tag_cache
from auth.tag_files import TagFiles, key
from core import clock

NOW_S = 1_795_000_000
FULL = 24  # tags in a file


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
    found = [f"T{n}" for n in range(count * 60) if files.file_of(key(f"T{n}")) == wanted]
    return found[:count]


def test_the_oldest_gives_way(path):
    tags = of_one_file(FULL + 2)
    for tag in tags[:FULL]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    tag_cache.put(tags[0], "Accepted", NOW_S, "", path)  # news: now it is the youngest
    for tag in tags[FULL:]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    gone = [tag for tag in tags if tag_cache.find(tag, path) is None]
    assert gone == tags[1:3]


def test_one_that_is_not_accepted_gives_way_first(path):
    tags = of_one_file(FULL + 2)
    for number, tag in enumerate(tags[:FULL]):
        tag_cache.put(tag, "Blocked" if number in (5, 9) else "Accepted", 0, "", path)
    for tag in tags[FULL:]:
        tag_cache.put(tag, "Accepted", 0, "", path)
    assert [tag for tag in tags if tag_cache.find(tag, path) is None] == [tags[5], tags[9]]


@pytest.mark.parametrize("tag", ["%08X", "TAG%d", "04%06XF2A380", "DE-ABC-%09d"])
def test_it_holds_any_200_tags_and_384_at_most(path, tag):
    for number in range(200):
        tag_cache.put(tag % number, "Accepted", 0, "", path)
    assert all(tag_cache.find(tag % number, path) for number in range(200))
    for number in range(200, 800):
        tag_cache.put(tag % number, "Accepted", 0, "", path)
    held = sum(tag_cache.find(tag % number, path) is not None for number in range(800))
    assert 300 < held <= 384
    assert tag_cache.clear(path) == held
    assert tag_cache.clear(path) == 0
    assert tag_cache.find(tag % 799, path) is None


def test_a_damaged_file_costs_its_entries_and_no_more(path, known_time):
    tag_cache.put("CARD", "Accepted", 0, "", path)
    (name,) = os.listdir(path)
    with open(f"{path}/{name}", "r+b") as file:
        file.seek(41)
        file.write(b"not a date")
    assert tag_cache.status_of("CARD", True, path) == "Expired"
    assert tag_cache.put("CARD", "Accepted", 0, "", path)
    assert tag_cache.status_of("CARD", True, path) == "Accepted"


# --- what gives way


def accepted(tags, path, expiry_s=0):
    for tag in tags:
        tag_cache.put(tag, "Accepted", expiry_s, "", path)


def gone(tags, path):
    return [tag for tag in tags if tag_cache.find(tag, path) is None]


def test_what_was_used_longest_ago_gives_way(path):
    tags = of_one_file(FULL + 2)
    accepted(tags[:FULL], path)
    tag_cache.used(tags[0], path)  # it has charged
    tag_cache.put(tags[1], "Accepted", 0, "", path)  # the back office has told the same again
    accepted(tags[FULL:], path)
    assert gone(tags, path) == tags[2:4]
    assert tag_cache.find(tags[0], path) == ("Accepted", 0, "")


def test_one_that_has_ended_gives_way_before_one_that_serves(path, known_time):
    tags = of_one_file(FULL + 1)
    for number, tag in enumerate(tags[:FULL]):
        tag_cache.put(tag, "Accepted", NOW_S - 1 if number == 7 else NOW_S + 1, "", path)
    accepted(tags[FULL:], path)
    assert gone(tags, path) == [tags[7]]


def test_an_unknown_tag_cannot_be_used(path):
    tag_cache.used("CARD", path)
    assert tag_cache.find("CARD", path) is None
