"""Cases of the OCA's test tool for charge points, OCPP 1.6: reservations."""

import asyncio

import pytest
from core import clock
from evse import faults
from octt_rig import ACCEPTED, OTHER_TAG, PARENT, REJECTED, TAG, case


async def reserve(s, connector: int = 1, seconds: int = 600, **more) -> dict:
    """The back office reserves for TAG under the number 7; the answer."""
    expiry = clock.iso8601(clock.unix_s() + seconds)
    payload = {"connectorId": connector, "expiryDate": expiry, "idTag": TAG, "reservationId": 7}
    return await s.ask("ReserveNow", **{**payload, **more})


async def refused(s, tag: str) -> None:
    """A tag that must not charge here."""
    await s.swipe(tag)
    await asyncio.sleep(3)
    assert s.charger.session is None
    assert s.count("StartTransaction") == 0


async def charges(s, reservation: "int | None" = 7, tag: str = TAG) -> None:
    """A transaction begins, with or without a reservationId; the reservation is used up."""
    await s.reports("Charging")
    await s.delivered()
    start = s.received("StartTransaction")[-1]
    assert (start["idTag"], start.get("reservationId")) == (tag, reservation)


@case
async def test_tc_046_1_reservation_used_by_a_local_start(s):
    assert await reserve(s) == ACCEPTED
    await s.reports("Reserved")
    await s.plug()
    await refused(s, OTHER_TAG)
    assert await s.swipe(TAG) == "Accepted"
    await charges(s)
    await s.swipe(TAG)
    await s.unplug()
    await s.reports("Available")
    await s.plug()
    await s.swipe(OTHER_TAG)
    await charges(s, None, OTHER_TAG)


@case
async def test_tc_046_2_reservation_used_by_a_remote_start(s):
    assert await reserve(s) == ACCEPTED
    await s.reports("Reserved")
    await s.plug()
    other = await s.ask("RemoteStartTransaction", idTag=OTHER_TAG, connectorId=1)
    assert other in (ACCEPTED, REJECTED)
    await asyncio.sleep(3)
    assert s.count("StartTransaction") == 0
    assert await s.ask("RemoteStartTransaction", idTag=TAG, connectorId=1) == ACCEPTED
    await charges(s)


@case
async def test_tc_047_a_reservation_expires(s):
    assert await reserve(s, seconds=30) == ACCEPTED
    await s.reports("Reserved")
    began_s = clock.unix_s()
    await s.reports("Available", limit_s=60)
    assert clock.unix_s() - began_s == pytest.approx(30, abs=3)
    await s.plug()
    await s.swipe(OTHER_TAG)
    await charges(s, None, OTHER_TAG)


async def _is_faulted(s) -> None:
    s.charger.book.set(faults.GROUND_LOST, True)
    await s.reports("Faulted")


async def _is_occupied(s) -> None:
    await s.charge()


async def _is_unavailable(s) -> None:
    await s.ask("ChangeAvailability", connectorId=0, type="Inoperative")
    await s.reports("Unavailable")


async def _is_not_supported(s) -> None:
    s.settings.change({"reservation_supported": False})


async def not_reserved(s, connector: int, condition, *statuses: str) -> None:
    """Under a condition the answer is one of these."""
    await condition(s)
    answer = await reserve(s, connector)
    assert (answer.get("status") or answer["error"]["code"]) in statuses
    await asyncio.sleep(2)
    assert s.record.status["1"]["status"] != "Reserved"


@case
async def test_tc_048_1_reserve_a_faulted_connector(s):
    await not_reserved(s, 1, _is_faulted, "Faulted")


@case
async def test_tc_048_2_reserve_an_occupied_connector(s):
    await not_reserved(s, 1, _is_occupied, "Occupied")


@case
async def test_tc_048_3_reserve_an_unavailable_connector(s):
    await not_reserved(s, 1, _is_unavailable, "Unavailable")


@case
async def test_tc_048_4_reserve_a_connector_without_reservations(s):
    await not_reserved(s, 1, _is_not_supported, "Rejected", "NotSupported")


@case
async def test_tc_049_reservation_of_connector_zero(s):
    assert await s.value("ReserveConnectorZeroSupported") == "true"
    assert await reserve(s, connector=0) == ACCEPTED
    await s.reports("Reserved")
    await s.plug()
    await refused(s, OTHER_TAG)
    assert await s.swipe(TAG) == "Accepted"
    await charges(s)


@case
async def test_tc_050_1_reserve_a_faulted_charge_point(s):
    await not_reserved(s, 0, _is_faulted, "Faulted")


@case
async def test_tc_050_2_reserve_an_occupied_charge_point(s):
    await not_reserved(s, 0, _is_occupied, "Occupied")


@case
async def test_tc_050_3_reserve_an_unavailable_charge_point(s):
    await not_reserved(s, 0, _is_unavailable, "Unavailable")


@case
async def test_tc_050_4_reserve_a_charge_point_without_reservations(s):
    await not_reserved(s, 0, _is_not_supported, "Rejected", "NotSupported")


@case
async def test_tc_051_cancel_a_reservation(s):
    assert await reserve(s) == ACCEPTED
    await s.reports("Reserved")
    assert await s.ask("CancelReservation", reservationId=7) == ACCEPTED
    await s.reports("Available")
    await s.plug()
    await s.swipe(TAG)
    await charges(s, None)


@case
async def test_tc_052_cancel_an_unknown_reservation(s):
    assert await reserve(s) == ACCEPTED
    await s.reports("Reserved")
    assert await s.ask("CancelReservation", reservationId=8) == REJECTED
    await asyncio.sleep(2)
    assert s.record.status["1"]["status"] == "Reserved"


def test_tc_053_a_reservation_used_by_another_id_of_the_same_parent(station):
    station.csms.tags[OTHER_TAG] = {"status": "Accepted", "parentIdTag": PARENT}

    async def story(s):
        await s.online()
        assert await reserve(s, parentIdTag=PARENT) == ACCEPTED
        await s.reports("Reserved")
        await s.plug()
        await refused(s, "57A46E00")
        assert await s.swipe(OTHER_TAG) == "Accepted"
        await charges(s, 7, OTHER_TAG)

    station.play(story)


@pytest.mark.parametrize("expires", [False, True])
def test_a_reservation_outlives_a_power_failure(station, expires):
    async def story(s):
        await s.online()
        assert await reserve(s, seconds=120) == ACCEPTED
        await s.reports("Reserved")
        await s.power_off()
        await asyncio.sleep(150 if expires else 20)
        s.power_on()
        await s.online()
        await s.reports("Available" if expires else "Reserved")
        await s.plug()
        await s.swipe(TAG)
        await charges(s, None if expires else 7)

    station.play(story)
