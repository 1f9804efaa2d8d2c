"""Linking puts modules together and changes nothing that they do."""

import sys
import types

import pytest

from tools.device_files import PARTS, firmware_modules, linked_texts
from tools.linking import LinkError, link
from tools.where import function_at, translator

CLOCK = """from time import monotonic
from micropython import const

PERIOD = const(7)
_HALF = const(3)
_now = 0


def tick() -> int:
    global _now
    _now += PERIOD
    return _now


def half():
    return [PERIOD - _HALF for _ in range(2)]
"""
COUNTER = """import json
from lib_core import clock
from lib_core.clock import PERIOD, tick

_now = json.loads("41")


class Counter:
    tick = 5  # a name of the class alone

    def step(self, clock=None):
        json = tick()  # hides the module, here alone
        return json + _now + PERIOD, clock


def later():
    from lib_core.clock import half as both

    return both() + [clock.tick(), clock.monotonic() > 0]
"""


def program(**sources):
    return {f"lib/lib_core/{name}.py": text for name, text in sources.items()}


def loaded(name, text, monkeypatch):
    module = types.ModuleType(name)
    module.__dict__["__file__"] = f"/rom/lib/{name}.mpy"
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, name, "exec"), module.__dict__)
    return module


@pytest.fixture
def linked(monkeypatch):
    def build(parts, **sources):
        rest, parts = link(program(**sources), parts)
        return rest, {name: loaded(name, part.text, monkeypatch) for name, part in parts.items()}

    return build


def test_modules_with_the_same_private_names_keep_their_own(linked):
    _, parts = linked({"all": ("lib_core.counter",)}, clock=CLOCK, counter=COUNTER)
    counter = parts["all"].Counter()
    assert counter.step("kept") == (7 + 41 + 7, "kept")
    assert counter.step() == (14 + 41 + 7, None)
    assert counter.tick == 5
    assert parts["all"].later() == [4, 4, 21, True]


def test_a_constant_is_written_where_it_is_used_and_is_no_name_any_more():
    _, parts = link(program(clock=CLOCK, counter=COUNTER), {"all": ("lib_core.counter",)})
    text = parts["all"].text
    assert "PERIOD" not in text
    assert "return [7 - 3 for" in text


def test_a_negative_constant_keeps_its_sign():
    _, parts = link(
        program(a="_LOW = -6\n\ndef square():\n    return _LOW**2\n"), {"all": ("lib_core.a",)}
    )
    scope: dict = {}
    exec(parts["all"].text, scope)
    assert scope["square"]() == 36


def test_a_name_that_changes_is_no_constant(linked):
    source = (
        "level = 1\n\ndef raised():\n    global level\n    level = level + 1\n    return level\n"
    )
    _, parts = linked({"all": ("lib_core.a",)}, a=source)
    assert [parts["all"].raised(), parts["all"].raised()] == [2, 3]


def test_a_function_that_imports_again_what_its_module_has_imported_keeps_both(
    linked, monkeypatch
):
    user = (
        "from lib_core.clock import tick\n\n\ndef values(early):\n    if early:\n"
        "        return tick()\n    from lib_core.clock import half\n\n    return half()\n"
    )
    rest, _ = linked({"first": ("lib_core.clock",)}, clock=CLOCK, user=user)
    module = loaded("user", rest["lib/lib_core/user.py"], monkeypatch)
    assert (module.values(True), module.values(False)) == (7, [4, 4])


def test_a_later_part_and_a_module_of_its_own_find_the_first(linked, monkeypatch):
    rare = "from lib_core import clock\nfrom lib_core.clock import half, PERIOD\n\nVALUES = half(), PERIOD, clock.tick()\n"
    parts = {"first": ("lib_core.clock",), "second": ("lib_core.counter",)}
    rest, made = linked(parts, clock=CLOCK, counter=COUNTER, rare=rare)
    assert made["second"].Counter().step() == (7 + 41 + 7, None)
    assert made["second"].later() == [4, 4, 14, True]
    own = loaded("rare", rest["lib/lib_core/rare.py"], monkeypatch)
    assert own.VALUES == ([4, 4], 7, 21)


def test_a_file_beside_a_module_is_still_found(linked):
    _, parts = linked(
        {"all": ("lib_core.a",)}, a="FOLDER = __file__.rsplit('/', 1)[0] + '/x.tsv'\n"
    )
    assert parts["all"].FOLDER == "/rom/lib/lib_core/x.tsv"


def test_a_name_that_others_ask_for_stays_though_a_local_one_is_like_it(monkeypatch):
    sources = {
        "lib/start.py": "from helper import call\n\n\ndef run():\n    return call(lambda: 5)\n",
        "lib/helper.py": "def call(run):\n    return run()\n",
    }
    _, parts = link(sources, {"start": ("start",)}, ("from start import run\nrun()\n",))
    assert loaded("start", parts["start"].text, monkeypatch).run() == 5


def test_lines_lead_back_to_their_files():
    _, parts = link(program(clock=CLOCK, counter=COUNTER), {"all": ("lib_core.counter",)})
    lines = parts["all"].text.splitlines()
    row = next(n for n, line in enumerate(lines, 1) if "hides the module" in line)
    path, line = parts["all"].place(row)
    assert (path, COUNTER.splitlines()[line - 1].split("#")[1]) == (
        "lib/lib_core/counter.py",
        " hides the module, here alone",
    )
    row = next(n for n, line in enumerate(lines, 1) if line.startswith("def half"))
    assert parts["all"].place(row) == ("lib/lib_core/clock.py", 15)


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("from lib_core import clock\nTIMES = [clock]\n", "only its names may be used"),
        ("from lib_core import clock\n\ndef set():\n    clock._now = 5\n", "changed from outside"),
        ("from lib_core.clock import missing\nX = missing\n", "has no missing"),
    ],
)
def test_what_can_t_be_followed_is_refused(user, why):
    with pytest.raises(LinkError, match=why):
        link(program(clock=CLOCK, user=user), {"all": ("lib_core.user",)})


def test_long_words_are_known_as_names_before_they_come_as_strings():
    _, parts = link(
        program(a="KEY = 'backend_chargepoint_id'\nTEXT = 'no name at all'\n"),
        {"all": ("lib_core.a",)},
    )
    assert parts["all"].text.splitlines()[0] == "if 0: backend_chargepoint_id"


@pytest.mark.timeout(300)  # it links the firmware twice
def test_a_traceback_of_the_firmware_names_its_source():
    modules, users = firmware_modules()
    _, parts, _ = linked_texts(modules, users, PARTS)
    text = parts["lib/firmware.py"].text
    row = next(n for n, line in enumerate(text.splitlines(), 1) if "One round: sample" in line)
    translate = translator()
    said = translate(f'  File "firmware", line {row + 1}, in _q')
    assert 'File "lib/evse/charger.py"' in said
    assert said.endswith(", in step_once")
    assert function_at("x = 1\n", 1) == "<module>"
    assert (
        translate('  File "asyncio/core.py", line 1, in run')
        == '  File "asyncio/core.py", line 1, in run'
    )


def test_a_module_that_is_not_linked_is_loaded_where_others_import_it():
    """An import would leave the module's path on the board for ever."""
    sources = {
        "lib/core/loading.py": "def load(name):\n    return __import__(name)\n",
        "lib/whole.py": "from core.loading import load\n\ndef later():\n    from rare import things\n    return things.one()\n",
        "lib/rare/things.py": "from rare.others import two\n\nHERE = __file__\n\ndef one():\n    return two()\n",
        "lib/rare/others.py": "def two():\n    from rare import things as own\n    return own.HERE\n",
    }
    rest, parts = link(sources, {"whole": ("whole",)})
    assert 'things = load("rare.things")' in parts["whole"].text
    things, others = rest["lib/rare/things.py"], rest["lib/rare/others.py"]
    assert things.startswith('import whole; two = whole.load("rare.others").two\n')
    assert '__import__("whole").__file__.rsplit("/", 2)[0] + "/lib/rare/things.py"' in things
    assert '    import whole; own = whole.load("rare.things")\n' in others
