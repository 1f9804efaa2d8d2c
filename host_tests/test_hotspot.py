"""The hotspot: what opens it, what closes it, what the lamps show, and the way of a phone to the page."""

import asyncio
import socket
from types import SimpleNamespace

import pytest
from fault_rig import FaultRig
from net_rig import AT_HOME, NetRig
from test_captive_dns import query

TEN_MINUTES_S = 600


@pytest.fixture
def play(tmp_path, monkeypatch):
    """play(story, **settings) runs a story."""

    def run(story, **settings):
        NetRig(tmp_path, monkeypatch, **settings).play(story)

    return run


def test_a_new_board_opens_it_with_the_names_of_the_manual(play):
    async def story(rig):
        await asyncio.sleep(3)
        told = rig.air.hotspot()
        assert (told["on"], told["ssid"], told["password"]) == (True, "OCPP_A1B2", "88888888")
        assert (told["security"], told["hidden"]) == ("WPA2-PSK", False)
        assert rig.links.hotspot_open
        assert rig.links.hotspot.signal == "", "nobody sets up yet"

    play(story)


@pytest.mark.parametrize(
    ("settings", "opens"),
    [
        (AT_HOME, False),
        ({**AT_HOME, "setup_done": False}, True),
        ({**AT_HOME, "ssid": ""}, True),
        ({**AT_HOME, "wlan_enabled": False}, True),
        ({**AT_HOME, "connectivity": "None"}, True),
        ({**AT_HOME, "hotspot": "Always"}, True),
    ],
)
def test_at_the_start_it_opens_while_the_board_is_not_set_up_or_has_no_network(
    play, settings, opens
):
    async def story(rig):
        await asyncio.sleep(3)
        assert rig.links.hotspot_open == rig.air.hotspot()["on"] == opens

    play(story, **settings)


def test_ethernet_is_a_network_too(play):
    async def story(rig):
        await asyncio.sleep(3)
        assert not rig.links.hotspot_open

    play(story, lan=True, setup_done=True)


def test_ten_minutes_after_the_last_guest_it_closes(play):
    async def story(rig):
        await asyncio.sleep(TEN_MINUTES_S - 60)
        assert rig.links.hotspot_open
        rig.air.guests = 1
        await asyncio.sleep(TEN_MINUTES_S + 60)
        assert rig.links.hotspot_open
        rig.air.guests = 0
        await asyncio.sleep(TEN_MINUTES_S - 10)
        assert rig.links.hotspot_open
        await asyncio.sleep(20)
        assert not rig.links.hotspot_open and not rig.air.hotspot()["on"]
        assert rig.said("hotspot closed after ten minutes with nobody on it")

    play(story, names=False)


def test_it_stays_when_the_settings_say_always_and_goes_ten_minutes_after_they_no_longer_do(play):
    async def story(rig):
        await asyncio.sleep(TEN_MINUTES_S + 60)
        assert rig.links.hotspot_open
        rig.settings.change({"hotspot": "When needed"})
        await asyncio.sleep(TEN_MINUTES_S - 10)
        assert rig.links.hotspot_open
        await asyncio.sleep(20)
        assert not rig.links.hotspot_open
        rig.settings.change({"hotspot": "Always"})
        await asyncio.sleep(6)
        assert rig.links.hotspot_open

    play(story, names=False, **AT_HOME, hotspot="Always")


def test_who_takes_the_only_network_away_finds_the_hotspot_open(play):
    async def story(rig):
        await asyncio.sleep(6)
        assert not rig.links.hotspot_open
        rig.settings.change({"ssid": ""})
        await asyncio.sleep(6)
        assert rig.links.hotspot_open
        assert rig.links.wlan_ip == ""

    play(story, **AT_HOME)


def test_button_or_card_open_it_and_prolong_it(play):
    async def story(rig):
        await asyncio.sleep(6)
        rig.links.open_hotspot()
        assert rig.links.hotspot_open
        await asyncio.sleep(TEN_MINUTES_S - 10)
        rig.links.open_hotspot()
        await asyncio.sleep(TEN_MINUTES_S - 10)
        assert rig.air.hotspot()["on"]
        assert len(rig.said("hotspot OCPP_A1B2 open")) == 1
        await asyncio.sleep(20)
        assert not rig.air.hotspot()["on"]
        assert rig.links.wlan_ip, "the network stays joined"

    play(story, names=False, **AT_HOME)


def test_it_can_be_closed_and_opened_again_at_once(play):
    async def story(rig):
        await asyncio.sleep(3)
        rig.links.close_hotspot()
        rig.links.close_hotspot()
        assert not rig.links.hotspot_open and not rig.air.hotspot()["on"]
        rig.links.open_hotspot()
        await asyncio.sleep(2)
        assert rig.links.hotspot_open and rig.air.hotspot()["on"]

    play(story)


def test_another_password_or_visibility_holds_at_once(play):
    async def story(rig):
        await asyncio.sleep(3)
        rig.settings.change({"hotspot_password": "something else", "hide_ap_ssid": True})
        await asyncio.sleep(1)
        assert rig.air.hotspot()["password"] == "88888888", "the answer has to get out"
        await asyncio.sleep(5)
        told = rig.air.hotspot()
        assert (told["password"], told["hidden"], told["on"]) == ("something else", True, True)

    play(story)


def test_a_radio_that_refuses_leaves_it_closed_and_the_rest_running(play):
    async def story(rig):
        def refuse(**given):
            raise OSError("Wifi Internal Error")

        rig.links.wifi.hotspot.config = refuse
        await asyncio.sleep(6)
        assert not rig.links.hotspot_open
        assert rig.said("hotspot closed: Wifi Internal Error")
        assert rig.links.wlan_ip

    play(story, **{**AT_HOME, "setup_done": False})


def test_the_lamps_tell_who_opened_it_and_who_uses_it(play):
    async def story(rig):
        await asyncio.sleep(6)
        rig.links.open_hotspot()
        assert rig.links.hotspot.signal == "all"
        await asyncio.sleep(8)
        assert rig.links.hotspot.signal == "all"
        await asyncio.sleep(4)
        assert rig.links.hotspot.signal == "blue"

    play(story, **AT_HOME)


def test_a_guest_on_a_hotspot_that_opened_by_itself_shows_too(play):
    async def story(rig):
        await asyncio.sleep(6)
        rig.air.guests = 1
        await asyncio.sleep(2)
        assert rig.links.hotspot.signal == "blue"
        rig.air.guests = 0
        await asyncio.sleep(2)
        assert rig.links.hotspot.signal == ""

    play(story)


@pytest.mark.parametrize("scheme", ["etek", "blink"])
def test_all_lamps_flash_when_it_opens_then_blue_where_the_state_leaves_it_free(tmp_path, scheme):
    async def story(rig):
        rig.panel.links = SimpleNamespace(hotspot=SimpleNamespace(signal="all"))
        await asyncio.sleep(1)
        assert set(rig.shown.lamps.values()) == {"flashing fast"} and len(rig.shown.lamps) == 4
        rig.panel.links.hotspot.signal = "blue"
        await asyncio.sleep(1)
        assert rig.shown.lamps == {"green": "on", "blue": "flashing fast"}
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(1)
        rig.charger.start("CARD")
        await asyncio.sleep(10)
        charging = rig.shown.lamps["blue"]
        assert charging == {"etek": "breathing", "blink": "flashing slow"}[scheme]
        rig.panel.links.hotspot = None
        await asyncio.sleep(1)
        assert rig.shown.lamps == {"blue": charging}

    FaultRig(tmp_path, scheme).play(story)


def test_a_display_that_is_gone_does_not_keep_the_button_from_being_seen(tmp_path):
    async def story(rig):
        shows, looks = [], []

        async def fails(line1, line2):
            shows.append(line1)
            raise OSError(19)

        rig.shown.show = fails
        rig.panel.button = SimpleNamespace(poll=lambda: looks.append(1))
        await asyncio.sleep(20)
        assert 2 <= len(shows) <= 3
        assert len(looks) > 70

    FaultRig(tmp_path).play(story)


def test_while_it_is_open_every_name_leads_a_phone_to_it(play):
    async def story(rig):
        await asyncio.sleep(3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(1)
            phone.sendto(query("connectivitycheck.gstatic.com"), ("127.0.0.1", rig.dns_port))
            await asyncio.sleep(0.2)
            assert phone.recv(512).endswith(bytes([192, 168, 4, 1]))
            rig.links.close_hotspot()
            phone.sendto(query(), ("127.0.0.1", rig.dns_port))
            await asyncio.sleep(0.2)
            with pytest.raises(OSError):
                phone.recv(512)

    play(story)


def test_a_name_server_that_cannot_be_leaves_the_hotspot_open(play):
    async def story(rig):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", rig.dns_port))
            await asyncio.sleep(3)
            assert rig.said("no names on the hotspot")
            assert rig.links.hotspot_open and rig.air.hotspot()["on"]

    play(story)


def redirect(host, hotspot_open=True, port=80):
    """Where a request is led to; None when it is not."""
    from web.captive import redirect

    links = SimpleNamespace(hotspot_open=hotspot_open, hotspot_ip="192.168.4.1")
    services = SimpleNamespace(links=links, web_port=port)
    headers = {} if host is None else {"Host": host}
    found = redirect(SimpleNamespace(headers=headers), services)
    return found and (found.status_code, found.headers["Location"])


@pytest.mark.parametrize(
    "host", ["captive.apple.com", "connectivitycheck.gstatic.com:80", "www.msftconnecttest.com"]
)
def test_a_phone_that_looks_for_the_internet_is_led_to_the_page(host):
    assert redirect(host) == (302, "http://192.168.4.1/")
    assert redirect(host, port=8080) == (302, "http://192.168.4.1:8080/")
    assert redirect(host, hotspot_open=False) is None


@pytest.mark.parametrize(
    "host",
    ["192.168.4.1", "10.0.0.7:8080", "localhost", "localhost:8080", "wallbox.local", "", None],
)
def test_who_comes_by_address_or_by_a_name_of_the_house_is_not(host):
    assert redirect(host) is None
