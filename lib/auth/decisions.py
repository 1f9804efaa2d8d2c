"""How a card or a plugged-in car is decided on, by the settings of the page AUTHORIZATION. Loaded for each.

docs/authorization.md has the rules in a table.
"""

from auth import tag_forms
from core import loading, log

_CACHE = "auth.tag_cache"


def _is_listed(authorizer, id_tag: str) -> bool:
    try:
        return loading.once("auth.whitelist", "contains", id_tag, authorizer.path + "/whitelist")
    except ValueError:  # no tag
        return False


def _cached(authorizer, id_tag: str) -> str:
    """What the cache tells to go by; empty when it is off, or does not know."""
    get = authorizer.settings.get
    if not get("authorization_cache"):
        return ""
    lasts = get("cache_expire_mode")
    return loading.once(_CACHE, "status_of", id_tag, lasts, authorizer.path + "/tag_cache")


def _parent(authorizer, id_tag: str) -> str:
    """The parentIdTag of a tag, as far as it is known here."""
    if authorizer.group[0] == id_tag:
        return authorizer.group[1]
    if not authorizer.settings.get("authorization_cache"):
        return ""
    entry = loading.once(_CACHE, "find", id_tag, authorizer.path + "/tag_cache")
    return entry[2] if entry else ""


# --- what people do


async def card(authorizer, id_tag: str) -> tuple:
    """A card was presented: (AuthorizationStatus, True when something followed from it)."""
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
    if id_tag != own and not free and not await _is_of_group(authorizer, own, id_tag):
        log.info("auth", "another card is charging")
        return "ConcurrentTx"
    if authorizer.charger.session is not session:  # ended while the back office was asked
        return ""
    authorizer.charger.stop("Local", id_tag)
    return "Accepted"


async def _is_of_group(authorizer, own: str, id_tag: str) -> bool:
    """Tell whether another tag may stop too: accepted, with the same parent (OCPP 1.6, 3.6)."""
    parent = _parent(authorizer, own)
    if not parent:
        return False
    backend = authorizer.backend
    info = await backend.authorize_info(id_tag) if backend else None
    if info:
        theirs = loading.once(_CACHE, "parent_in", info)
        return info["status"] == "Accepted" and theirs == parent
    if not authorizer.settings.get("local_authorize_offline"):
        return False
    return _cached(authorizer, id_tag) == "Accepted" and _parent(authorizer, id_tag) == parent


# --- who may charge


async def decide(authorizer, id_tag: str, is_free: bool = False) -> str:
    """AuthorizationStatus of a tag; is_free: charging needs no card here."""
    get = authorizer.settings.get
    at_home = get("chargepoint_type") == "Home"
    if (is_free or get("free_charging")) and not _asks_backend(get):
        return "Accepted"
    if at_home:  # nobody else could be asked, so the list is, whatever its switch
        return "Accepted" if _is_listed(authorizer, id_tag) else "Invalid"
    backend = authorizer.backend
    if backend and backend.online:
        if get("local_pre_authorize") and _is_known(authorizer, id_tag):
            return "Accepted"
        info = await backend.authorize_info(id_tag)
        if info:
            return info["status"]
    return _decide_offline(authorizer, id_tag)


def _asks_backend(get) -> bool:
    return get("chargepoint_type") != "Home" and get("free_charging_mode") == "With ocpp"


def _is_known(authorizer, id_tag: str) -> bool:
    """Tell whether a tag is authorized locally: on the whitelist or in the cache."""
    if authorizer.settings.get("whitelist_enabled") and _is_listed(authorizer, id_tag):
        return True
    return _cached(authorizer, id_tag) == "Accepted"


def _decide_offline(authorizer, id_tag: str) -> str:
    """Without an answer of the back office.

    The manual has mode B.6, "only local whitelist cards", with whitelist_enabled and
    local_authorize_offline off: there the whitelist holds by cache_expire_mode, which is on in all
    modes that go by local lists and off in those that do not (B.5, B.7).
    """
    get = authorizer.settings.get
    local = get("local_authorize_offline")
    if (get("cache_expire_mode") or (local and get("whitelist_enabled"))) and _is_listed(
        authorizer, id_tag
    ):
        return "Accepted"
    cached = _cached(authorizer, id_tag)
    if cached and (local or cached != "Accepted"):  # what is known to be bad is not in doubt
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
