"""Actions of the SYSTEM page: restart, soft reset, factory settings."""

import asyncio

from micropython import const

from core import loading, log

_ANSWER_MS = const(1000)  # for the answer to reach the browser
_OPEN_MS = const(
    15000
)  # the car gets 6 s to stop drawing; the end of the session is on flash soon after
_LOOK_MS = const(100)


def _refuse_while_charging(call) -> None:
    if call.services.charger.session:
        call.refuse("a session is running: stop it first, or take the soft reset")


def _restart_soon(services, ends_session: bool) -> dict:
    services.task = asyncio.create_task(_restart(services, ends_session))
    return {"result": True, "text": "restarts now"}


async def _restart(services, ends_session: bool) -> None:
    charger = services.charger
    await asyncio.sleep_ms(_ANSWER_MS)
    if ends_session:
        charger.stop("SoftReset")
        await asyncio.sleep_ms(_LOOK_MS)
    for _ in range(_OPEN_MS // _LOOK_MS):
        if charger.settled and not charger.contactor_closed:
            break
        await asyncio.sleep_ms(_LOOK_MS)
    if services.charge_point:
        services.charge_point.queue.settle(now=True)
    services.on_restart()


async def restart(call) -> dict:
    """Restart a station that does not charge."""
    _refuse_while_charging(call)
    log.info("web", "restart by " + call.role)
    return _restart_soon(call.services, False)


async def stop(call) -> dict:
    """End the session, let the car stop drawing, then restart. Whoever forgot what he has set gets it back."""
    log.info("web", "soft reset by " + call.role)
    return _restart_soon(call.services, True)


async def reset(call) -> dict:
    """Settings, cards, lists and charging profiles as delivered; the log of sessions and the counters stay."""
    _refuse_while_charging(call)
    log.warning("web", "factory settings by " + call.role)
    loading.once("auth.known", "forget_all")
    loading.once("ocpp16.profile_files", "delete_all")
    call.services.settings.reset()
    return _restart_soon(call.services, False)
