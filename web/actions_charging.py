"""Actions of the STATE page: start, stop, unlock; and a card that is only made up."""

import asyncio

from micropython import const

from core import log

_LONGEST_TAG = const(20)  # OCPP 1.6, idToken
_UNLOCK_MS = const(8000)  # a car gets 6 s to let go, then the motor its pulse
_CARD_MS = const(8000)
_LOOK_MS = const(50)


def _id_tag(call) -> str:
    """The tag to charge by: the one that is given, or the name of the role that starts it."""
    value = call.value
    if value is None or value == "":
        return call.role
    if not isinstance(value, str) or len(value.encode()) > _LONGEST_TAG:
        call.reject("Tag %s: must be a text of at most %d bytes" % (str(value)[:40], _LONGEST_TAG))
    if min(value) < " ":
        call.reject("Tag: has a control character in it")
    return value


async def start(call) -> dict:
    """Start, or wait a minute for the plug. The login is the authorization: nobody else is asked."""
    tag = _id_tag(call)
    charger = call.services.charger
    refusal = charger.start(tag)
    if refusal:
        call.refuse("not started: " + refusal)
    log.info("web", "%s starts charging" % call.role)
    text = "started: the session runs" if charger.session else "plug the car in within a minute"
    return {"result": tag, "text": text}


async def stop(call) -> dict:
    """End the session, or forget the start that waits for a plug."""
    charger = call.services.charger
    waited = charger.awaits_plug
    if not charger.stop("Local") and not waited:
        call.refuse("nothing is charging")
    log.info("web", "%s stops charging" % call.role)
    return {"result": True, "text": "charging is stopped"}


async def unlock(call) -> dict:
    """End the session, let the car go and open the lock of a socket outlet (as OCPP 1.6, section 5.18)."""
    charger = call.services.charger
    connector = call.needed(charger.connector, "the connector")
    if not connector.outlet:
        call.refuse("the cable is fixed: there is no lock")
    charger.stop("UnlockCommand")
    try:
        unlocked = await asyncio.wait_for_ms(connector.unlock(), _UNLOCK_MS)
    except asyncio.TimeoutError:
        unlocked = False
    if not unlocked:
        call.refuse("the lock does not open: push the plug in and try again")
    return {"result": True, "text": "the plug is unlocked"}


async def card(call) -> dict:
    """Present a card that is not there; answers with the decision on it (an OCPP AuthorizationStatus)."""
    authorizer = call.needed(call.services.authorizer, "authorization")
    deciding = asyncio.create_task(authorizer.card(call.value))
    for _ in range(_CARD_MS // _LOOK_MS):
        if deciding.done():
            break
        await asyncio.sleep_ms(_LOOK_MS)
    else:  # it goes on without this request
        return {"result": "", "text": "the back office has not answered yet"}
    status = await deciding
    if not status:
        call.refuse("the card reader is switched off, or another card is being looked at")
    return {"result": status, "text": "the card is " + status}
