"""A thousand tags on flash: found at once, kept over power cuts, and not one too many."""

import errno
import os
import sys

import pytest
from auth import whitelist
from core import loading
from flash_rig import ROOT, Flash, FlashFiles
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.bench.tags import times_ms

TAGS = [f"04{number * 2654435761 % (1 << 32):08X}5E80" for number in range(1000)]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "whitelist")


def test_a_tag_is_found_in_each_of_its_spellings(path):
    assert not whitelist.contains("900D900D", path)
    assert whitelist.insert("2416807949", path)
    for spelling in ("900D900D", "900d900d", " 90:0D:90:0D ", "2416807949"):
        assert whitelist.contains(spelling, path)
        assert not whitelist.insert(spelling, path)
    assert whitelist.page(0, 10, path) == ["900D900D"]
    assert not whitelist.contains("900D900E", path)
    assert not whitelist.contains("900D900", path)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("230400418", "0DBBA1A2"),  # the manual's
        ("0230400418", "0DBBA1A2"),
        ("DBBA1A2", "0DBBA1A2"),
        ("04a1b2c3d4e5f6", "04A1B2C3D4E5F6"),
        ("fleet-7", "FLEET-7"),
        ("with a space", "WITH A SPACE"),
    ],
)
def test_tags_are_kept_in_one_spelling(path, written, canonical):
    whitelist.insert(written, path)
    assert whitelist.page(0, 1, path) == [canonical]


@pytest.mark.parametrize("text", ["", "   ", "A" * 21, "TÄG", "A\nB", "A\x00"])
def test_what_is_no_tag_is_refused_and_nothing_changes(path, text):
    for call in (whitelist.insert, whitelist.contains, whitelist.delete):
        with pytest.raises(ValueError, match="a tag has"):
            call(text, path)
    assert whitelist.count(path) == 0
    assert not os.path.exists(path)


def test_a_thousand_and_not_one_more(path):
    for tag in TAGS:
        assert whitelist.insert(tag, path)
    assert whitelist.count(path) == 1000
    assert all(whitelist.contains(tag, path) for tag in TAGS)
    with pytest.raises(ValueError, match="the whitelist is full: it takes 1000 tags"):
        whitelist.insert("NEWCOMER", path)
    assert not whitelist.insert(TAGS[7], path)  # that one is there: no error
    assert whitelist.delete(TAGS[7], path)
    assert not whitelist.delete(TAGS[7], path)
    assert whitelist.insert("NEWCOMER", path)
    largest = max(entry.stat().st_size for entry in os.scandir(path))
    assert largest < 2200, "a file is read and written in one go"


def test_pages_show_each_tag_once(path):
    for tag in TAGS[:90]:
        whitelist.insert(tag, path)
    whole = whitelist.page(0, 1000, path)
    assert sorted(whole) == sorted(TAGS[:90])
    assert [tag for first in range(0, 100, 7) for tag in whitelist.page(first, 7, path)] == whole
    assert whitelist.page(90, 7, path) == whitelist.page(0, 0, path) == []


def test_delete_all(path):
    assert whitelist.delete_all(path) == 0
    for tag in TAGS[:50]:
        whitelist.insert(tag, path)
    assert whitelist.delete_all(path) == 50
    assert whitelist.count(path) == 0
    assert not whitelist.contains(TAGS[0], path)
    assert whitelist.insert(TAGS[0], path)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("insert", "delete", "contains")), st.sampled_from(TAGS[:12])),
        max_size=40,
    )
)
def test_it_behaves_like_a_set(steps):
    import tempfile

    known: set = set()
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/list"
        for action, tag in steps:
            there = tag in known
            answer = getattr(whitelist, action)(tag, path)
            assert answer == (not there if action == "insert" else there)
            if action == "insert":
                known.add(tag)
            elif action == "delete":
                known.discard(tag)
        assert set(whitelist.page(0, 100, path)) == known
        assert whitelist.count(path) == len(known)


def test_nothing_of_it_stays_loaded(path):
    for name in ("auth.whitelist", "auth.tag_files"):  # the tests' own
        sys.modules.pop(name, None)
    loading.once("auth.whitelist", "count", path)
    assert not {"auth.whitelist", "auth.tag_files"} & set(sys.modules)


# --- power cuts


def install_directories(files: FlashFiles, patch) -> None:
    """What flash_rig leaves to the host: directories."""

    def listdir(path):
        return files.fs.listdir(path)

    def ilistdir(path):
        for name in files.fs.listdir(path):
            yield name, 0x8000, 0, files.fs.stat(path + "/" + name).size

    def mkdir(path):
        if path.strip("/") in files.fs.listdir("/"):
            raise OSError(errno.EEXIST, "is there")
        files.fs.mkdir(path)

    files.install(patch)
    patch.setattr(os, "ilistdir", files._instead(os.ilistdir, ilistdir))
    patch.setattr(os, "listdir", files._instead(os.listdir, listdir))
    patch.setattr(os, "mkdir", files._instead(os.mkdir, mkdir))
    patch.setattr(os, "rmdir", files._instead(os.rmdir, lambda path: files.fs.remove(path)))


@pytest.mark.parametrize("change", ["insert", "delete", "delete_all"])
def test_a_power_cut_at_any_flash_operation_leaves_the_old_or_the_new_list(monkeypatch, change):
    path = ROOT + "whitelist"
    shares = [tag for tag in TAGS if hash_of(tag) == hash_of(TAGS[0])][:3]
    first, others = [*shares[:2], TAGS[1]], [shares[2]]
    cuts: list[bytes] = []

    def do(then) -> None:
        with monkeypatch.context() as patch:
            install_directories(chip, patch)
            then()

    chip = FlashFiles()
    do(lambda: [whitelist.insert(tag, path) for tag in first])
    chip.flash.record = cuts.append
    changes = {
        "insert": lambda: whitelist.insert(others[0], path),
        "delete": lambda: whitelist.delete(first[0], path),
        "delete_all": lambda: whitelist.delete_all(path),
    }
    do(changes[change])
    cuts.append(bytes(chip.flash.buffer))
    after = {"insert": first + others, "delete": first[1:], "delete_all": []}[change]
    assert len(cuts) > 1
    seen = set()
    for content in cuts:
        chip = FlashFiles(Flash(content))
        found: list[str] = []
        do(lambda: found.extend(whitelist.page(0, 100, path)))  # noqa: B023
        assert sorted(found) in (sorted(first), sorted(after)), change
        seen.add(len(found))
        do(
            lambda: (whitelist.delete_all(path), whitelist.insert(TAGS[5], path))
        )  # goes on working
        do(lambda: found.extend(whitelist.page(0, 100, path)))  # noqa: B023
        assert found[-1] == TAGS[5]
    assert seen == {len(first), len(after)}, "cuts before and after the change"


def hash_of(tag: str) -> str:
    from auth.tag_files import TagFiles, key

    return TagFiles("", 21).file_of(key(tag))


# --- on MicroPython


def test_a_thousand_tags_on_a_board_are_found_and_no_others(tmp_path):
    """Loaded for each call from ROMFS, the list on LittleFS; the program itself checks the answers."""
    calls = times_ms(tmp_path, ("micropython32", "micropython32"))
    assert list(calls) == ["hit", "miss", "insert", "page", "count"]
