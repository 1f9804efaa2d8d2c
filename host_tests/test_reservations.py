"""Reservations beyond the test tool's cases: whoever asks for a start, whatever happens meanwhile."""

import asyncio
import json
import os

import pytest
from auth import known, local_list_update
from core import clock
from evse import faults
from octt_rig import ACCEPTED, OTHER_TAG, PARENT, REJECTED, TAG, case

FILE = "/data/auth_reservation.json"
FREE = {"rfid_reader": False, "free_charging": True, "free_charging_tag": "FREE"}


async def reserve(s, seconds: float = 600, **more) -> dict:
    """For TAG, under the number 7."""
    expiry = clock.iso8601(int(clock.unix_s() + seconds))
    payload = {"connectorId": 1, "expiryDate": expiry, "idTag": TAG, "reservationId": 7}
    return await s.ask("ReserveNow", **{**payload, **more})


async def reserved(s, seconds: float = 600, **more) -> None:
    """Reserve, and wait until the back office was told."""
    assert await reserve(s, seconds, **more) == ACCEPTED
    await s.reports("Reserved")


async def starts(s) -> list:
    """(tag, reservationId) of each StartTransaction, once all have arrived."""
    await s.delivered()
    return [
        (start["idTag"], start.get("reservationId")) for start in s.received("StartTransaction")
    ]


def kept() -> bool:
    """There is one on flash."""
    return os.path.exists(FILE)


# --- who asks for a start


@pytest.mark.parametrize("mode", ["With ocpp", "Without ocpp"])
def test_free_charging_waits_for_the_end_of_a_reservation(make_station, mode):
    s = make_station(**FREE, free_charging_mode=mode)

    async def story(s):
        await s.online()
        await reserved(s, 150)
        await s.plug()
        await asyncio.sleep(130)
        assert (s.charger.status, s.count("StartTransaction")) == ("Reserved", 0)
        await s.reports("Charging")
        assert await starts(s) == [("FREE", None)]

    s.play(story)


def test_free_charging_by_the_reserved_tag_starts_at_once(make_station):
    s = make_station(**FREE, plug_and_charge_id="PLUG-ID-1")

    async def story(s):
        await s.online()
        await reserved(s, idTag="plug-id-1")
        await s.plug()
        await s.reports("Charging")
        assert await starts(s) == [("PLUG-ID-1", 7)]

    s.play(story)


@case
async def test_the_pages_button_does_not_start_what_is_kept_for_another(s):
    await reserved(s)
    await s.plug()
    assert s.charger.start("operator") == "reserved"
    assert s.charger.start(TAG.lower()) == ""
    await s.reports("Charging")


@case
async def test_a_remote_start_by_the_group_asks_for_the_parent(s):
    await s.configure(AuthorizeRemoteTxRequests="false")
    s.csms.tags[OTHER_TAG] = {"status": "Accepted", "parentIdTag": PARENT}
    await reserved(s, parentIdTag=PARENT)
    await s.plug()
    for tag in ("57A46E00", OTHER_TAG):
        await s.ask("RemoteStartTransaction", idTag=tag)
        await asyncio.sleep(3)
    assert await starts(s) == [(OTHER_TAG, 7)]


@case
async def test_offline_the_local_list_knows_the_group(s):
    s.settings.change({"local_authorize_offline": True})
    info = {"status": "Accepted", "parentIdTag": PARENT.lower()}
    listed = {"idTag": OTHER_TAG, "idTagInfo": info}
    await s.ask("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=[listed])
    await reserved(s, parentIdTag=PARENT)
    await s.offline()
    await s.plug()
    assert await s.swipe("57A46E00") == "ConcurrentTx"
    assert await s.swipe(OTHER_TAG) == "Accepted"
    await s.back()
    assert await starts(s) == [(OTHER_TAG, 7)]


@case
async def test_a_tag_of_the_group_that_is_blocked_does_not_charge(s):
    s.csms.tags[OTHER_TAG] = {"status": "Blocked", "parentIdTag": PARENT}
    await reserved(s, parentIdTag=PARENT)
    await s.plug()
    assert await s.swipe(OTHER_TAG) == "Blocked"
    assert s.count("Authorize") == 1
    assert s.charger.status == "Reserved"


# --- how it is replaced, and how it ends


@case
async def test_the_same_number_replaces_and_another_finds_it_occupied(s):
    await reserved(s, 60)
    assert await reserve(s, reservationId=8, idTag=OTHER_TAG) == {"status": "Occupied"}
    assert await reserve(s, 600, idTag=OTHER_TAG) == ACCEPTED
    await asyncio.sleep(90)
    await s.plug()
    assert await s.swipe(TAG) == "ConcurrentTx"
    assert await s.swipe(OTHER_TAG) == "Accepted"
    assert await starts(s) == [(OTHER_TAG, 7)]
    assert not kept()


@pytest.mark.parametrize("occupied_by", ["a car", "a card", "a finished charge"])
def test_what_is_in_use_is_not_reserved(station, occupied_by):
    async def story(s):
        await s.online()
        if occupied_by == "a card":
            await s.swipe(OTHER_TAG)
        else:
            await s.plug()
        if occupied_by == "a finished charge":
            await s.swipe(OTHER_TAG)
            await asyncio.sleep(15)
            await s.swipe(OTHER_TAG)
        await asyncio.sleep(1)
        assert await reserve(s) == {"status": "Occupied"}
        assert not kept()

    station.play(story)


@pytest.mark.parametrize(
    "wrong", [{"connectorId": 2}, {"connectorId": -1}, {"expiryDate": "2020-01-01T00:00:00Z"}]
)
def test_what_makes_no_sense_is_rejected(station, wrong):
    async def story(s):
        await s.online()
        assert await reserve(s, **wrong) == REJECTED
        assert (s.charger.status, kept()) == ("Available", False)

    station.play(story)


async def fault(s, is_mended):
    s.charger.book.set(faults.GROUND_LOST, not is_mended)


async def out_of_service(s, is_over):
    kind = "Operative" if is_over else "Inoperative"
    assert await s.ask("ChangeAvailability", connectorId=1, type=kind) == ACCEPTED


@pytest.mark.parametrize(
    ("happens", "status"), [(fault, "Faulted"), (out_of_service, "Unavailable")]
)
def test_it_ends_with_a_charger_that_cannot_charge(station, happens, status):
    async def story(s):
        await s.online()
        await reserved(s)
        await happens(s, False)
        await s.reports(status)
        assert not kept()
        await happens(s, True)
        await s.reports("Available")
        await s.plug()
        assert await s.swipe(OTHER_TAG) == "Accepted"
        assert await starts(s) == [(OTHER_TAG, None)]

    station.play(story)


@case
async def test_a_card_whose_plug_does_not_come_leaves_it_reserved(s):
    """The standard has no way from Preparing to Reserved, but by way of Available."""
    await reserved(s)
    s.forget()
    assert await s.swipe() == "Accepted"
    await s.reports("Preparing")
    await s.reports("Reserved", limit_s=90)
    assert s.statuses() == ["Preparing", "Available", "Reserved"]
    await s.plug()
    assert await s.swipe(OTHER_TAG) == "ConcurrentTx"
    assert await s.swipe() == "Accepted"
    assert await starts(s) == [(TAG, 7)]


# --- over restarts


@case
async def test_while_nobody_has_told_the_time_it_lasts_as_long_as_it_was_to(s):
    await reserved(s, 100)
    await s.csms.stop()
    await s.power_off()
    s.power_on()
    await asyncio.sleep(95)
    assert s.charger.status == "Reserved"
    await asyncio.sleep(10)
    assert s.charger.status == "Available"
    await s.csms.start()


@case
async def test_a_power_cut_right_after_the_start_still_tells_the_reservation(s):
    await reserved(s)
    await s.plug()
    s.charger._outbox.tell = lambda event, session: None  # power goes before anybody has heard
    await s.swipe()
    await asyncio.sleep(1)
    assert s.charger.session
    assert kept()
    await s.restart()
    await s.until(lambda: s.count("StopTransaction"))
    assert await starts(s) == [(TAG, 7)]
    assert s.transaction["reason"] == "PowerLoss"
    assert not kept()
    assert s.charger.reservation is None


@pytest.mark.parametrize("content", ["", "7", "[1]", "null", '{"a": 1}'])
def test_a_damaged_one_is_none(station, content):
    with open(FILE, "w") as file:
        file.write(content)

    async def story(s):
        await s.online()
        assert (s.charger.status, s.charger.reservation) == ("Available", None)

    station.play(story)


def test_factory_settings_forget_it_and_the_list(tmp_path):
    update = local_list_update.update
    entry = {"idTag": TAG, "idTagInfo": {"status": "Accepted"}}
    asyncio.run(update([entry], 1, True, str(tmp_path / "auth_list")))
    (tmp_path / "auth_reservation.json").write_text(json.dumps([7, TAG, "", 1, 0]))
    known.forget_all(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
