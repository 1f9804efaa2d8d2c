"""What happened in the charger, told and kept in order: each telling has a turn of the loop to itself."""

from core import log


class Outbox:
    """Takes calls that take their time, and knows who listens to the charger's events."""

    def __init__(self) -> None:
        self._listeners = []
        self._calls = []  # (function, arguments), oldest first

    @property
    def empty(self) -> bool:
        """Nothing waits."""
        return not self._calls

    def listen(self, callback) -> None:
        """Have callback(event, session) called."""
        self._listeners.append(callback)

    def put(self, function, *arguments) -> None:
        """Have a function called later, after those that wait already."""
        self._calls.append((function, arguments))

    def send_next(self) -> None:
        """Call the oldest."""
        function, arguments = self._calls.pop(0)
        function(*arguments)

    def tell(self, event: str, session) -> None:
        """Tell an event now."""
        for callback in self._listeners:
            try:
                callback(event, session)
            except Exception as error:  # a listener's failure is its own
                log.error("charger", "%s listener: %s %s" % (event, type(error).__name__, error))
