"""Joining networks and the hotspot: what an owner does with phone, button and card, on MicroPython."""

import json
import random
import socket
import struct
import time

import pytest
from bench_process import request, until
from station import CARD

pytestmark = pytest.mark.slow

OFFLINE = True
SETTINGS = {"ssid": "Workshop", "ssid_password": "open-sesame", "setup_done": True}
OPTIONS = {"csms": "none", "heap": "128k", "config": {"allow_factory_passwords": True}}


@pytest.fixture
def station(shared_station):
    """A station in its owner's network, with a dealer at its page."""
    shared_station.put("network", wlan=True, hotspot_guests=0)
    if shared_station.page.request("GET", "/api/session")[0] == 401:
        assert shared_station.page.login("etec", "88888888") == 204
    return shared_station


def change(station, **settings):
    status, _, body = station.page.request("PUT", "/api/settings", settings)
    assert status == 200, body


def state(station, check, what):
    """The controller's state as soon as check(its links) is true."""

    def look():
        told = station.page.state["links"]
        return told if check(told) else None

    return until(look, what)


def ask_name(station, host, kind=1):
    """The answer of the hotspot's name server; None when it gives none."""
    name = b"".join(bytes([len(part)]) + part.encode() for part in host.split(".")) + b"\0"
    question = name + struct.pack(">2H", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(2)
        port = station.state["hotspot"]["dns_port"]
        phone.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + question, ("127.0.0.1", port))
        try:
            return phone.recv(512)
        except OSError:
            return None


def probe(station, path, host):
    """What a phone gets that looks for the Internet; it has no session."""
    status, headers, _ = request(station.page.port, "GET", path, headers={"Host": host})
    return status, headers.get("Location")


def test_the_owners_network_is_joined_and_its_strength_told(station):
    told = state(station, lambda links: links["wlan_ip"], "Wi-Fi joined")
    assert told["wlan_rssi_dbm"] == -48
    assert station.state["radio"]["joined"] == "Workshop"
    assert not station.state["hotspot"]["on"], "set up, and in a network"


def test_a_wrong_password_is_told_and_the_right_one_joins_without_a_restart(station):
    change(station, ssid_password="wrong password")
    state(station, lambda links: links["wlan_trouble"] == "wrong password", "the reason")
    change(station, ssid="Garage", ssid_password="four wheels")
    state(station, lambda links: links["wlan_rssi_dbm"] == -57, "the other network")
    assert station.state["firmware"]["restarts"] == 0


def test_static_addresses_come_and_go(station):
    change(station, dhcp="Static", static_ip="10.9.8.7", gateway="10.9.8.1")
    state(station, lambda links: links["wlan_ip"] == "10.9.8.7", "the static address")
    change(station, dhcp="Auto")
    state(station, lambda links: links["wlan_ip"] == "127.0.0.1", "an address from DHCP")


def test_a_scan_lists_what_is_in_the_air_and_does_not_hold_the_page(station):
    crowd = [
        {"ssid": f"Flat {n}", "rssi_dbm": -40 - n, "security": "WPA2-PSK", "password": "12345678"}
        for n in range(18)
    ]
    home = {"ssid": "Workshop", "rssi_dbm": -30, "security": "WPA2-PSK", "password": "open-sesame"}
    station.put("network", networks=[home, *crowd])
    status, _, body = station.page.request("POST", "/api/actions/scan_wifi", {})
    assert status == 200, body
    found = json.loads(body)["result"]
    assert found[0] == {"ssid": "Workshop", "rssi_dbm": -30, "security": "WPA2-PSK"}
    assert len(found) == 19


def test_a_long_press_opens_the_hotspot_and_every_lamp_tells_so(station):
    station.ask("POST", f"/api/boards/{station.number}/button", {"hold_ms": 1000})
    time.sleep(2)
    assert not station.state["hotspot"]["on"], "a short press is none"
    station.ask("POST", f"/api/boards/{station.number}/button", {"hold_ms": 3200})
    told = station.shows(lambda s: s["hotspot"]["on"])["hotspot"]
    assert (told["ssid"], told["password"]) == ("OCPP_0001", "88888888")
    station.shows(lambda s: set(s["leds"].values()) == {"flashing fast"})
    assert station.page.state["links"]["hotspot"] is True


def test_a_phone_on_the_hotspot_is_led_to_the_page(station):
    answer = until(lambda: ask_name(station, "connectivitycheck.gstatic.com"), "a name's address")
    assert answer.endswith(bytes([192, 168, 4, 1]))
    assert struct.unpack(">H", ask_name(station, "captive.apple.com", 28)[6:8]) == (0,)
    page = f"http://192.168.4.1:{station.page.port}/"
    assert probe(station, "/generate_204", "connectivitycheck.gstatic.com") == (302, page)
    assert probe(station, "/hotspot-detect.html", "captive.apple.com") == (302, page)
    assert probe(station, "/connecttest.txt", "www.msftconnecttest.com") == (302, page)
    assert probe(station, "/generate_204", "127.0.0.1")[0] == 401, "by the address: as ever"
    assert probe(station, "/api/state", "captive.apple.com")[0] == 401


def test_nonsense_at_the_name_server_costs_nothing(station):
    chance = random.Random(7)
    port = station.state["hotspot"]["dns_port"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        for turn in range(3000):
            packet = bytearray(chance.randbytes(chance.randrange(0, 600)))
            if turn % 2:
                packet[2:12] = b"\1\0\0\1\0\0\0\0\0\0"
            phone.sendto(packet, ("127.0.0.1", port))
            if turn % 100 == 99:
                time.sleep(0.05)
    assert until(lambda: ask_name(station, "captive.apple.com"), "an answer")
    assert station.state["firmware"]["restarts"] == 0


def test_the_lamp_tells_of_set_up_until_it_is_over(station):
    station.put("network", hotspot_guests=1)
    shown = station.shows(lambda s: s["leds"]["red"] == "off")
    station.shows(lambda s: s["leds"]["blue"] == "flashing fast" and s["leds"]["green"] == "on")
    assert shown["hotspot"]["on"]


def test_another_password_of_the_hotspot_holds_at_once(station):
    change(station, hotspot_password="quiet evening", hide_ap_ssid=True)
    told = station.shows(lambda s: s["hotspot"]["password"] == "quiet evening")["hotspot"]
    assert told["hidden"] is True


def test_the_switch_for_a_factory_reset_works_once(station):
    station.put("dip", factory_reset=True)
    station.power(False)
    station.power(True)
    station.shows(lambda s: s["hotspot"]["on"] and s["hotspot"]["password"] == "88888888")
    assert station.bench.console().count("factory settings, by the DIP switch") == 1
    station.page.forget()
    until(lambda: station.page.login("etec", "88888888") == 204, "a login")
    change(station, ssid="Workshop", ssid_password="open-sesame", setup_done=True)
    station.power(False)
    station.power(True)
    station.shows(lambda s: s["radio"]["joined"] == "Workshop")
    assert station.bench.console().count("factory settings, by the DIP switch") == 1
    station.put("dip", factory_reset=False)


def test_the_configuration_card_opens_the_hotspot_and_charges_nothing(station):
    station.page.forget()
    until(lambda: station.page.login("etec", "88888888") == 204, "a login")
    assert not station.state["hotspot"]["on"]
    change(station, config_card=CARD)
    station.card(CARD)
    station.shows(lambda s: s["hotspot"]["on"])
    station.shows(lambda s: set(s["leds"].values()) == {"flashing fast"})
    assert not station.state["coil"]
