"""Calibration of the pilot's measurement by a multimeter, for the manufacturer."""

import asyncio

from core import loading, log

_CONFIG = "core.board_config"
_POINTS = ("high_mv", "high_uv", "low_mv", "low_uv")
_LONGEST_HOLD_S = 120


async def _hold_low(charger, seconds: int) -> None:
    """Let go of the steady -12 V, unless another has taken over."""
    own = charger.held_low
    await asyncio.sleep(seconds)
    if charger.held_low is own:
        charger.held_low = None


def _whole(call, name: str, least: int, most: int) -> int:
    """A whole number of the call's value."""
    number = call.value.get(name)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        call.reject(
            "%s %s: must be a whole number, %d to %d" % (name, str(number)[:20], least, most)
        )
    return number


async def set(call) -> dict:
    """Keep the figures that two measured points give, for use after a restart.

    value: {"high_mv", "high_uv", "low_mv", "low_uv"}, what a multimeter reads at the steady +12 V and -12 V
    and what the converter reads then; or {"hold_low_s": 1 … 120, 0 ends it} to have -12 V on the pilot; or
    {"forget": true} to go back to config.json's figures.
    """
    charger = call.services.charger
    if charger.session or charger.plugged:
        call.refuse("a car is connected: unplug it first")
    value = call.value
    if not isinstance(value, dict):
        call.reject("must have %s; or hold_low_s; or forget" % ", ".join(_POINTS))
    if value.get("forget") is True:
        loading.once(_CONFIG, "forget_calibration")
        return {"result": None, "text": "config.json's figures count after a restart"}
    if "hold_low_s" in value:
        seconds = _whole(call, "hold_low_s", 0, _LONGEST_HOLD_S)
        charger.held_low = asyncio.create_task(_hold_low(charger, seconds)) if seconds else None
        return {
            "result": seconds,
            "text": "-12 V for %d s" % seconds if seconds else "+12 V as ever",
        }
    high_mv = _whole(call, "high_mv", 11000, 13000)
    low_mv = _whole(call, "low_mv", -13000, -11000)
    high_uv = _whole(call, "high_uv", 0, 5000000)
    low_uv = _whole(call, "low_uv", 0, 5000000)
    uv_per_v = (high_uv - low_uv) * 1000 // (high_mv - low_mv)
    zero_uv = high_uv - high_mv * uv_per_v // 1000
    found = {"zero_uv": zero_uv, "uv_per_v": uv_per_v}
    trouble = loading.once(_CONFIG, "keep_calibration", found)
    if trouble:
        call.reject(trouble)
    log.warning("web", "pilot calibrated: zero %d uV, %d uV/V" % (zero_uv, uv_per_v))
    return {"result": found, "text": "these figures count after a restart"}
