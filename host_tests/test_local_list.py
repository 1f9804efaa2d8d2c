"""OCPP's local authorization list: all or nothing of what is sent, also when power goes meanwhile."""

import asyncio
import os
import random

import pytest
from auth import local_list_update
from auth.local_list_update import local_list
from core import clock
from flash_rig import ROOT, Flash, FlashFiles
from test_whitelist import install_directories

NOW_S = 1_795_000_000
TAGS = [f"04{number * 2654435761 % (1 << 32):08X}5E80" for number in range(700)]
EMPTY_VERSION = 0


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "auth_list")


def entry(tag, status="Accepted", **more):
    return {"idTag": tag, "idTagInfo": {"status": status, **more}}


def update(entries, version, is_full, path):
    asyncio.run(local_list_update.update(entries, version, is_full, path))


def listed(path, tags=TAGS):
    return {tag for tag in tags if local_list.find(tag, path)}


# --- what is sent


def test_a_full_list_takes_the_place_of_the_former(path):
    assert local_list.version(path) == EMPTY_VERSION
    update([entry(tag) for tag in TAGS[:60]], 3, True, path)
    assert (local_list.version(path), listed(path)) == (3, set(TAGS[:60]))
    update([entry(tag) for tag in TAGS[50:70]], 2, True, path)
    assert (local_list.version(path), listed(path)) == (2, set(TAGS[50:70]))
    assert len(os.listdir(path)) <= 17, "nothing of the former list is left"


def test_an_entry_is_kept_with_all_that_it_tells(path):
    info = {"expiryDate": "2030-01-01T00:00:00Z", "parentIdTag": "fleet"}
    update([entry("card", **info)], 1, True, path)
    assert local_list.find("CARD", path) == ("Accepted", 1_893_456_000, "FLEET")
    assert local_list.find("FLEET", path) is None


def test_a_differential_list_adds_replaces_and_removes(path):
    update([entry(tag) for tag in TAGS[:40]], 1, True, path)
    news = [entry(TAGS[0], "Blocked"), {"idTag": TAGS[1]}, entry(TAGS[99]), {"idTag": TAGS[98]}]
    update(news, 2, False, path)
    assert listed(path) == {*TAGS[:40], TAGS[99]} - {TAGS[1]}
    assert local_list.status_of(TAGS[0], path) == "Blocked"
    assert local_list.version(path) == 2
    update([], 5, False, path)
    assert (local_list.version(path), len(listed(path))) == (5, 40)


def test_a_list_without_tags_has_the_version_of_none(path):
    update([entry("CARD")], 4, True, path)
    update([], 5, True, path)
    assert (local_list.version(path), local_list.find("CARD", path)) == (EMPTY_VERSION, None)
    update([entry("CARD")], 1, False, path)
    update([{"idTag": "CARD"}], 2, False, path)
    assert local_list.version(path) == EMPTY_VERSION


def test_it_takes_500_tags_a_hundred_at_a_time(path):
    for first in range(0, 500, 100):
        sent = [entry(tag) for tag in TAGS[first : first + 100]]
        update(sent, first + 1, first == 0, path)
    assert listed(path) == set(TAGS[:500])
    with pytest.raises(ValueError, match="there is room for 500 tags, not 501"):
        update([entry(TAGS[500])], 500, False, path)
    assert (listed(path), local_list.version(path)) == (set(TAGS[:500]), 401)
    update([entry(TAGS[500]), {"idTag": TAGS[0]}], 501, False, path)
    assert listed(path) == set(TAGS[1:501])
    assert max(os.stat(f"{path}/{name}").st_size for name in os.listdir(path)) < 3000


WRONG = [
    ([entry("NEW"), {"idTag": "CARD"}], True, "CARD has no idTagInfo"),
    ([entry("NEW"), entry("NEW", "Blocked")], False, "a tag is there twice"),
    ([entry("NEW"), entry("new")], True, "a tag is there twice"),
    ([entry("NEW"), entry("CARD", "ConcurrentTx")], True, "no status of a tag that lasts"),
    ([entry("NEW"), entry("Größe")], False, "letters, digits and signs of ASCII only"),
    ([entry("NEW"), entry(" ")], False, "a tag has 1 to 20"),
    ([entry("NEW"), entry("CARD", parentIdTag="Größe")], True, "ASCII only"),
]


@pytest.mark.parametrize(("entries", "is_full", "why"), WRONG)
def test_one_wrong_entry_and_the_list_is_as_it_was(path, entries, is_full, why):
    update([entry("CARD"), entry("OTHER", "Blocked")], 7, True, path)
    before = sorted(os.listdir(path))
    with pytest.raises(ValueError, match=why):
        update(entries, 8, is_full, path)
    assert local_list.version(path) == 7
    assert (local_list.find("NEW", path), sorted(os.listdir(path))) == (None, before)
    assert local_list.status_of("OTHER", path) == "Blocked"


# --- how long an entry serves


@pytest.mark.parametrize(
    ("now_s", "status"), [(NOW_S - 1, "Accepted"), (NOW_S, "Expired"), (0, "Accepted")]
)
def test_an_entry_ends_at_its_date_once_the_time_is_known(path, monkeypatch, now_s, status):
    monkeypatch.setattr(clock, "unix_s", lambda: now_s)
    update([entry("CARD", expiryDate=clock.iso8601(NOW_S)), entry("LASTS")], 1, True, path)
    assert local_list.status_of("CARD", path) == status
    assert local_list.status_of("LASTS", path) == "Accepted"
    assert local_list.status_of("UNKNOWN", path) == local_list.status_of("Größe", path) == ""


@pytest.mark.parametrize("content", ["", "[", "[1,2]", "7", '[1,2,"ab"]', "null"])
def test_a_damaged_index_is_no_list(path, content):
    update([entry("CARD")], 1, True, path)
    with open(path + "/index", "w") as file:
        file.write(content)
    assert (local_list.find("CARD", path), local_list.version(path)) == (None, EMPTY_VERSION)
    update([entry("CARD")], 1, False, path)
    assert (local_list.version(path), listed(path, ["CARD"])) == (1, {"CARD"})


def test_it_is_forgotten_at_one_stroke(path):
    local_list.clear(path)
    update([entry(tag) for tag in TAGS[:20]], 1, True, path)
    local_list.clear(path)
    assert (local_list.version(path), listed(path), os.path.exists(path)) == (0, set(), False)


def test_any_row_of_updates_is_that_of_a_dictionary(path):
    draw = random.Random(7)
    known: dict = {}
    for version in range(1, 60):
        tags = draw.sample(TAGS[:50], draw.randint(0, 12))
        is_full = draw.random() < 0.2
        removed = set() if is_full else {tag for tag in tags if draw.random() < 0.3}
        statuses = {tag: draw.choice(("Accepted", "Blocked", "Expired")) for tag in tags}
        sent = [{"idTag": t} if t in removed else entry(t, statuses[t]) for t in tags]
        update(sent, version, is_full, path)
        known = {} if is_full else known
        known = {t: s for t, s in {**known, **statuses}.items() if t not in removed}
        assert {t: local_list.status_of(t, path) for t in listed(path, TAGS[:50])} == known
        assert local_list.index(path)[1] == len(known)


# --- power cuts


@pytest.mark.parametrize("is_full", [True, False])
def test_a_power_cut_at_any_flash_operation_leaves_the_old_or_the_new_list(monkeypatch, is_full):
    path = ROOT + "auth_list"
    old = {tag: "Accepted" for tag in TAGS[:5]}
    changes = {TAGS[1]: "Blocked", TAGS[6]: "Accepted"}
    new = changes if is_full else {**old, **changes}
    cuts: list[bytes] = []

    def do(chip, then):
        with monkeypatch.context() as patch:
            install_directories(chip, patch)
            return then()

    def seen():
        return local_list.version(path), {
            tag: local_list.status_of(tag, path) for tag in TAGS[:8] if local_list.find(tag, path)
        }

    chip = FlashFiles()
    do(chip, lambda: update([entry(*item) for item in old.items()], 1, True, path))
    chip.flash.record = cuts.append
    do(chip, lambda: update([entry(*item) for item in changes.items()], 2, is_full, path))
    cuts.append(bytes(chip.flash.buffer))
    versions = []
    for content in cuts:
        chip = FlashFiles(Flash(content))
        version, tags = do(chip, seen)
        assert tags == (old if version == 1 else new)
        versions.append(version)
        do(chip, lambda: update([entry(TAGS[7])], 3, True, path))  # goes on working
        assert do(chip, seen) == (3, {TAGS[7]: "Accepted"})
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}, "cuts before and after the change"
