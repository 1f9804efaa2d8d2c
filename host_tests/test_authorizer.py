"""Cards and plugs beyond the modes: the cache, free charging, stopping, learning."""

import asyncio

import pytest
from auth import tag_cache, whitelist
from authorizer_rig import (
    A1,
    A2,
    A3,
    ANY,
    B1,
    B2,
    B3,
    B7,
    BAD,
    Backend,
    CACHED,
    GOOD,
    LISTED,
    _NO_CACHE,
    _PUBLIC,
    card,
    fill_lists,
    play,
    plug,
    who_charges,
)


@pytest.fixture
def lists(tmp_path):
    """A card on the whitelist, two in the cache."""
    fill_lists(tmp_path)


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
