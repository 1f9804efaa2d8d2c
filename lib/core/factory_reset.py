"""The DIP switch for a factory reset: works once, at the start after it was switched on. Loaded at the start."""

import os
import time

from core import loading, log, storage
from micropython import const

_DONE = "/data/factory_reset_done"  # is there from a reset until the switch is off again
_LOOKS = const(5)
_LOOK_MS = const(10)


def _is_on(expander) -> bool:
    """Whether the switch is on in each of some looks: a disturbed line must not cost the settings."""
    for look in range(_LOOKS):
        if look:
            time.sleep_ms(_LOOK_MS)
        if not expander.poll() or not expander.factory_reset():
            return False
    return True


def at_start(expander, settings, done: str = _DONE) -> bool:
    """Reset settings, forget cards and charging profiles, if the switch is newly on; tells whether that was done.

    expander: drivers.io_expander.IoExpander. A power cut in between leaves it to the next start.
    """
    was_done = storage.exists(done)
    if not _is_on(expander):
        if was_done and expander.poll():
            os.remove(done)
        return False
    if was_done:
        return False
    settings.reset()
    loading.once("auth.known", "forget_all")
    loading.once("ocpp16.profile_files", "delete_all")
    storage.write_json(done, True)
    log.warning("start", "factory settings, by the DIP switch")
    return True
