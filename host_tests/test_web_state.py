"""What the API tells about the charger: the state, its changes as they come, and the metrics."""

import asyncio
from types import SimpleNamespace

import pytest
from core import clock
from web.state import KEYS, decimal
from web_rig import events_of, make_services, pass_s, play, visit

STATE_PAGE = """chargepoint_id backend_state chargepoint_state charging_time wlan_ip lan_ip
access_point_operator voltage_l1 voltage_l2 voltage_l3 current_l1 current_l2 current_l3 power
energy state_output_current_limit signaled_current dlb_max dlb_l1 dlb_l2 dlb_l3 temperature
contactor_cycles plug_cycles controller_serial""".split()


async def state_of(browser) -> dict:
    await browser.login()
    return (await browser.get("/api/state")).json


def test_every_value_of_the_state_page_is_there():
    async def story(browser, services):
        state = await state_of(browser)
        assert set(STATE_PAGE) <= set(state)
        assert list(state) == list(KEYS)
        wanted = {
            "chargepoint_id": "etec03",
            "backend_state": "Connected",
            "chargepoint_state": "Charging",
            "charging_time": "03:09:19",
            "wlan_ip": None,
            "lan_ip": "192.168.1.232",
            "voltage_l1": 230.1,
            "voltage_l3": None,
            "current_l1": 15.99,
            "power": 7312,
            "energy": 123456.789,
            "state_output_current_limit": 32.0,
            "signaled_current": 16.0,
            "temperature": 25.3,
            "contactor_cycles": 29,
            "controller_serial": "FC107E010000122C180C",
        }
        assert {key: state[key] for key in wanted} == wanted

    play(story)


def test_the_state_gives_the_reasons_and_what_lies_behind():
    async def story(browser, services):
        services.charger.faults = ["rcm_trip"]
        state = await state_of(browser)
        assert (state["state"], state["status"]) == ("C2", "Charging")
        assert state["reason"] == "The car charges"
        assert (state["limit_a"], state["limit_reason"]) == (16.0, "operator")
        assert state["faults"] == ["rcm_trip"]
        assert state["pilot"] == {
            "high_mv": 5980,
            "low_mv": -11950,
            "duty_permille": 267,
            "age_ms": 12,
        }
        assert state["session"] == {
            "number": 7,
            "energy_kwh": 3.456,
            "start_unix_s": 1795198500,
            "id_tag": "04A1B2C3",
        }
        assert state["links"] == {
            "wlan_ip": None,
            "wlan_rssi_dbm": None,
            "wlan_trouble": None,
            "lan_ip": "192.168.1.232",
            "operator": None,
            "hotspot": False,
        }

    play(story)


def test_limits_and_faults_are_given_with_reason_and_time():
    async def story(browser, services):
        clock.set_unix_s(clock.uptime_s())  # as after a start
        services.charger.active_faults = [("over_voltage", "Mains voltage too high", 41)]
        state = await state_of(browser)
        assert state["limits"] == {"operator": 16.0, "DIP switch": 32.0}
        (fault,) = state["active_faults"]
        assert (fault["name"], fault["reason"]) == ("over_voltage", "Mains voltage too high")
        assert (fault["since_uptime_s"], fault["since"]) == (41, None)  # nobody has told the time
        clock.set_unix_s(1795269454 + clock.uptime_s())
        services.charger.tell("status")
        (fault,) = (await browser.get("/api/state")).json["active_faults"]
        assert fault["since"] == 1795269454 + 41

    try:
        play(story)
    finally:
        clock._boot_unix_s = 0


def test_a_pause_that_ends_by_itself_tells_the_seconds_left():
    async def story(browser, services):
        services.charger.limits.left_s = 85
        assert (await state_of(browser))["limit_left_s"] == 85

    play(story)


def test_learning_is_told_and_a_live_page_hears_of_its_end():
    async def story(site):
        authorizer = site.services.authorizer = SimpleNamespace(learning="whitelist")
        reader, writer = await live(site)
        (first,) = await heard(reader, 0.5)
        assert first[1]["learning"] == "whitelist"
        authorizer.learning = ""
        changes = await heard(reader, 2.2)
        assert {"learning": None}.items() <= changes[0][1].items()
        writer.close()

    visit(story)


def test_the_wireless_link_tells_its_signal_and_the_hotspot_whether_it_is_open():
    links = SimpleNamespace(
        wlan_ip="192.168.1.10", lan_ip="", operator="", wlan_rssi_dbm=-61, hotspot_open=True
    )

    async def story(browser, services):
        state = await state_of(browser)
        assert state["wlan_ip"] == "192.168.1.10"
        assert (state["links"]["wlan_rssi_dbm"], state["links"]["hotspot"]) == (-61, True)

    play(story, make_services(links=links))


def test_what_comes_from_outside_stays_text_in_the_json():
    tag = '"}<script>\\'

    async def story(browser, services):
        services.charger.session.id_tag = tag
        services.settings.values["backend_chargepoint_id"] = tag
        state = await state_of(browser)
        assert state["session"]["id_tag"] == state["chargepoint_id"] == tag

    play(story)


def test_what_is_absent_is_null():
    async def story(browser, services):
        services.charger.session = None
        services.charger.temperature_dc = None
        state = await state_of(browser)
        for key in ("voltage_l1", "current_l2", "power", "energy", "session", "temperature"):
            assert state[key] is None
        assert state["charging_time"] == "00:00:00"
        assert state["backend_state"] == "Off"

    play(story, make_services(meter=None, charge_point=None, links=None))


def test_a_meter_that_is_not_heard_shows_nothing_old():
    async def story(browser, services):
        services.meter.ok = False
        state = await state_of(browser)
        assert state["voltage_l1"] is state["current_l1"] is state["power"] is None

    play(story)


def test_the_building_meter_and_its_limit_are_shown_where_they_are():
    building = SimpleNamespace(ok=True, current_ma=[-1040, 44000, 45050])

    async def story(browser, services):
        services.settings.values["dlb_max_current"] = 45
        assert (await state_of(browser))[
            "dlb_max"
        ] is None  # without load balancing it bounds nothing
        services.settings.change({"dlb_function": "DLB"})
        state = await state_of(browser)
        assert [state[f"dlb_l{n}"] for n in (1, 2, 3)] == [-1.0, 44.0, 45.1]
        assert state["dlb_max"] == 45

    play(story, make_services(dlb_meter=building))


def test_requests_share_a_text_for_half_a_second_unless_the_charger_reports():
    async def story(browser, services):
        await state_of(browser)
        services.charger.status = "SuspendedEV"
        assert (await browser.get("/api/state")).json["status"] == "Charging"
        pass_s(0.6)
        assert (await browser.get("/api/state")).json["status"] == "SuspendedEV"
        services.charger.status = "Faulted"
        services.charger.tell("status")
        assert (await browser.get("/api/state")).json["status"] == "Faulted"

    play(story)


@pytest.mark.parametrize(
    "thousandths, places, text",
    [
        (None, 1, "null"),
        (0, 1, "0.0"),
        (230149, 1, "230.1"),
        (230150, 1, "230.2"),
        (-50, 1, "-0.1"),
        (15994, 2, "15.99"),
        (15995, 2, "16.00"),
        (1, 3, "0.001"),
        (2**31 + 5, 3, "2147483.653"),
    ],
)
def test_decimals_are_exact(thousandths, places, text):
    assert decimal(thousandths, places) == text


def test_metrics_are_prometheus_text_without_what_is_not_measured():
    async def story(browser, services):
        services.settings.values["backend_chargepoint_id"] = 'a "b"\\c'
        await browser.login("user")
        response = await browser.get("/metrics")
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = response.text.splitlines()
        assert 'mpevse_voltage_volts{phase="L1"} 230.1' in lines
        assert "mpevse_energy_kilowatthours_total 123456.789" in lines
        assert "mpevse_contactor_closed 1" in lines
        assert lines.count("# TYPE mpevse_pilot_volts gauge") == 1
        for line in (
            'mpevse_pilot_volts{level="high"} 5.980',
            'mpevse_pilot_volts{level="low"} -11.950',
            "mpevse_pilot_duty_ratio 0.267",
            "mpevse_pilot_age_seconds 0.012",
        ):
            assert line in lines
        assert not [line for line in lines if 'voltage_volts{phase="L3"}' in line]
        assert not [line for line in lines if "null" in line]
        assert 'chargepoint="a \\"b\\"\\\\c"' in lines[1]

    play(story)


async def live(site):
    cookie = await site.cookie()
    head = f"GET /api/live HTTP/1.1\r\nCookie: {cookie}\r\n\r\n"
    return await site.send(head.encode())


async def heard(reader, seconds: float) -> list:
    """The events of the next so many seconds."""
    text = b""
    end_s = asyncio.get_running_loop().time() + seconds
    while (left := end_s - asyncio.get_running_loop().time()) > 0:
        try:
            text += await asyncio.wait_for(reader.read(4096), left)
        except TimeoutError:
            break
    return events_of(text.partition(b"\r\n\r\n")[2] if text.startswith(b"HTTP") else text)


def test_a_live_page_gets_the_whole_state_and_then_what_changes():
    async def story(site):
        reader, writer = await live(site)
        (first,) = await heard(reader, 0.5)
        assert first[0] == "state"
        assert set(first[1]) == set(KEYS)
        site.services.meter.current_ma[0] = 10000
        changes = await heard(reader, 2.2)
        assert [name for name, _ in changes] == ["change"] * len(changes)
        assert 1 <= len(changes) <= 3
        assert changes[0][1]["current_l1"] == 10.0
        assert set().union(*(data for _, data in changes)) <= {"current_l1", "uptime_s", "unix_s"}
        writer.close()

    visit(story)


def test_a_live_page_hears_of_the_chargers_events_at_once():
    async def story(site):
        reader, writer = await live(site)
        await heard(reader, 1.3)
        site.services.charger.status = "Finishing"
        site.services.charger.tell("status")
        changes = await heard(reader, 0.3)
        assert changes[0][1]["status"] == "Finishing"
        writer.close()

    visit(story)


def test_a_live_page_ends_with_its_session_and_gives_its_place_back():
    async def story(site):
        pages = [await live(site) for _ in range(3)]
        await asyncio.sleep(0.2)
        status, headers, _ = await site.get("/api/live", await site.cookie())
        assert (status, headers["retry-after"]) == (503, "5")
        for reader, _ in pages:
            await heard(reader, 0.1)
        site.services.settings.change({"operator_password": "correct horse"})
        await asyncio.sleep(2.5)
        for reader, _ in pages:
            await asyncio.wait_for(reader.read(), 1)
            assert reader.at_eof()
        reader, writer = await live(site)
        assert (await heard(reader, 0.5))[0][0] == "state"
        writer.close()

    visit(story)
