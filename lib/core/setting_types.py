"""The settings' declarations, and what values they take: loaded while a table or a change is read."""

from core import loading, log, storage
from core.settings import SettingsError, mark

TABLE = __file__.rsplit("/", 1)[0] + "/settings.tsv"
_WITHOUT_VALUE = ("reading", "action", "action+text")
ROLES = ("manufacturer", "operator", "user")  # in the order of the table's rights


class Declaration:
    """One row of settings.tsv."""

    def __init__(self, line: str) -> None:
        cells = line.split("\t")
        self.key, self.label, self.page, self.type, self.range = cells[:5]
        self.default, self.unit, self._rights, self._flags, self.ocpp_key = cells[5:]

    def may_read(self, role: str) -> bool:
        """Tell whether a role sees it."""
        return self._rights[ROLES.index(role)] != "-"

    def may_write(self, role: str) -> bool:
        """Tell whether a role may change it, or do it."""
        return self._rights[ROLES.index(role)] == "W"

    @property
    def has_value(self) -> bool:
        """False for readings and actions, which are no settings."""
        return self.type not in _WITHOUT_VALUE

    @property
    def is_secret(self) -> bool:
        """Its value never leaves the controller."""
        return self.type in ("secret", "password")

    @property
    def needs_restart(self) -> bool:
        """A change shows after a restart."""
        return "r" in self._flags

    @property
    def may_lock_out(self) -> bool:
        """A wrong value may cut its owner off."""
        return "l" in self._flags

    @property
    def is_kept(self) -> bool:
        """Its value is kept in memory."""
        return "m" in self._flags

    @property
    def has_effect(self) -> bool:
        """False while the part of the firmware that it is for is missing."""
        return "n" not in self._flags


def declarations(page: str = ""):
    """Read the declarations one after the other, or those of a page."""
    for block in storage.line_blocks(TABLE):
        for line in block.split("\n"):
            if line[0] != "#" and (not page or line.split("\t", 3)[2] == page):
                yield Declaration(line)


def declarations_in(block: str, keys):
    """The declarations of some keys that are in a block; searching it costs less than to look at its lines."""
    block = "\n" + block + "\n"
    for key in keys:
        start = block.find("\n" + key + "\t") + 1
        if start:
            yield Declaration(block[start : block.find("\n", start)])


def declarations_of(keys):
    """Read the declarations of some keys."""
    for block in storage.line_blocks(TABLE):
        for declaration in declarations_in(block, keys):
            yield declaration


def ocpp_declarations():
    """Read the declarations of settings that are configuration keys of OCPP."""
    for block in storage.line_blocks(TABLE):
        for line in block.split("\n"):
            if line[-1] != "\t" and line[0] != "#":
                yield Declaration(line)


def find(key: str) -> "Declaration | None":
    """The declaration of a key."""
    for declaration in declarations_of((key,)):
        return declaration
    return None


# What the types take.


def _is_in(number, ranges: str) -> bool:
    """Tell whether a number is within "0|10..86400" or the like."""
    for part in ranges.split("|"):
        low, _, high = part.partition("..")
        if int(low) <= number <= int(high or low):
            return True
    return False


def _ranges_text(ranges: str) -> str:
    return ranges.replace("|", " or ").replace("..", " to ")


def _parse_number(declaration: Declaration, value):
    if isinstance(value, bool):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueError("is not a number")
    if not _is_in(number, declaration.range):
        raise ValueError("must be %s" % _ranges_text(declaration.range))
    if declaration.type == "float":
        return number
    if number != int(number):
        raise ValueError("is not a whole number")
    return int(number)


def _parse_text(declaration: Declaration, value):
    if not isinstance(value, str):
        raise ValueError("is not a text")
    if not _is_in(len(value.encode()), declaration.range):
        raise ValueError("must have %s bytes" % _ranges_text(declaration.range))
    for character in value:
        if character < " ":
            raise ValueError("has a control character in it")
    return value


def _parse_choice(declaration: Declaration, value):
    choices = declaration.range.split("|")
    if value not in choices:
        raise ValueError("must be one of " + ", ".join(choices))
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
        raise ValueError("is not an address of at most 300 characters")
    for character in value:
        if not "!" <= character <= "~":
            raise ValueError("has a blank or a strange character in it")
    scheme, _, rest = value.partition("://")
    schemes = declaration.range
    if value and (not rest or (schemes and scheme not in schemes.split("|"))):
        raise ValueError("must begin with " + (schemes or "http").replace("|", ":// or ") + "://")
    return value


def _parse_bool(declaration: Declaration, value):
    if value in (True, False, "0", "1"):
        return bool(int(value))
    words = [word.lower() for word in declaration.range.split("|")]
    word = value.lower() if isinstance(value, str) else ""
    if word in ("true", "false"):
        return word == "true"
    if not word or word not in words:
        raise ValueError("is neither true nor false")
    return word == words[0]


def _parse_ip(declaration: Declaration, value):
    if not isinstance(value, str):
        raise ValueError("is not a text")
    parts = value.split(".")
    right = [part for part in parts if part.isdigit() and len(part) < 4 and int(part) < 256]
    if value and not len(parts) == len(right) == 4:
        raise ValueError("is no IP address such as 192.168.1.100")
    return value


def _parse_time(declaration: Declaration, value):
    hours, _, minutes = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not (len(hours) == len(minutes) == 2 and hours.isdigit() and minutes.isdigit()):
        raise ValueError("is no time such as 22:30")
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("is no time of the day")
    return value


def _parse_pid(declaration: Declaration, value):
    parts = value.split(",") if isinstance(value, str) else ()
    numbers = [part.strip() for part in parts if part.strip().isdigit() and len(part.strip()) < 7]
    if not len(parts) == len(numbers) == 3:
        raise ValueError("must be three whole numbers such as 500,1800,10")
    return ",".join(numbers)


def _parse_zone(declaration: Declaration, value):
    return loading.once("core.time_zone", "checked", value)


def _parse_password(declaration: Declaration, value):
    """A new password as text, or as bytes what is stored of it (auth.passwords)."""
    return value.decode() if isinstance(value, bytes) else _parse_text(declaration, value)


_PARSERS = {
    "bool": _parse_bool,
    "csl": _parse_list,
    "enum": _parse_choice,
    "float": _parse_number,
    "int": _parse_number,
    "ip": _parse_ip,
    "password": _parse_password,
    "pid": _parse_pid,
    "secret": _parse_text,
    "str": _parse_text,
    "action+text": _parse_text,
    "time": _parse_time,
    "url": _parse_url,
    "zone": _parse_zone,
}


def parse(declaration: Declaration, value):
    """Bring a value to its type. ValueError says what is wrong with it."""
    if value is None or isinstance(value, (dict, list)):
        raise ValueError("is not a single value")
    try:
        return _PARSERS[declaration.type](declaration, value)
    except TypeError:
        raise ValueError("has the wrong type")


def default(declaration: Declaration):
    """The value where none was set."""
    return parse(declaration, declaration.default)


def default_of(key: str):
    """The default of a setting that is not kept in memory. KeyError when there is none of the name."""
    declaration = find(key)
    if declaration is None or not declaration.has_value:
        raise KeyError(key)
    return default(declaration)


def kept_keys() -> set:
    """Keys of the settings whose values are kept in memory."""
    return {declaration.key for declaration in declarations() if declaration.is_kept}


def _stored_value(declaration: Declaration, value):
    if declaration.type != "password":
        return parse(declaration, value)
    if not value.startswith("$"):
        raise ValueError("is not protected")
    return value


def initial(stored: dict) -> tuple:
    """(values kept in memory by mark, those that are stored); what is stored and wrong gives way to its default."""
    values, kept = {}, {}
    for declaration in declarations():
        key = declaration.key
        if key in stored and declaration.has_value:
            try:
                kept[key] = _stored_value(declaration, stored[key])
            except (ValueError, AttributeError) as error:
                log.warning("settings", "%s %s, using its default" % (key, error))
        if declaration.is_kept:
            values[mark(key)] = kept[key] if key in kept else default(declaration)
    return values, kept


def checked(changes: dict, settings, found=None) -> tuple:
    """(the changes' values, what is to be stored then). SettingsError names each wrong one.

    found: the declarations of what changes, or None.
    """
    errors = {key: "is no setting" for key in changes}
    accepted = {}
    stored = dict(settings.stored)
    for declaration in found or declarations_of(changes):
        if not declaration.has_value:
            continue
        key = declaration.key
        del errors[key]
        try:
            if declaration.type == "password" and not isinstance(changes[key], bytes):
                raise ValueError("is not protected")  # its text is never stored
            value = accepted[key] = parse(declaration, changes[key])
        except ValueError as error:
            errors[key] = "%s: %s" % (_shown(declaration, changes[key]), error)
            continue
        stored.pop(key, None)
        if value != default(declaration):
            stored[key] = value
    if not errors:
        errors = loading.once("core.setting_rules", "broken", accepted, settings)
    if errors:
        raise SettingsError(errors)
    return accepted, stored


def _shown(declaration: Declaration, value) -> str:
    """A refused value for its error's text; never a secret."""
    if declaration.is_secret:
        return declaration.label
    return declaration.label + " " + str(value)[:40]
