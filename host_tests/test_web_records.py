"""What the station has recorded: sessions, the last hour, the log."""

import asyncio
from types import SimpleNamespace

from action_rig import Stand
from evse.usage_history import UsageHistory


def test_sessions_in_pages_and_as_csv(tmp_path, monkeypatch):
    async def story(stand, push):
        for tag in ("ONE", "=1+1", 'a,"b"'):
            stand.car(plugged=True, ready=True)
            await asyncio.sleep(2)
            await push("start_charging", tag)
            await asyncio.sleep(60)
            stand.car(plugged=False)
            await asyncio.sleep(2)
        user = stand.browsers["user"]
        page = (await user.get("/api/sessions?limit=2")).json
        assert [(s["number"], s["id_tag"]) for s in page["sessions"]] == [
            (3, 'a,"b"'),
            (2, "=1+1"),
        ]
        assert page["sessions"][0]["reason"] == "EVDisconnected"
        assert page["sessions"][0]["start_unix_s"] is None  # nobody has told the time
        assert page["sessions"][0]["energy_wh"] > 50
        last = (await user.get(f"/api/sessions?limit=2&from={page['next']}")).json
        assert ([s["number"] for s in last["sessions"]], last["next"]) == ([1], None)
        csv = (await user.get("/api/sessions.csv")).text.split("\r\n")
        assert csv[0] == "number,start,stop,duration_s,energy_kwh,tag,reason"
        assert csv[1].startswith("3,,,6")
        assert csv[1].endswith('"a,""b""",EVDisconnected')
        assert csv[2].split(",")[5] == "'=1+1"
        assert len(csv) == 5

    Stand(tmp_path, monkeypatch).tell(story)


def test_a_damaged_record_costs_no_page_of_sessions(tmp_path, monkeypatch):
    async def story(stand, push):
        for _ in range(9):
            stand.charger.start("TAG")
            stand.car(plugged=True)
            await asyncio.sleep(2)
            stand.car(plugged=False)
            await asyncio.sleep(2)
        with open(tmp_path / "sessions.0", "r+b") as file:
            for number in (4, 5, 9):
                file.seek(64 * number)
                file.write(b"x")
        seen, first = [], 0
        while first is not None:
            page = (await stand.browsers["user"].get(f"/api/sessions?limit=2&from={first}")).json
            seen += [session["number"] for session in page["sessions"]]
            first = page["next"]
        assert seen == [8, 7, 6, 3, 2, 1]

    Stand(tmp_path, monkeypatch).tell(story)


def test_current_and_power_are_noted_each_minute(tmp_path, monkeypatch):
    async def story(stand, push):
        await stand.charge()
        await asyncio.sleep(125)
        stand.charger.meter.silence()
        await asyncio.sleep(65)
        history = (await stand.browsers["user"].get("/api/history")).json
        sizes = (history["period_s"], len(history["current_da"]), len(history["power_10w"]))
        assert sizes == (60, 60, 60)
        assert history["current_da"][:-4] == history["power_10w"][:-4] == [None] * 56
        assert abs(history["current_da"][-2] - 320) < 5
        assert abs(history["power_10w"][-2] - 736) < 20
        assert history["current_da"][-1] is history["power_10w"][-1] is None
        stand.services.environment = None
        assert (await stand.browsers["user"].get("/api/history")).status_code == 409

    Stand(tmp_path, monkeypatch).tell(story)


def test_an_hour_goes_round():
    history = UsageHistory()
    meter = SimpleNamespace(ok=True, current_ma=[None, 0, 16049], power_mw=0)
    for minute in range(75):
        meter.power_mw = minute * 10_000_000
        history.note(meter)
    assert list(history.values(0)) == [160] * 60
    assert list(history.values(1)) == [
        1000 * minute if minute < 33 else 32767 for minute in range(15, 75)
    ]
    meter.current_ma, meter.power_mw = [None, None, None], -25_000_000
    history.note(meter)
    assert (list(history.values(0))[-1], list(history.values(1))[-1]) == (None, -2500)


def test_the_log_as_a_file_for_those_who_look_after_the_station(tmp_path, monkeypatch):
    async def story(stand, push):
        await push("restart", role="operator")
        page = await stand.browsers["operator"].get("/api/log")
        assert page.text.rstrip().split("\n")[-1].endswith("web: restart by operator")
        assert "attachment" in page.headers["Content-Disposition"]
        assert (await stand.browsers["user"].get("/api/log")).status_code == 403

    Stand(tmp_path, monkeypatch).tell(story)
