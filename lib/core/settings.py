"""Settings: one declaration each in settings.tsv; values in memory, declarations read when needed.

The file on flash holds only what differs from the defaults. A change is checked as a whole and written
with a temporary file and a rename, so that a power cut leaves the old or the new set.
"""

from core import loading, log, storage

_TYPES = "core.setting_types"


class SettingsError(Exception):
    """A change was refused; .errors tells why for each key."""

    def __init__(self, errors: dict) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


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
        self._values, self._stored = loading.once(_TYPES, "initial", stored)

    def get(self, key: str):
        """A setting's value. KeyError when there is no such setting."""
        return self._values[key]

    def change(self, changes: dict) -> None:
        """Check and store changes, all or nothing. SettingsError names each wrong one."""
        accepted, stored = loading.once(_TYPES, "checked", changes, self._values, self._stored)
        if stored != self._stored:
            storage.write_json(self._path, stored)
        self._stored = stored
        self._values.update(accepted)
        for callback in self._listeners:
            callback(set(accepted))

    def listen(self, callback) -> None:
        """Have callback(keys) called after each change."""
        self._listeners.append(callback)
