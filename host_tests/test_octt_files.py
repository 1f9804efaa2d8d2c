"""Cases of the OCA's test tool for charge points, OCPP 1.6: firmware, diagnostics and security logs."""

import asyncio
import base64
import hashlib
import time

import pytest
import tls_rig
import virtual_time
from aiohttp import web
from core import clock, loading
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from octt_rig import ACCEPTED, case
from sim.certificates import Holder

IMAGE = b"firmware" * 100


class FileServer:
    """Takes files by PUT and POST as long as it `accepts`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.accepts = True
        self.url = ""

    async def __aenter__(self) -> "FileServer":
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/{name:.*}", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://127.0.0.1:%d" % self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_) -> None:
        await self._runner.cleanup()

    async def _take(self, request) -> web.Response:
        if not self.accepts:
            return web.Response(status=403)
        self.files[request.path] = await request.read()
        return web.Response(status=201)


class Updater:
    """The port that ocpp16.firmware describes; `fails` at download or install."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.came_out = ""
        self.installs = 0
        self.discarded = False

    async def download(self, location: str) -> bytes:
        await asyncio.sleep(3)
        if self.fails == "download":
            raise OSError("550 no such file")
        return hashlib.sha256(IMAGE).digest()

    async def install(self) -> None:
        self.installs += 1
        if self.fails == "install":
            raise ValueError("no image of this board")

    def discard(self) -> None:
        self.discarded = True

    def outcome(self) -> str:
        return self.came_out


def told(s, action: str) -> list:
    """Statuses of an action's messages."""
    return [payload["status"] for payload in s.received(action)]


def events(s) -> list:
    """Kinds of the security events that came."""
    return [event["type"] for event in s.received("SecurityEventNotification")]


async def install(s, updater) -> None:
    """Wait until it installs, and start anew with what was installed."""
    await s.until(lambda: s.resets, 120)
    assert updater.installs == 1
    updater.came_out = "Installed"
    await s.power_off()
    s.power_on(power_failed=False)
    s.point.updater = updater
    loading.once("ocpp16.firmware", "resume", s.point)
    await s.online()


def update_order() -> dict:
    """UpdateFirmware for now."""
    return {"location": "ftp://127.0.0.1:21/f.fwi", "retrieveDate": clock.iso8601(clock.unix_s())}


# --- unsigned firmware


@case
async def test_tc_044_1_firmware_update(s):
    updater = s.point.updater = Updater()
    s.forget()
    assert await s.ask("UpdateFirmware", **update_order()) == {}
    await install(s, updater)
    await s.until(lambda: "Installed" in told(s, "FirmwareStatusNotification"))
    order = ["Downloading", "Downloaded", "Installing", "Installed"]
    assert told(s, "FirmwareStatusNotification") == order
    assert s.record.boots == 2
    assert s.record.status["1"]["status"] == "Available"


@case
async def test_tc_044_2_firmware_update_download_failed(s):
    s.point.updater = Updater("download")
    assert await s.ask("UpdateFirmware", **update_order(), retries=0) == {}
    await s.until(lambda: "DownloadFailed" in told(s, "FirmwareStatusNotification"))
    assert told(s, "FirmwareStatusNotification") == ["Downloading", "DownloadFailed"]
    assert not s.resets


@case
async def test_tc_044_3_firmware_update_installation_failed(s):
    updater = s.point.updater = Updater("install")
    assert await s.ask("UpdateFirmware", **update_order(), retries=0) == {}
    await s.until(lambda: "InstallationFailed" in told(s, "FirmwareStatusNotification"))
    order = ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    assert told(s, "FirmwareStatusNotification") == order
    await s.reports("Available")
    assert updater.discarded


@case
async def test_a_board_without_an_update_says_so(s):
    for action, payload in (
        ("UpdateFirmware", update_order()),
        ("SignedUpdateFirmware", signed_order(tls_rig.charge_point())),
    ):
        answer = await s.ask(action, **payload)
        assert answer["error"]["code"] == "NotSupported"


@case
async def test_an_update_waits_for_the_end_of_the_transaction(s):
    updater = s.point.updater = Updater()
    begun = await s.charge()
    assert await s.ask("UpdateFirmware", **update_order()) == {}
    await asyncio.sleep(30)
    assert updater.installs == 0
    assert s.coil
    await s.ask("RemoteStopTransaction", transactionId=begun["id"])
    await install(s, updater)


# --- signed firmware


def signed_order(signer: Holder, image: bytes = IMAGE) -> dict:
    """SignedUpdateFirmware for now, of an image signed by somebody."""
    signature = signer.key.sign(image, ec.ECDSA(hashes.SHA256()))
    firmware = {
        "location": "ftp://127.0.0.1:21/f.fwi",
        "retrieveDateTime": clock.iso8601(clock.unix_s()),
        "signingCertificate": signer.certificate.public_bytes(Encoding.PEM).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return {"requestId": 9, "firmware": firmware}


@pytest.fixture
def today(station):
    """A station in the days in which the certificates are valid."""
    started_s = time.time() - virtual_time.clock.now_us / 1e6
    station.csms.now_s = lambda: started_s + virtual_time.clock.now_us / 1e6
    return station


async def trust_maker(s) -> None:
    """The root of the firmware's maker."""
    root = tls_rig.root().certificate.public_bytes(Encoding.PEM).decode()
    kind = "ManufacturerRootCertificate"
    assert await s.ask("InstallCertificate", certificateType=kind, certificate=root) == ACCEPTED


def test_tc_080_signed_firmware_update(today):
    async def story(s):
        await s.online()
        await trust_maker(s)
        updater = s.point.updater = Updater()
        assert (
            await s.ask("SignedUpdateFirmware", **signed_order(tls_rig.charge_point())) == ACCEPTED
        )
        await install(s, updater)
        action = "SignedFirmwareStatusNotification"
        await s.until(lambda: "Installed" in told(s, action))
        order = [status for status in told(s, action) if status != "InstallRebooting"]
        assert order == [
            "Downloading",
            "Downloaded",
            "SignatureVerified",
            "Installing",
            "Installed",
        ]
        assert {payload["requestId"] for payload in s.received(action)} == {9}
        await s.until(lambda: "FirmwareUpdated" in events(s))

    today.play(story)


def test_tc_081_signed_firmware_update_invalid_signature(today):
    async def story(s):
        await s.online()
        await trust_maker(s)
        updater = s.point.updater = Updater()
        order = signed_order(tls_rig.charge_point(), b"another image")
        assert await s.ask("SignedUpdateFirmware", **order) == ACCEPTED
        action = "SignedFirmwareStatusNotification"
        await s.until(lambda: "InvalidSignature" in told(s, action))
        assert told(s, action) == ["Downloading", "Downloaded", "InvalidSignature"]
        await s.until(lambda: "InvalidFirmwareSignature" in events(s))
        assert updater.installs == 0

    today.play(story)


def test_firmware_of_a_maker_that_is_not_known_is_refused(today):
    async def story(s):
        await s.online()
        await trust_maker(s)
        s.point.updater = Updater()
        order = signed_order(Holder("Somebody", tls_rig.stranger()))
        answer = await s.ask("SignedUpdateFirmware", **order)
        assert answer == {"status": "InvalidCertificate"}
        await asyncio.sleep(5)
        assert s.count("SignedFirmwareStatusNotification") == 0

    today.play(story)


# --- logs


@case
async def test_tc_045_1_get_diagnostics(s):
    async with FileServer() as server:
        answer = await s.ask("GetDiagnostics", location=server.url + "/up/")
        await s.until(lambda: "Uploaded" in told(s, "DiagnosticsStatusNotification"))
        assert told(s, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]
        ((path, content),) = server.files.items()
        assert path.startswith("/up/")
        assert answer["fileName"] in path or answer["fileName"].encode() in content
        assert b"ocpp" in content


@case
async def test_tc_045_2_get_diagnostics_upload_failed(s):
    async with FileServer() as server:
        server.accepts = False
        await s.ask("GetDiagnostics", location=server.url + "/up/", retries=0)
        await s.until(lambda: "UploadFailed" in told(s, "DiagnosticsStatusNotification"))
        assert told(s, "DiagnosticsStatusNotification") == ["Uploading", "UploadFailed"]
        assert not server.files


@case
async def test_tc_079_get_security_log(s):
    async with FileServer() as server:
        log = {"remoteLocation": server.url + "/logs/"}
        answer = await s.ask("GetLog", logType="SecurityLog", requestId=11, log=log)
        assert answer["status"] == "Accepted"
        await s.until(lambda: "Uploaded" in told(s, "LogStatusNotification"))
        assert told(s, "LogStatusNotification") == ["Uploading", "Uploaded"]
        assert {payload["requestId"] for payload in s.received("LogStatusNotification")} == {11}
        (content,) = server.files.values()
        assert b"StartupOfTheDevice" in content
