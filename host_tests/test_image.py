"""The image of a board's file system, read back and mounted by MicroPython itself."""

import gzip
import subprocess

import pytest
from littlefs import LittleFS

from tools.build_image import build_image, pack
from tools.device_files import ROOT, BuildError, device_files, static_files

MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"

MOUNT = """
import os, sys, vfs

class Image:
    def __init__(self, path):
        self.file = open(path, "r+b")
        self.blocks = os.stat(path)[6] // 4096

    def readblocks(self, block, data, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.readinto(data)

    def writeblocks(self, block, data, offset=None):
        self.file.seek(block * 4096 + (offset or 0))
        self.file.write(data)

    def ioctl(self, request, argument):
        return {4: self.blocks, 5: 4096}.get(request, 0)

vfs.mount(vfs.VfsLfs2(Image(sys.argv[1])), "/board")
os.chdir("/board")
sys.path[:] = ["/board", "/board/lib"]
"""


@pytest.fixture
def tree(tmp_path):
    """A small firmware: a package with a data file, a page, and what a board does not need."""
    files = {
        "boot.py": "import gc\n",
        "main.py": (
            "from core import greeting\nfrom drivers import lamps\nfrom web import app\n\n"
            "USED = (greeting.double, greeting.fail, lamps.GREEN, app.PAGES)\n"
        ),
        "config.json": '{"web_port": 80}',
        "lib/core/__init__.py": '"""Base."""\n',
        "lib/core/greeting.py": (
            "import micropython\n"
            "@micropython.viper\ndef double(n: int) -> int:\n    return n * 2\n"
            "text = 'good charge'\n"
            "def fail():\n    raise ValueError\n"
        ),
        "lib/core/settings.tsv": "# key\ttype\n",
        "lib/core/__pycache__/greeting.cpython-311.pyc": "",
        "drivers/lamps.py": "GREEN = 2\n",
        "web/app.py": "PAGES = 5\n",
        "web/static/page.html": "<p>Charging</p>",
    }
    for name, text in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def on_micropython(image, code: str) -> str:
    """Return what the code prints where the image is mounted and the current directory."""
    script = image.with_suffix(".py")
    script.write_text(MOUNT + code)
    command = [MICROPYTHON, "-X", "heapsize=160k", script, image]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def listing(image) -> "dict[str, bytes]":
    """Return {path: content} of an image."""
    data = image.read_bytes()
    fs = LittleFS(block_size=4096, block_count=len(data) // 4096, mount=False)
    fs.context.buffer[:] = data
    fs.mount()
    found = [f"{directory}/{name}" for directory, _, names in fs.walk("/") for name in names]
    return {path.replace("//", "/"): fs.open(path, "rb").read() for path in found}


def test_given_a_tree_then_its_image_holds_what_a_board_needs_and_nothing_else(tree, tmp_path):
    image = tmp_path / "board.bin"
    build_image(image, root=tree)
    files = listing(image)
    assert {name for name in files if "microdot" not in name} == {
        "/boot.py",
        "/main.py",
        "/config.json",
        "/lib/core/__init__.mpy",
        "/lib/core/greeting.mpy",
        "/lib/core/kept.json",
        "/lib/core/settings.tsv",
        "/drivers/lamps.mpy",
        "/lib/aa.mpy",  # a module that nobody needs by its name: one of Microdot's
        "/lib/pages.mpy",
        "/web/static/page.html.gz",
        "/web/static/hash",
    }
    assert files["/config.json"] == b'{"web_port": 80}'
    assert gzip.decompress(files["/web/static/page.html.gz"]) == b"<p>Charging</p>"
    assert files["/lib/core/greeting.mpy"][:1] == b"M"


def test_given_other_contents_then_the_start_page_names_the_files_by_another_hash(tree):
    def hash_and_start_page():
        files = static_files(tree)
        return files["/web/static/hash"].decode(), gzip.decompress(
            files["/web/static/index.html.gz"]
        ).decode()

    (tree / "web/static/index.html").write_text('<script src="/static/app.js"></script>')
    first, page = hash_and_start_page()
    assert page == f'<script src="/static/{first}/app.js"></script>'
    assert hash_and_start_page() == (first, page)
    (tree / "web/static/page.html").write_text("<p>Charged</p>")
    second, page = hash_and_start_page()
    assert second != first
    assert page == f'<script src="/static/{second}/app.js"></script>'


def test_given_an_image_for_x86_then_micropython_mounts_it_and_runs_its_modules(tree, tmp_path):
    image = tmp_path / "board.img"
    build_image(image, "x86", root=tree)
    said = on_micropython(image, "from core import greeting\nprint(greeting.double(21))\n")
    assert said == "42\n"


def test_given_an_image_then_the_firmware_can_write_to_it_and_finds_it_again(tree, tmp_path):
    image = tmp_path / "board.img"
    build_image(image, "x86", root=tree, size_bytes=512 * 1024)
    on_micropython(image, "with open('settings', 'w') as file:\n    file.write('limit=16')\n")
    assert on_micropython(image, "print(open('settings').read())") == "limit=16\n"


def test_given_a_traceback_on_a_board_then_it_names_the_module_and_line_of_the_source(
    tree, tmp_path
):
    image = tmp_path / "board.img"
    build_image(image, "x86", root=tree)
    code = """
import sys
from core import greeting
try:
    greeting.fail()
except ValueError as error:
    sys.print_exception(error, sys.stdout)
"""
    assert 'File "core.greeting", line 7' in on_micropython(image, code)


def test_given_overrides_then_they_are_added_or_replace_the_trees_files(tree, tmp_path):
    image = tmp_path / "board.bin"
    more = {"/config.json": b"{}", "/data/settings.tsv": b"mode\tPublic\n"}
    build_image(image, overrides=more, root=tree)
    files = listing(image)
    assert files["/config.json"] == b"{}"
    assert files["/data/settings.tsv"] == b"mode\tPublic\n"


def test_given_the_same_tree_then_the_image_is_the_same_to_the_byte(tree, tmp_path):
    build_image(tmp_path / "one", root=tree)
    build_image(tmp_path / "two", root=tree)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_given_a_changed_module_then_the_next_image_holds_the_new_code(tree, tmp_path):
    build_image(tmp_path / "board.img", "x86", root=tree)
    (tree / "drivers" / "lamps.py").write_text("GREEN = 7\n")
    build_image(tmp_path / "board.img", "x86", root=tree)
    said = on_micropython(tmp_path / "board.img", "from drivers import lamps\nprint(lamps.GREEN)")
    assert said == "7\n"


def test_given_a_module_with_an_error_then_the_message_names_it(tree):
    (tree / "web" / "app.py").write_text("def broken(:\n")
    with pytest.raises(BuildError, match=r"web/app\.py.*SyntaxError"):
        device_files("xtensawin", tree)


def test_given_more_files_than_fit_then_the_message_says_so():
    with pytest.raises(BuildError, match="do not fit 65536"):
        pack({"/large": bytes(100_000)}, 65536)


def test_every_module_of_the_firmware_compiles_for_every_chip():
    for arch in ("xtensawin", "rv32imc"):
        files = device_files(arch)
        assert {"/lib/firmware.mpy", "/lib/backend.mpy", "/lib/pages.mpy"} <= files.keys()
        assert "/lib/core/clock.mpy" not in files  # linked into the first of these


def test_the_firmware_leaves_room_on_a_board_for_transactions_and_an_update(tmp_path):
    free = build_image(tmp_path / "board.bin")
    assert free >= 1024 * 1024
