"""The web application over made-up services, and raw sockets to talk to it, in virtual time."""

import asyncio
import base64
import hashlib
import json
import socket
import tempfile
from types import SimpleNamespace

import virtual_time
from core import clock
from core.settings import Settings
from microdot.test_client import TestClient
from web.app import WebServer, create_app

LOGINS = {
    "manufacturer": ("WLQ01", "40000003"),
    "operator": ("etec", "88888888"),
    "user": ("user", "88888888"),
}


def stored_password(text: str, rounds: int = 2) -> bytes:
    """What is stored of a password, by another implementation."""
    salt = b"sixteen bytes..."
    key = hashlib.pbkdf2_hmac("sha256", text.encode(), salt, rounds)
    parts = [base64.b64encode(part).decode() for part in (salt, key)]
    return "$".join(["", "pbkdf2-sha256", str(rounds), *parts]).encode()


class RigSettings(Settings):
    """The settings on a file that is thrown away; passwords may be given as text."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        super().__init__(self._directory.name + "/settings.json")
        self.values = {}  # what a test puts here is not checked
        self.change({"backend_chargepoint_id": "etec03"})

    def get(self, key):
        """Value of a setting."""
        return self.values[key] if key in self.values else super().get(key)

    def change(self, changes):
        """Change settings and tell the listeners."""
        texts = [key for key in changes if key.endswith("_password") and key[:-9] in LOGINS]
        stored = {k: stored_password(changes[k]) for k in texts if isinstance(changes[k], str)}
        super().change({**changes, **stored})


class Charger(SimpleNamespace):
    """A charger in the middle of a charge."""

    def __init__(self) -> None:
        super().__init__(
            state="C2",
            status="Charging",
            error_code="NoError",
            vendor_error="",
            reason="The car charges",
            signaled_ma=16000,
            limit_ma=16000,
            limit_reason="operator",
            contactor_closed=True,
            faults=[],
            active_faults=[],
            limits=SimpleNamespace(
                slots=lambda: {"operator": 16000, "DIP switch": 32000}, left_s=0
            ),
            plugged=True,
            connector=None,
            temperature_dc=253,
            contactor_cycles=29,
            plug_cycles=27,
            pilot=SimpleNamespace(
                high_mv=5980, low_mv=-11950, duty_permille=267, age_ms=lambda: 12
            ),
            session=SimpleNamespace(
                number=7,
                energy_wh=3456,
                start_unix_s=1795198500,
                id_tag="04A1B2C3",
                duration_s=lambda: 11359,
            ),
            listeners=[],
        )

    def listen(self, listener):
        """Add a listener."""
        self.listeners.append(listener)

    def tell(self, event):
        """Tell the listeners."""
        for listener in self.listeners:
            listener(event, self.session)


def make_services(**others) -> SimpleNamespace:
    """The services that the pages reach."""
    meter = SimpleNamespace(
        ok=True,
        voltage_mv=[230123, 229871, None],
        current_ma=[15987, 15875, 0],
        power_mw=7312499,
        energy_wh=123456789,
        shown_wh=123456789,
    )
    return SimpleNamespace(
        **{
            "settings": RigSettings(),
            "config": {"allow_factory_passwords": True},
            "authorizer": None,
            "group": None,
            "group_carrier": None,
            "on_restart": lambda: None,
            "charger": Charger(),
            "meter": meter,
            "charge_point": SimpleNamespace(state="Connected"),
            "links": SimpleNamespace(
                lan_ip="192.168.1.232", wlan_ip="", operator="", hotspot_open=False
            ),
            "version": "0.1.0",
            "serial": "FC107E010000122C180C",
            **others,
        }
    )


class Browser(TestClient):
    """Microdot's client, with the session's CSRF token."""

    csrf = ""

    async def login(self, role="operator", password=""):
        """Log in; answers with the response."""
        user, right = LOGINS[role]
        body = {"user": user, "password": password or right}
        response = await self.post("/api/login", body=body)
        self.csrf = response.headers.get("X-CSRF-Token", "")
        return response


def play(story, services=None):
    """Run a story, an async function of a browser and the services, in virtual time."""
    services = services or make_services()

    async def stage():
        await story(Browser(create_app(services)), services)

    virtual_time.run(stage())


def pass_s(seconds: float) -> None:
    """Let time pass for whoever reads the clock; the uptime must be read within its wrap."""
    virtual_time.clock.now_us += int(seconds * 1e6)
    clock.uptime_s()


class Site:
    """A running server; `services` lie behind it."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.services = make_services()
        self.app = create_app(self.services)
        self.server = WebServer(self.app, self.port, "127.0.0.1")

    async def send(self, data: bytes):
        """Open a connection and send bytes; answers with its two streams."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        return reader, writer

    async def ask(self, data: bytes) -> tuple[int, dict, bytes]:
        """Status, headers and body of the answer to raw bytes; (0, {}, b"") without one."""
        reader, writer = await self.send(data)
        answer = await reader.read()
        writer.close()
        if not answer:
            return 0, {}, b""
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), headers, body

    async def cookie(self) -> str:
        """Cookie of a new session."""
        session = self.app.sessions.open("operator")
        return self.app.cookie(session.token).split(";")[0]

    async def get(self, path: str, cookie: str = "", method: str = "GET"):
        """Answer to a well-formed request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: charger\r\nCookie: {cookie}\r\n\r\n"
        return await self.ask(head.encode())


def visit(story):
    """Run a story, an async function of a site, against a server that runs."""

    async def stage():
        site = Site()
        serving = asyncio.create_task(site.server.run())
        await asyncio.sleep(0.1)
        await story(site)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    virtual_time.run(stage())


def events_of(text: bytes) -> list[tuple[str, dict]]:
    """Name and data of each server-sent event in a text."""
    events = []
    for block in text.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields["event"], json.loads(fields["data"])))
    return events
