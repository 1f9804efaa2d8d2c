"""A request's payload against its table: which error, and whether it names the field."""

import asyncio

import ocpp_rig
import pytest
from ocpp16.fields import DATE, DECIMAL, INTEGER, LIST, NATURAL, OBJECT, check
from ocpp16.rpc import CallError

ENTRY = (("idTag", True, 20), ("info", False, (("status", True, ("Accepted", "Blocked")),)))
TABLE = (
    ("id", True, INTEGER),
    ("connectorId", False, NATURAL),
    ("type", False, ("Hard", "Soft")),
    ("phases", False, (1, 2, 3)),
    ("limit", False, DECIMAL),
    ("when", False, DATE),
    ("any", False, OBJECT),
    ("keys", False, (LIST, 5)),
    ("entries", False, (LIST, ENTRY)),
    ("schedule", False, (("periods", True, (LIST, (("start", True, NATURAL),))),)),
)
OCCURRENCE = "OccurenceConstraintViolation"
TYPE = "TypeConstraintViolation"
PROPERTY = "PropertyConstraintViolation"


@pytest.mark.parametrize(
    "field, value",
    [
        ("connectorId", 0),
        ("type", "Soft"),
        ("phases", 3),
        ("limit", 16),
        ("limit", 6.1),
        ("limit", 22000.3),
        ("when", "2026-11-21T19:00:00.5+01:00"),
        ("any", {"whatever": [1, {}]}),
        ("keys", []),
        ("keys", ["12345"]),
        ("entries", [{"idTag": "A"}, {"idTag": "B", "info": {"status": "Blocked"}}] * 20),
        ("schedule", {"periods": [{"start": 0}], "their own": True}),
        ("their own", "ignored"),
    ],
)
def test_what_fits_passes_and_stays_as_it_is(field, value):
    payload = {"id": -1, field: value}
    ocpp_rig.run(check(payload, TABLE))
    assert payload == {"id": -1, field: value}


def test_null_counts_as_absent():
    payload = {"id": 1, "type": None, "entries": [{"idTag": "A", "info": None}]}
    ocpp_rig.run(check(payload, TABLE))
    assert payload == {"id": 1, "entries": [{"idTag": "A"}]}


@pytest.mark.parametrize(
    "field, value, code, named",
    [
        ("id", None, OCCURRENCE, "id is missing"),
        ("id", 1.0, TYPE, "id is not a whole number"),
        ("id", True, TYPE, "id"),
        ("connectorId", -1, PROPERTY, "connectorId is below 0"),
        ("type", "soft", PROPERTY, "type"),
        ("type", ["Soft"], TYPE, "type is not a text"),
        ("phases", 4, PROPERTY, "phases"),
        ("phases", "3", TYPE, "phases"),
        ("limit", 6.05, PROPERTY, "limit has more than one digit"),
        ("limit", -1, PROPERTY, "limit"),
        ("limit", 1e300, PROPERTY, "limit"),
        ("limit", float("nan"), PROPERTY, "limit"),
        ("limit", False, TYPE, "limit"),
        ("limit", "16", TYPE, "limit is not a number"),
        ("when", "tomorrow", PROPERTY, "when"),
        ("when", "2026-02-30T00:00:00Z", PROPERTY, "when"),
        ("when", 1795000000, TYPE, "when is not a time"),
        ("any", [], TYPE, "any is not an object"),
        ("keys", "all", TYPE, "keys is not a list"),
        ("keys", ["a", "123456"], PROPERTY, "keys[1] is longer than 5"),
        ("keys", [1], TYPE, "keys[0]"),
        ("entries", [{"idTag": "A"}, {}], OCCURRENCE, "entries[1].idTag is missing"),
        ("entries", [{"idTag": "A", "info": {"status": 1}}], TYPE, "entries[0].info.status"),
        ("entries", [{"idTag": "A", "info": "Accepted"}], TYPE, "entries[0].info"),
        ("schedule", {}, OCCURRENCE, "schedule.periods is missing"),
        ("schedule", {"periods": []}, OCCURRENCE, "schedule.periods is empty"),
        (
            "schedule",
            {"periods": [{"start": 0}, {"start": -1}]},
            PROPERTY,
            "schedule.periods[1].s",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_error(field, value, code, named):
    with pytest.raises(CallError) as caught:
        ocpp_rig.run(check({"id": 1, field: value}, TABLE))
    assert caught.value.code == code
    assert named in caught.value.description


def test_a_long_list_lets_others_have_their_turn():
    turns = []

    async def others():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def story():
        task = asyncio.create_task(others())
        await check({"id": 1, "entries": [{"idTag": "A"}] * 200}, TABLE)
        task.cancel()

    ocpp_rig.run(story())
    assert len(turns) >= 50
