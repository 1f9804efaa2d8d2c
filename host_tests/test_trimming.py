"""Sources without what nobody uses: the web framework's, the shim's."""

import ast

import pytest

from tools import microdot_source
from tools.trimming import trimmed, without_unused

TEXT = """import re


class Page:
    title = "x"

    @property
    def size(self):
        return 1

    def text(self):
        return self.title


def unused():
    return re
"""


def test_only_what_is_named_goes_and_lines_keep_their_numbers():
    short = trimmed(TEXT, ("Page.size", "unused"))
    assert short.count("\n") == TEXT.count("\n")
    assert [line for line in short.splitlines() if line] == [
        "import re",
        "class Page:",
        '    title = "x"',
        "    def text(self):",
        "        return self.title",
    ]


def test_a_name_that_a_newer_version_does_not_have_is_told():
    with pytest.raises(ValueError, match=r"not defined: Page\.colour"):
        trimmed(TEXT, ("Page.colour",))


def test_nothing_that_is_left_needs_what_went():
    sources = microdot_source.sources()
    assert sources
    tree = ast.parse(sources[microdot_source.MODULE])
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    used |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    gone = {name.rpartition(".")[2] for name in microdot_source.UNUSED}
    # dict.get, a stream's aclose and awrite, attributes of the same name, and what web.app has of its own
    assert gone & used <= {"get", "aclose", "awrite", "route", "after_request", "find_route"}


def test_what_nobody_mentions_goes_and_then_what_only_that_has_used():
    sources = {
        "a.py": "def used():\n    return 1\n\n\ndef lonely():\n    return helper()\n\n\ndef helper():\n    return 2\n"
    }
    (text,) = without_unused(sources, ("from a import used\n",)).values()
    assert "used" in text
    assert "lonely" not in text
    assert "helper" not in text
