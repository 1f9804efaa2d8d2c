"""UpdateFirmware and SignedUpdateFirmware around an updater of cardboard, in virtual time."""

import asyncio
import base64
import hashlib

import pytest
from authority import Authority, der, pem
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from ocpp16 import certificate_requests, firmware
from ocpp_rig import CardboardCharger, Rig

certificate_store = certificate_requests.store  # which gives its place in sys.modules up
BUNDLE = b"new firmware"
URL = "http://127.0.0.1/bundle"
NOW = "2026-01-01T00:00:00Z"
MAKER = Authority("Maker")


class CardboardUpdater:
    """What the port of ocpp16.firmware asks for; the test says what goes wrong."""

    def __init__(self) -> None:
        self.asked: list = []
        self.failures = 0
        self.unfit = ""
        self.result = ""
        self.has_file = False

    async def download(self, location: str) -> bytes:
        self.asked.append(location)
        await asyncio.sleep(5)
        if self.failures:
            self.failures -= 1
            raise OSError("no such file")
        self.has_file = True
        return hashlib.sha256(BUNDLE).digest()

    async def install(self) -> None:
        await asyncio.sleep(5)
        if self.unfit:
            raise ValueError(self.unfit)
        self.result = "Installed"

    def discard(self) -> None:
        self.has_file = False

    def outcome(self) -> str:
        return self.result


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    made.point.updater = CardboardUpdater()
    return made


def told(rig, signed=False):
    action = ("Signed" if signed else "") + "FirmwareStatusNotification"
    return [payload["status"] for payload in rig.record.received(action)]


async def order(rig, **fields):
    return await rig.call("UpdateFirmware", **{"location": URL, "retrieveDate": NOW, **fields})


def restart(rig):
    """The chip starts anew, as on_reset asked."""
    updater = rig.point.updater
    rig.power_cut(CardboardCharger())
    rig.point.updater = updater
    rig.switch_on()
    firmware.resume(rig.point)


def signed_order(key, number=1, **fields):
    """A SignedUpdateFirmware whose certificate the maker has issued."""
    pick = padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        pick = (ec.ECDSA(hashes.SHA256()),)
    details = {
        "location": URL,
        "retrieveDateTime": NOW,
        "signingCertificate": pem(MAKER.issue("Signer", key.public_key())),
        "signature": base64.b64encode(key.sign(BUNDLE, *pick)).decode(),
        **fields,
    }
    return {"requestId": number, "firmware": details}


def test_a_board_without_an_update_says_so(tmp_path):
    async def story(rig):
        await rig.online()
        answer = await order(rig)
        assert answer["error"]["code"] == "NotSupported"
        signed = signed_order(ec.generate_private_key(ec.SECP256R1()))
        answer = await rig.call("SignedUpdateFirmware", **signed)
        assert answer["error"]["code"] == "NotSupported"
        answer = await rig.call("TriggerMessage", requestedMessage="FirmwareStatusNotification")
        assert answer == {"result": {"status": "NotImplemented"}}

    Rig(tmp_path).play(story)


def test_an_update_goes_its_way_over_the_restart(rig):
    async def story(rig):
        await rig.online()
        assert await order(rig) == {"result": {}}
        await rig.until(lambda: rig.resets)
        assert rig.point.updater.asked == [URL]
        restart(rig)
        await rig.until(lambda: told(rig)[-1:] == ["Installed"])
        assert told(rig) == ["Downloading", "Downloaded", "Installing", "Installed"]
        events = [p["type"] for p in rig.record.received("SecurityEventNotification")]
        assert "FirmwareUpdated" in events
        assert not (rig.path / "update.json").exists()
        assert rig.charger.available

    rig.play(story)


def test_the_state_is_told_on_request(rig):
    async def story(rig):
        await rig.online()
        trigger = {"requestedMessage": "FirmwareStatusNotification"}
        await rig.call("TriggerMessage", **trigger)
        await rig.until(lambda: told(rig) == ["Idle"])
        await order(rig)
        await rig.until(lambda: told(rig)[-1:] == ["Downloading"])
        await rig.call("TriggerMessage", **trigger)
        await rig.until(lambda: told(rig) == ["Idle", "Downloading", "Downloading"])
        await rig.call("ExtendedTriggerMessage", **trigger)
        await rig.until(lambda: told(rig, True) == ["Idle"])

    rig.play(story)


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (2, 3)])
def test_a_download_that_fails_is_tried_again_and_told(rig, retries, asked):
    async def story(rig):
        rig.point.updater.failures = 9
        await rig.online()
        await order(rig, retries=retries, retryInterval=30)
        await rig.until(lambda: told(rig)[-1:] == ["DownloadFailed"], 300)
        assert told(rig) == ["Downloading", "DownloadFailed"]
        assert len(rig.point.updater.asked) == asked
        assert not rig.resets

    rig.play(story)


def test_what_the_board_does_not_take_is_told_and_charging_goes_on(rig):
    async def story(rig):
        rig.point.updater.unfit = "for another board"
        await rig.online()
        await order(rig)
        await rig.until(lambda: told(rig)[-1:] == ["InstallationFailed"])
        await rig.until(lambda: rig.charger.available)
        assert not rig.resets and not rig.point.updater.has_file

    rig.play(story)


def test_it_waits_for_its_date_and_for_the_end_of_the_session(rig):
    async def story(rig):
        await rig.online()
        rig.charger.start("CARD")
        when = rig.csms.now_s() + 100
        from core import clock

        await order(rig, retrieveDate=clock.iso8601(int(when)))
        await asyncio.sleep(90)
        assert not rig.point.updater.asked
        await rig.until(lambda: told(rig)[-1:] == ["Downloaded"])
        await asyncio.sleep(60)
        assert told(rig)[-1] == "Downloaded" and rig.charger.session
        rig.charger.stop("Local")
        assert not rig.charger.available  # nobody begins another one
        await rig.until(lambda: rig.resets)

    rig.play(story)


def test_power_that_fails_before_the_installation_has_it_begin_anew(rig):
    async def story(rig):
        await rig.online()
        await order(rig)
        await rig.until(lambda: told(rig)[-1:] == ["Downloading"])
        restart(rig)
        await rig.until(lambda: rig.resets)
        assert rig.point.updater.asked == [URL, URL]

    rig.play(story)


def test_a_start_without_the_new_firmware_is_a_failure(rig):
    async def story(rig):
        await rig.online()
        await order(rig)
        await rig.until(lambda: rig.resets)
        rig.point.updater.result = ""
        restart(rig)
        await rig.until(lambda: told(rig)[-1:] == ["InstallationFailed"])

    rig.play(story)


def test_with_a_security_profile_only_signed_updates_are_taken(rig):
    rig.settings.change({"basic_auth_password": "sixteen-letters-", "security_profile": 1})

    async def story(rig):
        await rig.online()
        answer = await order(rig)
        assert answer["error"]["code"] == "NotSupported"

    rig.play(story)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_signed_update_goes_its_way(rig, key):
    certificate_store.add_root("m", der(MAKER.certificate), str(rig.path))

    async def story(rig):
        await rig.online()
        answer = await rig.call("SignedUpdateFirmware", **signed_order(key))
        assert answer == {"result": {"status": "Accepted"}}
        await rig.until(lambda: rig.resets)
        restart(rig)
        await rig.until(lambda: told(rig, True)[-1:] == ["Installed"])
        assert told(rig, True) == [
            "Downloading",
            "Downloaded",
            "SignatureVerified",
            "Installing",
            "InstallRebooting",
            "Installed",
        ]
        sent = rig.record.received("SignedFirmwareStatusNotification")
        assert {payload["requestId"] for payload in sent} == {1}

    rig.play(story)


def test_a_wrong_signature_ends_it_and_is_an_event(rig):
    certificate_store.add_root("m", der(MAKER.certificate), str(rig.path))
    key, other = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    wrong = signed_order(key)
    wrong["firmware"]["signature"] = signed_order(other)["firmware"]["signature"]

    async def story(rig):
        await rig.online()
        await rig.call("SignedUpdateFirmware", **wrong)
        await rig.until(lambda: told(rig, True)[-1:] == ["InvalidSignature"])
        await asyncio.sleep(30)
        events = [p["type"] for p in rig.record.received("SecurityEventNotification")]
        assert "InvalidFirmwareSignature" in events
        assert not rig.resets and not rig.point.updater.has_file

    rig.play(story)


def test_a_certificate_that_no_maker_issued_is_refused(rig):
    async def story(rig):
        await rig.online()
        signed = signed_order(ec.generate_private_key(ec.SECP256R1()))
        for certificate in (signed["firmware"]["signingCertificate"], "rubbish"):
            signed["firmware"]["signingCertificate"] = certificate
            answer = await rig.call("SignedUpdateFirmware", **signed)
            assert answer == {"result": {"status": "InvalidCertificate"}}
        await asyncio.sleep(5)
        events = [p["type"] for p in rig.record.received("SecurityEventNotification")]
        assert events.count("InvalidFirmwareSigningCertificate") == 2
        assert not rig.point.updater.asked

    rig.play(story)


def test_times_are_kept_and_a_new_order_takes_the_place_of_one_that_waits(rig):
    certificate_store.add_root("m", der(MAKER.certificate), str(rig.path))
    key = ec.generate_private_key(ec.SECP256R1())
    later = "2027-01-01T00:00:00Z"

    async def story(rig):
        await rig.online()
        await rig.call("SignedUpdateFirmware", **signed_order(key, 1, retrieveDateTime=later))
        await rig.until(lambda: told(rig, True) == ["DownloadScheduled"])
        answer = await rig.call(
            "SignedUpdateFirmware", **signed_order(key, 2, installDateTime=later)
        )
        assert answer == {"result": {"status": "AcceptedCanceled"}}
        await rig.until(lambda: told(rig, True)[-1:] == ["InstallScheduled"])
        await asyncio.sleep(60)
        sent = rig.record.received("SignedFirmwareStatusNotification")
        assert [payload["requestId"] for payload in sent] == [1] + [2] * 4
        assert rig.charger.available and not rig.resets

    rig.play(story)
