"""The authorization modes of the manual, as far as a card and a plug decide them."""

import asyncio

import pytest
import virtual_time
from auth.authorizer import Authorizer
from core.settings import Settings

GOOD, BAD, ANY = "900D900D", "BAD0BAD0", "04A1B2C3D4E5F6"  # UIDs of cards


class Charger:
    """Records what it is asked for."""

    def __init__(self, plugged=False):
        self.session = None
        self.plugged = plugged
        self.asked = []

    def listen(self, callback):
        self.tell = callback

    def start(self, id_tag):
        self.asked.append(("start", id_tag))
        self.session = type("Session", (), {"id_tag": id_tag})
        return ""

    def stop(self, reason, id_tag=""):
        self.asked.append(("stop", reason, id_tag))
        self.session = None
        return True


class Backend:
    """A back office that knows one card."""

    def __init__(self, online=True):
        self.online = online
        self.asked = []

    async def authorize(self, id_tag):
        await asyncio.sleep(0.1)
        self.asked.append(id_tag)
        if not self.online:
            return None
        return "Accepted" if id_tag in (GOOD, "123") else "Blocked"


def play(tmp_path, changes, story, backend=None, plugged=False):
    """Tell a story to an authorizer with these settings."""
    settings = Settings(str(tmp_path / "settings.json"))
    settings.change(changes)
    charger = Charger(plugged)

    async def stage():
        authorizer = Authorizer(settings, charger, backend)
        asyncio.create_task(authorizer.run())
        await asyncio.sleep(0)
        await story(authorizer, charger)

    virtual_time.run(stage())
    return charger.asked


async def plug(authorizer, charger):
    charger.tell("plugged", None)
    await asyncio.sleep(1)


def card(id_tag):
    async def show(authorizer, charger):
        authorizer.present(bytes.fromhex(id_tag))
        await asyncio.sleep(1)

    return show


A1 = {"chargepoint_type": "Home", "rfid_reader": False, "free_charging": True}
A2 = {
    "chargepoint_type": "Home",
    "rfid_reader": True,
    "free_charging": True,
    "free_charging_mode": "Without ocpp",
}
B2 = {"rfid_reader": False, "free_charging": True, "free_charging_mode": "With ocpp"}
B3 = {"rfid_reader": True, "free_charging": False, "free_charging_mode": "With ocpp"}


def test_a1_plug_and_charge(tmp_path):
    assert play(tmp_path, A1, plug) == [("start", "123")]
    assert play(tmp_path, A1, card(ANY)) == []


def test_a1_a_car_that_was_there_before_the_start_charges_too(tmp_path):
    async def wait(authorizer, charger):
        await asyncio.sleep(1)

    assert play(tmp_path, A1, wait, plugged=True) == [("start", "123")]
    assert play(tmp_path, A1, wait) == []


def test_a2_any_card_charges(tmp_path):
    assert play(tmp_path, A2, card(ANY)) == [("start", ANY)]
    assert play(tmp_path, A2, plug) == []


def test_b2_plug_and_charge_with_the_back_offices_leave(tmp_path):
    backend = Backend()
    assert play(tmp_path, B2, plug, backend) == [("start", "123")]
    assert backend.asked == ["123"]


@pytest.mark.parametrize(("id_tag", "asked"), [(GOOD, [("start", GOOD)]), (BAD, [])])
def test_b3_the_back_office_decides(tmp_path, id_tag, asked):
    assert play(tmp_path, B3, card(id_tag), Backend()) == asked


def test_b3_offline_nobody_charges(tmp_path):
    assert play(tmp_path, B3, card(GOOD), Backend(online=False)) == []
    assert play(tmp_path, B3, card(GOOD), None) == []


def test_the_same_card_stops_and_another_does_not(tmp_path):
    async def story(authorizer, charger):
        for id_tag in (GOOD, BAD, GOOD):
            authorizer.present(bytes.fromhex(id_tag))
            await asyncio.sleep(1)

    assert play(tmp_path, B3, story, Backend()) == [("start", GOOD), ("stop", "Local", GOOD)]


@pytest.mark.parametrize("started_by", ["2416807949", "900d900d", "90:0D:90:0D"])
def test_the_card_stops_what_was_started_by_its_number_in_another_form(tmp_path, started_by):
    async def story(authorizer, charger):
        charger.start(started_by)  # from the back office
        authorizer.present(bytes.fromhex(GOOD))
        await asyncio.sleep(1)

    assert play(tmp_path, B3, story, Backend())[1:] == [("stop", "Local", GOOD)]


def test_the_byte_order_of_the_settings(tmp_path):
    changes = {**A2, "tag_byte_order": "LE"}
    assert play(tmp_path, changes, card(ANY)) == [("start", "F6E5D4C3B2A104")]


def test_cards_while_the_back_office_is_asked_are_passed_over(tmp_path):
    backend = Backend()

    async def story(authorizer, charger):
        authorizer.present(bytes.fromhex(GOOD))
        await asyncio.sleep(0.05)
        authorizer.present(bytes.fromhex(BAD))
        await asyncio.sleep(1)

    assert play(tmp_path, B3, story, backend) == [("start", GOOD)]
    assert backend.asked == [GOOD]


def test_a_card_is_told_how_it_was_decided(tmp_path):
    """The buzzer's part: accepted only where a session begins or ends."""
    heard = []

    async def story(authorizer, charger):
        authorizer.on_decision = heard.append
        charger.awaits_plug = False
        await authorizer.card(BAD)
        await authorizer.card(GOOD)
        await authorizer.card(ANY)
        await authorizer.card(GOOD)
        charger.start = lambda id_tag: "faulted"
        await authorizer.card(GOOD)
        assert heard == [False, True, False, True, False]

    play(tmp_path, {}, story, Backend())
