"""Checks a request's payload against a small table; the errors are OCPP-J 1.6 section 4.2.3's.

A table's rows are (field, required, rule). A rule is one of

    20                      a text of at most so many characters
    ("Hard", "Soft")        one of these texts; ("A", ...) needs its comma where there is only one
    (1, 2, 3)               one of these whole numbers
    INTEGER, NATURAL        a whole number; one from 0 on
    DECIMAL                 a number from 0 on with at most one digit after the point
    DATE                    an RFC 3339 time, as core.clock.parse_iso8601 takes it
    OBJECT                  an object of any fields
    (row, row, ...)         an object with a table of its own
    (LIST, rule)            a list whose entries fit the rule; a required one has at least one entry

A field that is null counts as absent and is taken out of the payload; values stay as they came.
A missing field is an OccurenceConstraintViolation (so spelled in 1.6), a value of another type a
TypeConstraintViolation, one out of bounds a PropertyConstraintViolation; the description names the
field by its path, such as "localAuthorizationList[3].idTag is missing". Fields that a table does not
name are ignored: some back offices add their own, and the OCPP test tool sends none.
"""

import asyncio

from core import clock
from micropython import const
from ocpp16.rpc import CallError

INTEGER = "a whole number"
NATURAL = "a whole number from 0 on"
DECIMAL = "a number"
DATE = "a time"
OBJECT = "an object"
LIST = "a list"

_TURN = const(4)  # entries of a list that are checked before others have their turn
_MOST = const(1000000000)  # of a DECIMAL: what is above is no current, power or energy


async def check(payload: dict, table: tuple) -> None:
    """CallError when a payload does not fit its table. Gives way while it goes through a list."""
    lists = []  # of (path, entries, rule) that are still to be checked
    _check_fields(payload, table, "", lists)
    for path, entries, rule in lists:
        for number, entry in enumerate(entries):
            if number % _TURN == _TURN - 1:
                await asyncio.sleep_ms(0)
            _check_value(entry, rule, "%s[%d]" % (path, number), "", lists)


def _check_fields(payload: dict, table: tuple, path: str, lists: list) -> None:
    for name, required, rule in table:
        value = payload.get(name)
        if value is None:
            if required:
                raise CallError("OccurenceConstraintViolation", path + name + " is missing")
            payload.pop(name, None)
        elif required and value == []:
            raise CallError("OccurenceConstraintViolation", path + name + " is empty")
        else:
            _check_value(value, rule, path, name, lists)


def _check_value(value, rule, path: str, name: str, lists: list) -> None:
    """path and name are put together where they are needed, which is rarely."""
    kind = _kind(rule)
    if not _is_a(kind, value):
        raise CallError(
            "TypeConstraintViolation", "%s%s is not %s" % (path, name, kind or "a text")
        )
    if kind == LIST:
        lists.append((path + name, value, rule[1]))
    elif kind == OBJECT and rule != OBJECT:
        _check_fields(value, rule, path + name + ".", lists)
    else:
        fault = _fault(value, rule)
        if fault:
            raise CallError("PropertyConstraintViolation", "%s%s %s" % (path, name, fault))


def _kind(rule) -> str:
    """Name of the type that a rule asks for; empty: a text."""
    if isinstance(rule, str):
        return rule
    if isinstance(rule, int):
        return ""
    first = rule[0]
    if first == LIST:
        return LIST
    if isinstance(first, tuple):
        return OBJECT
    return INTEGER if isinstance(first, int) else ""


def _is_a(kind: str, value) -> bool:
    if kind in (INTEGER, NATURAL, DECIMAL):  # True is an int in Python
        numbers = (int, float) if kind == DECIMAL else int  # a float is none, though it be whole
        return isinstance(value, numbers) and value is not True and value is not False
    if kind == OBJECT:
        return isinstance(value, dict)
    return isinstance(value, list if kind == LIST else str)


def _fault(value, rule) -> str:
    """What is wrong with a value of the right type; empty when nothing is."""
    if isinstance(rule, tuple):
        return "" if value in rule else "is none of its values"
    if isinstance(rule, int):
        return "is longer than %d" % rule if len(value) > rule else ""
    if rule == NATURAL:
        return "is below 0" if value < 0 else ""
    if rule == DECIMAL:
        return _decimal_fault(value)
    if rule == DATE:
        try:
            clock.parse_iso8601(value)
        except ValueError:
            return "is no date and time"
    return ""


def _decimal_fault(value) -> str:
    if not 0 <= value < _MOST:  # which is so for what is not a number, too
        return "is out of range"
    tenths = value * 10  # inexact where floats have 32 bits
    return "" if abs(tenths - round(tenths)) < 0.06 else "has more than one digit after the point"
