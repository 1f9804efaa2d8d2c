"""The STATE page's words: each fault and each source of a limit has its own in every language."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("en", "de", "zh")
# Limits that are set with a reason in a variable.
OTHER_LIMITS = {
    "overload",
    "temperature",
    "cold load pickup",
    "start time",
    "start delay",
    "building",
    "building meter",
    "solar surplus",
    "group",
    "group master",
    "charging profile",
}


def texts(language: str) -> dict:
    """{key: text} of the page's own texts."""
    source = (ROOT / "web" / "static" / f"lang_{language}.js").read_text()
    return dict(re.findall(r"""^  (st_\w+): ['"](.*)['"],$""", source, re.M))


def faults() -> list:
    """The names of all faults, from the charger's table."""
    rows = (ROOT / "lib" / "evse" / "faults.tsv").read_text().splitlines()
    return [row.split("\t")[1] for row in rows if not row.startswith("#")]


def limits() -> set:
    """The reasons that the firmware gives limits."""
    sources = "".join(path.read_text() for path in (ROOT / "lib" / "evse").glob("*.py"))
    return set(re.findall(r"limits\.set\(\"([^\"]+)\"", sources)) | OTHER_LIMITS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_has_a_name_and_says_what_to_do(language):
    known = texts(language)
    names = faults()
    assert len(names) > 20
    missing = [name for name in names if not known.get("st_fault_" + name)]
    assert missing == []
    assert [name for name in names if not known.get("st_advice_" + name)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_source_of_a_limit_has_a_name(language):
    known = texts(language)
    reasons = limits()
    assert {"operator", "cable", "DIP switch"} <= reasons
    assert [
        reason for reason in reasons if "st_limit_" + reason.replace(" ", "_") not in known
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_an_end_has_a_name(language):
    history = (ROOT / "lib" / "evse" / "session_history.py").read_text()
    reasons = re.findall(
        r"^    \"(\w+)\",$", history.split("REASONS = (")[1].split("\n)")[0], re.M
    )
    assert "EVDisconnected" in reasons
    known = texts(language)
    assert [reason for reason in reasons if "st_reason_" + reason not in known] == []
