"""The master on the RS485 bus: grants to all in one frame, then each slave's status, round after round.

A round with 19 slaves takes some 1.4 s at 9600 baud: 61 bytes for the grants, 8 + 25 for each slave, with
12 more for every fourth of them.
"""

import asyncio
import os
import struct

from core import loading, log
from core.clock import ticks_diff, ticks_ms
from dlm import group_auth, group_records, rs485_map
from micropython import const
from modbus.crc import append_crc, crc16

_ROUND_MS = const(1000)  # at least
_TIMEOUT_MS = const(100)  # until an answer begins
_BROADCAST_REST_MS = const(30)  # slaves look at what they heard
_LISTEN_MS = const(40)
_LONG_LISTEN_MS = const(2500)  # longer than a round of another master
_RIVAL_MS = const(60000)
_LOST_MISSES = const(4)
_RARELY = const(3)  # a lost slave is asked each third round
_FULL_EVERY = const(4)
_CALL_TRIES = const(6)
_CALLS_MS = const(300)  # of a round, then calls wait for the next one
_REPLY_TRIES = const(20)
_BUFFER_BYTES = const(136)
_FINDER = "dlm.rs485_finder"

# What an exchange may bring instead of an answer's length.
SILENT = const(0)
GARBLED = const(-1)
REFUSED = const(-2)


class Slot:
    """What the master keeps of a slave's line."""

    def __init__(self) -> None:
        self.greeted = False
        self.counter = 0  # of the last call that it took
        self.identity = 0
        self.misses = 0  # answers in a row that did not come
        self.garbled = 0  # … that came garbled
        self.unfit = 0  # … that were not sealed for now


class Rs485Master:
    """bus: a modbus.rtu.Master, which meters may share; group: dlm.group.Group; seal: dlm.group_auth.Seal."""

    medium = "RS485"

    def __init__(self, bus, group, seal) -> None:
        self.bus = bus
        self.group = group
        self.seal = seal
        self.request = bytearray(_BUFFER_BYTES)
        self.buffer = bytearray(_BUFFER_BYTES)  # what is heard
        self.cycle_ms = 0  # what the last round took
        self._view = memoryview(self.request)
        self._context = rs485_map.Context()
        self._epoch = 1 + (struct.unpack(">I", os.urandom(4))[0] >> 3)
        self._counter = self._told = 0
        self._call = os.urandom(1)[0]
        self._calls = asyncio.Lock()
        self._calls_ms = 0  # spent on calls since the last round
        self._round = 0
        self._rival_ms = None  # when another master was heard last
        group.carrier = self

    async def run(self) -> None:
        """Go round for ever. Whatever ends this leaves the own charger on its fallback current."""
        group = self.group
        try:
            while True:
                started_ms = ticks_ms()
                await group.step()
                if group.rival:
                    await self._keep_quiet()
                    continue
                await self._grant()
                self._calls_ms = 0
                troubled = 0
                for member in group.members[1:]:
                    troubled += await self._ask(member)
                if group.settling:
                    await loading.once(_FINDER, "settle", self)
                self.cycle_ms = ticks_diff(ticks_ms(), started_ms)
                self._round += 1
                await self._listen(max(_LISTEN_MS, _ROUND_MS - self.cycle_ms))
                if troubled > len(group.members) // 2 and not self._round % 4:
                    await self._listen(_LONG_LISTEN_MS - (os.urandom(1)[0] << 2))
        finally:
            group.own.fall()

    def address_of(self, member) -> str:
        """A slave's address on the bus; "" for the own charger, which needs none."""
        return str(rs485_map.BASE_ADDRESS + member.number) if member.number else ""

    # Frames.

    async def send(self, length: int) -> None:
        """Send what is in `request`; the caller has the bus. What the line does not take is not answered."""
        try:
            await self.bus.port.write(self._view[: append_crc(self.request, length)])
        except OSError:
            pass

    async def _exchange(self, length: int, expected: int) -> int:
        """Send what is in `request`; returns the answer's length, or SILENT, GARBLED or REFUSED.

        expected: the length of the answer, which is in `buffer` then.
        """
        buffer = self.buffer
        address, function = self.request[0], self.request[1]
        await self.send(length)
        length = await self.bus.port.read_frame(buffer, _TIMEOUT_MS, expected)
        if not length:
            return SILENT
        if length < 5 or crc16(buffer, length) or buffer[0] != address:
            return GARBLED
        if buffer[1] == function | 0x80:
            return REFUSED
        if length != expected or buffer[1] != function:
            return GARBLED
        return length

    async def read(self, number: int, register: int, count: int) -> int:
        """Have a slave's registers in the buffer, from its place 3 on; returns as `_exchange` does."""
        async with self.bus.lock:
            struct.pack_into(
                ">BBHH",
                self.request,
                0,
                rs485_map.BASE_ADDRESS + number,
                rs485_map.READ,
                register,
                count,
            )
            return await self._exchange(6, 5 + 2 * count)

    def _next_counter(self) -> int:
        self._counter += 1
        return self._counter

    async def _grant(self) -> None:
        """Tell all slaves their words in one frame."""
        group = self.group
        buffer = self.request
        async with self.bus.lock:
            counter = self._told = self._next_counter()
            slaves = group.members[1:]
            length = 8 + 2 * len(slaves) + group_auth.SEAL_BYTES
            at = rs485_map.head_write(buffer, 0, rs485_map.GRANTS, length)
            struct.pack_into(">II", buffer, at, self._epoch, counter)
            at += 8
            for member in slaves:
                struct.pack_into(">H", buffer, at, group.word(member))
                at += 2
            of = self._context.of(self._epoch, counter, 0, group_auth.GRANTS)
            await self.send(self.seal.sign(buffer, 7, at, of))
            await asyncio.sleep_ms(_BROADCAST_REST_MS)
        group.told()

    # Slaves.

    async def _ask(self, member) -> bool:
        """Have a slave's status; True when it was not to be had."""
        slot = member.state
        if slot is None:
            slot = member.state = Slot()
        if slot.misses >= _LOST_MISSES and (self._round + member.number) % _RARELY:
            return True
        if not slot.greeted and not await self._greet(member, slot):
            return True
        in_session = bool(member.flags & group_records.SESSION)
        full = not (self._round + member.number) % _FULL_EVERY or not member.heard
        full = full or in_session != bool(member.session)
        for _ in range(2):
            result = await self._read_status(member, slot, full)
            if result > 0:
                slot.misses = slot.garbled = slot.unfit = 0
                if member.trouble and member.trouble != "disobeys":
                    self.group.blame(member, "")
                return False
            if slot.misses >= _LOST_MISSES or result == REFUSED:
                break
        await self._miss(member, slot, result)
        return True

    async def _read_status(self, member, slot, full: bool) -> int:
        length = group_records.FULL_BYTES if full else group_records.LIGHT_BYTES
        count = (length + group_auth.SEAL_BYTES) // 2
        result = await self.read(member.number, rs485_map.STATUS, count)
        if result <= 0:
            return result
        if not self._fits(member, slot, 3 + length, group_auth.STATUS):
            slot.unfit += 1
            return SILENT
        self.group.heard(member, self.buffer, 3, length)
        return result

    def _fits(self, member, slot, end: int, direction: int) -> bool:
        """What is in the buffer was sealed by this slave under the last frame that it can have taken."""
        counter = max(self._told, slot.counter)
        of = self._context.of(self._epoch, counter, member.number, direction, slot.identity)
        return self.seal.fits(self.buffer, 3, end, of)

    async def _miss(self, member, slot, result: int) -> None:
        """Find out why it does not answer."""
        slot.misses += 1
        if result == GARBLED:
            slot.garbled += 1
        if result == REFUSED or slot.unfit >= 4:
            slot.greeted = False
            slot.unfit = 0
        if slot.garbled == 3 or (slot.garbled > 3 and not slot.garbled % 20):
            await loading.once(_FINDER, "find_doubles", self, member)

    async def _greet(self, member, slot) -> bool:
        """Give it the epoch, and learn who it is."""
        result = await self.read(member.number, rs485_map.NONCE, 2)
        if result > 0:
            nonce = struct.unpack_from(">I", self.buffer, 3)[0]  # before a call may use the buffer
            result = await self._say_hello(member, nonce)
            if result == REFUSED:
                self.group.blame(member, "has another key")
        if result > 0:
            slot.counter = self._counter
            count = (group_records.INFO_BYTES + group_auth.SEAL_BYTES) // 2
            result = await self.read(member.number, rs485_map.INFO, count)
            if result > 0 and not self._meet(member, slot):
                result = GARBLED
        if result <= 0:
            await self._miss(member, slot, result)
            return False
        slot.greeted = True
        return True

    async def _say_hello(self, member, nonce: int) -> int:
        buffer = self.request
        async with self.bus.lock:
            length = 8 + group_auth.SEAL_BYTES
            address = rs485_map.BASE_ADDRESS + member.number
            at = rs485_map.head_write(buffer, address, rs485_map.HELLO, length)
            struct.pack_into(">II", buffer, at, self._epoch, self._next_counter())
            of = self._context.of(nonce, 0, member.number, group_auth.HELLO)
            return await self._exchange(self.seal.sign(buffer, at, at + 8, of), 8)

    def _meet(self, member, slot) -> bool:
        """Take an info record that has come; False for one that is not certainly this slave's."""
        try:
            serial = group_records.unpack_info(self.buffer, 3)[3]
        except ValueError:
            return False
        slot.identity = crc16(serial.encode(), len(serial))
        if not self._fits(member, slot, 3 + group_records.INFO_BYTES, group_auth.INFO):
            return False
        self.group.introduce(member, self.buffer, 3)
        return True

    # Calls.

    async def call(self, member, message: bytes, most: int) -> bytes:
        """Have a slave answer a message; OSError when it does not."""
        if len(message) > rs485_map.MOST_BYTES:
            raise ValueError("a message of more than 96 bytes")
        slot = member.state
        if not slot or not slot.greeted or slot.misses >= _LOST_MISSES:
            raise OSError("slave %d does not answer" % member.number)
        async with self._calls:
            while self._calls_ms >= _CALLS_MS and not self.group.rival:
                await asyncio.sleep_ms(_LISTEN_MS)
            started_ms = ticks_ms()
            try:
                reply = await self._try_call(member, slot, message, most)
            finally:
                self._calls_ms += max(0, ticks_diff(ticks_ms(), started_ms))
        if reply is None:
            raise OSError("slave %d does not answer" % member.number)
        return reply

    async def _try_call(self, member, slot, message: bytes, most: int) -> "bytes | None":
        self._call = (self._call + 1) & 0xFFFF
        for _ in range(_CALL_TRIES):
            if slot.greeted and await self._send_call(member, slot, message) > 0:
                reply = await self._read_reply(member, slot, most)
                if reply is not None:
                    return reply
            await asyncio.sleep_ms(_TIMEOUT_MS)
        return None

    async def _send_call(self, member, slot, message: bytes) -> int:
        buffer = self.request
        async with self.bus.lock:
            counter = self._next_counter()
            padded = len(message) + 1 & ~1
            length = 8 + padded + group_auth.SEAL_BYTES
            address = rs485_map.BASE_ADDRESS + member.number
            at = rs485_map.head_write(buffer, address, rs485_map.CALL, length)
            struct.pack_into(">IHH", buffer, at, counter, self._call, len(message))
            buffer[at + 8 + padded - 1] = 0
            buffer[at + 8 : at + 8 + len(message)] = message
            of = self._context.of(
                self._epoch, counter, member.number, group_auth.CALL, slot.identity
            )
            end = self.seal.sign(buffer, at, at + 8 + padded, of)
            result = await self._exchange(end, 8)
            if result > 0:
                slot.counter = counter
            return result

    async def _read_reply(self, member, slot, most: int) -> "bytes | None":
        room = min(most + 1 & ~1, rs485_map.MOST_BYTES)
        for _ in range(_REPLY_TRIES):
            result = await self.read(
                member.number, rs485_map.REPLY, (4 + room + group_auth.SEAL_BYTES) // 2
            )
            if result > 0 and self._fits(member, slot, 7 + room, group_auth.REPLY):
                call, length = struct.unpack_from(">HH", self.buffer, 3)
                if call == self._call:
                    return bytes(self.buffer[7 : 7 + min(length, room)])
                return None
            await asyncio.sleep_ms(_LISTEN_MS)
        return None

    # Other masters.

    async def _listen(self, wait_ms: int) -> None:
        """Give the bus to the others that share it, and hear whether there is another master."""
        started_ms = ticks_ms()
        left_ms = wait_ms
        while left_ms > 0:
            async with self.bus.lock:
                length = await self.bus.port.read_frame(self.buffer, min(left_ms, _LISTEN_MS))
                if length:
                    self._judge(length)
            left_ms = wait_ms - ticks_diff(ticks_ms(), started_ms)
            await asyncio.sleep_ms(0)

    def _judge(self, length: int) -> None:
        """Look whether that are somebody else's grants."""
        buffer = self.buffer
        if length < 25 or length != 9 + buffer[6] or crc16(buffer, length):
            return
        if struct.unpack_from(">BBH", buffer, 0) != (0, rs485_map.WRITE, rs485_map.GRANTS):
            return
        epoch, counter = struct.unpack_from(">II", buffer, 7)
        end = length - 2 - group_auth.SEAL_BYTES
        if epoch == self._epoch:
            return
        of = self._context.of(epoch, counter, 0, group_auth.GRANTS)
        if not self.seal.fits(buffer, 7, end, of):
            return log.warning("group", "grants of a stranger on the bus")
        if not self.group.rival:
            log.error("group", "another master is on the bus: this one keeps quiet")
        self.group.rival = True
        self._rival_ms = ticks_ms()

    async def _keep_quiet(self) -> None:
        """Listen until no other master has been heard for a minute."""
        await self._listen(_ROUND_MS)
        if ticks_diff(ticks_ms(), self._rival_ms) > _RIVAL_MS:
            self.group.rival = False
            for member in self.group.members[1:]:
                member.state = None  # the other one has greeted them
