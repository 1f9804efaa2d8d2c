"""What the build makes of the settings' keys."""

import ast
import json
from pathlib import Path

import pytest
from core.setting_types import kept_defaults as defaults_by_table
from core.settings import Settings, mark
from tools.setting_marks import kept_defaults, kept_keys, with_marks

ROOT = Path(__file__).parent.parent
KEYS = {"stop_limit", "phases"}
LIMIT, PHASES = mark("stop_limit"), mark("phases")


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ('settings.get("stop_limit")', f"settings.get({LIMIT})"),
        ('self._settings.get("phases")[0]', f"self._settings.get({PHASES})[0]"),
        ('rig.settings.get("ssid")', 'rig.settings.get("ssid")'),
        ('payload.get("phases")', 'payload.get("phases")'),
        ("settings.get(key)", "settings.get(key)"),
        ('"ä", settings.get("phases")', f'"ä", settings.get({PHASES})'),
        ('get = self.settings.get\nget("phases")', f"get = self.settings.get\nget({PHASES})"),
        (
            'a, get = 1, settings.get\nb = get\nb("phases")',
            f"a, get = 1, settings.get\nb = get\nb({PHASES})",
        ),
        (  # which of the two it is cannot be told
            'get = settings.get\nget("phases")\nget = headers.get',
            'get = settings.get\nget("phases")\nget = headers.get',
        ),
    ],
)
def test_a_kept_setting_is_asked_for_by_its_mark_and_nothing_else_changes(source, made):
    assert with_marks(source, KEYS) == made
    ast.parse(made)


def test_the_settings_take_a_mark_as_they_take_the_key(tmp_path):
    settings = Settings(str(tmp_path / "settings.json"))
    settings.change({"stop_limit": 150})
    assert settings.get(LIMIT) == settings.get("stop_limit") == 150


def test_marks_of_the_firmware_s_settings_differ():
    keys = kept_keys(ROOT)
    assert len({mark(key) for key in keys}) == len(keys) > 50


def test_the_build_s_file_of_defaults_says_what_the_table_says():
    items = json.loads(kept_defaults(ROOT))
    made = dict(zip(items[::2], items[1::2], strict=True))
    by_table = defaults_by_table()
    assert made == by_table and len(made) > 50
    assert [type(made[key]) for key in by_table] == [type(value) for value in by_table.values()]
