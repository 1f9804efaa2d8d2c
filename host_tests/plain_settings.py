"""The settings service without its file and its table: what services ask of it."""


class PlainSettings:
    """Values by key; a change is told to whoever listens."""

    def __init__(self, values: dict) -> None:
        self._values = self.stored = values
        self._listeners: list = []

    def get(self, key: str):
        """As core.settings.Settings."""
        return self._values[key]

    def listen(self, callback) -> None:
        """Have callback(keys) called after each change."""
        self._listeners.append(callback)

    def change(self, **values) -> None:
        """Put values in force."""
        self._values.update(values)
        for callback in self._listeners:
            callback(set(values))
