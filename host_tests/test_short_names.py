"""Shortening private names changes what they cost, and nothing that they do."""

from tools.short_names import shorten

ONE = '''"""About _private."""
_LIMIT = 3


class Counter:
    def __init__(self):
        self._count = 0
        self._shared = 1

    def _increase(self, _step):
        self._count += _step  # _count stays in comments
        return self._count

    def value(self):
        return self._increase(_LIMIT) + self._foreign._deep
'''
TWO = "class Other:\n    def __init__(self):\n        self._shared = 2\n        self._only_here = 3\n"


def test_what_a_single_file_names_privately_is_shortened():
    short = shorten({"one.py": ONE, "two.py": TWO})
    one, two = short["one.py"], short["two.py"]
    for name in ("self._count", "_increase(", "_LIMIT"):
        assert name not in one
    assert "self._shared" in one
    assert "self._shared" in two
    assert "_only_here" not in two
    assert "_foreign._deep" in one  # not its own to name
    assert one.count("\n") == ONE.count("\n")
    scope: dict = {}
    exec(one.replace(" + self._foreign._deep", ""), scope)
    counter = scope["Counter"]()
    assert (counter.value(), counter.value()) == (3, 6)


def test_two_files_may_shorten_the_same_private_name():
    """Each of its own classes has it, and nobody reaches for it from outside."""
    texts = {
        name: f"class {name.upper()}:\n    def __init__(self):\n        self._count = 0\n"
        for name in ("a", "b")
    }
    assert "_count" not in "".join(shorten(texts, ()).values())
    child = "from a import A\n\n\nclass C(A):\n    def more(self):\n        self._count += 1\n"
    assert "_count" in shorten({**texts, "c": child}, ())["a"]
    friend = "import a\n\na.A()._count = 3\n"
    assert "_count" in shorten({**texts, "d": friend}, ())["a"]


def test_a_name_in_a_string_stays():
    text = "def _f():\n    return 1\n\n\nVALUE = globals()['_f']()\n"
    assert shorten({"a.py": text})["a.py"] == text


def test_a_name_that_is_put_together_stays():
    text = (
        "class Calls:\n    def __init__(self):\n        self.late_handlers = [5]\n\n"
        "    def of(self, kind):\n        return getattr(self, kind + '_handlers')\n"
    )
    scope: dict = {}
    exec(shorten({"a.py": text}, ("x = Calls().of('late')",))["a.py"], scope)
    assert scope["Calls"]().of("late") == [5]


def test_a_class_with_a_parent_in_another_file_stays():
    text = "from base import Base\n\n\nclass Child(Base):\n    def _own(self):\n        return 1\n"
    assert shorten({"a.py": text})["a.py"] == text


def test_an_own_exception_is_no_foreign_parent():
    text = "class Lost(Exception):\n    def _why(self):\n        return self.args\n"
    assert "_why" not in shorten({"a.py": text})["a.py"]


def test_short_names_do_not_meet_others_of_the_file():
    text = "_a = 1\n\n\ndef _first():\n    return _a\n"
    scope: dict = {}
    exec(shorten({"x.py": text, "y.py": "_a = 2\n"})["x.py"], scope)
    assert scope["_a"] == 1
    assert [value() for name, value in scope.items() if callable(value)] == [1]


def test_arguments_are_shortened_unless_somebody_passes_them_by_name():
    text = (
        "def area(width, height, *, unit=1):\n"
        "    scale = lambda factor: width * factor\n"
        "    return scale(height) * unit  # width × height\n"
        "\n\nclass Box:\n    def fits(self, width, depth=2):\n        return (self.width, width, depth)\n"
    )
    caller = "from a import area\n\nRESULT = area(2, height=3, unit=4)\n"
    short = shorten({"a.py": text}, (caller,))["a.py"]
    assert "def area(a, height, *, unit=1)" in short
    assert "class Box" not in short  # nobody else knows it
    assert "self.width" in short
    assert "depth" not in short
    scope: dict = {}
    exec(short, scope)
    assert scope["area"](2, height=3, unit=4) == 24


def test_a_public_name_stays_where_another_object_may_have_it():
    text = (
        "class Line:\n    def close(self):\n        self.stream.close()\n\n"
        "    def reopen(self):\n        self.close()\n        self.tries = 1\n"
    )
    short = shorten({"a.py": text}, ())["a.py"]
    assert short.count("close") == 3
    assert "tries" not in short
    assert "reopen" not in short


def test_non_ascii_lines_are_replaced_at_the_right_place():
    text = 'def show(level_uv):\n    return "± µ", level_uv, "→"\n'
    scope: dict = {}
    exec(shorten({"a.py": text}, ("import a\na.show(1)\n",))["a.py"], scope)
    assert scope["show"](3) == ("± µ", 3, "→")
