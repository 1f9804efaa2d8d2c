"""The MFRC522 reader chip at its registers."""

import pytest
from chip_bench import CsPin, Spi, now_s, run

from drivers.card_reader import ReaderError
from drivers.mfrc522 import Mfrc522
from sim.chips import mfrc522 as chip_model
from sim.chips.iso14443 import Card, crc_a, to_bits, to_bytes, with_crc

UID4 = bytes.fromhex("DEADBEEF")
UID7 = bytes.fromhex("04A2B3C4D5E680")
UID10 = bytes.fromhex("04A1B2C3D4E5F6071829")


class Reader:
    """Given a reader chip on an SPI bus, and its driver."""

    def __init__(self) -> None:
        self.chip = chip_model.Mfrc522(now_s)
        cs = CsPin()
        self.spi = Spi(self.chip, cs)
        self.driver = Mfrc522(self.spi, cs)


@pytest.fixture
def reader():
    return Reader()


@pytest.mark.parametrize(
    ("data", "crc"),
    [("0000", "A01E"), ("1234", "26CF"), ("5000", "57CD"), ("3000", "02A8"), ("3004", "26EE")],
)
def test_crc_a(data, crc):
    data = bytes.fromhex(data)
    assert with_crc(data) == data + bytes.fromhex(crc)
    assert crc_a(with_crc(data)) == 0


def test_a_cards_check_bytes():
    card = Card(UID7)
    card.answer([0, 1, 1, 0, 0, 1, 0])
    answer = to_bytes(card.answer(to_bits(bytes((0x93, 0x20)))))
    assert answer == bytes.fromhex("8804A2B39D")


@pytest.mark.parametrize("uid", [UID4, UID7, UID10])
def test_reads_uids_of_every_length(reader, uid):
    async def story():
        await reader.driver.start()
        assert reader.driver.version() == 0x92
        assert await reader.driver.read_uid() is None
        reader.chip.put(uid)
        assert await reader.driver.read_uid() == uid
        # It was halted: a new request does not reach it, a wake-up does.
        assert await reader.driver.read_uid() is None
        assert await reader.driver.read_uid(True) == uid
        reader.chip.remove(uid)
        assert await reader.driver.read_uid(True) is None

    run(story())


@pytest.mark.parametrize(
    "uids",
    [
        (UID4, bytes.fromhex("DEADBEEE")),
        (UID4, bytes.fromhex("DFADBEEF")),
        (UID4, bytes.fromhex("DEADBE6F")),  # differ in bit 32
        (UID7, bytes.fromhex("04A2B3C4D5E681")),
        (UID4, UID7, UID10),
        tuple(bytes((0x10 + n, n * 37 & 255, n * 91 & 255, 255 - n)) for n in range(8)),
    ],
)
def test_finds_every_card_of_several(reader, uids):
    async def story():
        await reader.driver.start()
        for uid in uids:
            reader.chip.put(uid)
        found = set()
        for _ in uids:  # each is halted when read, so that the next comes to the turn
            found.add(await reader.driver.read_uid())
        assert found == set(uids)
        assert await reader.driver.read_uid() is None

    run(story())


def test_a_collision_position_counts_from_the_answers_first_byte(reader):
    """Three cards: the second collision comes when more than eight bits are known."""
    uids = [bytes.fromhex(text) for text in ("11223344", "11A23344", "11A233C4")]

    async def story():
        await reader.driver.start()
        for uid in uids:
            reader.chip.put(uid)
        assert {await reader.driver.read_uid() for _ in uids} == set(uids)

    run(story())


def test_without_a_field_there_is_no_card(reader):
    async def story():
        await reader.driver.start()
        reader.chip.put(UID4)
        reader.driver._write(chip_model.TX_CONTROL, 0x80)
        assert await reader.driver.read_uid() is None
        reader.driver._write(chip_model.TX_CONTROL, 0x83)
        assert await reader.driver.read_uid() == UID4

    run(story())


def test_an_empty_poll_is_short_and_small(reader):
    async def story():
        await reader.driver.start()
        started_s, transfers = now_s(), reader.spi.transfers
        assert await reader.driver.read_uid() is None
        assert now_s() - started_s < 0.006
        assert reader.spi.transfers - transfers <= 12

    run(story())


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_a_missing_chip_is_an_error(reader, level):
    async def story():
        reader.chip.transfer = lambda data, new_transaction: bytes([level] * len(data))
        with pytest.raises(ReaderError):
            await reader.driver.start()

    run(story())


def test_a_chip_that_was_reset_is_an_error_until_started_again(reader):
    async def story():
        await reader.driver.start()
        reader.chip.reset()  # a dip in its supply
        reader.chip.put(UID4)
        with pytest.raises(ReaderError):
            await reader.driver.read_uid()
        await reader.driver.start()
        assert await reader.driver.read_uid() == UID4

    run(story())


def test_fifo_overflow_and_flush(reader):
    def write(register, *values):
        reader.chip.transfer(bytes((register << 1, *values)), True)

    def read(register, count=1):
        address = register << 1 | 0x80
        return reader.chip.transfer(bytes([address] * count + [0]), True)[1:]

    write(chip_model.FIFO_DATA, *range(65))
    assert read(chip_model.FIFO_LEVEL) == b"\x40"
    assert read(chip_model.ERROR)[0] & 0x10
    assert read(chip_model.FIFO_DATA, 3) == b"\x00\x01\x02"
    write(chip_model.FIFO_LEVEL, 0x80)
    assert read(chip_model.FIFO_LEVEL) == b"\x00"
    assert not read(chip_model.ERROR)[0] & 0x10
