"""Checks a request's payload against a small table; the errors are OCPP-J 1.6 section 4.2.3's.

A table's rows are (field, required, rule). A rule is a text's maximum length, INTEGER, OBJECT, LIST,
or the tuple of the values allowed. Fields that a table does not name are ignored: some back offices
add their own.
"""

from ocpp16.rpc import CallError

INTEGER = "integer"
OBJECT = "object"
LIST = "list"


def check(payload: dict, table: tuple) -> None:
    """CallError when a payload does not fit its table."""
    for name, required, rule in table:
        value = payload.get(name)
        if value is None:
            if required:
                raise CallError("OccurenceConstraintViolation", name + " is missing")
            payload.pop(name, None)
        else:
            _check_type(name, value, rule)
            _check_value(name, value, rule)


def _check_type(name: str, value, rule) -> None:
    if rule == INTEGER:  # True is an int in Python and a float may be whole
        valid = isinstance(value, int) and value is not True and value is not False
    elif rule == OBJECT:
        valid = isinstance(value, dict)
    elif rule == LIST:
        valid = isinstance(value, list)
    else:
        valid = isinstance(value, str)
    if not valid:
        expected = rule if rule in (INTEGER, OBJECT, LIST) else "text"
        raise CallError("TypeConstraintViolation", "%s is not %s" % (name, expected))


def _check_value(name: str, value, rule) -> None:
    if isinstance(rule, int) and len(value) > rule:
        raise CallError("PropertyConstraintViolation", "%s is longer than %d" % (name, rule))
    if isinstance(rule, tuple) and value not in rule:
        raise CallError("PropertyConstraintViolation", "%s is none of its values" % name)
