"""Modbus frames: checks of the CRC and of every way an answer can be wrong."""

import asyncio

import pytest
from chip_bench import now_s, run
from modbus.crc import append_crc, crc16
from modbus.rtu import Master, ModbusCrcError, ModbusError, ModbusException, ModbusTimeout


@pytest.mark.parametrize(
    ("frame", "crc"),
    [
        ("01 03 00 00 00 0A", "C5 CD"),
        ("01 03 00 00 00 01", "84 0A"),
        ("01 04 00 00 00 02", "71 CB"),
        ("01 04 00 06 00 0C", "10 0E"),
        ("01 84 02", "C2 C1"),
        ("01 83 02", "C0 F1"),
        ("03 10 00 00 00 02 04 00 07 00 00", "49 D6"),
        ("03 04 10 0001 0000 003C 0001 0000 0001 0001 0020", "4D 8C"),
        ("09 10 00 20 00 08 10 00A0 0000 003C 0000 0000 0000 0000 0000", "99 24"),
    ],
)
def test_crc_vectors(frame, crc):
    data = bytes.fromhex(frame)
    buffer = bytearray(data + bytes(2))
    assert append_crc(buffer, len(data)) == len(data) + 2
    assert buffer[-2:] == bytes.fromhex(crc)
    assert crc16(buffer, len(buffer)) == 0


def test_crc_check_value():
    assert crc16(b"123456789", 9) == 0x4B37


class Port:
    """A port whose other end answers from a list; None keeps silent."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.busy = False

    async def write(self, frame) -> None:
        assert not self.busy, "two requests at once"
        self.busy = True
        self.requests.append(bytes(frame))
        await asyncio.sleep(0.01)

    async def read_frame(self, buffer, timeout_ms, expected=0) -> int:
        await asyncio.sleep(0.02)
        self.busy = False
        answer = self.answers.pop(0)
        if answer is None:
            return 0
        buffer[: len(answer)] = answer
        return len(answer)


def framed(text: str) -> bytes:
    data = bytearray.fromhex(text) + bytes(2)
    append_crc(data, len(data) - 2)
    return bytes(data)


def test_reads_words():
    port = Port(framed("01 04 04 4366 8000"))

    async def story():
        assert bytes((await Master(port).read(1, 4, 0, 2))[:4]) == b"\x43\x66\x80\x00"
        assert port.requests == [bytes.fromhex("01 04 00 00 00 02 71 CB")]

    run(story())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, ModbusTimeout),
        (framed("01 04 04 4366 8000")[:-1] + b"\0", ModbusCrcError),
        (framed("01 04 04 4366 8000")[:4], ModbusCrcError),
        (framed("01 03 04 4366 8000"), ModbusError),
        (framed("01 04 02 4366"), ModbusError),
        (framed("01 84 02"), ModbusException),
    ],
)
def test_wrong_answers(answer, error):
    async def story():
        with pytest.raises(error) as caught:
            await Master(Port(answer)).read(1, 4, 0, 2)
        if error is ModbusException:
            assert caught.value.code == 2

    run(story())


def test_frames_between_others_are_passed_over():
    """An answer of station 2 to somebody else, and a garbled one never counts as the answer."""
    port = Port(framed("02 04 04 0000 0000"), framed("02 83 02"), framed("01 04 04 4366 8000"))

    async def story():
        assert bytes((await Master(port).read(1, 4, 0, 2))[:2]) == b"\x43\x66"
        assert len(port.requests) == 1

    run(story())


def test_others_that_never_stop_talking_do_not_hold_the_master():
    port = Port(*[framed("02 04 04 0000 0000")] * 1000)

    async def story():
        begun_s = now_s()
        with pytest.raises(ModbusTimeout):
            await Master(port).read(1, 4, 0, 2)
        assert 0.4 <= now_s() - begun_s <= 0.45

    run(story())


def test_requests_of_several_users_take_turns():
    port = Port(*[framed("01 04 02 0001"), framed("02 03 02 0002")] * 3)
    master = Master(port)
    seen = []

    async def user(address, function):
        for _ in range(3):
            data = await master.read(address, function, 9, 1)
            seen.append((address, data[1]))

    async def story():
        await asyncio.gather(user(1, 4), user(2, 3))
        assert seen == [(1, 1), (2, 2)] * 3

    run(story())


def test_the_line_is_set_between_requests():
    port = Port(framed("01 04 02 0001"))
    port.set_line = lambda *line: port.requests.append((*line, port.busy))
    master = Master(port)

    async def story():
        await asyncio.gather(master.read(1, 4, 9, 1), master.set_line(19200, 0, 1))
        assert port.requests[1:] == [(19200, 0, 1, False)]

    run(story())
