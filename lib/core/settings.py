"""Settings: one declaration each in settings.tsv; values in memory, declarations read when needed.

The file on flash holds only what differs from the defaults. A change is checked as a whole and written
with a temporary file and a rename, so that a power cut leaves the old or the new set.
"""

from micropython import const

from core import log, storage

_BLOCK_BYTES = const(512)
_TABLE = __file__.rsplit("/", 1)[0] + "/settings.tsv"


class SettingsError(Exception):
    """A change was refused; .errors tells why for each key."""

    def __init__(self, errors: dict) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


class Declaration:
    """One row of settings.tsv."""

    def __init__(self, line: str) -> None:
        self.key, self.page, self.type, self.range, self.default = line.split("\t")


def _blocks():
    """The table in blocks of whole lines. A file's own lines would come a character at a time."""
    rest = ""
    with open(_TABLE) as file:
        block = file.read(_BLOCK_BYTES)
        while block:
            block = rest + block
            end = block.rfind("\n")
            rest = block[end + 1 :]
            yield block[:end]
            block = file.read(_BLOCK_BYTES)


def declarations():
    """Read the declarations one after the other."""
    for block in _blocks():
        for line in block.split("\n"):
            if line[0] != "#":
                yield Declaration(line)


def declarations_of(keys):
    """Read the declarations of some keys; searching a block costs less than looking at its lines."""
    for block in _blocks():
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


class Settings:
    """The values, by key; a default where nothing else was set."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._values = {}
        self._stored = {}  # what differs from the defaults, as on flash
        self._listeners = []
        self._load()

    def _load(self) -> None:
        try:
            stored = storage.read_json(self._path, {})
        except ValueError:
            log.error("settings", "file is damaged, using the defaults")
            stored = {}
        for declaration in declarations():
            key = declaration.key
            value = parse(declaration, declaration.default)
            if key in stored:
                try:
                    value = self._stored[key] = parse(declaration, stored[key])
                except ValueError as error:
                    log.warning("settings", "%s %s, using its default" % (key, error))
            self._values[key] = value

    def get(self, key: str):
        """A setting's value. KeyError when there is no such setting."""
        return self._values[key]

    def change(self, changes: dict) -> None:
        """Check and store changes, all or nothing. SettingsError names each wrong one."""
        errors = {key: "is no setting" for key in changes if key not in self._values}
        accepted = {}
        stored = dict(self._stored)
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
        if stored != self._stored:
            storage.write_json(self._path, stored)
        self._stored = stored
        self._values.update(accepted)
        for callback in self._listeners:
            callback(set(accepted))

    def listen(self, callback) -> None:
        """Have callback(keys) called after each change."""
        self._listeners.append(callback)
