"""What a card, or a car that is plugged in, leads to: the authorization modes of ETEK's manual (A.1 … B.7)."""

import asyncio

from auth import tag_forms
from core import log


class Authorizer:
    """Decides on cards and plugs.

    charger: evse.charger.Charger; backend: ocpp16's charge point or None, asked by authorize(id_tag),
    which answers an OCPP AuthorizationStatus or None when the back office can't be asked.
    """

    def __init__(self, settings, charger, backend) -> None:
        self._settings = settings
        self._charger = charger
        self._backend = backend
        self.on_decision = None  # called with True or False once a card was decided on
        self._asking = False
        self._deciding = None
        self._plugged = asyncio.Event()
        charger.listen(self._on_charger)
        if charger.plugged:  # since before the start
            self._plugged.set()

    def _on_charger(self, event: str, session) -> None:
        if event == "plugged" and session is None:
            self._plugged.set()

    def watch(self, reader) -> None:
        """Keep a card reader's switches as the settings say (drivers.card_reader.CardReader)."""

        def apply(keys) -> None:
            reader.enabled = self._settings.get("rfid_reader")

        apply(None)
        self._settings.listen(apply)

    async def run(self) -> None:
        """Authorize plugged-in cars where no card is needed (modes A.1 and B.2)."""
        while True:
            await self._plugged.wait()
            self._plugged.clear()
            if self._settings.get("free_charging") and not self._settings.get("rfid_reader"):
                await self._authorize(self._settings.get("free_charging_tag"))

    def present(self, uid: bytes) -> None:
        """A card was presented: decide in a task of its own, so that the reader reads on."""
        id_tag = tag_forms.id_tag(uid, self._settings.get("tag_byte_order"))
        self._deciding = asyncio.create_task(self.card(id_tag))

    async def card(self, id_tag: str) -> str:
        """Start or stop by a card; returns the AuthorizationStatus that was decided."""
        if not self._settings.get("rfid_reader") or self._asking:
            return ""
        self._asking = True
        try:
            session = self._charger.session
            status = self._stop(session, id_tag) if session else await self._authorize(id_tag)
        finally:
            self._asking = False
        if self.on_decision:
            charger = self._charger
            followed = session or charger.session or charger.awaits_plug
            self.on_decision(bool(followed) and status == "Accepted")
        return status

    def _stop(self, session, id_tag: str) -> str:
        if tag_forms.canonical(id_tag) != tag_forms.canonical(session.id_tag):
            log.info("auth", "another card is charging")
            return "ConcurrentTx"
        self._charger.stop("Local", id_tag)
        return "Accepted"

    async def _authorize(self, id_tag: str) -> str:
        status = await self._decide(id_tag)
        log.info("auth", "card %s" % status)
        if status == "Accepted":
            refusal = self._charger.start(id_tag)
            if refusal:
                log.warning("auth", "not started: " + refusal)
        return status

    async def _decide(self, id_tag: str) -> str:
        settings = self._settings
        if settings.get("free_charging") and not self._asks_backend():
            return "Accepted"
        if self._backend is None or settings.get("chargepoint_type") == "Home":
            return "Invalid"
        return await self._backend.authorize(id_tag) or "Invalid"

    def _asks_backend(self) -> bool:
        settings = self._settings
        if settings.get("chargepoint_type") == "Home":
            return False
        return settings.get("free_charging_mode") == "With ocpp"
