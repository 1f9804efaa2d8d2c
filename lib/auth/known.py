"""What is known here of a tag: OCPP's local list goes before the whitelist, and that before the cache.

Loaded with a decision.
"""

from core import loading, log, storage

_CACHE = "auth.tag_cache"
_LIST = "auth.local_list"


def listed(authorizer, id_tag: str) -> str:
    """AuthorizationStatus by the list that the back office has sent; empty when it does not name the tag."""
    path = _list_path(authorizer)
    return loading.once(_LIST, "status_of", id_tag, path) if path else ""


def _list_path(authorizer) -> str:
    """Where the back office's list is; empty when it is off, or has never come: then nothing is loaded for it."""
    path = authorizer.path + "/auth_list"
    is_on = authorizer.settings.get("local_list_enabled")
    return path if is_on and storage.exists(path) else ""


def on_whitelist(authorizer, id_tag: str) -> bool:
    """Tell whether a tag is on the charging station's own whitelist."""
    try:
        return loading.once("auth.whitelist", "contains", id_tag, authorizer.path + "/whitelist")
    except ValueError:  # no tag
        return False


def cached(authorizer, id_tag: str) -> str:
    """AuthorizationStatus to go by that the cache tells; empty when it is off, or does not know."""
    get = authorizer.settings.get
    if not get("authorization_cache"):
        return ""
    lasts = get("cache_expire_mode")
    return loading.once(_CACHE, "status_of", id_tag, lasts, authorizer.path + "/tag_cache")


def serve(authorizer, id_tag: str) -> None:
    """A tag has charged by what is cached: others give way before it."""
    try:
        loading.once(_CACHE, "used", id_tag, authorizer.path + "/tag_cache")
    except OSError as error:  # it may charge all the same
        log.warning("auth", "cache: %s" % error)


def parent(authorizer, id_tag: str) -> str:
    """The parentIdTag of a canonical tag; empty when it has none, as far as is known here."""
    path = _list_path(authorizer)
    entry = loading.once(_LIST, "find", id_tag, path) if path else None
    if entry and entry[2]:
        return entry[2]
    if authorizer.group[0] == id_tag:
        return authorizer.group[1]
    if not authorizer.settings.get("authorization_cache"):
        return ""
    entry = loading.once(_CACHE, "find", id_tag, authorizer.path + "/tag_cache")
    return entry[2] if entry else ""


def forget_all(path: str = "/data") -> None:
    """Forget whitelist, local list, cache and reservation: for factory settings."""
    loading.once("auth.whitelist", "delete_all", path + "/whitelist")
    loading.once(_LIST, "clear", path + "/auth_list")
    loading.once(_CACHE, "clear", path + "/tag_cache")
    loading.once("auth.reservation", "forget", path)
