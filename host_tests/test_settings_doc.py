"""docs/settings.md says what the declarations say."""

from core.setting_types import declarations
from tools.settings_doc import DOCUMENT, Row, document, help_texts, rows


def test_the_document_is_up_to_date():
    assert DOCUMENT.read_text() == document(rows(), help_texts()), "run tools/settings_doc.py"


def test_its_rows_are_the_firmwares():
    assert [row.key for row in rows()] == [declaration.key for declaration in declarations()]


def test_a_row_tells_range_unit_default_rights_and_marks():
    row = Row("dlb_max", "Most", "X", "float", "0|6..80", "32", "A", "WR-", "rn", "MaxCurrent")
    text = document([row], {"dlb_max": "The most | ever."})
    assert (
        "| `dlb_max` | Most | number 0 or 6 … 80 A | 32 | W | R | – "
        "| The most \\| ever. *after a restart*, *without effect yet*, OCPP `MaxCurrent` |"
    ) in text


def test_a_bool_shows_its_words():
    row = Row("lock", "Lock", "X", "bool", "Enable|Disable", "0", "", "WWW", "", "")
    assert "| Enable, Disable | Disable |" in document([row], {})


def test_help_texts_come_from_the_pages_english(tmp_path):
    path = tmp_path / "lang_en.js"
    path.write_text(
        "export const settings = {\n  dns: ['DNS', 'Who knows the names.'],\n"
        '  apn: [\'APN\', "The operator\\\'s \\"door\\"."],\n};\n'
    )
    assert help_texts(path) == {"dns": "Who knows the names.", "apn": 'The operator\'s "door".'}
    assert help_texts(tmp_path / "missing.js") == {}
