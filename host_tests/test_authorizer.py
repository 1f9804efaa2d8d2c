"""The authorization modes of ETEK's manual (A.1 … B.7), each by the settings that its table gives."""

import asyncio

import pytest
import virtual_time
from auth import tag_cache, whitelist
from auth.authorizer import Authorizer
from core.settings import Settings

GOOD, BAD, ANY = "900D900D", "BAD0BAD0", "04A1B2C3D4E5F6"  # UIDs of cards
LISTED, CACHED, REFUSED = "11571157", "CA54ED01", "DEADBEEF"


class Charger:
    """Records what it is asked for."""

    def __init__(self, plugged=False):
        self.session = None
        self.plugged = plugged
        self.finished = False
        self.awaits_plug = False
        self.refusal = ""
        self.asked = []

    def listen(self, callback):
        self.tell = callback

    def start(self, id_tag):
        if self.refusal or self.session:
            return self.refusal or "a session is running"
        self.asked.append(("start", id_tag))
        self.session = type("Session", (), {"id_tag": id_tag})
        return ""

    def stop(self, reason, id_tag=""):
        self.asked.append(("stop", reason, id_tag))
        self.session = None
        self.finished = self.plugged
        return True

    def plug(self, is_in=True):
        self.plugged = is_in
        if is_in:
            self.tell("plugged", self.session)
        elif self.session:
            self.stop("EVDisconnected")
        self.finished = self.finished and is_in


class Backend:
    """A back office that knows some cards."""

    def __init__(self, online=True, answers=True):
        self.online = online
        self.answers = answers
        self.asked = []
        self.parents = {}

    async def authorize_info(self, id_tag):
        await asyncio.sleep(0.1)
        if not self.online:
            return None
        self.asked.append(id_tag)
        if not self.answers:
            return None
        info = {"status": "Accepted" if id_tag in (GOOD, "123", *self.parents) else "Blocked"}
        if id_tag in self.parents:
            info["parentIdTag"] = self.parents[id_tag]
        self.authorizer.told({"idTag": id_tag}, info)  # as ocpp16's charge point does
        return info


def play(tmp_path, changes, story, backend=None, plugged=False):
    """Tell a story to an authorizer with these settings; returns what the charger was asked for."""
    settings = Settings(str(tmp_path / "settings.json"))
    settings.change(changes)
    charger = Charger(plugged)

    async def stage():
        authorizer = Authorizer(settings, charger, backend, str(tmp_path))
        if backend:
            backend.authorizer = authorizer
        asyncio.create_task(authorizer.run())
        await asyncio.sleep(0)
        await story(authorizer, charger)

    virtual_time.run(stage())
    return charger.asked


@pytest.fixture
def lists(tmp_path):
    """A card on the whitelist, two in the cache."""
    whitelist.insert(LISTED, str(tmp_path / "whitelist"))
    tag_cache.put(CACHED, "Accepted", 0, "", str(tmp_path / "tag_cache"))
    tag_cache.put(REFUSED, "Blocked", 0, "", str(tmp_path / "tag_cache"))


async def plug(authorizer, charger):
    charger.plug()
    await asyncio.sleep(1)


def card(*id_tags):
    async def show(authorizer, charger):
        for id_tag in id_tags:
            authorizer.present(bytes.fromhex(id_tag))
            await asyncio.sleep(1)

    return show


def who_charges(tmp_path, changes, online=True, answers=True) -> dict:
    """{card: the back office was asked} of the cards that start a charge."""
    charging = {}
    for id_tag in (GOOD, LISTED, CACHED, REFUSED, ANY):
        backend = Backend(online, answers)
        if play(tmp_path, changes, card(id_tag), backend) == [("start", id_tag)]:
            charging[id_tag] = bool(backend.asked)
    return charging


_ALL_OFF = {
    "stop_mode": "IC Card/Pull Charging Plug",
    "resume_after_power_loss": False,
    "whitelist_enabled": False,
    "tag_byte_order": "BE",
    "cache_expire_mode": True,
    "offline_allow_unknown": False,
    "local_pre_authorize": False,
    "local_authorize_offline": False,
    "stop_if_queue_full": False,
    "authorization_cache": True,
}
_CARDS = {"rfid_reader": True, "free_charging": False, "free_charging_tag": "123"}
_NO_CARDS = {"rfid_reader": False, "free_charging": True, "free_charging_tag": "123"}
_HOME = {"chargepoint_type": "Home"}
_PUBLIC = {"chargepoint_type": "Public"}
_LOCAL = {"whitelist_enabled": True, "local_pre_authorize": True, "local_authorize_offline": True}
_NO_CACHE = {"cache_expire_mode": False, "authorization_cache": False}

A1 = {**_HOME, **_NO_CARDS, **_ALL_OFF}
A2 = {
    **_HOME,
    "rfid_reader": True,
    "free_charging": True,
    "free_charging_tag": "123",
    "free_charging_mode": "Without ocpp",
}
A3 = {**_HOME, **_CARDS, "free_charging_mode": "Without ocpp"}
B1 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF, **_LOCAL}
B2 = {**_PUBLIC, **_NO_CARDS, "free_charging_mode": "With ocpp"}
B3 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF}
B4 = {**_PUBLIC, **_CARDS, **_ALL_OFF, **_LOCAL, "authorization_cache": False}
B5 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF, **_NO_CACHE}
B6 = B3
B7 = {
    **_PUBLIC,
    **_CARDS,
    **_ALL_OFF,
    **_NO_CACHE,
    "offline_allow_unknown": True,
    "local_pre_authorize": True,
    "local_authorize_offline": True,
}


def test_a1_no_need_to_swipe_the_card_plug_and_charge(tmp_path):
    assert play(tmp_path, A1, plug) == [("start", "123")]
    assert play(tmp_path, A1, card(ANY)) == []


def test_a1_a_car_that_was_there_before_the_start_charges_too(tmp_path):
    async def wait(authorizer, charger):
        await asyncio.sleep(1)

    assert play(tmp_path, A1, wait, plugged=True) == [("start", "123")]
    assert play(tmp_path, A1, wait) == []


def test_a1_one_car_after_the_other(tmp_path):
    async def story(authorizer, charger):
        for _ in range(3):
            charger.plug()
            await asyncio.sleep(2)
            charger.plug(False)
            await asyncio.sleep(2)

    once = [("start", "123"), ("stop", "EVDisconnected", "")]
    assert play(tmp_path, A1, story) == once * 3


def test_a1_a_car_that_was_stopped_does_not_start_again_by_itself(tmp_path):
    async def story(authorizer, charger):
        await plug(authorizer, charger)
        charger.stop("Remote")
        await asyncio.sleep(600)

    assert play(tmp_path, A1, story) == [("start", "123"), ("stop", "Remote", "")]


def test_a1_what_kept_the_car_from_charging_is_over_within_a_minute(tmp_path):
    async def story(authorizer, charger):
        charger.refusal = "faulted"
        await plug(authorizer, charger)
        charger.refusal = ""
        await asyncio.sleep(61)

    assert play(tmp_path, A1, story) == [("start", "123")]


def test_a2_swipe_any_card_to_charge(tmp_path):
    assert play(tmp_path, A2, card(ANY)) == [("start", ANY)]
    assert play(tmp_path, A2, plug) == []
    only_the_same_stops = card(ANY, GOOD, ANY)
    assert play(tmp_path, A2, only_the_same_stops) == [("start", ANY), ("stop", "Local", ANY)]


def test_a3_swipe_the_local_whitelist_card_to_charge(tmp_path, lists):
    assert play(tmp_path, A3, card(LISTED)) == [("start", LISTED)]
    for id_tag in (GOOD, CACHED, ANY):
        assert play(tmp_path, A3, card(id_tag), Backend()) == []
    assert play(tmp_path, A3, plug) == []


def test_b1_swipe_the_local_cached_and_whitelist_card_to_charge(tmp_path, lists):
    """Those start at once; another's is asked for, and one known to be bad is asked for again."""
    assert who_charges(tmp_path, B1) == {GOOD: True, LISTED: False, CACHED: False}
    tag_cache.clear(str(tmp_path / "tag_cache"))
    assert who_charges(tmp_path, B1) == {GOOD: True, LISTED: False}


def test_b1_a_card_that_was_refused_is_asked_for_again(tmp_path, lists):
    backend = Backend()
    backend.parents = {REFUSED: ""}  # meanwhile its bill is paid
    assert play(tmp_path, B1, card(REFUSED, REFUSED, REFUSED), backend) == [
        ("start", REFUSED),
        ("stop", "Local", REFUSED),
        ("start", REFUSED),
    ]
    assert backend.asked == [REFUSED]  # then the cache knew


def test_b1_offline_the_same_cards_charge(tmp_path, lists):
    assert set(who_charges(tmp_path, B1, online=False)) == {LISTED, CACHED}


def test_b2_plug_and_charge_with_the_back_offices_leave(tmp_path):
    backend = Backend()
    assert play(tmp_path, B2, plug, backend) == [("start", "123")]
    assert backend.asked == ["123"]
    assert play(tmp_path, {**B2, "free_charging_tag": "456"}, plug, Backend()) == []


def test_b2_when_the_back_office_comes_back_the_car_charges(tmp_path):
    backend = Backend(online=False)

    async def story(authorizer, charger):
        await plug(authorizer, charger)
        assert not charger.asked
        backend.online = True
        await asyncio.sleep(61)

    assert play(tmp_path, B2, story, backend) == [("start", "123")]


def test_b2_a_car_that_has_left_while_the_back_office_was_asked_does_not_start(tmp_path):
    async def story(authorizer, charger):
        charger.plug()
        await asyncio.sleep(0.05)
        charger.plug(False)
        await asyncio.sleep(5)

    backend = Backend()
    assert play(tmp_path, B2, story, backend) == []
    assert backend.asked == ["123"]


def test_b3_swipe_the_card_allowed_in_the_background_to_charge(tmp_path, lists):
    assert who_charges(tmp_path, B3) == {GOOD: True}


def test_b4_swipe_the_local_whitelist_card_to_charge(tmp_path, lists):
    assert who_charges(tmp_path, B4) == {GOOD: True, LISTED: False}
    assert set(who_charges(tmp_path, B4, online=False)) == {LISTED}


def test_b5_charging_cannot_be_started_during_disconnection(tmp_path, lists):
    assert who_charges(tmp_path, B5, online=False) == {}
    assert who_charges(tmp_path, B5, answers=False) == {}
    assert play(tmp_path, B5, card(GOOD), None) == []  # there is no back office at all
    assert who_charges(tmp_path, B5) == {GOOD: True}


def test_b6_only_local_whitelist_cards_charge_during_disconnection(tmp_path, lists):
    assert set(who_charges(tmp_path, B6, online=False)) == {LISTED}
    assert set(who_charges(tmp_path, B6, answers=False)) == {LISTED}


def test_b7_any_card_charges_during_disconnection(tmp_path, lists):
    everyone = {GOOD, LISTED, CACHED, REFUSED, ANY}
    assert set(who_charges(tmp_path, B7, online=False)) == everyone
    assert who_charges(tmp_path, B7) == {GOOD: True}


# --- beyond the modes


def test_what_the_cache_knows_to_be_bad_is_not_in_doubt(tmp_path, lists):
    """Given doubt and a cache, AllowOfflineTxForUnknownId is for unknown cards only."""
    changes = {**B7, "authorization_cache": True, "cache_expire_mode": True}
    charging = who_charges(tmp_path, changes, online=False)
    assert set(charging) == {GOOD, LISTED, CACHED, ANY}


def test_the_cache_learns_from_the_back_office(tmp_path):
    play(tmp_path, B3, card(GOOD, GOOD, BAD), Backend())
    changes = {**B3, "local_authorize_offline": True}
    assert play(tmp_path, changes, card(GOOD), Backend(online=False)) == [("start", GOOD)]
    assert play(tmp_path, changes, card(BAD), Backend(online=False)) == []
    assert play(tmp_path, {**B3, **_NO_CACHE}, card(GOOD), Backend(online=False)) == []


def test_with_the_expire_mode_off_an_entry_without_a_date_does_not_serve(tmp_path, lists):
    changes = {**B1, "whitelist_enabled": False, "cache_expire_mode": False}
    assert who_charges(tmp_path, changes) == {GOOD: True}


def test_a_cache_that_was_cleared_is_empty_and_without_one_that_is_told(tmp_path, lists):
    async def story(authorizer, charger):
        assert authorizer.clear_cache()
        authorizer.settings.change({"authorization_cache": False})
        assert not authorizer.clear_cache()

    play(tmp_path, B1, story)
    assert tag_cache.find(CACHED, str(tmp_path / "tag_cache")) is None


def test_free_charging_with_ocpp_asks_for_the_free_tag_whatever_the_card(tmp_path):
    changes = {**A2, **_PUBLIC, "free_charging_mode": "With ocpp"}
    backend = Backend()
    assert play(tmp_path, changes, card(ANY, BAD), backend) == [
        ("start", "123"),
        ("stop", "Local", BAD),
    ]
    assert backend.asked == ["123"]


def test_free_charging_without_ocpp_asks_nobody(tmp_path):
    backend = Backend()
    assert play(tmp_path, {**A2, **_PUBLIC}, card(ANY), backend) == [("start", ANY)]
    changes = {**B2, "free_charging_mode": "Without ocpp"}
    assert play(tmp_path, changes, plug, backend) == [("start", "123")]
    assert backend.asked == []


def test_plug_and_charge_id_is_free_charging_with_that_tag(tmp_path):
    backend = Backend()
    backend.parents = {"PLUG-ID-1": ""}
    changes = {**B3, "plug_and_charge_id": "PLUG-ID-1"}
    assert play(tmp_path, changes, plug, backend) == [("start", "PLUG-ID-1")]
    assert backend.asked == ["PLUG-ID-1"]
    at_home = {**A3, "plug_and_charge_id": "PLUG-ID-1"}
    assert play(tmp_path, {**at_home}, plug) == [("start", "PLUG-ID-1")]


def test_the_same_card_stops_and_another_does_not(tmp_path):
    backend = Backend()
    story = card(GOOD, BAD, GOOD)
    assert play(tmp_path, B3, story, backend) == [("start", GOOD), ("stop", "Local", GOOD)]
    assert backend.asked == [GOOD]  # stopping asks nobody


@pytest.mark.parametrize("cache", [True, False])
def test_a_card_with_the_same_parent_stops_too(tmp_path, cache):
    """OCPP's group of tags: accepted by the back office, with the same parentIdTag."""
    backend = Backend()
    backend.parents = {GOOD: "fleet", ANY: "FLEET", BAD: "others"}
    story = card(GOOD, BAD, ANY)
    changes = {**B3, "authorization_cache": cache}
    assert play(tmp_path, changes, story, backend) == [("start", GOOD), ("stop", "Local", ANY)]


def test_offline_the_cache_knows_the_group(tmp_path):
    path = str(tmp_path / "tag_cache")
    for id_tag, parent in ((GOOD, "FLEET"), (ANY, "FLEET"), (BAD, "OTHERS")):
        tag_cache.put(id_tag, "Accepted", 0, parent, path)
    offline = Backend(online=False)
    assert play(tmp_path, B1, card(GOOD, BAD, ANY), offline) == [
        ("start", GOOD),
        ("stop", "Local", ANY),
    ]


@pytest.mark.parametrize("started_by", ["2416807949", "900d900d", "90:0D:90:0D"])
def test_the_card_stops_what_was_started_by_its_number_in_another_form(tmp_path, started_by):
    async def story(authorizer, charger):
        charger.start(started_by)  # from the back office
        await card(GOOD)(authorizer, charger)

    assert play(tmp_path, B3, story, Backend())[1:] == [("stop", "Local", GOOD)]


@pytest.mark.parametrize("written", ["2416807949", "900d900d", "90:0D:90:0D", "900D900D"])
def test_a_number_typed_on_the_page_is_the_cards(tmp_path, written):
    """POST /api/actions/start_charging, also while the reader is off."""

    async def story(authorizer, charger):
        assert await authorizer.card(written) == "Accepted"

    changes = {**B3, "rfid_reader": False}
    assert play(tmp_path, changes, story, Backend()) == [("start", GOOD)]


def test_the_byte_order_of_the_settings(tmp_path):
    changes = {**A2, "tag_byte_order": "LE"}
    assert play(tmp_path, changes, card(ANY)) == [("start", "F6E5D4C3B2A104")]


def test_a_remote_start_asks_the_local_lists_too(tmp_path, lists):
    async def story(authorizer, charger):
        statuses = [await authorizer.remote(tag) for tag in (LISTED, CACHED, GOOD, BAD)]
        assert statuses == ["Accepted", "Accepted", "Accepted", "Blocked"]

    backend = Backend()
    assert play(tmp_path, B1, story, backend) == []
    assert backend.asked == [GOOD, BAD]


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
        for id_tag in (BAD, GOOD, ANY, GOOD):
            await authorizer.card(id_tag)
        charger.refusal = "faulted"
        await authorizer.card(GOOD)
        assert heard == [False, True, False, True, False]

    play(tmp_path, {}, story, Backend())


# --- learning


def listed(tmp_path) -> set:
    return set(whitelist.page(0, 100, str(tmp_path / "whitelist")))


def test_while_it_learns_cards_are_added_and_do_not_charge(tmp_path):
    heard = []

    async def story(authorizer, charger):
        authorizer.on_decision = heard.append
        authorizer.learn("whitelist")
        await card(GOOD, ANY, GOOD)(authorizer, charger)
        assert authorizer.learning == "whitelist"
        authorizer.learn("")
        await card(GOOD)(authorizer, charger)

    assert play(tmp_path, A3, story) == [("start", GOOD)]
    assert listed(tmp_path) == {GOOD, ANY}
    assert heard == [True, True, True, True]


def test_while_it_learns_the_card_of_a_running_charge_does_not_stop_it(tmp_path):
    async def story(authorizer, charger):
        charger.start(GOOD)
        authorizer.learn("whitelist")
        await card(GOOD)(authorizer, charger)

    assert play(tmp_path, A3, story) == [("start", GOOD)]


def test_learning_ends_five_minutes_after_the_last_card(tmp_path):
    async def story(authorizer, charger):
        authorizer.learn("whitelist")
        await asyncio.sleep(290)
        await card(GOOD)(authorizer, charger)
        await asyncio.sleep(290)
        assert authorizer.learning == "whitelist"
        await asyncio.sleep(10)
        assert authorizer.learning == ""
        await card(ANY)(authorizer, charger)

    assert play(tmp_path, A3, story) == []
    assert listed(tmp_path) == {GOOD}


def test_learning_is_not_kept_over_a_restart(tmp_path):
    async def story(authorizer, charger):
        authorizer.learn("whitelist")

    play(tmp_path, A3, story)
    assert play(tmp_path, A3, card(ANY)) == []
    assert not listed(tmp_path)


def test_a_full_list_learns_no_more_and_says_so(tmp_path):
    path = str(tmp_path / "whitelist")
    for number in range(1000):
        whitelist.insert(f"{number:08X}", path)

    async def story(authorizer, charger):
        authorizer.learn("whitelist")
        assert await authorizer.card(GOOD) == "Invalid"

    assert play(tmp_path, A3, story) == []
    assert not whitelist.contains(GOOD, path)


def test_learning_without_a_reader_is_refused(tmp_path):
    async def story(authorizer, charger):
        with pytest.raises(ValueError, match="reader is switched off"):
            authorizer.learn("whitelist")
        with pytest.raises(ValueError, match="not nonsense"):
            authorizer.learn("nonsense")
        authorizer.learn("")
        assert authorizer.learning == ""

    play(tmp_path, A1, story)


def test_the_configuration_card_is_learned_and_never_charges(tmp_path):
    opened = []

    async def story(authorizer, charger):
        authorizer.on_config_card = lambda: opened.append(True)
        authorizer.learn("config_card")
        await card(GOOD)(authorizer, charger)
        assert (authorizer.learning, opened) == ("", [])
        assert authorizer.settings.get("config_card") == GOOD
        await card(GOOD)(authorizer, charger)
        assert len(opened) == 1
        authorizer.learn("whitelist")
        await card(GOOD)(authorizer, charger)
        assert len(opened) == 2

    assert play(tmp_path, A2, story) == []
    assert not listed(tmp_path)
    assert play(tmp_path, A2, card(GOOD)) == []  # also after a restart


@pytest.mark.parametrize("written", ["2416807949", "90:0d:90:0d"])
def test_the_configuration_card_may_be_typed_in_any_spelling(tmp_path, written):
    assert play(tmp_path, {**A2, "config_card": written}, card(GOOD)) == []
    assert play(tmp_path, {**A2, "config_card": written}, card(ANY)) == [("start", ANY)]
