"""A slave on the RS485 bus: hears what the master says, and answers when it is asked.

It looks at the line each 5 ms. Bytes may come in batches and frames without a silence that could be seen,
so frames are found by what they begin with and by their CRC.
"""

import asyncio
import os
import struct

from core import log
from core.clock import ticks_diff, ticks_ms
from dlm import group_auth, group_records, rs485_map
from micropython import const
from modbus.crc import append_crc, crc16

_LOOK_MS = const(5)
_IDLE_MS = const(10)
_QUIET_MS = const(25)  # between frames
_LATE_MS = const(45)  # the master has given the answer up by then
_STEP_MS = const(500)
_TURNAROUND_MS = const(10)  # a slow master may still hold the line; some 10 have passed already
_BUFFER_BYTES = const(256)
_LONGEST = const(136)  # frame
_ANSWER_BYTES = const(38)
_GRANTS_HEAD = b"\x00\x10\x01\x00"
_FIND_HEAD = b"\x00\x10\x05\x00"

# Exception codes of Modbus.
_NO_REGISTER = const(2)
_NO_VALUE = const(3)
_BUSY = const(6)  # it has not been greeted, or has no reply yet


class Rs485Slave:
    """port: drivers.rs485.Rs485Port, follower: dlm.follower.Follower, seal: dlm.group_auth.Seal.

    number: 1 … 19; 0: it is to be learned in the master's set-up mode, on_number(n) is called then.
    """

    medium = "RS485"

    def __init__(self, port, follower, seal, number: int, on_number) -> None:
        self._port = port
        self._follower = follower
        self._seal = seal
        self._on_number = on_number
        self._context = rs485_map.Context()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._fill = 0
        self._identity = crc16(follower.serial.encode(), len(follower.serial))
        self._epoch = 0  # 0: no master has greeted it
        self._counter = 0
        self._call = -1
        self._reply = b""
        self._nonce = os.urandom(4)
        self._answer = bytearray(_ANSWER_BYTES)
        self.number = 0
        self.set_number(number)

    def set_number(self, number: int) -> None:
        """Take this number from now on."""
        self.number = number
        address = rs485_map.BASE_ADDRESS + number if number else rs485_map.NEW_ADDRESS
        self._heads = (
            _GRANTS_HEAD,
            bytes((address, rs485_map.READ)),
            bytes((address, rs485_map.WRITE)),
            _FIND_HEAD,
        )
        self._epoch = 0

    def address_of(self, one) -> str:
        """The own address on the bus; "" while there is none."""
        return str(rs485_map.BASE_ADDRESS + self.number) if self.number else ""

    async def run(self) -> None:
        """Serve the master, for ever. Whatever ends this leaves the fallback current at most."""
        follower = self._follower
        stepped_ms = looked_ms = heard_ms = ticks_ms()
        try:
            while True:
                now_ms = ticks_ms()
                count = self._port.read(self._view[self._fill :])
                if count:
                    self._fill += count
                    heard_ms = now_ms
                    await self._take_frames(ticks_diff(now_ms, looked_ms) > _LATE_MS)
                elif self._fill and ticks_diff(now_ms, heard_ms) > _QUIET_MS:
                    self._fill = 0
                looked_ms = ticks_ms()
                if ticks_diff(looked_ms, stepped_ms) >= _STEP_MS:
                    stepped_ms = looked_ms
                    follower.step()
                await asyncio.sleep_ms(_LOOK_MS if self._fill else _IDLE_MS)
        finally:
            follower.fall()

    # Frames.

    async def _take_frames(self, late: bool) -> None:
        """Serve the whole frames for this slave; what is before and behind them is given up."""
        heard = bytes(self._view[: self._fill])
        end = 0
        for head in self._heads:
            at = heard.find(head)
            while at >= 0:
                length = self._length(heard, at)
                if not length or at + length > self._fill:
                    at = heard.find(head, at + 1)
                    continue
                if not crc16(self._view[at:], length):
                    end = max(end, at + length)
                    await self._serve(heard[at : at + length], late or at + length < self._fill)
                    break
                at = heard.find(head, at + 1)
        if end:
            self._fill = 0
        elif self._fill > _BUFFER_BYTES - _LONGEST:
            kept = min(self._fill, _LONGEST)
            self._buffer[:kept] = self._buffer[self._fill - kept : self._fill]
            self._fill = kept

    def _length(self, heard: bytes, at: int) -> int:
        """Of the request that begins there; 0: that can't be told yet."""
        if heard[at + 1] == rs485_map.READ:
            return 8
        return 9 + heard[at + 6] if at + 6 < len(heard) else 0

    async def _serve(self, frame: bytes, late: bool) -> None:
        function, register, count = struct.unpack_from(">BHH", frame, 1)
        if function == rs485_map.READ:
            if not late:
                await self._serve_read(register, count)
            return
        if len(frame) < 15:
            return
        if not frame[0]:
            if register == rs485_map.GRANTS:
                self._take_grants(frame)
            elif register == rs485_map.FIND:
                await self._be_found(frame)
            return
        refusal = self._write(frame, register)
        if late or register == rs485_map.ASSIGN:
            return
        if refusal:
            await self._refuse(function, refusal)
        else:
            await self._send(bytearray(frame[:6] + b"\0\0"), 6)
            if register == rs485_map.CALL:
                self._execute(frame)

    async def _send(self, buffer, length: int) -> bool:
        """Send an answer; False when the line does not take it."""
        await asyncio.sleep_ms(_TURNAROUND_MS)
        try:
            await self._port.write(memoryview(buffer)[: append_crc(buffer, length)])
        except OSError:
            return False
        return True

    async def _refuse(self, function: int, code: int) -> None:
        if not self.number:
            return
        address = rs485_map.BASE_ADDRESS + self.number
        await self._send(bytearray((address, function | 0x80, code, 0, 0)), 3)

    async def _serve_read(self, register: int, count: int) -> None:
        answer = self._answer
        follower = self._follower
        answer[0] = rs485_map.BASE_ADDRESS + self.number
        answer[1] = rs485_map.READ
        direction = group_auth.STATUS
        end = 0
        if register == rs485_map.NONCE:
            answer[3:7] = self._nonce
            end = 7
        elif not self._epoch:
            return await self._refuse(rs485_map.READ, _BUSY)
        elif register == rs485_map.STATUS:
            end = 3 + follower.status(answer, 3, 2 * count > group_records.FULL_BYTES)
        elif register == rs485_map.INFO:
            direction = group_auth.INFO
            end = 3 + follower.info(answer, 3)
        elif register == rs485_map.REPLY:
            return await self._send_reply(count)
        if register != rs485_map.NONCE and end:
            end = self._sign(answer, 3, end, direction)
        if end != 3 + 2 * count:
            return await self._refuse(rs485_map.READ, _NO_REGISTER)
        answer[2] = end - 3
        if await self._send(answer, end) and register == rs485_map.STATUS:
            follower.polled()

    def _sign(self, buffer, start: int, end: int, direction: int) -> int:
        of = self._context.of(self._epoch, self._counter, self.number, direction, self._identity)
        return self._seal.sign(buffer, start, end, of)

    # What the master writes.

    def _take_grants(self, frame: bytes) -> None:
        """Obey a broadcast that is authentic and new."""
        end = len(frame) - 2 - group_auth.SEAL_BYTES
        epoch, counter = struct.unpack_from(">II", frame, 7)
        place = 15 + 2 * (self.number - 1)
        if epoch != self._epoch or not epoch or counter <= self._counter or place + 2 > end:
            return
        if self._seal.fits(frame, 7, end, self._context.of(epoch, counter, 0, group_auth.GRANTS)):
            self._counter = counter
            self._follower.take(frame[place] << 8 | frame[place + 1])

    def _write(self, frame: bytes, register: int) -> int:
        """Take what is written to this slave alone; returns an exception code, or 0."""
        end = len(frame) - 2 - group_auth.SEAL_BYTES
        if register == rs485_map.HELLO and len(frame) == 23:
            return self._greet(frame, end)
        if register == rs485_map.ASSIGN and len(frame) == 33:
            return self._be_assigned(frame, end)
        if register != rs485_map.CALL:
            return _NO_REGISTER
        if not self._epoch:
            return _BUSY
        counter = struct.unpack_from(">I", frame, 7)[0]
        of = self._context.of(self._epoch, counter, self.number, group_auth.CALL, self._identity)
        if counter <= self._counter or not self._seal.fits(frame, 7, end, of):
            return _NO_VALUE
        self._counter = counter
        return 0

    def _greet(self, frame: bytes, end: int) -> int:
        """A master has read the nonce, and proves with it that it has the key."""
        epoch, counter = struct.unpack_from(">II", frame, 7)
        nonce = struct.unpack(">I", self._nonce)[0]
        of = self._context.of(nonce, 0, self.number, group_auth.HELLO)
        self._nonce = os.urandom(4)
        if not epoch or not self._seal.fits(frame, 7, end, of):
            return _NO_VALUE
        self._epoch, self._counter, self._call = epoch, counter, -1
        return 0

    def _execute(self, frame: bytes) -> None:
        """Answer a call; one that comes again has been answered."""
        call, length = struct.unpack_from(">HH", frame, 11)
        if call == self._call:
            return
        self._call = call
        try:
            self._reply = self._follower.answer(frame[15 : 15 + length])[: rs485_map.MOST_BYTES]
        except Exception as error:  # what a call meets is not the group's end
            log.error("group", "call: %s %s" % (type(error).__name__, error))
            self._reply = b""

    async def _send_reply(self, count: int) -> None:
        """As much of it as the master asks for."""
        room = 2 * count - 4 - group_auth.SEAL_BYTES
        if not 0 <= room <= rs485_map.MOST_BYTES:
            return await self._refuse(rs485_map.READ, _NO_REGISTER)
        answer = bytearray(5 + 2 * count)
        address = rs485_map.BASE_ADDRESS + self.number
        reply = self._reply[:room]
        struct.pack_into(
            ">BBBHH",
            answer,
            0,
            address,
            rs485_map.READ,
            2 * count,
            self._call & 0xFFFF,
            len(self._reply),
        )
        answer[7 : 7 + len(reply)] = reply
        await self._send(answer, self._sign(answer, 3, 7 + room, group_auth.REPLY))

    # Set-up mode.

    async def _be_found(self, frame: bytes) -> None:
        """Tell who this is, in a time of its own, if slaves of this number are looked for."""
        end = len(frame) - 2 - group_auth.SEAL_BYTES
        salt, number = struct.unpack_from(">IH", frame, 7)
        of = self._context.of(0, salt, 0, group_auth.GRANTS)
        if number != self.number or not self._seal.fits(frame, 7, end, of):
            return
        answer = self._answer
        answer[0] = rs485_map.NEW_ADDRESS
        answer[1] = rs485_map.READ
        answer[2] = group_records.INFO_BYTES + group_auth.SEAL_BYTES
        end = 3 + self._follower.info(answer, 3)
        of = self._context.of(0, salt, 0, group_auth.INFO)
        end = self._seal.sign(answer, 3, end, of)
        slot = (self._identity * (salt | 1) >> 12) % rs485_map.SLOTS
        await asyncio.sleep_ms(rs485_map.SLOT_MS * slot)
        await self._send(answer, end)

    def _be_assigned(self, frame: bytes, end: int) -> int:
        """A number for one that has none."""
        of = self._context.of(0, 0, 0, group_auth.HELLO)
        serial = frame[7:23].rstrip(b"\0")
        number = struct.unpack_from(">H", frame, 23)[0]
        if self.number or serial != self._follower.serial.encode() or not 0 < number < 20:
            return _NO_VALUE
        if not self._seal.fits(frame, 7, end, of):
            return _NO_VALUE
        self._on_number(number)
        return 0
