"""Finds slaves by asking who has a number, or none: loaded for set-up, and where answers are garbled.

Each answers in one of 16 times, by its serial number and a salt: two seldom meet, and then not again.
"""

import asyncio
import os
import struct

from core import log
from core.clock import ticks_diff, ticks_ms
from dlm import group_auth, group_records, rs485_map
from micropython import const
from modbus.crc import crc16

_FRAME_BYTES = const(35)  # of an answer
_WINDOW_MS = const(1250)  # all the times
_TRIES = const(3)


async def _ask(master, number: int) -> dict:
    """Who answers to a number: info records by serial. Some may be missing: two may speak at once."""
    found: dict = {}
    buffer = master.request
    salt = struct.unpack(">I", os.urandom(4))[0] >> 3
    context = rs485_map.Context()
    async with master.bus.lock:
        at = rs485_map.head_write(buffer, 0, rs485_map.FIND, 6 + group_auth.SEAL_BYTES)
        struct.pack_into(">IH", buffer, at, salt, number)
        of = context.of(0, salt, 0, group_auth.GRANTS)
        end = master.seal.sign(buffer, at, at + 6, of)
        started_ms = ticks_ms()
        await master.send(end)
        buffer = master.buffer
        while ticks_diff(ticks_ms(), started_ms) < _WINDOW_MS:
            length = await master.bus.port.read_frame(buffer, 100, _FRAME_BYTES)
            if length == _FRAME_BYTES and not crc16(buffer, length):
                of = context.of(0, salt, 0, group_auth.INFO)
                if master.seal.fits(buffer, 3, 3 + group_records.INFO_BYTES, of):
                    _note(found, buffer)
    return found


def _note(found: dict, buffer) -> None:
    try:
        info = group_records.unpack_info(buffer, 3)
        found[info[3]] = info
    except ValueError as error:
        log.warning("group", str(error))


async def find_doubles(master, member) -> None:
    """Name the slaves that share a number, if that is why its answers are garbled."""
    found: dict = {}
    for _ in range(_TRIES):
        found.update(await _ask(master, member.number))
        await asyncio.sleep_ms(0)
    if len(found) > 1:
        names = ", ".join(sorted(found))
        master.group.blame(member, "several with this address: " + names)
        # Each of them may draw its fallback current.
        member.fallback_ma = sum([info[1] for info in found.values()])
        member.kept_ma = max(member.kept_ma, member.fallback_ma)


async def settle(master) -> None:
    """Give numbers to the slaves that have none."""
    group = master.group
    for info in (await _ask(master, 0)).values():
        serial = info[3]
        known = [member.number for member in group.members[1:] if member.serial == serial]
        free = [member.number for member in group.members[1:] if not member.serial]
        number = min(known or free or [len(group.members)])
        if number > 19:
            return log.error("group", "there are 19 slaves already")
        group.adopt(number, info)
        await _assign(master, serial, number)
    group.settling = max(0, group.settling - 2)


async def _assign(master, serial: str, number: int) -> None:
    """Have the slave of this serial number take a number; it does not confirm, but answers by it."""
    buffer = master.request
    async with master.bus.lock:
        length = 18 + group_auth.SEAL_BYTES
        at = rs485_map.head_write(buffer, rs485_map.NEW_ADDRESS, rs485_map.ASSIGN, length)
        struct.pack_into(">16sH", buffer, at, serial.encode(), number)
        of = rs485_map.Context().of(0, 0, 0, group_auth.HELLO)
        await master.send(master.seal.sign(buffer, at, at + 18, of))
    log.info("group", "slave %d is %s" % (number, serial))
