"""What a card, or a car that is plugged in, leads to: the authorization modes of ETEK's manual (A.1 … B.7).

Here is what stays loaded. How it is decided is in auth.decisions, loaded when there is something to decide.
"""

import asyncio

from auth import tag_forms
from core import clock, loading, log
from micropython import const

_DECISIONS = "auth.decisions"
_LEARNING_S = const(300)  # without a card
_RETRY_MS = const(60000)


class Authorizer:
    """Decides on cards and plugs.

    charger: evse.charger.Charger; backend: ocpp16's charge point or None. It is asked by
    authorize_info(id_tag), which answers an OCPP idTagInfo or None when the back office can't be
    asked. A slave's is its master (dlm.slave_desk), which decides for it. path: the directory of the lists, the cache and the reservation.
    """

    ending = ""  # of the name of its reservation's file

    def __init__(self, settings, charger, backend, path: str = "/data") -> None:
        self.settings = settings
        self.charger = charger
        self.backend = backend
        self.path = path
        self.on_decision = None  # called with True or False once a card was decided on
        self.on_config_card = None  # called when the configuration card is presented
        self.group = ("", "")  # a tag and its parentIdTag, as the back office told last
        self.conflict = ""  # the last tag that was told to be listed otherwise than it is answered
        self.reservation = None  # auth.reservation.Reservation, until its end is noted on flash
        self.woken = asyncio.Event()  # there is something for `run` to look at
        self._learning = ""
        self._learning_until_s = 0
        self._asking = False
        self._deciding = None
        charger.listen(self._on_charger)
        if charger.plugged:  # since before the start
            self.woken.set()

    def _on_charger(self, event: str, session) -> None:
        if self.reservation or (event == "plugged" and session is None):
            self.woken.set()

    def watch(self, reader) -> None:
        """Keep a card reader's switches as the settings say (drivers.card_reader.CardReader)."""

        def apply(keys) -> None:
            reader.enabled = self.settings.get("rfid_reader")

        apply(None)
        self.settings.listen(apply)

    @property
    def learning(self) -> str:
        """What the next card is for: "whitelist", "config_card", or "" for charging."""
        if self._learning and clock.uptime_s() >= self._learning_until_s:
            self._learning = ""
        return self._learning

    def learn(self, what: str) -> None:
        """Learn "whitelist" or "config_card" until 5 minutes after the last card; "" ends it.

        ValueError: there is nothing that could read a card.
        """
        if what not in ("", "whitelist", "config_card"):
            raise ValueError("learning is for whitelist or config_card, not " + what[:20])
        if what and not self.settings.get("rfid_reader"):
            raise ValueError("the card reader is switched off (Rfid reader)")
        self._learning = what
        self._learning_until_s = clock.uptime_s() + _LEARNING_S

    async def run(self) -> None:
        """Authorize plugged-in cars where no card is needed (modes A.1 and B.2); end a reservation."""
        while True:
            wait_ms = self.reservation.look_ms() if self.reservation else _RETRY_MS
            try:
                await asyncio.wait_for_ms(self.woken.wait(), wait_ms)
            except asyncio.TimeoutError:  # what kept a car from charging may be over
                pass
            self.woken.clear()
            if self.reservation:
                loading.once("auth.reservation", "follow", self)
            if self._awaits_no_card():
                await loading.once(_DECISIONS, "plug", self)

    def _awaits_no_card(self) -> bool:
        charger = self.charger
        if charger.session or charger.finished or not charger.plugged:
            return False
        get = self.settings.get
        return bool(get("plug_and_charge_id") or (get("free_charging") and not get("rfid_reader")))

    def present(self, uid: bytes) -> None:
        """A card was presented: decide in a task of its own, so that the reader reads on."""
        if self.settings.get("rfid_reader") and not self._asking:
            id_tag = tag_forms.id_tag(uid, self.settings.get("tag_byte_order"))
            self._deciding = asyncio.create_task(self.card(id_tag))

    async def card(self, id_tag: str) -> str:
        """Start or stop by a card, or learn it; returns the AuthorizationStatus that was decided."""
        if self._asking:
            return ""
        self._asking = True
        try:
            status, followed = await loading.once(_DECISIONS, "card", self, id_tag)
        finally:
            self._asking = False
        if self.on_decision and status:
            self.on_decision(followed)
        return status

    async def remote(self, id_tag: str) -> str:
        """AuthorizationStatus of a tag that starts from afar (AuthorizeRemoteTxRequests)."""
        return await loading.once(_DECISIONS, "decide", self, id_tag)

    def told(self, payload, info) -> None:
        """The back office told an idTagInfo in answer to a payload."""
        try:
            loading.once("auth.answers", "note", self, payload, info)
        except (OSError, ValueError, MemoryError) as error:
            # of the flash, of the answer, or no room for what keeps it: the answer itself still counts
            log.warning("auth", "not kept: %s" % error)

    def clear_cache(self) -> bool:
        """Forget what the cache knows; False when there is none (OCPP ClearCache)."""
        if not self.settings.get("authorization_cache"):
            return False
        loading.once("auth.tag_cache", "clear", self.path + "/tag_cache")
        return True
