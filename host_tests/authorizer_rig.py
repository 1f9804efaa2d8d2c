"""Cards and plugs at an authorizer, and the settings of ETEK's modes A.1 … B.7 as its tables give them."""

import asyncio

import virtual_time
from auth import tag_cache, whitelist
from auth.authorizer import Authorizer
from core.settings import Settings

GOOD, BAD, ANY = "900D900D", "BAD0BAD0", "04A1B2C3D4E5F6"  # UIDs of cards
LISTED, CACHED, REFUSED = "11571157", "CA54ED01", "DEADBEEF"


class Charger:
    """Records what it is asked for."""

    def __init__(self, plugged=False):
        self.session = None
        self.reservation = None
        self.plugged = plugged
        self.finished = False
        self.awaits_plug = False
        self.refusal = ""
        self.asked = []

    def listen(self, callback):
        self.tell = callback

    def start(self, id_tag):
        if self.refusal or self.session:
            return self.refusal or "a session is running"
        self.asked.append(("start", id_tag))
        self.session = type("Session", (), {"id_tag": id_tag})
        return ""

    def stop(self, reason, id_tag=""):
        self.asked.append(("stop", reason, id_tag))
        self.session = None
        self.finished = self.plugged
        return True

    def plug(self, is_in=True):
        self.plugged = is_in
        if is_in:
            self.tell("plugged", self.session)
        elif self.session:
            self.stop("EVDisconnected")
        self.finished = self.finished and is_in


class Backend:
    """A back office that knows some cards."""

    decides = False

    def __init__(self, online=True, answers=True):
        self.online = online
        self.answers = answers
        self.asked = []
        self.parents = {}

    async def authorize_info(self, id_tag):
        await asyncio.sleep(0.1)
        if not self.online:
            return None
        self.asked.append(id_tag)
        if not self.answers:
            return None
        info = {"status": "Accepted" if id_tag in (GOOD, "123", *self.parents) else "Blocked"}
        if id_tag in self.parents:
            info["parentIdTag"] = self.parents[id_tag]
        self.authorizer.told({"idTag": id_tag}, info)  # as ocpp16's charge point does
        return info


def play(tmp_path, changes, story, backend=None, plugged=False):
    """Tell a story to an authorizer with these settings; returns what the charger was asked for."""
    settings = Settings(str(tmp_path / "settings.json"))
    settings.change(changes)
    charger = Charger(plugged)

    async def stage():
        authorizer = Authorizer(settings, charger, backend, str(tmp_path))
        if backend:
            backend.authorizer = authorizer
        asyncio.create_task(authorizer.run())
        await asyncio.sleep(0)
        await story(authorizer, charger)

    virtual_time.run(stage())
    return charger.asked


def fill_lists(tmp_path) -> None:
    """A card on the whitelist, two in the cache."""
    whitelist.insert(LISTED, str(tmp_path / "whitelist"))
    tag_cache.put(CACHED, "Accepted", 0, "", str(tmp_path / "tag_cache"))
    tag_cache.put(REFUSED, "Blocked", 0, "", str(tmp_path / "tag_cache"))


async def plug(authorizer, charger):
    charger.plug()
    await asyncio.sleep(1)


def card(*id_tags):
    async def show(authorizer, charger):
        for id_tag in id_tags:
            authorizer.present(bytes.fromhex(id_tag))
            await asyncio.sleep(1)

    return show


def who_charges(tmp_path, changes, online=True, answers=True) -> dict:
    """{card: the back office was asked} of the cards that start a charge."""
    charging = {}
    for id_tag in (GOOD, LISTED, CACHED, REFUSED, ANY):
        backend = Backend(online, answers)
        if play(tmp_path, changes, card(id_tag), backend) == [("start", id_tag)]:
            charging[id_tag] = bool(backend.asked)
    return charging


_ALL_OFF = {
    "stop_mode": "IC Card/Pull Charging Plug",
    "resume_after_power_loss": False,
    "whitelist_enabled": False,
    "tag_byte_order": "BE",
    "cache_expire_mode": True,
    "offline_allow_unknown": False,
    "local_pre_authorize": False,
    "local_authorize_offline": False,
    "stop_if_queue_full": False,
    "authorization_cache": True,
}
_CARDS = {"rfid_reader": True, "free_charging": False, "free_charging_tag": "123"}
_NO_CARDS = {"rfid_reader": False, "free_charging": True, "free_charging_tag": "123"}
_HOME = {"chargepoint_type": "Home"}
_PUBLIC = {"chargepoint_type": "Public"}
_LOCAL = {"whitelist_enabled": True, "local_pre_authorize": True, "local_authorize_offline": True}
_NO_CACHE = {"cache_expire_mode": False, "authorization_cache": False}

A1 = {**_HOME, **_NO_CARDS, **_ALL_OFF}
A2 = {
    **_HOME,
    "rfid_reader": True,
    "free_charging": True,
    "free_charging_tag": "123",
    "free_charging_mode": "Without ocpp",
}
A3 = {**_HOME, **_CARDS, "free_charging_mode": "Without ocpp"}
B1 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF, **_LOCAL}
B2 = {**_PUBLIC, **_NO_CARDS, "free_charging_mode": "With ocpp"}
B3 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF}
B4 = {**_PUBLIC, **_CARDS, **_ALL_OFF, **_LOCAL, "authorization_cache": False}
B5 = {**_PUBLIC, **_CARDS, "free_charging_mode": "With ocpp", **_ALL_OFF, **_NO_CACHE}
B6 = B3
B7 = {
    **_PUBLIC,
    **_CARDS,
    **_ALL_OFF,
    **_NO_CACHE,
    "offline_allow_unknown": True,
    "local_pre_authorize": True,
    "local_authorize_offline": True,
}
