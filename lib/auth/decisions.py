"""How a card or a plugged-in car is decided on, by the settings of the page AUTHORIZATION. Loaded for each.

docs/authorization.md has the rules in a table.
"""

import asyncio

from auth import known, tag_forms
from core import loading, log

loading.unload("auth.known")  # it goes when this module goes


# --- what people do


async def card(authorizer, id_tag: str) -> tuple:
    """A card was presented: (AuthorizationStatus, True when something followed from it)."""
    await asyncio.sleep_ms(0)  # loading was a turn of its own
    id_tag = tag_forms.canonical(id_tag)
    if authorizer.learning == "config_card":
        return _learn_config_card(authorizer, id_tag)
    if _is_config_card(authorizer, id_tag):
        if authorizer.on_config_card:
            authorizer.on_config_card()
        return "", False
    if authorizer.learning:
        return _learn(authorizer, id_tag)
    session = authorizer.charger.session
    if session:
        status = await _stop(authorizer, session, id_tag)
        return status, status == "Accepted"
    status = await _authorize(authorizer, id_tag)
    charger = authorizer.charger
    return status, status == "Accepted" and bool(charger.session or charger.awaits_plug)


async def plug(authorizer) -> None:
    """A car was plugged in where that is enough."""
    await asyncio.sleep_ms(0)  # loading was a turn of its own
    await _authorize(authorizer, "")


async def _authorize(authorizer, id_tag: str) -> str:
    """Start by a tag, by none where charging is free; returns the AuthorizationStatus."""
    get = authorizer.settings.get
    asked = id_tag
    if not id_tag or (get("free_charging") and _asks_backend(get)):
        asked = _free_tag(get)  # "the Tag ID that is sent as authorization request"
    status = await decide(authorizer, asked, not id_tag)
    log.info("auth", "card %s" % status)
    if status == "Accepted" and (
        id_tag or authorizer.charger.plugged
    ):  # it may have gone meanwhile
        refusal = authorizer.charger.start(asked)
        if refusal:
            log.warning("auth", "not started: " + refusal)
    return status


def _free_tag(get) -> str:
    return get("plug_and_charge_id") or get("free_charging_tag")


async def _stop(authorizer, session, id_tag: str) -> str:
    """Stop by the card that started, one of its group, or any where charging is free."""
    own = tag_forms.canonical(session.id_tag)
    get = authorizer.settings.get
    free = get("free_charging") and own == tag_forms.canonical(_free_tag(get))
    if id_tag != own and not free and not await is_of_group(authorizer, own, id_tag):
        log.info("auth", "another card is charging")
        return "ConcurrentTx"
    if authorizer.charger.session is not session:  # ended while the back office was asked
        return ""
    authorizer.charger.stop("Local", id_tag)
    return "Accepted"


async def is_of_group(authorizer, own: str, id_tag: str) -> bool:
    """Tell whether another tag may stop too: accepted, with the same parent (OCPP 1.6, 3.6)."""
    backend = authorizer.backend
    if backend and backend.decides and backend.online:
        return await backend.is_of_group(own, id_tag)
    parent = known.parent(authorizer, own)
    if not parent:
        return False
    get = authorizer.settings.get
    is_online = backend and backend.online
    if not (is_online and get("local_pre_authorize") and _is_accepted_here(authorizer, id_tag)):
        info = await backend.authorize_info(id_tag) if is_online else None
        if info:
            return info["status"] == "Accepted" and _parent_in(info) == parent
        if not (get("local_authorize_offline") and _is_accepted_here(authorizer, id_tag)):
            return False
    return known.parent(authorizer, id_tag) == parent


def _is_accepted_here(authorizer, id_tag: str) -> bool:
    """Tell whether the back office's list, or else the cache, has a tag as accepted."""
    listed = known.listed(authorizer, id_tag)
    return (listed or known.cached(authorizer, id_tag)) == "Accepted"


def _parent_in(info: dict) -> str:
    return loading.once("auth.tag_info", "parent_in", info)


# --- who may charge


async def decide(authorizer, id_tag: str, is_free: bool = False) -> str:
    """AuthorizationStatus of a tag that is to start; is_free: charging needs no card here."""
    backend = authorizer.backend
    info = None
    if backend and backend.decides:
        info = await backend.authorize_info(id_tag)
        if info:
            return info["status"]
        backend = None
    reservation = authorizer.charger.reservation
    if reservation and not reservation.admits(id_tag):
        if reservation.parent and backend:  # 5.13: the tag's own parent may have to be asked for
            info = await backend.authorize_info(id_tag)
        if not info or _parent_in(info) != reservation.parent:
            log.info("auth", "reserved for another card")
            return "ConcurrentTx"
    get = authorizer.settings.get
    if (is_free or get("free_charging")) and not _asks_backend(get):
        return "Accepted"
    if get("chargepoint_type") == "Home":
        # nobody else could be asked, so the whitelist is, whatever its switch
        return "Accepted" if known.on_whitelist(authorizer, id_tag) else "Invalid"
    if backend and backend.online:
        if not info:
            if get("local_pre_authorize") and _is_known(authorizer, id_tag):
                return "Accepted"
            info = await backend.authorize_info(id_tag)
        if info:
            return info["status"]
    return _decide_offline(authorizer, id_tag)


def _asks_backend(get) -> bool:
    return get("chargepoint_type") != "Home" and get("free_charging_mode") == "With ocpp"


def _is_known(authorizer, id_tag: str) -> bool:
    """Tell whether a tag is authorized locally: on a list or in the cache."""
    listed = known.listed(authorizer, id_tag)
    if listed:
        return listed == "Accepted"
    if authorizer.settings.get("whitelist_enabled") and known.on_whitelist(authorizer, id_tag):
        return True
    return _is_cached(authorizer, id_tag)


def _is_cached(authorizer, id_tag: str) -> bool:
    is_accepted = known.cached(authorizer, id_tag) == "Accepted"
    if is_accepted:
        known.serve(authorizer, id_tag)
    return is_accepted


def _decide_offline(authorizer, id_tag: str) -> str:
    """Without an answer of the back office.

    The manual has mode B.6, "only local whitelist cards", with whitelist_enabled and
    local_authorize_offline off: there the whitelist holds by cache_expire_mode, which is on in all
    modes that go by local lists and off in those that do not (B.5, B.7).
    """
    get = authorizer.settings.get
    local = get("local_authorize_offline")
    listed = known.listed(authorizer, id_tag)
    if listed and (local or listed != "Accepted"):  # what is known to be bad is not in doubt
        return listed
    if (get("cache_expire_mode") or (local and get("whitelist_enabled"))) and known.on_whitelist(
        authorizer, id_tag
    ):
        return "Accepted"
    cached = "" if listed else known.cached(authorizer, id_tag)
    if cached == "Accepted" and local:
        known.serve(authorizer, id_tag)
        return cached
    if cached and cached != "Accepted":
        return cached
    return "Accepted" if get("offline_allow_unknown") else "Invalid"


# --- learning


def _is_config_card(authorizer, id_tag: str) -> bool:
    known = authorizer.settings.get("config_card")
    return bool(known) and tag_forms.canonical(known) == id_tag


def _learn_config_card(authorizer, id_tag: str) -> tuple:
    authorizer.settings.change({"config_card": id_tag})
    authorizer.learn("")
    log.info("auth", "configuration card learned")
    return "Accepted", True


def _learn(authorizer, id_tag: str) -> tuple:
    """Put a card on the whitelist; one that is there already is as welcome."""
    authorizer.learn("whitelist")  # for another five minutes
    try:
        loading.once("auth.whitelist", "insert", id_tag, authorizer.path + "/whitelist")
    except (OSError, ValueError) as error:
        log.warning("auth", "card not learned: %s" % error)
        return "Invalid", False
    log.info("auth", "card learned")
    return "Accepted", True
