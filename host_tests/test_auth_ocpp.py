"""Cards and the back office together: what it answers is kept, obeyed, and forgotten when it says so."""

import asyncio

import pytest
from auth import tag_cache, whitelist
from auth.authorizer import Authorizer
from core import clock
from evse import faults
from fault_rig import FaultRig
from ocpp_rig import CardboardCharger, Rig
from sim import csms

GOOD, BLOCKED = "900D900D", "DEADBEEF"


class AuthRig(Rig):
    """With an authorizer, as lib/start_up.py makes it."""

    def boot(self) -> None:
        """Start the firmware's side anew."""
        super().boot()
        self.charger.plugged = True
        self.charger.finished = self.charger.awaits_plug = False
        self.authorizer = Authorizer(self.settings, self.charger, self.point, str(self.path))
        self.point.remote_authorize = self.authorizer.remote
        self.point.on_clear_cache = self.authorizer.clear_cache
        self.point.on_tag_info = self.authorizer.told
        self.point.authorizer = self.authorizer

    def cached(self, tag: str):
        """What the cache knows."""
        return tag_cache.find(tag, str(self.path / "tag_cache"))

    async def offline(self) -> None:
        """The back office goes."""
        await self.csms.stop()
        await self.until(lambda: not self.point.online)


LOCAL = {"local_pre_authorize": True, "local_authorize_offline": True, "whitelist_enabled": True}


def test_what_the_back_office_tells_of_a_card_is_kept(tmp_path):
    rig = AuthRig(tmp_path)

    async def story(rig):
        await rig.online()
        assert await rig.authorizer.card(BLOCKED) == "Blocked"
        assert await rig.authorizer.card(GOOD) == "Accepted"
        assert (rig.cached(BLOCKED)[0], rig.cached(GOOD)[0]) == ("Blocked", "Accepted")
        assert await rig.call("ClearCache") == {"result": {"status": "Accepted"}}
        assert rig.cached(GOOD) is None
        rig.settings.change({"authorization_cache": False})
        assert await rig.call("ClearCache") == {"result": {"status": "Rejected"}}

    rig.play(story)


def test_a_cached_card_starts_without_asking_until_the_cache_is_cleared(tmp_path):
    rig = AuthRig(tmp_path, **LOCAL)

    async def story(rig):
        await rig.online()
        for _ in range(2):
            assert await rig.authorizer.card(GOOD) == "Accepted"
            await rig.delivered()
            await rig.authorizer.card(GOOD)
        assert rig.actions.count("Authorize") == 1
        await rig.call("ClearCache")
        await rig.authorizer.card(GOOD)
        assert rig.actions.count("Authorize") == 2

    rig.play(story)


@pytest.mark.parametrize("known_by", ["whitelist", "cache"])
def test_background_authorization_a_card_known_here_is_stopped_by_the_back_offices_no(
    tmp_path, known_by
):
    """Modes B.1 and B.4: it starts at once; StartTransaction's answer ends it, and the cache knows."""
    rig = AuthRig(tmp_path, **LOCAL)
    if known_by == "whitelist":
        whitelist.insert(BLOCKED, str(tmp_path / "whitelist"))
    else:
        tag_cache.put(BLOCKED, "Accepted", 0, "", str(tmp_path / "tag_cache"))
    reasons = []
    rig.charger.listen(lambda event, session: event == "stop" and reasons.append(session.reason))

    async def story(rig):
        await rig.online()
        assert await rig.authorizer.card(BLOCKED) == "Accepted"
        await rig.delivered()
        await asyncio.sleep(1)
        assert (rig.charger.session, reasons) == (None, ["DeAuthorized"])
        assert rig.actions.count("Authorize") == 0
        assert rig.record.received("StopTransaction")[0]["reason"] == "DeAuthorized"
        assert rig.cached(BLOCKED)[0] == "Blocked"

    rig.play(story)


def test_a_whole_charge_without_a_line_still_tells_the_cache(tmp_path):
    rig = AuthRig(tmp_path, offline_allow_unknown=True)

    async def story(rig):
        await rig.online()
        await rig.offline()
        assert await rig.authorizer.card(BLOCKED) == "Accepted"
        assert await rig.authorizer.card(BLOCKED) == "Accepted"  # and stops
        assert rig.charger.session is None
        await rig.csms.start()
        rig.settings.change({"backend_url": rig.csms.url + "/ocpp"})
        await rig.online()
        await rig.delivered()
        assert rig.cached(BLOCKED)[0] == "Blocked"
        await rig.offline()
        assert await rig.authorizer.card(BLOCKED) == "Blocked"

    rig.play(story)


@pytest.mark.parametrize(("remote", "authorizes"), [(GOOD, 0), ("AFFE0001", 1)])
def test_a_remote_start_asks_the_local_lists_first(tmp_path, remote, authorizes):
    rig = AuthRig(tmp_path, authorize_remote_tx=True, **LOCAL)
    whitelist.insert(GOOD, str(tmp_path / "whitelist"))

    async def story(rig):
        await rig.online()
        await rig.call("RemoteStartTransaction", idTag=remote)
        await rig.until(lambda: rig.charger.session)
        assert rig.charger.session.id_tag == remote
        assert rig.actions.count("Authorize") == authorizes

    rig.play(story)


@pytest.mark.parametrize(
    "info",
    [
        {"status": "Accepted", "expiryDate": "soon"},
        {"status": "Accepted", "parentIdTag": "far too long for a tag of OCPP"},
    ],
)
def test_an_answer_that_makes_no_sense_is_not_kept_and_harms_nobody(tmp_path, monkeypatch, info):
    monkeypatch.setattr(csms, "tag_info", lambda id_tag: info)
    monkeypatch.setattr(csms, "validate_payload", lambda *_, **__: None, raising=False)
    rig = AuthRig(tmp_path)

    async def story(rig):
        await rig.online()
        rig.authorizer.told({"idTag": GOOD}, info)
        assert rig.cached(GOOD) is None
        assert rig.point.online

    rig.play(story)


# --- a full queue


def fill(rig) -> None:
    number = 1000
    start = '"connectorId":1,"idTag":"X","meterStart":0%s'
    while not rig.point.queue.full:
        number += 1
        rig.point.queue.put_start(number, start % (" " * 400), 1, 1)


@pytest.mark.parametrize(("wanted", "is_faulted"), [(True, True), (False, False)])
def test_a_full_queue_is_a_fault_where_the_setting_says_so(tmp_path, wanted, is_faulted):
    rig = AuthRig(tmp_path, stop_if_queue_full=wanted)

    async def story(rig):
        await rig.online()
        rig.csms.refused_actions = {"StartTransaction"}
        fill(rig)
        await asyncio.sleep(1)
        assert bool(rig.charger.book.bits & faults.QUEUE_FULL) is is_faulted
        rig.settings.change({"stop_if_queue_full": False})
        await asyncio.sleep(1)
        rig.charger.book.step(clock.ticks_ms())
        assert not rig.charger.book.bits

    rig.play(story)


def test_with_a_full_queue_the_session_ends_and_nobody_charges(tmp_path):
    rig = FaultRig(tmp_path)

    async def story(rig):
        await rig.charge()
        session = rig.charger.session
        rig.charger.book.set(faults.QUEUE_FULL, True)
        await asyncio.sleep(8)
        assert (rig.charger.session, session.reason, rig.coil()) == (None, "Other", 0)
        assert rig.charger.status == "Faulted"
        assert rig.charger.reason == "Messages for the back office fill the memory"
        assert rig.charger.start("CARD") == "faulted"
        rig.charger.book.set(faults.QUEUE_FULL, False)
        await asyncio.sleep(3)
        assert rig.charger.start("CARD") == ""

    rig.play(story)


def test_at_home_a_queue_that_was_full_once_bothers_nobody(tmp_path):
    rig = AuthRig(tmp_path, stop_if_queue_full=True, chargepoint_type="Home")

    async def story(rig):
        fill(rig)
        await asyncio.sleep(1)
        assert not rig.charger.book.bits

    rig.play(story)


def test_after_a_power_cut_the_cache_still_knows(tmp_path):
    rig = AuthRig(tmp_path, local_authorize_offline=True)

    async def story(rig):
        await rig.online()
        assert await rig.authorizer.card(GOOD) == "Accepted"
        await rig.offline()
        rig.charger = CardboardCharger(50)
        rig.power_cut(rig.charger)
        rig.switch_on()
        assert await rig.authorizer.card(GOOD) == "Accepted"
        assert rig.charger.session.id_tag == GOOD

    rig.play(story)
