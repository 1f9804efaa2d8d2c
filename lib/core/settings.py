"""Settings: one declaration each in settings.tsv; the values in use in memory, the rest read when needed.

The file on flash holds only what differs from the defaults. A change is checked as a whole and written
with a temporary file and a rename, so that a power cut leaves the old or the new set.
"""

from binascii import crc32

from core import loading, log, storage

_TYPES = "core.setting_types"
_DEFAULT = "core.setting_default"


class SettingsError(Exception):
    """A change was refused; .errors tells why for each key."""

    def __init__(self, errors: dict) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def mark(key: str) -> int:
    """A key's number: a hundred keys as strings would take four kilobytes of a board's heap."""
    return crc32(key.encode()) & 0x3FFFFFFF


class Settings:
    """The values, by key; a default where nothing else was set."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._values = {}  # those kept in memory, by mark
        self.stored = {}  # what differs from the defaults, as on flash
        self.dip_limit_ma = lambda: 0  # the board's: 0 while there is none
        self._listeners = []
        self._load()

    def _load(self) -> None:
        try:
            stored = storage.read_json(self._path, {})
        except ValueError:
            stored = None
        if not isinstance(stored, dict):
            log.error("settings", "file is damaged, using the defaults")
            stored = {}
        values = loading.once(_DEFAULT, "kept") or loading.once(_TYPES, "kept_defaults")
        self.stored = loading.once(_TYPES, "valid", stored) if stored else {}
        for key, value in self.stored.items():
            if mark(key) in values:
                values[mark(key)] = value
        self._values = values

    def get(self, key: str):
        """A setting's value. KeyError when there is no such setting.

        The build puts marks in place of the keys of what is kept in memory (tools/setting_marks.py).
        """
        values = self._values
        if key in values:
            return values[key]
        number = key if isinstance(key, int) else mark(key)
        if number in values:
            return values[number]
        if key in self.stored:
            return self.stored[key]
        return loading.once(_DEFAULT, "of", key)

    def change(self, changes: dict) -> None:
        """Check and store changes, all or nothing. SettingsError names each wrong one.

        A password is given as bytes, as auth.passwords makes them.
        """
        self.store(*loading.once(_TYPES, "checked", changes, self))

    def store(self, values: dict, defaults) -> None:
        """Put checked values in force; defaults: the keys whose value is the default."""
        stored = {key: self.stored[key] for key in self.stored if key not in values}
        stored.update({key: values[key] for key in values if key not in defaults})
        if stored != self.stored:
            storage.write_json(self._path, stored)
        self.stored = stored
        for key, value in values.items():
            if mark(key) in self._values:
                self._values[mark(key)] = value
        for callback in self._listeners:
            callback(set(values))

    def reset(self) -> None:
        """Back to the defaults, all of them."""
        storage.write_json(self._path, {})
        self._load()
        keys = loading.once(_TYPES, "kept_keys")
        for callback in self._listeners:
            callback(keys)

    def listen(self, callback) -> None:
        """Have callback(keys) called after each change."""
        self._listeners.append(callback)
