"""POST /api/actions/<key>: every button, by every role, in every state of the station."""

import asyncio

import pytest
from action_rig import ROLES, Stand
from auth import whitelist
from core.setting_types import declarations

EXTRA = {"scan_wifi": "WWW", "group_setup": "WW-", "calibrate_pilot": "W--"}
TAG = "04A1B2C3"


def rights() -> dict:
    """{action: letters of the three roles} as settings.tsv has them, and those without a row."""
    found = {}
    for row in declarations():
        if row.type.startswith("action"):
            found[row.key] = "".join("W" if row.may_write(role) else "-" for role in ROLES)
    return {**found, **EXTRA}


VALUES = {
    "whitelist_insert": TAG,
    "whitelist_search": TAG,
    "whitelist_delete": TAG,
    "simulate_card": TAG,
    "calibrate_pilot": {"forget": True},
}


def test_each_action_is_for_the_roles_that_the_table_names(tmp_path, monkeypatch):
    async def story(stand, push):
        table = rights()
        assert len(table) == 18
        for key, letters in table.items():
            for role, letter in zip(ROLES, letters):
                status, answer = await push(key, VALUES.get(key), role)
                if letter == "W":
                    assert status in (200, 409), (key, role, answer)
                else:
                    assert (status, answer) == (403, {"error": "not for this login"}), key
            stand.charger.stop("Local")

    Stand(tmp_path, monkeypatch).tell(story)


@pytest.mark.parametrize(
    "key",
    [
        "nonsense",
        "",
        "ssid",
        "chargepoint_id",
        "restart/x",
        "restart\tRestart",
        "__init__",
        "restart.csv",
    ],
)
def test_what_is_no_action_is_not_found(tmp_path, monkeypatch, key):
    async def story(stand, push):
        status, answer = await push(key.replace("\t", "%09"))
        assert (status, answer["error"]) == (404, "no such action")

    Stand(tmp_path, monkeypatch).tell(story)


def test_start_waits_for_the_plug_charges_and_stop_ends_it(tmp_path, monkeypatch):
    async def story(stand, push):
        assert await push("stop_charging") == (409, {"error": "nothing is charging"})
        assert await push("start_charging", role="operator") == (
            200,
            {"result": "operator", "text": "plug the car in within a minute"},
        )
        assert (await push("stop_charging"))[0] == 200  # thought better of it
        assert not stand.charger.awaits_plug
        stand.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert await push("start_charging", TAG) == (
            200,
            {"result": TAG, "text": "started: the session runs"},
        )
        await asyncio.sleep(5)
        assert stand.coil()
        assert stand.charger.session.id_tag == TAG
        status, answer = await push("start_charging", TAG)
        assert (status, answer["error"]) == (409, "not started: a session is running")
        session = stand.charger.session
        assert (await push("stop_charging", role="operator"))[0] == 200
        await asyncio.sleep(8)
        assert (session.reason, stand.coil()) == ("Local", 0)

    Stand(tmp_path, monkeypatch).tell(story)


@pytest.mark.parametrize("tag", ["x" * 21, "ä" * 11, "a\nb", 12345, ["a"], {"a": 1}, True])
def test_a_tag_that_is_none_is_rejected(tmp_path, monkeypatch, tag):
    async def story(stand, push):
        status, answer = await push("start_charging", tag)
        assert (status, list(answer["errors"])) == (422, ["start_charging"])
        assert not stand.charger.awaits_plug

    Stand(tmp_path, monkeypatch).tell(story)


def test_a_faulty_or_inoperative_station_does_not_start(tmp_path, monkeypatch):
    async def story(stand, push):
        stand.charger.set_available(False)
        assert (await push("start_charging"))[1]["error"] == "not started: out of service"
        stand.charger.set_available(True)
        stand.fault("pe_open")
        await asyncio.sleep(2)
        assert (await push("start_charging"))[1]["error"] == "not started: faulted"

    Stand(tmp_path, monkeypatch).tell(story)


def test_a_fixed_cable_has_no_lock(tmp_path, monkeypatch):
    async def story(stand, push):
        status, answer = await push("unlock_connector")
        assert (status, "fixed" in answer["error"]) == (409, True)

    Stand(tmp_path, monkeypatch).tell(story)


def test_unlocking_ends_the_charge_and_opens_the_lock(tmp_path, monkeypatch):
    async def story(stand, push):
        stand.car(plugged=True, ready=True, cable_a=32)
        await asyncio.sleep(3)
        assert (await push("start_charging"))[0] == 200
        await asyncio.sleep(8)
        session = stand.charger.session
        assert stand.coil() and stand.connector.outlet.lock.closed
        assert (await push("unlock_connector", role="operator"))[1][
            "text"
        ] == "the plug is unlocked"
        assert (session.reason, stand.coil()) == ("UnlockCommand", 0)
        assert stand.connector.outlet.lock.closed is False

    Stand(tmp_path, monkeypatch, cable_or_socket="Socket").tell(story)


def test_a_jammed_lock_is_told(tmp_path, monkeypatch):
    async def story(stand, push):
        stand.car(plugged=True, ready=True, cable_a=32)
        await asyncio.sleep(3)
        await push("start_charging")
        await asyncio.sleep(8)
        stand.fault("lock_jams")
        status, answer = await push("unlock_connector")
        assert (status, "does not open" in answer["error"]) == (409, True)

    Stand(tmp_path, monkeypatch, cable_or_socket="Socket").tell(story)


def test_restart_waits_for_the_end_of_the_charge_and_soft_reset_ends_it(tmp_path, monkeypatch):
    async def story(stand, push):
        await stand.charge()
        for key in ("restart", "factory_reset"):
            status, answer = await push(key)
            assert (status, "session" in answer["error"]) == (409, True)
        session = stand.charger.session
        assert (await push("soft_reset", role="user"))[0] == 200
        assert stand.restarts == 0  # the answer goes out first
        await asyncio.sleep(9)
        assert (session.reason, stand.coil(), stand.restarts) == ("SoftReset", 0, 1)
        stand.car(plugged=False)
        await asyncio.sleep(1)
        assert (await push("restart", role="user"))[0] == 200
        assert stand.restarts == 1
        await asyncio.sleep(2)
        assert stand.restarts == 2

    Stand(tmp_path, monkeypatch).tell(story)


def test_factory_reset_keeps_the_log_of_sessions_and_the_counters(tmp_path, monkeypatch):
    async def story(stand, push):
        await stand.charge()
        stand.car(plugged=False)
        await asyncio.sleep(2)
        counters = (stand.charger.contactor_cycles, stand.charger.plug_cycles)
        stand.settings.change({"output_current_limit": 16, "backend_url": "ws://x.example/"})
        whitelist.insert(TAG)
        assert (await push("factory_reset", role="operator"))[0] == 200
        assert stand.settings.stored == {}
        assert whitelist.count() == 0
        await asyncio.sleep(2)
        assert stand.restarts == 1
        assert counters == (stand.charger.contactor_cycles, stand.charger.plug_cycles)
        assert [session.id_tag for session in stand.charger.session_log.read()] == ["CARD"]

    Stand(tmp_path, monkeypatch).tell(story)


def test_the_whitelist_by_its_buttons(tmp_path, monkeypatch):
    async def story(stand, push):
        assert (await push("whitelist_insert", "04:a1:b2:c3", "user"))[1]["result"] is True
        assert (await push("whitelist_insert", TAG, "user"))[1]["result"] is False
        assert (await push("whitelist_search", TAG.lower()))[1]["result"] is True
        assert (await push("whitelist_search", "DEADBEEF"))[1]["result"] is False
        assert (await push("whitelist_delete", "DEADBEEF"))[1]["result"] is False
        for tag in ("x" * 21, "\u00e4", "a\tb", 5, None, ""):
            status, answer = await push("whitelist_insert", tag)
            assert (status, list(answer["errors"])) == (422, ["whitelist_insert"]), tag
        # Deleting all asks first.
        for more in ({}, {"confirm": False}, {"confirm": "yes"}):
            status, answer = await push("whitelist_delete", "", **more)
            assert (status, answer["error"]) == (409, "deletes all 1 tags: confirm it")
        assert (await push("whitelist_delete", "", confirm=True))[1]["result"] == 1
        assert whitelist.count() == 0

    Stand(tmp_path, monkeypatch).tell(story)


def test_the_whitelist_in_pages(tmp_path, monkeypatch):
    async def story(stand, push):
        for number in range(7):
            whitelist.insert("TAG%d" % number)
        seen = []
        for first in (0, 3, 6):
            page = await stand.browsers["user"].get(f"/api/whitelist?from={first}&limit=3")
            seen += page.json["tags"]
            assert page.json["total"] == 7
        assert sorted(seen) == ["TAG%d" % number for number in range(7)]
        for query in ("limit=0", "limit=101", "from=-1", "from=x", "limit=99999999"):
            page = await stand.browsers["user"].get("/api/whitelist?" + query)
            assert (page.status_code, list(page.json["errors"])) == (422, [query.split("=")[0]])

    Stand(tmp_path, monkeypatch).tell(story)


def test_learning_is_switched_on_and_off(tmp_path, monkeypatch):
    async def story(stand, push):
        authorizer = stand.services.authorizer
        assert (await push("whitelist_learning", True, "user"))[0] == 200
        assert authorizer.learning == "whitelist"
        assert (await push("whitelist_learning", False))[1]["result"] == ""
        assert authorizer.learning == ""
        assert (await push("learn_config_card", True))[1]["result"] == "config_card"
        for value in ("on", 1, []):
            assert (await push("whitelist_learning", value))[0] == 422
        await push("whitelist_learning", False)
        stand.settings.change({"rfid_reader": False})
        assert await push("whitelist_learning", True) == (
            409,
            {"error": "the card reader is switched off"},
        )

    Stand(tmp_path, monkeypatch).tell(story)


def test_the_cache_is_cleared(tmp_path, monkeypatch):
    async def story(stand, push):
        from auth import tag_cache

        tag_cache.put(TAG, "Accepted")
        assert (await push("clear_cache", role="user"))[1] == {"result": 1, "text": "forgotten: 1"}
        assert tag_cache.find(TAG) is None

    Stand(tmp_path, monkeypatch).tell(story)


def test_a_simulated_card_charges_as_a_real_one(tmp_path, monkeypatch):
    async def story(stand, push):
        stand.car(plugged=True, ready=True)
        await asyncio.sleep(2)
        assert (await push("simulate_card", TAG))[1]["result"] == "Accepted"
        await asyncio.sleep(5)
        assert stand.coil()
        assert (await push("simulate_card", "DEADBEEF"))[1]["result"] == "ConcurrentTx"
        assert (await push("simulate_card", TAG))[1]["result"] == "Accepted"
        assert stand.charger.session is None

    Stand(tmp_path, monkeypatch, free_charging=True, free_charging_mode="Without ocpp").tell(story)


def test_the_meter_is_set_to_zero_or_says_why_not(tmp_path, monkeypatch):
    async def story(stand, push):
        assert (await push("set_zero", role="operator"))[0] == 200
        assert stand.zero_meter.zeroed == 1
        stand.zero_meter.trouble = "the meter has not told its energy yet"
        assert await push("set_zero") == (409, {"error": stand.zero_meter.trouble})

    Stand(tmp_path, monkeypatch).tell(story)


def test_the_list_of_meters_comes_from_flash(tmp_path, monkeypatch):
    async def story(stand, push):
        status, answer = await push("dlb_meters_list", role="operator")
        meters = {meter["name"]: meter for meter in answer["result"]}
        assert (status, len(meters)) == (200, 22)
        chint = meters["Chint DTSU666"]
        assert (chint["function"], chint["current"], chint["current_format"]) == (
            "03",
            [8204, 8206, 8208],
            "float*0.001",
        )
        assert meters["Eastron SDM72D"]["voltage"] == []
        # and for people, those that tell currents, as the settings of the building's meter want them
        lines = dict(line.split(": ", 1) for line in answer["text"].split("\n"))
        assert len(lines) == 21 and "Eastron SDM72D" not in lines
        inepro = "function 03, float, L1: 20492, L2: 20494, L3: 20496 (9600 8N1)"
        assert lines["Inepro PRO380"] == inepro
        assert lines["ABB B21"] == "function 03, int32*0.01, L1: 23308 (9600 8N1)"
        for name in ("Carlo Gavazzi EM340/ET340", "Chint DTSU666"):
            assert lines[name] == "choose it by its name"

    Stand(tmp_path, monkeypatch).tell(story)


def test_networks_in_reach(tmp_path, monkeypatch):
    async def story(stand, push):
        assert (await push("scan_wifi", role="user"))[1]["result"][0]["rssi_dbm"] == -40
        stand.settings.change({"wlan_enabled": False})
        assert await push("scan_wifi") == (409, {"error": "Wi-Fi is switched off"})

    Stand(tmp_path, monkeypatch).tell(story)


def test_what_did_not_start_is_told(tmp_path, monkeypatch):
    """Given a controller that crashed again and again: no meter, no authorizer, no connector."""

    async def story(stand, push):
        stand.services.meter = stand.services.authorizer = stand.charger.connector = None
        for key in ("set_zero", "whitelist_learning", "simulate_card", "unlock_connector"):
            status, answer = await push(key, VALUES.get(key))
            assert (status, "does not run" in answer["error"]) == (409, True), key

    Stand(tmp_path, monkeypatch).tell(story)
