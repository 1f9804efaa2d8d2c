"""GET /api/group and the set-up mode: what the page shows of a group of chargers, by its real classes."""

from types import SimpleNamespace

import pytest
from dlm import group_member, member
from dlm.follower import Follower
from dlm.group import Group
from evse.limits import Limits
from web_rig import Charger, make_services, play


def charger() -> Charger:
    """A charger with slots for its limits."""
    made = Charger()
    made.limits = Limits()
    return made


def leading(tmp_path, count: int = 2, **settings):
    """Services of a master with so many slaves."""
    services = make_services(charger=charger())
    services.settings.change(settings)
    path = str(tmp_path / "group.json")
    services.group = Group(services.settings, services.charger, count, "OWN1", path)
    services.group_carrier = SimpleNamespace(
        medium="RS485", address_of=lambda one: str(100 + one.number) if one.number else ""
    )
    return services


def following(medium: str):
    """Services of a slave or a client."""
    services = make_services(charger=charger())
    services.group = Follower(services.settings, services.charger, "OWN1")
    services.group_carrier = SimpleNamespace(medium=medium, address_of=lambda one: "192.168.1.20")
    return services


async def set_up(browser, body: dict):
    """Push the button."""
    return await browser.post("/api/actions/group_setup", {"X-CSRF-Token": browser.csrf}, body)


async def group_of(browser) -> dict:
    """What an operator is told."""
    await browser.login()
    response = await browser.get("/api/group")
    assert response.status_code == 200
    return response.json


SLAVE_TOLD = {
    "number": 1,
    "connector": 2,
    "address": "101",
    "serial": "240AC4000002",
    "online": True,
    "silent_s": 1,
    "wires": "S",
    "priority": 3,
    "rating_a": 32.0,
    "fallback_a": 6.0,
    "request_a": 32.0,
    "granted_a": 16.0,
    "signaled_a": 15.9,
    "current_a": [0, 15.8, None],
    "energy_kwh": 1.234,
    "status": "Charging",
    "error_code": "NoError",
    "reason": "shared with the others",
    "trouble": "",
}


def test_a_charger_of_its_own_tells_no_group():
    async def story(browser, services):
        assert await group_of(browser) == {"mode": ""}

    play(story, make_services())


def test_a_master_tells_its_limit_and_each_member(tmp_path):
    services = leading(tmp_path, llm_group_id='Garage "B"', llm_policy="First In First Serve")
    first, slave, silent = services.group.members
    services.group.limit_ma = [60000, 60000, 55500]
    slave.identify(32000, 6000, 2, "240AC4000002")
    slave.heard = True
    slave.silent_ms = 1400
    slave.priority = 3
    slave.request_ma, slave.granted_ma, slave.signaled_ma = 32000, 16000, 15900
    slave.current_ma = [0, 15812, None]
    slave.status, slave.session, slave.energy_wh = "Charging", 7, 1234
    slave.reason = member.SHARED
    silent.trouble = "two with this address: A, B"

    async def story(browser, services):
        group = await group_of(browser)
        assert group["mode"] == "Master"
        assert group["group_id"] == 'Garage "B"'
        assert group["policy"] == "First In First Serve"
        assert (group["online"], group["size"], group["settling_s"]) == (1, 3, 0)
        assert group["limit_a"] == [60, 60, 55.5]
        assert group["limit_reason"] == "llm_grid_current"
        assert [one["number"] for one in group["members"]] == [0, 1, 2]
        assert group["members"][1] == SLAVE_TOLD
        assert group["members"][2]["trouble"] == "two with this address: A, B"
        assert group["members"][2]["energy_kwh"] is None

    play(story, services)


def test_twenty_members_are_told(tmp_path):
    async def story(browser, services):
        group = await group_of(browser)
        assert group["size"] == len(group["members"]) == 20

    play(story, leading(tmp_path, 19))


@pytest.mark.parametrize(("medium", "mode"), [("RS485", "Slave"), ("IP", "Client")])
def test_a_follower_tells_what_it_is_granted_and_why(medium, mode):
    services = following(medium)
    services.group.granted_ma = 13000
    services.group.reason = group_member.REASONS.index(member.WAITS)

    async def story(browser, services):
        assert await group_of(browser) == {
            "mode": mode,
            "group_id": "",
            "address": "192.168.1.20",
            "granted_a": 13.0,
            "reason": "waits for its turn",
            "fallback": False,
            "master_silent_s": 0,
        }

    play(story, services)


def test_every_reason_of_a_grant_is_known_on_a_follower():
    services = following("RS485")

    async def story(browser, services):
        for index, reason in enumerate(group_member.REASONS):
            services.group.reason = index
            assert (await group_of(browser))["reason"] == reason

    play(story, services)


def test_a_master_looks_for_slaves_until_it_is_told_to_stop(tmp_path):
    async def story(browser, services):
        await browser.login()
        answer = await set_up(browser, {"value": True})
        assert answer.json["result"] == services.group.settling == 300
        assert (await group_of(browser))["settling_s"] == 300
        answer = await set_up(browser, {"value": False})
        assert answer.status_code == 200
        assert services.group.settling == 0

    play(story, leading(tmp_path))


def test_only_a_master_looks_for_slaves():
    async def story(browser, services):
        await browser.login()
        answer = await set_up(browser, {})
        assert (answer.status_code, answer.json["error"]) == (
            409,
            "the master of the group does that",
        )
        services.group = None
        answer = await set_up(browser, {})
        assert answer.json["error"] == "not now: a group of chargers does not run"

    play(story, following("RS485"))
