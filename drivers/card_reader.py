"""Cards as people present them: one call for each presentation, whatever the reader chip does."""

import asyncio

from core import log
from core.clock import ticks_diff, ticks_ms
from micropython import const

_POLL_MS = const(200)
_ABSENT_MS = const(1000)  # a card not seen for that long was taken away
_RETRY_MS = const(2000)


class ReaderError(OSError):
    """The reader chip does not answer, or has lost its settings."""


class CardReader:
    """Polls a reader chip; on_card(uid) is called once while a card stays in the field.

    `ok` tells whether the chip answers; `enabled` may be cleared to leave the field unpolled.
    """

    def __init__(self, reader, on_card) -> None:
        self.ok = False
        self._told = None  # what the log says of it
        self.enabled = True
        self._reader = reader
        self._on_card = on_card
        self._held = None  # UID of the card in the field
        self._seen_ms = 0

    async def run(self) -> None:
        """Look for cards, for ever; a reader that fails is started again."""
        while True:
            try:
                await self._reader.start()
                self._tell(True)
                while True:
                    if self.enabled:
                        self._see(await self._reader.read_uid(True))
                    await asyncio.sleep_ms(_POLL_MS)
            except ReaderError as error:
                self._tell(False, str(error))
                await asyncio.sleep_ms(_RETRY_MS)

    def _see(self, uid: "bytes | None") -> None:
        """Judge one look at the field: a card comes, stays or has gone."""
        now = ticks_ms()
        if uid is None:
            if self._held is not None and ticks_diff(now, self._seen_ms) >= _ABSENT_MS:
                self._held = None
            return
        self._seen_ms = now
        if uid != self._held:
            self._held = uid
            self._on_card(uid)

    def _tell(self, ok: bool, trouble: str = "") -> None:
        if ok and not self._told:
            log.info("card", "reader ready, version 0x%02X" % self._reader.version())
        elif not ok and self._told is not False:
            log.warning("card", "no card reader: " + trouble)
        self.ok = self._told = ok
