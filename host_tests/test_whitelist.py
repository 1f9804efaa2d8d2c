"""A thousand tags on flash: found at once, kept over power cuts, and not one too many."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from auth import whitelist
from core import loading
from flash_rig import ROOT, Flash, FlashFiles
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.build_image import pack, pack_romfs
from tools.device_files import compile_modules

ROOT_DIRECTORY = Path(__file__).resolve().parents[1]
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

MODULES = ("auth/__init__", "auth/whitelist", "auth/tag_files", "auth/tag_forms")
MODULES += ("core/__init__", "core/loading", "core/storage")


def test_a_lookup_takes_50_ms_at_the_small_chips_speed(tmp_path):
    """Loaded for the call from ROMFS, 1,000 tags on LittleFS, as on the bench with SPEED=esp32."""
    sources = {
        f"lib/{name}.py": (ROOT_DIRECTORY / f"lib/{name}.py").read_text() for name in MODULES
    }
    compiled = compile_modules(sources, None, "x86", {})
    (tmp_path / "rom").write_bytes(pack_romfs(compiled))
    (tmp_path / "flash").write_bytes(pack({"/data/settings.json": b"{}"}, 512 * 1024)[0])
    script = ROOT_DIRECTORY / "host_tests" / "on_device" / "tag_lookup.py"
    for speed in ("micropython32", "micropython32-slow"):  # the first fills the list
        command = [ROOT_DIRECTORY / "build" / "micropython" / speed, "-X", "heapsize=160k", script]
        command += [tmp_path / "flash", tmp_path / "rom"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
    times = dict(line.split()[:2] for line in run.stdout.splitlines())
    assert float(times["hit"]) <= 50, run.stdout
    assert float(times["miss"]) <= 50, run.stdout
