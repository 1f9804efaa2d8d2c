"""Runs on MicroPython: nonsense against the drivers. Prints what came of it; raises where a driver does.

micropython32 -X heapsize=100k fuzz.py ROOT SEED COUNT
"""

import asyncio
import gc
import random
import sys

ROOT, SEED, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.path[:] = [ROOT, ROOT + "/lib", ".frozen"]


async def no_sleep(ms=0):
    """The wire is a list here: nothing needs time."""


async def no_timeout(awaitable, ms):
    """Nothing here takes long."""
    return await awaitable


asyncio.sleep_ms = no_sleep
asyncio.wait_for_ms = no_timeout

from core import log  # noqa: E402
from drivers.card_reader import ReaderError  # noqa: E402
from drivers.mfrc522 import Mfrc522  # noqa: E402
from modbus.crc import append_crc  # noqa: E402
from modbus.rtu import Master, ModbusError  # noqa: E402
from websocket_client.client import WebSocket  # noqa: E402

log.level = 100
random.seed(SEED)


def noise(most):
    """Random bytes, at most so many."""
    return bytes([random.getrandbits(8) for _ in range(random.randrange(most + 1))])


def mutated(data):
    """Bytes with something wrong: flipped bits, cut, repeated, or with noise in them."""
    data = bytearray(data)
    for _ in range(random.randrange(4)):
        kind = random.randrange(4)
        at = random.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + noise(6) + data[at:]
        else:
            data = data + data[at:]
    return data


class Port:
    """A Modbus port whose device has gone mad."""

    async def write(self, frame):
        self.request = bytes(frame)

    async def read_frame(self, buffer, timeout_ms, expected=0):
        count = self.request[5]
        answer = bytearray([self.request[0], self.request[1], 2 * count])
        answer += bytes([random.getrandbits(8) for _ in range(2 * count)]) + bytes(2)
        if random.randrange(3):
            append_crc(answer, len(answer) - 2)
        answer = mutated(answer) if random.randrange(8) else noise(80)
        if random.randrange(2) and len(answer) > 2:
            append_crc(
                answer := bytearray(answer), len(answer) - 2
            )  # a right sum over wrong content
        length = min(len(answer), len(buffer))
        buffer[:length] = answer[:length]
        return length


async def modbus(count):
    """Only ModbusError comes out, and data of the right length."""
    master = Master(Port(), timeout_ms=2)
    good = 0
    for _ in range(count):
        try:
            data = await master.read(
                random.randrange(1, 248), 3 + random.randrange(2), 0, 1 + random.randrange(60)
            )
            good += len(data) > 0
        except ModbusError:
            pass
    return good


class Cs:
    """A chip select that nobody looks at."""

    def value(self, level):
        pass


class Spi:
    """A reader chip that says what it likes, often what the driver waits for."""

    LIKELY = b"\x00\x01\x02\x03\x04\x05\x10\x20\x21\x30\x64\x88\x92\x93\xff"

    def write_readinto(self, out, into):
        for i in range(len(into)):
            likely = random.randrange(3)
            into[i] = (
                self.LIKELY[random.randrange(len(self.LIKELY))]
                if likely
                else random.getrandbits(8)
            )


async def reader(count):
    """Only ReaderError comes out, and UIDs of 4, 7 or 10 bytes."""
    chip = Mfrc522(Spi(), Cs())
    found = 0
    for _ in range(count):
        try:
            uid = await chip.read_uid(bool(random.randrange(2)))
        except ReaderError:
            continue
        if uid is not None:
            found += 1
            if len(uid) not in (4, 7, 10):
                raise AssertionError("uid of %d bytes" % len(uid))
    return found


class Line:
    """A server that sends one thing and hangs up; its answers are dropped."""

    out_buf = b""

    def __init__(self, data):
        self.data = data

    async def read(self, count):
        piece = self.data[:count]
        self.data = self.data[len(piece) :]
        return bytes(piece)

    def write(self, data):
        pass

    async def drain(self):
        pass

    def close(self):
        pass

    async def wait_closed(self):
        pass


def frames():
    """Some frames of a server, in part as RFC 6455 wants them."""
    data = b""
    for _ in range(1 + random.randrange(3)):
        payload = noise(130) if random.randrange(2) else b'[2,"1","Heartbeat",{}]'
        opcode = (0, 1, 1, 1, 2, 8, 9, 10, 3)[random.randrange(9)]
        size = len(payload)
        head = bytes([(random.randrange(4) and 0x80) | opcode])
        head += bytes([size]) if size < 126 else b"\x7e" + bytes([size >> 8, size & 255])
        data += head + payload
    return mutated(data)


async def websocket(count):
    """Only OSError and EOFError come out, and texts."""
    texts = 0
    for _ in range(count):
        line = Line(frames())
        socket = WebSocket(line, line)
        try:
            while True:
                if not isinstance(await socket.receive(), (str, list)):
                    raise AssertionError("no text")
                texts += 1
        except (OSError, EOFError):
            pass
    return texts


async def main():
    """Each against its share, with the heap in use before and after."""
    for name, run in (("modbus", modbus), ("reader", reader), ("websocket", websocket)):
        await run(50)  # what is made once
        gc.collect()
        before = gc.mem_alloc()
        good = await run(COUNT)
        gc.collect()
        print(name, COUNT, good, gc.mem_alloc() - before)


asyncio.run(main())
