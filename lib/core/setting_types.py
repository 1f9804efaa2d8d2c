"""The settings' declarations, and what values they take: loaded while a table or a change is read."""

from core import log, storage
from core.settings import SettingsError

_TABLE = __file__.rsplit("/", 1)[0] + "/settings.tsv"


class Declaration:
    """One row of settings.tsv."""

    def __init__(self, line: str) -> None:
        self.key, self.page, self.type, self.range, self.default = line.split("\t")


def declarations():
    """Read the declarations one after the other."""
    for block in storage.line_blocks(_TABLE):
        for line in block.split("\n"):
            if line[0] != "#":
                yield Declaration(line)


def declarations_of(keys):
    """Read the declarations of some keys; searching a block costs less than looking at its lines."""
    for block in storage.line_blocks(_TABLE):
        block = "\n" + block + "\n"
        for key in keys:
            start = block.find("\n" + key + "\t") + 1
            if start:
                yield Declaration(block[start : block.find("\n", start)])


def _bounds(declaration: Declaration) -> tuple:
    low, high = declaration.range.split("..")
    return int(low), int(high)


def _parse_number(declaration: Declaration, value):
    number = float(value)
    low, high = _bounds(declaration)
    if declaration.type == "interval" and number == 0:
        return 0
    if not low <= number <= high:
        raise ValueError("is outside %d..%d" % (low, high))
    if declaration.type != "float":
        if number != int(number):
            raise ValueError("is not a whole number")
        return int(number)
    return number


def _parse_text(declaration: Declaration, value):
    if not isinstance(value, str):
        raise ValueError("is not a text")
    low, high = _bounds(declaration)
    if not low <= len(value.encode()) <= high:
        raise ValueError("is not %d to %d bytes long" % (low, high))
    return value


def _parse_choice(declaration: Declaration, value):
    choices = declaration.range.split("|")
    if value not in choices:
        raise ValueError("is none of " + ", ".join(choices))
    return value


def _parse_list(declaration: Declaration, value):
    if not isinstance(value, str):
        raise ValueError("is not a comma-separated list")
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        _parse_choice(declaration, name)
    return ",".join(names)


def _parse_url(declaration: Declaration, value):
    if not isinstance(value, str) or len(value) > 300:
        raise ValueError("is not an address")
    if value and value.split("://")[0] not in declaration.range.split("|"):
        raise ValueError("does not start with " + declaration.range.replace("|", ":// or ") + "://")
    return value


def _parse_bool(declaration: Declaration, value):
    if value not in (True, False, 0, 1, "0", "1"):
        raise ValueError("is neither true nor false")
    return bool(int(value))


_PARSERS = {
    "bool": _parse_bool,
    "csl": _parse_list,
    "enum": _parse_choice,
    "float": _parse_number,
    "int": _parse_number,
    "interval": _parse_number,
    "secret": _parse_text,
    "str": _parse_text,
    "url": _parse_url,
}


def parse(declaration: Declaration, value):
    """Bring a value to its type. ValueError says what is wrong with it."""
    if value is None or isinstance(value, (dict, list)):
        raise ValueError("is not a single value")
    try:
        return _PARSERS[declaration.type](declaration, value)
    except TypeError:
        raise ValueError("has the wrong type")


def initial(stored: dict) -> tuple:
    """(all values, those that are stored); what is stored and wrong gives way to its default."""
    values, kept = {}, {}
    for declaration in declarations():
        key = declaration.key
        value = parse(declaration, declaration.default)
        if key in stored:
            try:
                value = kept[key] = parse(declaration, stored[key])
            except ValueError as error:
                log.warning("settings", "%s %s, using its default" % (key, error))
        values[key] = value
    return values, kept


def checked(changes: dict, known: dict, stored: dict) -> tuple:
    """(the changes' values, what is to be stored then). SettingsError names each wrong one."""
    errors = {key: "is no setting" for key in changes if key not in known}
    accepted = {}
    stored = dict(stored)
    for declaration in declarations_of(changes):
        key = declaration.key
        try:
            value = accepted[key] = parse(declaration, changes[key])
        except ValueError as error:
            errors[key] = str(error)
            continue
        stored.pop(key, None)
        if value != parse(declaration, declaration.default):
            stored[key] = value
    if errors:
        raise SettingsError(errors)
    return accepted, stored
