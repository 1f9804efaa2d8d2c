"""A real charging core behind the web application, with three browsers that are logged in."""

import json
from types import SimpleNamespace

from auth.authorizer import Authorizer
from data_rig import use_directory
from fault_rig import FaultRig
from rig import CONFIG
from web_rig import Browser, create_app, make_services

ROLES = ("manufacturer", "operator", "user")


class Links(SimpleNamespace):
    """A Wi-Fi that sees two networks."""

    async def scan(self):
        return [{"ssid": '<script>"', "rssi_dbm": -40, "security": "WPA2-PSK"}]


class Meter:
    """What set_zero is asked of."""

    trouble = ""
    zeroed = 0

    def set_zero(self) -> str:
        self.zeroed += 1
        return self.trouble


class Stand(FaultRig):
    """A real charging core with its settings behind the web application."""

    def __init__(self, tmp_path, monkeypatch, **settings) -> None:
        (tmp_path / "data").mkdir(exist_ok=True)
        use_directory(monkeypatch, tmp_path / "data")
        super().__init__(tmp_path, **settings)
        self.restarts = 0
        self.zero_meter = Meter()
        self.services = make_services(
            settings=self.settings,
            charger=self.charger,
            meter=self.zero_meter,
            charge_point=None,
            links=Links(lan_ip="", wlan_ip="", operator="", hotspot_open=False),
            environment=self.environment,
            on_restart=self._restarted,
            config={"allow_factory_passwords": True, "board": CONFIG},
            authorizer=Authorizer(self.settings, self.charger, None),
        )

    def _restarted(self) -> None:
        self.restarts += 1

    def tell(self, story) -> None:
        """Run a story, an async function of this stand and of a way to push buttons."""

        async def stage(rig):
            self.app = create_app(self.services)
            browsers = {}
            for role in ROLES:
                browsers[role] = Browser(self.app)
                await browsers[role].login(role)

            async def push(key, value=None, role="manufacturer", **more):
                browser = browsers[role]
                body = {"value": value, **more} if value is not None or more else ""
                answer = await browser.post(
                    "/api/actions/" + key, {"X-CSRF-Token": browser.csrf}, body=body
                )
                return answer.status_code, json.loads(answer.text)

            self.browsers = browsers
            await story(rig, push)

        self.play(stage)
