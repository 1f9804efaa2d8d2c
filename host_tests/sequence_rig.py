"""What the sequences of IEC 61851-1:2017 table A.6 share: a car at a board, in virtual time.

Times are from the car's or the operator's deed to the coil or to the duty on the wire.
"""

import asyncio

import virtual_time

STEADY, STATE_F = 1000, 0  # permille
A10, A16, A32 = 167, 267, 533


def booted(rig):
    """Given a board whose pilot is at +12 V; what was before does not count."""
    rig.world.step(virtual_time.clock.now_us / 1e6)
    rig.events.clear()
    return rig


async def plugged(rig, **car):
    """Given a car at the plug and nobody who has paid."""
    at_ms = rig.car(plugged=True, **car)
    await asyncio.sleep(1)
    return at_ms


async def offered(rig, **car):
    """Given an authorized car that does not ask yet."""
    await plugged(rig, **{"ready": False, **car})
    assert rig.charger.start("CARD") == ""
    await asyncio.sleep(1)
    assert (rig.charger.state, rig.pilot.duty_permille) == ("B2", A32)


async def charging(rig, seconds=6, **car):
    """Given a car that charges, for longer than a duty has to stand."""
    await plugged(rig, ready=True, **car)
    assert rig.charger.start("CARD") == ""
    await asyncio.sleep(seconds)
    assert (rig.charger.status, rig.coil()) == ("Charging", 1)


def after(rig, what, value, since_ms):
    """Milliseconds from a moment to the first such event."""
    return rig.when(what, value, since_ms) - since_ms


def duties(rig, since_ms):
    """(ms since a moment, permille) of each new duty."""
    return [(t - since_ms, v) for t, what, v in rig.events if what == "duty" and t >= since_ms]
