"""What the back office's answers tell of tags: remembered, cached, compared with its list. Loaded for each."""

import json

from auth import tag_forms
from auth.tag_info import expiry_in, parent_in
from core import loading, log

loading.unload("auth.tag_info")  # it goes when this module goes


def note(authorizer, payload, info) -> None:
    """Keep the idTagInfo of an answer to a payload, an object or its text, where that names a tag.

    OSError: of the flash. ValueError: no tag, or no date.
    """
    if isinstance(payload, str):
        payload = json.loads(payload)
    id_tag = payload.get("idTag")
    if not id_tag or not isinstance(info, dict):
        return
    id_tag = tag_forms.canonical(id_tag)
    parent = parent_in(info)
    session = authorizer.charger.session
    if not session or tag_forms.canonical(session.id_tag) == id_tag:
        authorizer.group = id_tag, parent
    listed = loading.once("auth.known", "listed", authorizer, id_tag)
    if listed:  # such a tag is never cached (3.5.3)
        _compare(authorizer, id_tag, listed, info.get("status"))
    elif authorizer.settings.get("authorization_cache"):
        cache = authorizer.path + "/tag_cache"
        expiry_s = expiry_in(info)
        loading.once("auth.tag_cache", "put", id_tag, info.get("status"), expiry_s, parent, cache)


def _compare(authorizer, id_tag: str, listed: str, told) -> None:
    """Tell the back office, once for each tag, when it answers otherwise than its list says (3.5.2)."""
    if told == "ConcurrentTx" or (listed == "Accepted") == (told == "Accepted"):
        return
    backend = authorizer.backend
    if authorizer.conflict == id_tag or backend.decides:  # a slave has nobody to tell
        return
    authorizer.conflict = id_tag
    log.warning("auth", "listed as %s, but now %s" % (listed, told))
    payload = backend.adapter.status_of(0)
    payload["errorCode"] = "LocalListConflict"
    backend.later(lambda: backend.tell("StatusNotification", payload))
