"""Cases of the OCA's test tool for charge points, OCPP 1.6: the local authorization list."""

import asyncio

import pytest
from octt_rig import ACCEPTED, OTHER_TAG, PARENT, TAG, case

MISMATCH, FAILED = {"status": "VersionMismatch"}, {"status": "Failed"}


def entry(tag: str, status: str = "Accepted", **more) -> dict:
    """A list's entry."""
    return {"idTag": tag, "idTagInfo": {"status": status, **more}}


async def send(s, version: int, *entries, update: str = "Full") -> dict:
    """SendLocalList; its answer."""
    rest = {"localAuthorizationList": list(entries)} if entries else {}
    return await s.ask("SendLocalList", listVersion=version, updateType=update, **rest)


async def version(s) -> int:
    """GetLocalListVersion."""
    return (await s.ask("GetLocalListVersion"))["listVersion"]


async def use_list(s) -> None:
    """The tool's preparation: the list counts, the cache does not."""
    await s.configure(LocalAuthListEnabled="true", LocalPreAuthorize="true")
    s.settings.change({"authorization_cache": False})


@case
async def test_tc_008_an_id_on_the_local_list_starts_without_authorize(s):
    await use_list(s)
    assert await send(s, 1, entry(TAG), entry(OTHER_TAG, "Blocked")) == ACCEPTED
    await s.plug()
    assert await s.swipe() == "Accepted"
    await s.reports("Charging")
    await s.delivered()
    assert s.count("Authorize") == 0
    assert s.transaction["idTag"] == TAG


@case
async def test_tc_042_1_the_version_where_the_list_is_not_enabled(s):
    await s.configure(LocalAuthListEnabled="false")
    answer = await s.ask("GetLocalListVersion")
    assert answer == {"listVersion": -1} or answer["error"]["code"] == "NotSupported"


@case
async def test_tc_042_2_the_version_of_an_empty_list_is_zero(s):
    await use_list(s)
    assert await version(s) in (0, -1)
    assert await send(s, 1) == ACCEPTED
    assert await version(s) == 0


@case
async def test_tc_043_full_and_differential_updates(s):
    await use_list(s)
    assert await send(s, 1, entry(TAG), entry("AAAA0001")) == ACCEPTED
    assert await version(s) == 1
    change = entry(OTHER_TAG), {"idTag": "AAAA0001"}, entry(TAG, "Blocked")
    assert await send(s, 2, *change, update="Differential") == ACCEPTED
    assert await version(s) == 2
    await s.offline()
    await s.plug()
    await s.back()
    await s.configure(LocalAuthorizeOffline="true")
    await s.offline()
    assert await s.swipe(TAG) == "Blocked"
    assert await s.swipe("AAAA0001") == "Invalid"  # taken off the list
    assert await s.swipe(OTHER_TAG) == "Accepted"
    await s.back()
    await s.reports("Charging")


@case
async def test_tc_043_a_full_update_replaces_all(s):
    await use_list(s)
    await send(s, 1, entry(TAG), entry("AAAA0001"))
    assert await send(s, 5, entry(OTHER_TAG)) == ACCEPTED
    assert await version(s) == 5
    await s.plug()
    await s.swipe(TAG)
    await s.reports("Charging")
    assert s.count("Authorize") == 1, "it is no longer on the list"


@case
async def test_tc_043_the_list_outlives_a_power_failure(s):
    await use_list(s)
    await send(s, 3, entry(TAG, parentIdTag=PARENT), entry(OTHER_TAG, parentIdTag=PARENT))
    await s.restart()
    assert await version(s) == 3
    s.forget()
    await s.plug()
    assert await s.swipe(TAG) == "Accepted"
    await s.reports("Charging")
    assert s.count("Authorize") == 0


@case
async def test_tc_043_1_the_list_is_not_supported(s):
    await s.configure(LocalAuthListEnabled="false")
    answer = await send(s, 1, entry(TAG))
    assert answer == {"status": "NotSupported"} or answer["error"]["code"] == "NotSupported"


@pytest.mark.parametrize("older", [1, 2])
def test_tc_043_2_a_differential_update_of_an_older_version(station, older):
    async def story(s):
        await s.online()
        await use_list(s)
        assert await send(s, 2, entry(TAG)) == ACCEPTED
        assert await send(s, older, entry(OTHER_TAG), update="Differential") == MISMATCH
        assert await version(s) == 2

    station.play(story)


@case
async def test_tc_043_3_an_update_that_cannot_be_done(s):
    await use_list(s)
    assert await send(s, 2, entry(TAG)) == ACCEPTED
    most = int(await s.value("SendLocalListMaxLength"))
    for entries in (
        [{"idTag": OTHER_TAG}],  # in a full update each has its idTagInfo
        [entry("%08X" % number) for number in range(most + 1)],
    ):
        answer = await send(s, 3, *entries)
        assert answer == FAILED or "ConstraintViolation" in answer["error"]["code"]
        assert await version(s) == 2
    s.forget()
    await s.plug()
    await s.swipe(TAG)
    await s.reports("Charging")
    assert s.count("Authorize") == 0, "the list is as it was"


@case
async def test_an_id_that_the_list_allows_and_the_back_office_does_not(s):
    s.csms.tags[TAG] = {"status": "Blocked"}
    await use_list(s)
    await send(s, 1, entry(TAG))
    await s.plug()
    assert await s.swipe() == "Accepted"
    conflict = lambda told: told["errorCode"] == "LocalListConflict"  # noqa: E731
    await s.until(lambda: any(map(conflict, s.received("StatusNotification"))))
    told = next(filter(conflict, s.received("StatusNotification")))
    assert told["connectorId"] == 0
    await s.delivered()
    await asyncio.sleep(2)
    assert s.transaction["reason"] == "DeAuthorized"
