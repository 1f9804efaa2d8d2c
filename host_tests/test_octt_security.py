"""Cases of the OCA's test tool for charge points, OCPP 1.6: security profiles and certificates."""

import asyncio
import base64
import datetime
import hashlib
import time

import pytest
import tls_rig
import virtual_time
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from octt_rig import ACCEPTED, IDENTITY, REJECTED
from sim.certificates import Holder

PASSWORD = "0123456789abcdef"
KEY = "00ff10e1d2c3b4a5968778695a4b3c2d1e0f7788"  # 20 bytes, no text
CENTRAL, MAKER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"


@pytest.fixture
def secure_station(make_station):
    """A station in the days in which the certificates are valid, with a security profile."""

    def make(profile: int, **settings):
        station = make_station(
            security_profile=profile, basic_auth_password=PASSWORD, cpo_name="Operator", **settings
        )
        started_s = time.time() - virtual_time.clock.now_us / 1e6
        station.csms.now_s = lambda: started_s + virtual_time.clock.now_us / 1e6
        return station

    return make


def pem(holder: Holder) -> str:
    """A certificate as text."""
    return holder.certificate.public_bytes(Encoding.PEM).decode()


def basic(password: bytes) -> str:
    """The header of Basic authentication."""
    return "Basic " + base64.b64encode(IDENTITY.encode() + b":" + password).decode()


def hash_data(holder: Holder) -> dict:
    """certificateHashData of a root, by RFC 6960."""
    certificate = holder.certificate
    name = certificate.issuer.public_bytes()
    point = certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(name).hexdigest(),
        "issuerKeyHash": hashlib.sha256(point).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def signed(csr: str, issuer: Holder) -> str:
    """What an authority makes of a request: a chain in PEM."""
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(issuer.key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode() + issuer.chain().decode()


async def install_root(s, holder: Holder, kind: str = CENTRAL) -> dict:
    """InstallCertificate; its answer."""
    return await s.ask("InstallCertificate", certificateType=kind, certificate=pem(holder))


async def request_certificate(s) -> str:
    """ExtendedTriggerMessage for a new certificate; the request that comes."""
    before = s.count("SignCertificate")
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    assert await s.ask("ExtendedTriggerMessage", **trigger) == ACCEPTED
    await s.until(lambda: s.count("SignCertificate") > before, 120)
    return s.received("SignCertificate")[-1]["csr"]


async def renew(s, issuer: "Holder | None" = None) -> dict:
    """A new certificate; the answer to CertificateSigned."""
    chain = signed(await request_certificate(s), issuer or tls_rig.root())
    return await s.ask("CertificateSigned", certificateChain=chain)


async def serve(s, context) -> None:
    """The back office comes again, with TLS or without."""
    port = s.csms.port
    await s.csms.stop()
    s.csms.tls = context
    await s.csms.start(port=port)


async def raise_profile(s, profile: int, context) -> None:
    """ChangeConfiguration of SecurityProfile, and a line with the new one."""
    answer = await s.ask("ChangeConfiguration", key="SecurityProfile", value=str(profile))
    assert answer["status"] in ("Accepted", "RebootRequired")
    await serve(s, context)
    await s.until(lambda: s.csms.is_connected(IDENTITY) and s.point.online, 120)
    assert await s.value("SecurityProfile") == str(profile)


def events(s) -> list:
    """Kinds of the security events that came."""
    return [event["type"] for event in s.received("SecurityEventNotification")]


# --- passwords


def test_tc_085_basic_authentication(secure_station):
    async def story(s):
        await s.online()
        assert s.record.authorization == basic(PASSWORD.encode())

    secure_station(1).play(story)


def test_tc_073_a_new_password(secure_station):
    async def story(s):
        await s.online()
        s.record.authorization = ""
        answer = await s.ask("ChangeConfiguration", key="AuthorizationKey", value=KEY)
        assert answer == ACCEPTED
        await s.until(lambda: s.record.authorization)
        assert s.record.authorization == basic(bytes.fromhex(KEY))
        await s.until(lambda: s.point.online)
        told = await s.ask("GetConfiguration", key=["AuthorizationKey"])
        assert KEY not in str(told)

    secure_station(1).play(story)


@pytest.mark.parametrize("value", ["", "0011", KEY + "00", "x" * 32, "hello"])
def test_tc_073_a_password_that_is_none_is_refused(secure_station, value):
    async def story(s):
        await s.online()
        answer = await s.ask("ChangeConfiguration", key="AuthorizationKey", value=value)
        assert answer == REJECTED
        await asyncio.sleep(3)
        assert s.record.authorization == basic(PASSWORD.encode())

    secure_station(1).play(story)


# --- profiles


def test_tc_083_upgrade_of_the_security_profile(secure_station):
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root()) == ACCEPTED
        await raise_profile(s, 2, tls_rig.back_office().server_context())
        assert s.record.authorization == basic(PASSWORD.encode())
        assert await renew(s) == ACCEPTED
        await raise_profile(s, 3, tls_rig.back_office().server_context(tls_rig.root()))
        assert s.record.authorization == ""

    secure_station(1).play(story)


def test_tc_083_an_upgrade_without_what_it_needs_is_refused(secure_station):
    async def story(s):
        await s.online()
        for profile in ("2", "3"):
            answer = await s.ask("ChangeConfiguration", key="SecurityProfile", value=profile)
            assert answer == REJECTED
        await asyncio.sleep(2)
        assert s.point.online

    secure_station(1).play(story)


def test_tc_083_an_upgrade_that_does_not_connect_is_taken_back(secure_station):
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root()) == ACCEPTED
        answer = await s.ask("ChangeConfiguration", key="SecurityProfile", value="2")
        assert answer["status"] in ("Accepted", "RebootRequired")
        await s.until(lambda: not s.point.online)
        await s.until(lambda: s.point.online, 600)  # the back office has no TLS
        assert await s.value("SecurityProfile") == "1"

    secure_station(1).play(story)


def test_tc_084_downgrade_of_the_security_profile(secure_station):
    async def story(s):
        await s.online()
        for profile in ("0", "1", "-1", "4", "one"):
            answer = await s.ask("ChangeConfiguration", key="SecurityProfile", value=profile)
            assert answer == REJECTED
        assert await s.value("SecurityProfile") == "1"

    secure_station(1).play(story)


def test_tc_086_the_certificate_of_the_back_office(secure_station):
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root()) == ACCEPTED
        good = tls_rig.back_office().server_context()
        await raise_profile(s, 2, good)
        stranger = Holder(tls_rig.HOST, tls_rig.stranger())
        await serve(s, stranger.server_context())
        await asyncio.sleep(60)
        assert not s.csms.is_connected(IDENTITY)
        assert "certificate" in s.point.state
        await serve(s, good)
        await s.until(lambda: s.point.online, 120)
        await s.until(lambda: "InvalidCentralSystemCertificate" in events(s))

    secure_station(1).play(story)


def test_tc_087_the_certificate_of_the_charge_point(secure_station):
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root()) == ACCEPTED
        assert await renew(s) == ACCEPTED
        await raise_profile(s, 3, tls_rig.back_office().server_context(tls_rig.root()))
        assert s.record.authorization == ""
        assert (("commonName", "C0FFEE"),) in s.record.certificate["subject"]

    secure_station(1).play(story)


# --- certificates


def test_tc_074_renewal_of_the_certificate(secure_station):
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root()) == ACCEPTED
        assert await renew(s) == ACCEPTED
        await raise_profile(s, 3, tls_rig.back_office().server_context(tls_rig.root()))
        first = s.record.certificate["serialNumber"]
        request = x509.load_pem_x509_csr((await request_certificate(s)).encode())
        names = {attribute.oid: attribute.value for attribute in request.subject}
        assert names[NameOID.COMMON_NAME] == "C0FFEE"
        assert names[NameOID.ORGANIZATION_NAME] == "Operator"
        assert await renew(s) == ACCEPTED
        await s.until(lambda: s.record.certificate["serialNumber"] != first, 60)
        await s.until(lambda: s.point.online)

    secure_station(1).play(story)


def _installs(station, kind: str, other: str) -> None:
    async def story(s):
        await s.online()
        assert await install_root(s, tls_rig.root(), kind) == ACCEPTED
        listed = await s.ask("GetInstalledCertificateIds", certificateType=kind)
        assert listed == {**ACCEPTED, "certificateHashData": [hash_data(tls_rig.root())]}
        none = await s.ask("GetInstalledCertificateIds", certificateType=other)
        assert none == {"status": "NotFound"}

    station.play(story)


def test_tc_075_1_install_a_root_certificate_of_the_maker(secure_station):
    _installs(secure_station(1), MAKER, CENTRAL)


def test_tc_075_2_install_a_root_certificate_of_the_back_office(secure_station):
    _installs(secure_station(1), CENTRAL, MAKER)


def test_tc_076_delete_a_certificate(secure_station):
    async def story(s):
        await s.online()
        await install_root(s, tls_rig.root(), MAKER)
        await install_root(s, tls_rig.stranger(), MAKER)
        wanted = {"certificateHashData": hash_data(tls_rig.root())}
        assert await s.ask("DeleteCertificate", **wanted) == ACCEPTED
        listed = await s.ask("GetInstalledCertificateIds", certificateType=MAKER)
        assert listed["certificateHashData"] == [hash_data(tls_rig.stranger())]
        assert await s.ask("DeleteCertificate", **wanted) == {"status": "NotFound"}

    secure_station(1).play(story)


def test_tc_077_an_invalid_certificate_of_the_charge_point(secure_station):
    async def story(s):
        await s.online()
        await install_root(s, tls_rig.root())
        assert await renew(s, tls_rig.stranger()) == REJECTED
        await s.until(lambda: "InvalidChargePointCertificate" in events(s))

    secure_station(1).play(story)


@pytest.mark.parametrize("what", ["expired", "no certificate"])
def test_tc_078_an_invalid_certificate_of_the_back_office(secure_station, what):
    async def story(s):
        await s.online()
        text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        if what == "expired":
            text = pem(Holder("Old", days=(-30, -1)))
        answer = await s.ask("InstallCertificate", certificateType=CENTRAL, certificate=text)
        assert answer == REJECTED
        await s.until(lambda: "InvalidCentralSystemCertificate" in events(s))
        none = await s.ask("GetInstalledCertificateIds", certificateType=CENTRAL)
        assert none == {"status": "NotFound"}

    secure_station(1).play(story)
