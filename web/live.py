"""Server-sent events: the whole state first, then what has changed, to every open page."""

import asyncio

from micropython import const

from core import clock
from web.state import member

_PERIOD_MS = const(1000)
_STREAMS = const(3)  # each holds one of the few connections for as long as a page is open


class LiveStream:
    """One page's stream of events: the body of a response, which Microdot iterates over.

    Never more than one event waits in it; a page too slow for that gets the whole state again.
    """

    def __init__(self, live: "LiveState", session, connection) -> None:
        self._live = live
        self._connection = connection
        self._event = asyncio.Event()
        self._next = None  # the event to send
        self._ended = False
        self._rest = []  # pieces of an event that is being sent
        self.session = session
        self.offer([])

    def offer(self, event: list) -> None:
        """Take an event for sending, in pieces; none stand for the whole state."""
        self._next = event if self._next is None else []
        self._event.set()

    def end(self) -> None:
        """Let the response come to its end."""
        self._ended = True
        self._event.set()

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._rest:
            return self._rest.pop(0)
        await self._connection.flush()
        await self._event.wait()
        self._event.clear()
        if self._ended:
            raise StopAsyncIteration
        event = self._next
        self._next = None  # what changes from here on waits behind this one
        self._rest = list(event) or await self._live.whole()
        return self._rest.pop(0)

    async def aclose(self) -> None:
        """Leave: called when the response is over, for whatever reason."""
        self._live.leave(self)


class LiveState:
    """Compares the state with the one before, about once a second and at the charger's events."""

    def __init__(self, state, charger, sessions) -> None:
        self._state = state
        self._sessions = sessions
        self._streams = []
        self._values = []  # the state that every stream has, or has waiting in it
        self._at = 0
        self._hurry = False
        charger.listen(self._on_charger_event)

    def _on_charger_event(self, event: str, session) -> None:
        self._state.outdate()
        self._hurry = True

    def join(self, session, connection) -> "LiveStream | None":
        """Open a stream of events; None when there are as many as can be."""
        if len(self._streams) >= _STREAMS:
            return None
        if not self._streams:
            self._values = self._state.values()
            self._at = clock.ticks_ms()
        stream = LiveStream(self, session, connection)
        self._streams.append(stream)
        return stream

    def leave(self, stream: LiveStream) -> None:
        """Forget a stream."""
        if stream in self._streams:
            self._streams.remove(stream)
        if not self._streams:
            self._values = []

    async def whole(self) -> list:
        """Event that brings the whole state, in pieces."""
        pieces = await self._state.whole(self._values)
        return [b"retry: 2000\nevent: state\ndata: "] + pieces + [b"\n\n"]

    def tick(self) -> None:
        """Send what has changed, when it is time to; called every 100 ms while a page is open."""
        if not self._streams:
            return
        now = clock.ticks_ms()
        if not self._hurry and clock.ticks_diff(now, self._at) < _PERIOD_MS:
            return
        self._hurry = False
        self._at = now
        old, new = self._values, self._state.values()
        self._values = new
        changed = [member(i, new[i]) for i in range(len(new)) if new[i] != old[i]]
        if changed:
            pieces = ["event: change\ndata: {" + changed.pop(0)]
            pieces.extend(["," + piece for piece in changed])
            self._send(pieces + ["}\n\n"])

    def _send(self, event: list) -> None:
        for stream in self._streams:
            if self._sessions.use(stream.session.token):
                stream.offer(event)
            else:
                stream.end()
