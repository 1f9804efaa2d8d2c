"""Actions of the WHITELIST page."""

from core import loading, log

_WHITELIST = "auth.whitelist"


def _switch(call, what: str) -> dict:
    authorizer = call.needed(call.services.authorizer, "authorization")
    wanted = True if call.value in (None, "") else call.value
    if not isinstance(wanted, bool):
        call.reject("%s: is neither true nor false" % str(wanted)[:40])
    if wanted and not call.services.settings.get("rfid_reader"):
        call.refuse("the card reader is switched off")
    authorizer.learn(what if wanted else "")
    return {
        "result": authorizer.learning,
        "text": "hold cards to the reader" if wanted else "learning is ended",
    }


async def learn(call) -> dict:
    """Put every card that is presented on the list, or end that."""
    return _switch(call, "whitelist")


async def card(call) -> dict:
    """Take the next card as the one that opens the hotspot, or end that."""
    return _switch(call, "config_card")


def _ask(call, function: str):
    """What a function of the whitelist answers for the tag."""
    try:
        return loading.once(_WHITELIST, function, call.value)
    except ValueError as error:
        return call.reject("Tag given, %s: %s" % (call.value, error))


async def insert(call) -> dict:
    """Put a tag on the list; result tells whether it is new there."""
    new = _ask(call, "insert")
    return {"result": new, "text": "is on the list now" if new else "was on the list"}


async def find(call) -> dict:
    """Tell whether a tag, in any of its spellings, is on the list."""
    found = _ask(call, "contains")
    return {"result": found, "text": "is on the list" if found else "is not on the list"}


async def delete(call) -> dict:
    """Take a tag off the list; without one all of them, once that is confirmed."""
    if call.value:
        gone = _ask(call, "delete")
        return {"result": gone, "text": "is off the list now" if gone else "was not on the list"}
    count = loading.once(_WHITELIST, "count")
    if not call.confirmed:
        call.refuse("deletes all %d tags: confirm it" % count)
    loading.once(_WHITELIST, "delete_all")
    log.warning("web", "whitelist emptied by " + call.role)
    return {"result": count, "text": "deleted, all %d" % count}


async def clear(call) -> dict:
    """Forget what the back office has said of tags."""
    count = loading.once("auth.tag_cache", "clear")
    return {"result": count, "text": "forgotten: %d" % count}
