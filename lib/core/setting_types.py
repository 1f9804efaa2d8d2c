"""What values the settings take: loaded while a change is checked."""

import asyncio

from core import loading, log, storage
from core.setting_table import (  # noqa: F401  (for those who load this module)
    TABLE,
    Declaration,
    declarations,
    declarations_in,
    declarations_of,
    default,
)
from core.settings import SettingsError, mark

loading.unload("core.setting_table")  # what was taken of it stays as long as this module


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


def kept_keys() -> set:
    """Keys of the settings whose values are kept in memory."""
    return {declaration.key for declaration in declarations() if declaration.is_kept}


def _stored_value(declaration: Declaration, value):
    if declaration.type != "password":
        return parse(declaration, value)
    if not value.startswith("$"):
        raise ValueError("is not protected")
    return value


def kept_defaults() -> dict:
    """The defaults of those that are kept in memory, by mark."""
    rows = declarations()
    return {mark(row.key): default(row) for row in rows if row.is_kept}


def valid(stored: dict) -> dict:
    """What is stored; what of it is wrong gives way to its default."""
    found = {}
    for declaration in declarations_of(stored):
        key = declaration.key
        try:
            if declaration.has_value:
                found[key] = _stored_value(declaration, stored[key])
        except (ValueError, AttributeError) as error:
            log.warning("settings", "%s %s, using its default" % (key, error))
    return found


class Change:
    """Collects a change, a setting at a time, and what is wrong with it."""

    def __init__(self, keys) -> None:
        self.errors = {key: "is no setting" for key in keys}
        self.values = {}
        self.defaults = []  # keys of the values that are the default: these are not stored

    def take(self, declaration: Declaration, value) -> None:
        """Check one of its values; a password is the bytes that are stored of it."""
        if not declaration.has_value:
            return
        key = declaration.key
        del self.errors[key]
        try:
            if declaration.type == "password" and not isinstance(value, bytes):
                raise ValueError("is not protected")  # its text is never stored
            self.values[key] = parse(declaration, value)
        except ValueError as error:
            self.errors[key] = "%s: %s" % (_shown(declaration, value), error)
        else:
            if self.values[key] == default(declaration):
                self.defaults.append(key)

    def finish(self, settings) -> tuple:
        """(values, defaults) when all were taken. SettingsError names each wrong one."""
        if not self.errors:
            self.errors = loading.once("core.setting_rules", "broken", self.values, settings)
        if self.errors:
            raise SettingsError(self.errors)
        return self.values, self.defaults


def checked(changes: dict, settings) -> tuple:
    """(the changes' values, keys of those that are the default). SettingsError names each wrong one."""
    change = Change(changes)
    for declaration in declarations_of(changes):
        change.take(declaration, changes[declaration.key])
    return change.finish(settings)


async def change(settings, changes: dict) -> None:
    """Settings.change() in turns with other tasks: a read through the table takes long."""
    found = Change(changes)
    for block in storage.line_blocks(TABLE):
        for declaration in declarations_in(block, changes):
            found.take(declaration, changes[declaration.key])
        await asyncio.sleep_ms(0)
    values, defaults = found.finish(settings)
    await asyncio.sleep_ms(0)
    settings.store(values, defaults)


def _shown(declaration: Declaration, value) -> str:
    """A refused value for its error's text; never a secret."""
    if declaration.is_secret:
        return declaration.label
    return declaration.label + " " + str(value)[:40]
