"""Wi-Fi and Ethernet as the settings want them, over a radio that answers as the ESP32's."""

import asyncio

import pytest
from net_rig import AT_HOME, HOME, NetRig
from sim.shim import registers as layout
import virtual_time


def network(ssid, rssi_dbm=-60, security="WPA2-PSK", password="right horse"):
    return {"ssid": ssid, "rssi_dbm": rssi_dbm, "security": security, "password": password}


@pytest.fixture
def play(tmp_path, monkeypatch):
    """play(story, **settings) runs a story."""

    def run(story, **settings):
        NetRig(tmp_path, monkeypatch, **settings).play(story)

    return run


def test_the_network_of_the_settings_is_joined_and_told(play):
    async def story(rig):
        await asyncio.sleep(6)
        assert (rig.links.wlan_ip, rig.links.wlan_rssi_dbm) == ("127.0.0.1", -55)
        assert rig.links.wlan_trouble == ""
        assert rig.said("Wi-Fi 127.0.0.1")

    play(story, **AT_HOME)


def test_without_a_back_office_the_lamp_tells_of_no_network(play):
    async def story(rig):
        await asyncio.sleep(6)
        assert rig.links.condition() == "off"
        rig.settings.change({"backend_url": "ws://10.0.0.1/ocpp"})
        assert rig.links.condition() == "network"
        rig.reach(wlan=False)
        await asyncio.sleep(6)
        assert rig.links.condition() == ""
        rig.settings.change({"chargepoint_type": "Home"})
        assert rig.links.condition() == "off"

    play(story, **AT_HOME)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ssid_password": "wrong horse"}, "wrong password"),
        ({"ssid": "Elsewhere"}, "no such network in reach"),
        ({"ssid_password": ""}, "its security does not do"),
        ({"wlan_security": "None"}, "its security does not do"),
        ({"wlan_security": "WEP"}, "its security is WPA2-PSK, not WEP"),
        ({"ssid": "Elsewhere", "wlan_security": "WPA2-PSK"}, "no such network in reach"),
    ],
)
def test_what_keeps_it_from_joining_is_told_and_tried_again_ever_more_seldom(
    play, settings, reason
):
    async def story(rig):
        await asyncio.sleep(1500)
        assert rig.links.wlan_ip == ""
        assert reason in rig.links.wlan_trouble
        told = rig.said(reason)
        pauses = [round(b - a, 1) for a, b in zip(told, told[1:])]
        assert pauses == sorted(pauses)
        assert 5 <= pauses[0] < 15
        assert 300 <= pauses[-1] < 310

    play(story, **{**AT_HOME, **settings})


@pytest.mark.parametrize(
    ("security", "there", "joins"),
    [
        ("Auto", "WPA2-PSK", True),
        ("Auto", "WPA-PSK+WPA2-PSK", True),
        ("Auto", "WPA-PSK", False),  # MicroPython leaves the chip's threshold at WPA2
        ("Auto", "WEP", False),
        ("Auto", "None", False),  # a password is meant to protect
        ("WPA2-PSK", "WPA2-PSK", True),
        ("WPA2-PSK", "WPA-PSK+WPA2-PSK", True),
        ("WPA-PSK", "WPA2-PSK", False),
        ("WPA-PSK+WPA2-PSK", "WPA2-PSK", True),
        ("None", "None", True),
    ],
)
def test_the_security_that_is_asked_for_is_kept_to(play, security, there, joins):
    async def story(rig):
        password = "" if there == "None" else "right horse"
        rig.air.networks = [network("Home", security=there, password=password)]
        await asyncio.sleep(20)
        assert bool(rig.links.wlan_ip) == joins
        assert bool(rig.links.wlan_trouble) != joins

    play(story, **{**AT_HOME, "wlan_security": security})


def test_an_open_network_of_the_same_name_is_passed_by(play):
    async def story(rig):
        rig.air.networks = [network("Home", -30, "None", ""), network("Home", -80)]
        await asyncio.sleep(10)
        assert (rig.links.wlan_ip, rig.links.wlan_rssi_dbm) == ("127.0.0.1", -80)

    play(story, **{**AT_HOME, "wlan_security": "WPA2-PSK"})


def test_static_addresses_hold_until_dhcp_is_back(play):
    async def story(rig):
        await asyncio.sleep(6)
        assert rig.links.wlan_ip == "10.1.2.3"
        rig.settings.change({"dhcp": "Auto"})
        await asyncio.sleep(8)
        assert rig.links.wlan_ip == "127.0.0.1"

    addresses = {"static_ip": "10.1.2.3", "gateway": "10.1.2.1"}
    play(story, **AT_HOME, **addresses, dhcp="Static")


def test_the_name_server_may_be_another_than_the_gateway(play):
    async def story(rig):
        await asyncio.sleep(6)
        told = rig.links.wifi.station.ifconfig()
        assert told == ("10.1.2.3", "255.255.0.0", "10.1.2.1", "9.9.9.9")
        rig.settings.change({"dns": ""})
        await asyncio.sleep(8)
        assert rig.links.wifi.station.ifconfig()[3] == "10.1.2.1"

    addresses = {"static_ip": "10.1.2.3", "subnet_mask": "255.255.0.0", "gateway": "10.1.2.1"}
    play(story, **AT_HOME, **addresses, dhcp="Static", dns="9.9.9.9")


def test_a_change_takes_effect_at_once_and_another_setting_disturbs_nothing(play):
    async def story(rig):
        rig.air.networks = [HOME, network("Shop", -70)]
        await asyncio.sleep(6)
        rig.settings.change({"output_current_limit": 16})
        await asyncio.sleep(10)
        assert not rig.said("lost")
        rig.settings.change({"ssid": "Shop"})
        await asyncio.sleep(1)
        assert rig.links.wlan_ip, "the answer to the change has to get out"
        await asyncio.sleep(6)
        assert rig.links.wlan_rssi_dbm == -70

    play(story, **AT_HOME)


def test_a_new_password_is_tried_at_once_whatever_the_pause(play):
    async def story(rig):
        await asyncio.sleep(700)
        assert rig.links.wlan_trouble == "wrong password"
        rig.settings.change({"ssid_password": "right horse"})
        await asyncio.sleep(8)
        assert rig.links.wlan_ip

    play(story, **{**AT_HOME, "ssid_password": "wrong horse"})


def test_a_change_ends_a_try_that_is_under_way(play):
    async def story(rig):
        await asyncio.sleep(2.5)
        rig.settings.change({"wlan_enabled": False})
        await asyncio.sleep(5)
        assert rig.links.wlan_trouble == "" and not rig.registers[layout.STATION_ON]

    play(story, **{**AT_HOME, "ssid_password": "wrong horse"})


def test_a_network_that_was_lost_is_joined_again(play):
    async def story(rig):
        await asyncio.sleep(6)
        rig.reach(wlan=False)
        await asyncio.sleep(30)
        assert (rig.links.wlan_ip, rig.links.wlan_rssi_dbm) == ("", None)
        assert rig.said("Wi-Fi lost")
        rig.reach(wlan=True)
        await asyncio.sleep(60)
        assert rig.links.wlan_ip

    play(story, **AT_HOME)


@pytest.mark.parametrize(
    ("settings", "wlan", "lan"),
    [
        ({}, True, True),
        ({"connectivity": "None"}, False, False),
        ({"connectivity": "Wi-Fi"}, True, False),
        ({"connectivity": "Ethernet"}, False, True),
        ({"connectivity": "Cellular"}, False, False),
        ({"wlan_enabled": False}, False, True),
        ({"lan_enabled": False}, True, False),
        ({"connectivity": "Ethernet", "lan_enabled": False}, False, False),
    ],
)
def test_the_links_that_are_wanted_come_up_and_no_others(play, settings, wlan, lan):
    async def story(rig):
        await asyncio.sleep(10)
        assert (bool(rig.links.wlan_ip), bool(rig.links.lan_ip)) == (wlan, lan)
        assert bool(rig.registers[layout.LAN_ON]) == lan

    play(story, lan=True, **AT_HOME, **settings)


def test_ethernet_has_the_static_addresses_where_it_is_used(play):
    async def story(rig):
        await asyncio.sleep(6)
        assert (rig.links.lan_ip, rig.links.wlan_ip) == ("10.1.2.3", "127.0.0.1")
        rig.reach(lan=False)
        await asyncio.sleep(3)
        assert rig.links.lan_ip == "" and rig.said("Ethernet lost")

    addresses = {"static_ip": "10.1.2.3", "gateway": "10.1.2.1"}
    play(story, lan=True, **AT_HOME, **addresses, dhcp="Static")


@pytest.mark.parametrize(
    ("wish", "missing"), [("Ethernet", "no Ethernet"), ("Cellular", "no modem")]
)
def test_a_board_without_the_part_says_so(play, wish, missing):
    async def story(rig):
        await asyncio.sleep(6)
        assert rig.said("this board has " + missing)
        assert (rig.links.wlan_ip, rig.links.lan_ip) == ("", "")

    play(story, **AT_HOME, connectivity=wish)


def test_a_scan_tells_the_strongest_twenty_with_their_security(play):
    async def story(rig):
        others = [network(f"Net {n}", -90 + n) for n in range(17)]
        rig.air.networks = [*others, network("Home"), network("Home", -40), HOME]
        found = await rig.links.scan()
        assert found[0] == {"ssid": "Home", "rssi_dbm": -40, "security": "WPA2-PSK"}
        assert [n["ssid"] for n in found].count("Home") == 1
        strengths = [n["rssi_dbm"] for n in found]
        assert strengths == sorted(strengths, reverse=True) and len(found) == 18

    play(story)


def test_a_scan_of_a_crowded_place_is_bounded_and_leaves_out_what_nobody_can_type(play):
    async def story(rig):
        crowd = [(b"N%d" % n, b"123456", 1, -n, 3, False) for n in range(40)]
        odd = [(b"\xff\xfe", b"123456", 1, -1, 3, False), (b"", b"123456", 1, -1, 3, True)]
        strange = [(b"Future", b"123456", 1, -2, 99, False)]
        rig.links.wifi.station.scan = lambda: crowd + odd + strange
        found = await rig.links.scan()
        assert len(found) == 20
        assert "" not in [n["ssid"] for n in found]
        assert {"ssid": "Future", "rssi_dbm": -2, "security": "other"} in found

    play(story)


def test_a_scan_waits_for_a_try_to_join_and_for_another_scan(play):
    async def story(rig):
        await asyncio.sleep(2.5)
        assert rig.links.wifi.is_joining()
        first, second = await asyncio.gather(rig.links.scan(), rig.links.scan())
        assert first == second and first[0]["ssid"] == "Home"
        await asyncio.sleep(5)
        assert rig.links.wlan_ip

    play(story, **AT_HOME)


def test_a_radio_that_does_not_scan_says_why(play):
    async def story(rig):
        def fail():
            raise OSError("Wifi Internal State Error")

        rig.links.wifi.station.scan = fail
        with pytest.raises(OSError, match="does not scan: Wifi Internal State Error"):
            await rig.links.scan()
        assert not rig.links.scanning

    play(story)


def test_a_radio_that_refuses_is_trouble_and_no_crash(play):
    async def story(rig):
        def refuse(*given, **named):
            raise OSError("Wifi Internal Error")

        rig.links.wifi.station.connect = refuse
        await asyncio.sleep(30)
        assert rig.links.wlan_trouble == "Wifi Internal Error"
        del rig.links.wifi.station.connect
        await asyncio.sleep(60)
        assert rig.links.wlan_ip

    play(story, **AT_HOME)


def test_a_radio_that_fails_while_the_settings_are_applied_is_tried_again(tmp_path, monkeypatch):
    async def story(rig):
        leave, failures = rig.links.wifi.do, []

        def fail(function, *given):
            if function == "halt" and not failures:
                failures.append(function)
                raise OSError("Wifi Internal Error")
            return leave(function, *given)

        rig.links.wifi.do = fail
        with pytest.raises(OSError):
            await rig.links.run()
        running = asyncio.create_task(rig.links.run())  # as the supervisor does
        await asyncio.sleep(8)
        assert failures and rig.links.wlan_ip
        running.cancel()

    rig = NetRig(tmp_path, monkeypatch, **AT_HOME)
    virtual_time.run(story(rig))
