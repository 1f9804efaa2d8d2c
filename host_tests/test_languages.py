"""The pages' languages: each has every text, no page asks for one that is not there, and a visit stays small."""

import gzip
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[1] / "web" / "static"
SETTINGS = Path(__file__).resolve().parents[1] / "lib" / "core" / "settings.tsv"
LANGUAGES = ("en", "de", "zh")
TABLES = ("texts", "settings")
# what a browser loads until the state shows, in the largest language
FIRST_VISIT = (
    "index.html style.css app.js charger.js dom.js icon.svg lang_de.js page_state.js state_now.js"
    " state_sheet.js state.css chart.js units.js sessions.js setup.js fields.js"
).split()
MOST_BYTES = 50_000


def table(language: str, name: str) -> dict:
    """{key: rest of its line} of a table in a language's file."""
    text = (STATIC / f"lang_{language}.js").read_text()
    body = text.split(f"export const {name} = {{\n")[1].split("\n};")[0]
    return dict(re.findall(r"^  '?([^':]+)'?: (.+),$", body, re.M))


def declared() -> list:
    rows = SETTINGS.read_text().splitlines()
    return [row.split("\t")[0] for row in rows if not row.startswith("#")]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_language_has_what_english_has(language, name):
    assert table(language, name).keys() == table("en", name).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_fill_in_the_same_values(language):
    english = table("en", "texts")
    for key, text in table(language, "texts").items():
        assert sorted(re.findall(r"\{\d\}", text)) == sorted(
            re.findall(r"\{\d\}", english[key])
        ), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_has_a_name_and_a_help_text(language):
    entries = table(language, "settings")
    assert entries.keys() == set(declared())
    for key, entry in entries.items():
        assert re.fullmatch(r"""\[(['"]).{2,60}\1, (['"]).{4,}\2\]""", entry), key


def test_every_setting_stands_in_a_group_of_its_page():
    form = (STATIC / "page_settings.js").read_text()
    groups = set(re.findall(r"[a-z][a-z0-9_]+", form.split("GROUPS = {")[1].split("\n};")[0]))
    own_page = {"STATE", "WHITELIST"}  # these sections are no forms
    rows = [row.split("\t") for row in SETTINGS.read_text().splitlines() if row[0] != "#"]
    assert [row[0] for row in rows if row[2] not in own_page and row[0] not in groups] == []


def test_pages_ask_only_for_texts_that_there_are():
    known = table("en", "texts").keys()
    for path in STATIC.glob("*.js"):
        if path.name.startswith("lang_"):
            continue
        asked = re.findall(r"\bt\('([^']+)'[,)]", path.read_text())
        assert [key for key in asked if key not in known] == [], path.name


def test_a_first_visit_is_small():
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in FIRST_VISIT}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_pages_use_nothing_from_outside():
    for path in STATIC.iterdir():
        outside = re.findall(r"""['"(](?:https?:|wss?:)?//\w[^'"]*""", path.read_text())
        assert [address for address in outside if "www.w3.org" not in address] == [], path.name
