"""Modules and functions get other names in the build; what a board runs does the same."""

import sys
import types

import pytest
from tools.flat_modules import flat_names, module_name, renamed, unused_packages
from tools.function_names import short_functions

SOURCES = {
    "lib/core/__init__.py": "",
    "lib/core/tables.py": "TABLE = 3\n\n\ndef rows_of(kind):\n    return kind * TABLE\n",
    "lib/core/shapes.py": "from core.tables import rows_of\n\n\ndef area_of(n):\n    return rows_of(n)\n",
    "lib/core/places.py": 'FOLDER = __file__.rsplit("/", 1)[0]\n',
    "web/__init__.py": "",
    "web/api_state.py": "def post(request):\n    return request\n",
    "web/rows.py": "class Rows:\n    def visit_all(self):\n        return 5\n\n\ndef visit_all():\n    return 6\n",
}
ALWAYS = """from core import loading


def area(n):
    return loading.once("core.shapes", "area_of", n)


METHODS = ("get", "post")


def called(name, method):
    return getattr(loading.load("web.api_" + name), method) if method in METHODS else None


def rows():
    return loading.load("web.rows").visit_all()
"""
LINKED = {"firmware": ALWAYS}


def names():
    return flat_names(SOURCES, LINKED, {"core.fixed"})


def test_a_module_s_name_is_what_boards_import_it_by():
    assert module_name("lib/core/tables.py") == "core.tables"
    assert module_name("lib/core/__init__.py") == "core"
    assert module_name("web/rows.py") == "web.rows"


def test_modules_get_names_outside_packages_unless_something_depends_on_theirs():
    assert set(names()) == {"core.tables", "core.shapes", "web.rows"}
    assert len(set(names().values())) == 3
    assert not set(names().values()) & {"os", "io", "re", "gc", "firmware"}
    assert "core.tables" not in flat_names(SOURCES, LINKED, {"core.tables"})


def test_a_module_that_is_used_behind_its_package_stays():
    linked = {"firmware": "import core.tables\n\nprint(core.tables.TABLE)\n"}
    assert "core.tables" not in flat_names(SOURCES, linked, set())


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ('load("core.tables")', 'load("aa")'),
        ("from core.tables import TABLE, rows_of as r", "from aa import TABLE, rows_of as r"),
        ("from core import tables, log as l", "import aa as tables; from core import log as l"),
        ("import core.tables as t", "import aa as t"),
        ('load("core.tables.more")', 'load("core.tables.more")'),
        ("from core import (\n    tables,\n)\nx = 1", "import aa as tables\n\n\nx = 1"),
    ],
)
def test_each_way_to_name_a_module_is_changed_and_lines_stay(source, made):
    assert renamed(source, {"core.tables": "aa"}) == made


def test_what_a_text_names_among_other_words_stays():
    linked = {
        "firmware": 'ACTIONS = {"start": "web.rows visit_all", "stop": "web.rows halt_all"}\n'
    }
    assert "web.rows" not in flat_names(SOURCES, linked, set())
    more = {**SOURCES, "web/rows.py": "def visit_all():\n    return 6\n"}
    sources, _ = short_functions(more, linked, set())
    assert "def visit_all" in sources["web/rows.py"]


def test_packages_without_modules_go():
    paths = {"lib/core/__init__.py", "lib/core/log.py", "lib/evse/__init__.py", "lib/aa.py"}
    assert unused_packages(paths) == {"lib/evse/__init__.py"}


def test_functions_are_renamed_wherever_they_are_meant():
    sources, linked = short_functions(SOURCES, LINKED, {"TABLE"})
    assert "rows_of" not in sources["lib/core/tables.py"] + sources["lib/core/shapes.py"]
    assert "TABLE" in sources["lib/core/tables.py"]  # a table's word
    assert "area_of" not in linked["firmware"]
    assert "def post" in sources["web/api_state.py"]  # a text that may come as its name
    assert sources["web/rows.py"] == SOURCES["web/rows.py"]  # a class has it as well
    shapes = types.ModuleType("shapes")
    tables = types.ModuleType("core.tables")
    exec(sources["lib/core/tables.py"], tables.__dict__)
    sys.modules["core.tables"] = tables
    try:
        exec(sources["lib/core/shapes.py"], shapes.__dict__)
    finally:
        del sys.modules["core.tables"]
    name = linked["firmware"].split('"core.shapes", "')[1].split('"')[0]
    assert getattr(shapes, name)(2) == 6


@pytest.mark.parametrize(
    "user",
    ["x.rows_of = 5", "f(rows_of=5)", "name = 'rows_of'", "class A:\n    rows_of = 5"],
)
def test_a_name_that_may_mean_something_else_stays(user):
    sources, _ = short_functions({**SOURCES, "lib/core/user.py": user}, LINKED, set())
    assert "def rows_of" in sources["lib/core/tables.py"]
