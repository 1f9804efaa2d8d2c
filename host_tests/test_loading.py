"""Modules that are loaded and given up leave nothing behind, on MicroPython."""

import subprocess

from tools.device_files import ROOT

MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
MODULES = {
    "lib/aa.py": "from core import loading\nuser = loading.load('bb')\nname = 'aa'\n",
    "lib/bb.py": "from core import loading\nname = 'bb'\ndef told(word):\n    return name + word\n",
    "lib/cc.py": "from core import loading\nbb = loading.load('bb')\nraise ValueError('cc')\n",
    "web/dd.py": "name = 'dd'\n",
}
STORY = """
import sys
sys.path[:] = ["lib"]
from core import loading
first = loading.load("aa")
assert (first.name, first.user.name) == ("aa", "bb"), first
assert loading.load("aa") is first and loading.load("bb") is first.user
loading.unload("aa")
assert loading.load("aa") is not first
assert loading.once("bb", "told", "!") == "bb!" and "bb" in sys.modules
loading.unload("bb")
assert loading.once("bb", "told", "?") == "bb?" and "bb" not in sys.modules
assert loading.load("web.dd").name == "dd"
for name in ("cc", "cc", "ee", "web.ee"):
    try:
        loading.load(name)
        print("loaded", name)
    except (ValueError, ImportError) as error:
        assert name not in sys.modules
        print(type(error).__name__)
assert loading.load("bb").name == "bb"
import micropython
micropython.qstr_info(1)
"""


def test_modules_come_and_go_without_a_path_of_their_own(tmp_path):
    (tmp_path / "lib" / "core").mkdir(parents=True)
    (tmp_path / "web").mkdir()
    for path, text in MODULES.items():
        (tmp_path / path).write_text(text)
    loading = (ROOT / "lib" / "core" / "loading.py").read_text()
    (tmp_path / "lib" / "core" / "loading.py").write_text(loading)
    script = STORY.replace('["lib"]', f'["{tmp_path}/lib"]')
    done = subprocess.run([MICROPYTHON, "-c", script], capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if not line.startswith(("Q(", "qstr"))]
    assert told == ["ValueError", "ValueError", "ImportError", "ImportError"], done.stderr
    assert "Q(/_/m.py)" in done.stdout and "aa.py" not in done.stdout
