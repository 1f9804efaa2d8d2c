"""The PN532 reader chip at its bytes."""

import pytest
from chip_bench import CsPin, Spi, now_s, run

from drivers.card_reader import ReaderError
from drivers.pn532 import Pn532
from sim.chips import pn532 as chip_model
from sim.chips.pn532 import frame, mirror

UID4 = bytes.fromhex("DEADBEEF")
UID7 = bytes.fromhex("04A2B3C4D5E680")
UID10 = bytes.fromhex("04A1B2C3D4E5F6071829")


class Wire(Spi):
    """An SPI bus that keeps what the host sent, and may disturb what the chip answers."""

    def __init__(self, chip, cs) -> None:
        super().__init__(chip, cs)
        self.written: list[bytes] = []
        self.disturb = 0  # so many of the next answers' frames lose a bit

    def write_readinto(self, out, into) -> None:
        sent = mirror(bytes(out))
        is_rest = self._cs.falls == self._falls  # of a frame, behind its length
        super().write_readinto(out, into)
        if sent[:1] == bytes((chip_model.WRITE,)):
            self.written.append(sent[1:])
        elif is_rest and self.disturb:
            self.disturb -= 1
            into[2] ^= 0x10


class Reader:
    """Given a reader chip on an SPI bus, and its driver."""

    def __init__(self) -> None:
        self.chip = chip_model.Pn532(now_s)
        cs = CsPin()
        self.wire = Wire(self.chip, cs)
        self.driver = Pn532(self.wire, cs)


@pytest.fixture
def reader():
    return Reader()


def test_the_lowest_bit_goes_first():
    assert mirror(b"\x01\x02\x03\xd4\xa5") == b"\x80\x40\xc0\x2b\xa5"


def test_frames_carry_both_checksums():
    assert frame(b"\xd4\x02") == bytes.fromhex("0000FF02FED4022A00")
    assert frame(b"\xd4\x14\x01\x14\x01") == bytes.fromhex("0000FF05FBD4140114010200")


def test_what_the_driver_sends_at_the_start(reader):
    run(reader.driver.start())
    assert reader.wire.written == [
        bytes.fromhex("0000FF05FBD4140114010200"),  # SAMConfiguration, normal mode
        bytes.fromhex("0000FF02FED4022A00"),  # GetFirmwareVersion
        bytes.fromhex("0000FF06FAD43205FF0101F400"),  # RFConfiguration, MaxRetries
    ]
    assert reader.driver.version() == 0x32


@pytest.mark.parametrize("uid", [UID4, UID7, UID10])
def test_reads_uids_of_every_length(reader, uid):
    async def story():
        await reader.driver.start()
        assert await reader.driver.read_uid() is None
        reader.chip.put(uid)
        for _ in range(3):
            assert await reader.driver.read_uid(True) == uid
        reader.chip.remove(uid)
        assert await reader.driver.read_uid(True) is None

    run(story())
    assert bytes.fromhex("0000FF04FCD44A0100E100") in reader.wire.written


@pytest.mark.parametrize(
    "uids",
    [
        (UID4, bytes.fromhex("DEADBEEE")),
        (UID4, UID7, UID10),
        (UID7, bytes.fromhex("04A2B3C4D5E681")),
        (UID10, bytes.fromhex("04A1B2C3D4E5F6071828")),
    ],
)
def test_of_several_cards_it_is_the_same_each_time(reader, uids):
    async def story():
        await reader.driver.start()
        for uid in uids:
            reader.chip.put(uid)
        found = [await reader.driver.read_uid(True) for _ in range(4)]
        assert found[0] in uids and len(set(found)) == 1

    run(story())


def test_an_empty_poll_does_not_wait_for_a_card(reader):
    async def story():
        await reader.driver.start()
        started_s, transfers = now_s(), reader.wire.transfers
        assert await reader.driver.read_uid() is None
        assert now_s() - started_s < 0.06
        assert reader.wire.transfers - transfers <= 20

    run(story())


def test_a_card_that_comes_during_the_search_is_found(reader):
    """The search goes on in the chip: two requests, 16 ms apart."""
    import asyncio

    async def story():
        await reader.driver.start()
        poll = asyncio.create_task(reader.driver.read_uid())
        await asyncio.sleep(0.010)
        reader.chip.put(UID4)
        assert await poll == UID4

    run(story())


def test_a_damaged_answer_is_asked_for_again(reader):
    async def story():
        await reader.driver.start()
        reader.chip.put(UID7)
        reader.wire.disturb = 1
        assert await reader.driver.read_uid() == UID7
        assert chip_model.NACK in reader.wire.written

    run(story())


def test_a_line_that_damages_everything_is_an_error(reader):
    async def story():
        await reader.driver.start()
        reader.wire.disturb = 100
        with pytest.raises(ReaderError, match="damaged"):
            await reader.driver.read_uid()
        reader.wire.disturb = 0
        reader.chip.put(UID4)
        assert await reader.driver.read_uid() == UID4

    run(story())


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_a_missing_chip_is_an_error_soon(reader, level):
    async def story():
        reader.chip.transfer = lambda data, new_transaction: bytes([level] * len(data))
        started_s = now_s()
        with pytest.raises(ReaderError):
            await reader.driver.start()
        assert now_s() - started_s < 0.1

    run(story())


def test_a_chip_that_was_reset_is_an_error_until_started_again(reader):
    async def story():
        await reader.driver.start()
        reader.chip.put(UID4)
        reader.chip.reset()  # a dip in its supply: it sleeps, and forgets its settings
        with pytest.raises(ReaderError):
            await reader.driver.read_uid()
        with pytest.raises(ReaderError, match="refuses"):
            await reader.driver.read_uid()
        await reader.driver.start()
        assert await reader.driver.read_uid() == UID4

    run(story())


# The chip's own ways, that the driver rests on.


def shift(chip, *sent: int) -> bytes:
    """One transaction."""
    return mirror(chip.transfer(mirror(bytes(sent)), True))


@pytest.fixture
def awake(clock):
    chip = chip_model.Pn532(now_s)
    shift(chip, 0)
    clock.now_us += 3000
    return chip


def test_a_sleeping_chip_hears_nothing(clock):
    chip = chip_model.Pn532(now_s)
    shift(chip, chip_model.WRITE, *frame(b"\xd4\x02"))
    clock.now_us += 10000
    assert shift(chip, chip_model.STATUS, 0) == b"\0\0"


def test_ready_is_told_only_when_there_is_something_to_read(awake, clock):
    shift(awake, chip_model.WRITE, *frame(b"\xd4\x02"))
    assert shift(awake, chip_model.STATUS, 0)[1] == 0  # busy
    clock.now_us += 10000
    assert shift(awake, chip_model.STATUS, 0)[1] == chip_model.READY
    assert shift(awake, chip_model.READ, *bytes(6))[1:] == chip_model.ACK
    assert shift(awake, chip_model.STATUS, 0)[1] == chip_model.READY
    assert shift(awake, chip_model.READ, *bytes(13))[1:] == bytes.fromhex(
        "0000FF06FAD50332010607E800"
    )
    assert shift(awake, chip_model.STATUS, 0)[1] == 0


@pytest.mark.parametrize("spoiled", [3, 4, 7])  # LEN, LCS, DCS
def test_a_frame_with_a_wrong_checksum_gets_no_acknowledgement(awake, clock, spoiled):
    bad = bytearray(frame(b"\xd4\x02"))
    bad[spoiled] ^= 1
    shift(awake, chip_model.WRITE, *bad)
    clock.now_us += 10000
    assert shift(awake, chip_model.STATUS, 0)[1] == 0


def test_there_is_no_radio_before_sam_configuration(awake, clock):
    shift(awake, chip_model.WRITE, *frame(b"\xd4\x4a\x01\x00"))
    clock.now_us += 10000
    shift(awake, chip_model.READ, *bytes(6))
    assert shift(awake, chip_model.READ, *bytes(8))[1:] == chip_model.SYNTAX_ERROR
    assert not awake.field_on


def test_without_a_limit_the_chip_searches_for_ever(awake, clock):
    shift(awake, chip_model.WRITE, *frame(b"\xd4\x14\x01\x14\x01"))
    shift(awake, chip_model.WRITE, *frame(b"\xd4\x4a\x01\x00"))
    clock.now_us += 10_000_000
    shift(awake, chip_model.READ, *bytes(6))
    assert shift(awake, chip_model.STATUS, 0)[1] == 0
    awake.put(UID4)
    clock.now_us += 50_000
    assert shift(awake, chip_model.STATUS, 0)[1] == chip_model.READY
