"""The RS485 bus: true byte times, turn-around, collisions, noise, and the firmware's port on it."""

import asyncio

import pytest
from chip_bench import BusRig, now_s, run

from sim.rs485 import FrameNode, Line, Sent


class Listener:
    """Hears everything and never talks."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, float]] = []

    def line(self):
        return Line()

    def driving(self):
        return False

    def advance(self, now_s):
        return []

    def in_flight(self):
        return (0.0, 0.0)

    def receive(self, byte, at_s):
        self.heard.append((byte, at_s))

    @property
    def data(self) -> bytes:
        return bytes(byte for byte, _ in self.heard)


class Answerer(FrameNode):
    """Answers every frame with a fixed one."""

    def __init__(self, reply: bytes, **options) -> None:
        super().__init__(**options)
        self.reply = reply
        self.frames: list[bytes] = []

    def answer(self, frame: bytes) -> bytes:
        self.frames.append(frame)
        return self.reply


class Talker(Listener):
    """Sends given bytes at given times."""

    def __init__(self, *sent: Sent) -> None:
        super().__init__()
        self._left = list(sent)

    def advance(self, now_s):
        done = [item for item in self._left if item.end_s <= now_s]
        self._left = [item for item in self._left if item.end_s > now_s]
        return done

    def in_flight(self):
        return (self._left[0].start_s, self._left[0].end_s) if self._left else (0.0, 0.0)


def play(rig, story) -> None:
    async def stage():
        task = asyncio.create_task(rig.live())
        await story()
        assert not task.done()

    run(stage())


def test_bytes_take_their_time_and_the_driver_is_let_go():
    rig = BusRig()
    ear = Listener()
    rig.bus.attach(ear)

    async def story():
        await asyncio.sleep(0.1)
        started_s = now_s()
        await rig.port.write(b"12345678")
        assert rig.de_pin.value() == 0
        assert ear.data == b"12345678"
        times = [at_s for _, at_s in ear.heard]
        assert times[-1] - times[0] == pytest.approx(7 * 10 / 9600, abs=1e-6)
        assert 8 * 10 / 9600 <= now_s() - started_s < 0.015

    play(rig, story)


def test_a_request_and_its_answer():
    rig = BusRig()
    node = Answerer(b"answer")
    rig.bus.attach(node)
    buffer = bytearray(64)

    async def story():
        for expected in (6, 0):
            await rig.port.write(b"request")
            assert await rig.port.read_frame(buffer, 200, expected) == 6
            assert buffer[:6] == b"answer"
        assert node.frames == [b"request", b"request"]

    play(rig, story)


def test_a_world_that_steps_late_does_not_tear_frames():
    """Given a bench on a busy PC, when its steps come 12 ms apart, then a frame is still one frame."""
    rig = BusRig()
    node = Answerer(b"answer")
    rig.bus.attach(node)
    buffer = bytearray(64)

    async def stage():
        task = asyncio.create_task(rig.live(step_s=0.012))
        for _ in range(20):
            await rig.port.write(b"a rather long request")
            assert await rig.port.read_frame(buffer, 400, 6) == 6
        assert node.frames == [b"a rather long request"] * 20
        assert not task.done()

    run(stage())


def test_a_busy_loop_does_not_hold_the_bus_into_the_answer():
    """Given other tasks that hold the loop 40 ms each time, then a meter that answers after 20 ms is heard."""
    rig = BusRig()
    rig.bus.attach(Answerer(b"answer"))
    buffer = bytearray(64)

    async def busy():
        while True:
            rig._sleep_us(40000)
            await asyncio.sleep(0)

    async def story():
        hog = asyncio.create_task(busy())
        for _ in range(10):
            await rig.port.write(b"8 bytes.")
            assert await rig.port.read_frame(buffer, 400, 6) == 6
        hog.cancel()

    play(rig, story)


def test_nobody_answers():
    rig = BusRig()

    async def story():
        await rig.port.write(b"request")
        started_s = now_s()
        assert await rig.port.read_frame(bytearray(8), 100) == 0
        assert 0.1 <= now_s() - started_s < 0.12

    play(rig, story)


def test_a_transceiver_that_echoes():
    rig = BusRig(echo=True)
    rig.bus.attach(Answerer(b"answer"))
    buffer = bytearray(64)

    async def story():
        for expected in (6, 0, 6):
            await rig.port.write(b"request")
            assert await rig.port.read_frame(buffer, 200, expected) == 6
            assert buffer[:6] == b"answer"

    play(rig, story)


def test_a_loop_that_comes_late_finds_echo_and_answer_together():
    rig = BusRig(echo=True)
    rig.bus.attach(Answerer(b"answer"))
    buffer = bytearray(64)

    async def story():
        await rig.port.write(b"request")
        await asyncio.sleep(0.2)
        assert await rig.port.read_frame(buffer, 200) == 6
        assert buffer[:6] == b"answer"

    play(rig, story)


def test_bytes_sent_without_the_driver_are_lost():
    rig = BusRig()
    ear = Listener()
    rig.bus.attach(ear)

    async def story():
        rig.uart.write(b"lost")
        await asyncio.sleep(0.01)
        assert rig.uart.txdone()
        assert ear.data == b""

    play(rig, story)


def test_two_talkers_garble_each_other():
    rig = BusRig()
    ear = Listener()
    byte_s = Line().byte_s
    rig.bus.attach(ear)

    async def story():
        start_s = now_s() + 0.01
        rig.bus.attach(Talker(Sent(start_s, start_s + byte_s, 0x55)))
        rig.bus.attach(Talker(Sent(start_s + byte_s / 2, start_s + 1.5 * byte_s, 0xAA)))
        later_s = start_s + 2 * byte_s
        rig.bus.attach(Talker(Sent(later_s, later_s + byte_s, 0x33)))
        await asyncio.sleep(0.05)
        assert len(ear.heard) == 3
        assert ear.data[0] != 0x55 and ear.data[1] != 0xAA and ear.data[2] == 0x33

    play(rig, story)


def test_noise_and_cut_wires():
    rig = BusRig()
    ear = Listener()
    rig.bus.attach(ear)

    async def story():
        rig.bus.noise = 0.5
        await rig.port.write(bytes(100))
        assert 20 < sum(byte != 0 for byte in ear.data) < 80
        rig.bus.noise = 0.0
        rig.bus.cut.add(rig.board)
        await rig.port.write(bytes(10))
        assert len(ear.heard) == 100
        rig.bus.cut.clear()
        await rig.port.write(bytes(10))
        assert ear.data[100:] == bytes(10)

    play(rig, story)


def test_different_baud_rates_hear_garbage():
    rig = BusRig(baudrate=19200)
    ear = Listener()
    rig.bus.attach(ear)

    async def story():
        await rig.port.write(b"hello")
        assert len(ear.heard) == 5 and ear.data != b"hello"

    play(rig, story)


def test_a_flood_of_noise_does_not_hold_the_port():
    rig = BusRig()

    async def story():
        start_s = now_s()
        byte_s = Line().byte_s
        flood = [
            Sent(start_s + n * byte_s, start_s + (n + 1) * byte_s, n & 255) for n in range(2000)
        ]
        rig.bus.attach(Talker(*flood))
        buffer = bytearray(32)
        assert await rig.port.read_frame(buffer, 100) == 32
        assert now_s() - start_s < 0.2
        await rig.port.write(b"request")
        assert now_s() - start_s < 0.3

    play(rig, story)
