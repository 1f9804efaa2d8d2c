"""The button on the board: low while it is pressed."""

from core.clock import ticks_diff, ticks_ms
from micropython import const

_LONG_MS = const(2500)  # three seconds for people: a look comes late by up to half a second


class Button:
    """Calls on_long_press() once for each press that lasts 3 s; poll() it some times a second.

    Two looks in a row must agree, so that neither bouncing contacts nor a disturbance count. A button
    that is held, or stuck, from the start on counts when it has been let go once.
    """

    def __init__(self, pin, on_long_press) -> None:
        self._pin = pin
        self._on_long_press = on_long_press
        self._seen = True  # pressed at the last look
        self._since_ms = 0  # it looks so since then
        self._armed = False

    def poll(self) -> None:
        """Look at the button."""
        pressed = not self._pin.value()
        if pressed != self._seen:
            self._seen = pressed
            self._since_ms = ticks_ms()
        elif not pressed:
            self._armed = True
        elif self._armed and ticks_diff(ticks_ms(), self._since_ms) >= _LONG_MS:
            self._armed = False
            self._on_long_press()
