"""Presentations of cards, at every kind of reader chip: one call for each, and a chip that fails."""

import asyncio
import json

import install
import pytest
from chip_bench import CsPin, Spi, now_s, run

from drivers import mfrc522, pn532
from drivers.card_reader import CardReader
from sim.chips import mfrc522 as mfrc522_model
from sim.chips import pn532 as pn532_model
from sim.registers import Registers

UID4 = bytes.fromhex("DEADBEEF")
UID7 = bytes.fromhex("04A2B3C4D5E680")
UID10 = bytes.fromhex("04A1B2C3D4E5F6071829")
KINDS = {
    "mfrc522": (mfrc522_model.Mfrc522, mfrc522.Mfrc522),
    "pn532": (pn532_model.Pn532, pn532.Pn532),
}


class Desk:
    """Given a card reader service at work on a reader chip."""

    def __init__(self, kind: str, transfer_us: int = 20) -> None:
        model, driver = KINDS[kind]
        self.chip = model(now_s)
        cs = CsPin()
        self.spi = Spi(self.chip, cs, transfer_us)
        self.cards: list[tuple[bytes, float]] = []
        self.service = CardReader(driver(self.spi, cs), self._card)

    @property
    def seen(self) -> list[bytes]:
        """UIDs in the order in which they were told."""
        return [uid for uid, _ in self.cards]

    def _card(self, uid: bytes) -> None:
        self.cards.append((uid, now_s()))

    def play(self, story) -> None:
        async def stage():
            self.task = asyncio.create_task(self.service.run())
            await asyncio.sleep(0.5)
            await story()
            assert not self.task.done()

        run(stage())


@pytest.mark.parametrize("kind", [*KINDS, "acr122"])
def test_the_board_has_the_reader_that_its_config_names(kind):
    from drivers.board import Board

    install.use_registers(Registers())
    config = json.loads((install.ROOT / "config.json").read_text())["board"]
    board = Board({**config, "card_reader": kind})
    if kind in KINDS:
        chip = board.card_reader(print)._reader
        assert isinstance(chip, KINDS[kind][1])
    else:
        with pytest.raises(ValueError, match="acr122"):
            board.card_reader(print)


@pytest.fixture(params=list(KINDS))
def desk(request):
    return Desk(request.param)


def test_a_card_is_told_once_and_soon(desk):
    async def story():
        put_s = now_s()
        desk.chip.put(UID7)
        await asyncio.sleep(3)  # held all the time
        assert desk.seen == [UID7]
        assert desk.cards[0][1] - put_s < 0.4
        desk.chip.remove()
        await asyncio.sleep(0.5)
        desk.chip.put(UID7)  # a wobble, not a new presentation
        await asyncio.sleep(0.5)
        assert len(desk.cards) == 1
        desk.chip.remove()
        await asyncio.sleep(1.5)
        desk.chip.put(UID7)
        await asyncio.sleep(0.5)
        assert len(desk.cards) == 2

    desk.play(story)


def test_another_card_counts_at_once(desk):
    async def story():
        desk.chip.put(UID4)
        await asyncio.sleep(0.5)
        desk.chip.remove()
        desk.chip.put(UID10)
        await asyncio.sleep(0.5)
        assert desk.seen == [UID4, UID10]

    desk.play(story)


def test_two_cards_in_a_purse_do_not_take_turns(desk):
    async def story():
        desk.chip.put(UID4)
        desk.chip.put(bytes.fromhex("DFADBEEF"))
        await asyncio.sleep(5)
        assert len(desk.cards) == 1

    desk.play(story)


def test_a_silent_reader_is_told_and_comes_back(desk):
    async def story():
        assert desk.service.ok
        desk.chip.silent = True
        await asyncio.sleep(1)
        assert not desk.service.ok
        await asyncio.sleep(30)
        desk.chip.silent = False
        desk.chip.put(UID4)
        await asyncio.sleep(3)
        assert desk.service.ok
        assert desk.seen == [UID4]

    desk.play(story)


def test_a_chip_that_lost_its_settings_is_started_again(desk):
    async def story():
        desk.chip.reset()
        desk.chip.put(UID4)
        await asyncio.sleep(3)
        assert desk.service.ok
        assert desk.seen == [UID4]

    desk.play(story)


def test_a_switched_off_reader_leaves_cards_alone(desk):
    async def story():
        desk.service.enabled = False
        desk.chip.put(UID4)
        transfers = desk.spi.transfers
        await asyncio.sleep(3)
        assert desk.seen == []
        assert desk.spi.transfers <= transfers + 2  # the poll that was under way
        desk.service.enabled = True
        await asyncio.sleep(0.5)
        assert desk.seen == [UID4]

    desk.play(story)


@pytest.mark.parametrize("kind", KINDS)
def test_others_have_their_turn_while_cards_are_read(kind):
    """A transfer takes 0.4 ms on a slow chip; half of the 20 ms are for what goes on between them."""
    desk = Desk(kind, transfer_us=400)
    longest_s = 0.0

    async def watch():
        nonlocal longest_s
        while True:
            before_s = now_s()
            await asyncio.sleep(0.001)
            longest_s = max(longest_s, now_s() - before_s - 0.001)

    async def story():
        watcher = asyncio.create_task(watch())
        desk.chip.put(UID10)
        await asyncio.sleep(1)
        assert desk.seen == [UID10]
        desk.chip.silent = True
        await asyncio.sleep(5)
        watcher.cancel()
        assert 0 < longest_s < 0.010

    desk.play(story)
