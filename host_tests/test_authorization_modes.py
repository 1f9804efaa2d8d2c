"""The authorization modes of ETEK's manual (A.1 … B.7), each by the settings that its table gives."""

import asyncio

import pytest
from auth import tag_cache
from authorizer_rig import (
    A1,
    A2,
    A3,
    ANY,
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
    B7,
    Backend,
    CACHED,
    GOOD,
    LISTED,
    REFUSED,
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
