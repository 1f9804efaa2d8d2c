"""Certificate messages of the security whitepaper, with authorities of PyPI's `cryptography`."""

import asyncio

import pytest
from authority import DAY_S, Authority, der, hash_data, pem
from core import clock, loading
from cryptography.hazmat.primitives.asymmetric import rsa
from ocpp16 import certificate_requests
from ocpp_rig import EPOCH_S, Rig, run

certificate_store = certificate_requests.store  # which gives its place in sys.modules up

CENTRAL = "CentralSystemRootCertificate"
MANUFACTURER = "ManufacturerRootCertificate"
ROOT = Authority("Root")


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, cpo_name="Lade AG")


async def install(rig, text, kind=CENTRAL):
    answer = await rig.call("InstallCertificate", certificateType=kind, certificate=text)
    return answer["result"]["status"]


async def installed(rig, kind=CENTRAL):
    answer = await rig.call("GetInstalledCertificateIds", certificateType=kind)
    return answer["result"].get("certificateHashData", [])


async def delete(rig, data):
    answer = await rig.call("DeleteCertificate", certificateHashData=data)
    return answer["result"]["status"]


async def request(rig):
    """Have the charge point ask for a certificate; returns its request."""
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    count = len(rig.record.received("SignCertificate"))
    answer = await rig.call("ExtendedTriggerMessage", **trigger)
    assert answer == {"result": {"status": "Accepted"}}
    await rig.until(lambda: len(rig.record.received("SignCertificate")) > count)
    return rig.record.received("SignCertificate")[-1]["csr"]


async def signed(rig, text):
    answer = await rig.call("CertificateSigned", certificateChain=text)
    return answer["result"]["status"]


def events(rig):
    """The security events that came, without those of the start."""
    told = rig.record.received("SecurityEventNotification")
    return [(p["type"], p.get("techInfo")) for p in told if p["type"] != "SettingSystemTime"]


@pytest.mark.parametrize("kind", [CENTRAL, MANUFACTURER])
@pytest.mark.parametrize("key", [None, rsa.generate_private_key(65537, 2048)])
def test_a_root_is_installed_listed_and_deleted(rig, kind, key):
    root = Authority("Root", key=key).certificate

    async def story(rig):
        await rig.online()
        none = await rig.call("GetInstalledCertificateIds", certificateType=kind)
        assert none == {"result": {"status": "NotFound"}}
        assert await install(rig, pem(root), kind) == "Accepted"
        assert await install(rig, pem(root), kind) == "Accepted"
        assert await installed(rig, kind) == [hash_data(root)]
        other = MANUFACTURER if kind == CENTRAL else CENTRAL
        assert not await installed(rig, other)
        upper = {key: value.upper() for key, value in hash_data(root).items()}
        assert await delete(rig, upper) == "Accepted"
        assert await delete(rig, upper) == "NotFound"
        assert not await installed(rig, kind)

    rig.play(story)


@pytest.mark.parametrize("algorithm", ["SHA384", "SHA512"])
def test_a_certificate_may_be_named_by_another_hash(rig, algorithm):
    async def story(rig):
        await rig.online()
        await install(rig, pem(ROOT.certificate))
        assert await delete(rig, hash_data(ROOT.certificate, algorithm)) == "Accepted"

    rig.play(story)


def foreign():
    """A root whose signature is another key's."""
    real, fake = Authority("Root"), Authority("Root")
    return pem(real.issue("Root", fake.key.public_key(), authority=True))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (pem(Authority(start_s=EPOCH_S - 9 * DAY_S, days=8).certificate), "expired on"),
        (pem(Authority(start_s=EPOCH_S + DAY_S).certificate), "is not valid before"),
        (pem(Authority("Sub", ROOT).certificate), "is no root certificate"),
        (pem(ROOT.issue("Root", ROOT.key.public_key())), "is no root certificate"),
        (pem(ROOT.certificate, ROOT.certificate), "is not the only one"),
        (foreign(), "has a wrong signature"),
        ("rubbish", "is no PEM with a CERTIFICATE"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "root certificate "),
    ],
)
def test_a_wrong_root_is_rejected_and_told_as_an_event(rig, text, why):
    async def story(rig):
        await rig.online()
        assert await install(rig, text) == "Rejected"
        await rig.until(lambda: events(rig))
        [(kind, info)] = events(rig)
        assert kind == "InvalidCentralSystemCertificate"
        assert why in info
        assert not await installed(rig)

    rig.play(story)


def test_a_full_store_takes_no_more(rig):
    async def story(rig):
        await rig.online()
        for _ in range(certificate_store.MAX_CERTIFICATES):
            assert await install(rig, pem(Authority().certificate)) == "Accepted"
        assert await install(rig, pem(ROOT.certificate)) == "Rejected"
        assert len(await installed(rig)) == certificate_store.MAX_CERTIFICATES

    rig.play(story)


def test_the_last_root_stays_while_the_line_needs_it(rig):
    async def story():
        certificate_store.add_root("cs", der(ROOT.certificate), str(rig.path))
        delete_certificate = certificate_requests.delete
        payload = {"certificateHashData": hash_data(ROOT.certificate)}
        rig.settings.change({"security_profile": 2})
        assert await delete_certificate(rig.point, payload) == ({"status": "Failed"}, ())
        second = Authority("Second").certificate
        certificate_store.add_root("cs", der(second), str(rig.path))
        answer, _ = await delete_certificate(rig.point, payload)
        assert answer == {"status": "Accepted"}

    run(story())


def test_a_key_is_made_here_and_its_certificate_kept_for_the_next_line(rig):
    async def story(rig):
        await rig.online()
        await install(rig, pem(ROOT.certificate))
        csr = await request(rig)
        sub = Authority("Sub", ROOT)
        chain = pem(sub.sign_request(csr), sub.certificate)
        assert certificate_store.client_pair(str(rig.path)) is None
        assert await signed(rig, chain) == "Accepted"
        chain_path, key_path = certificate_store.client_pair(str(rig.path))
        assert open(chain_path).read() == chain
        assert b"BEGIN" not in certificate_store.read(key_path)
        assert await signed(rig, chain) == "Rejected"  # it was asked for once

    rig.play(story)


def test_another_certificate_keeps_the_former_as_a_resort(rig):
    async def story(rig):
        await rig.online()
        chains = []
        for _ in range(3):
            csr = await request(rig)
            chains.append(pem(ROOT.sign_request(csr)))
            assert await signed(rig, chains[-1]) == "Accepted"
        pairs = certificate_store.client_pairs(str(rig.path))
        assert [open(chain).read() for chain, _ in pairs] == chains[::-1]
        await request(rig)  # a key without a certificate is no pair
        pairs = certificate_store.client_pairs(str(rig.path))
        assert [open(chain).read() for chain, _ in pairs] == chains[:0:-1]

    rig.play(story)


def test_a_certificate_for_later_waits_until_then(rig):
    async def story(rig):
        await rig.online()
        first = pem(ROOT.sign_request(await request(rig)))
        await signed(rig, first)
        start_s = int(rig.csms.now_s()) + 100
        later = ROOT.sign_request(await request(rig), start_s=start_s)
        assert await signed(rig, pem(later)) == "Accepted"
        path = str(rig.path)
        assert open(certificate_store.client_pair(path)[0]).read() == first
        await asyncio.sleep(100)
        assert open(certificate_store.client_pair(path)[0]).read() == pem(later)

    rig.play(story)


STRANGER = Authority("Root")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda csr: pem(ROOT.issue("CP", ROOT.key.public_key())), "is not for the key"),
        (lambda csr: pem(ROOT.sign_request(csr, authority=True)), "is that of an authority"),
        (lambda csr: pem(ROOT.sign_request(csr, days=1)), "expired on"),
        (lambda csr: pem(STRANGER.sign_request(csr)), "leads to no installed root"),
        (
            lambda csr: pem(STRANGER.sign_request(csr), Authority("Root", ROOT).certificate),
            "is not signed by the next one",
        ),
        (lambda csr: pem(*[ROOT.sign_request(csr)] * 6), "too long a chain"),
        (lambda csr: pem(ROOT.sign_request(csr)) + "x" * 5500, "too long a chain"),
        (lambda csr: "nonsense", "is no PEM"),
    ],
)
def test_a_wrong_certificate_is_rejected_and_told_as_an_event(rig, make, why):
    async def story(rig):
        await rig.online()
        await install(rig, pem(ROOT.certificate))
        csr = await request(rig)
        assert await signed(rig, make(csr)) == "Rejected"
        await rig.until(lambda: events(rig))
        [(kind, info)] = events(rig)
        assert kind == "InvalidChargePointCertificate"
        assert why in info
        assert certificate_store.client_pair(str(rig.path)) is None
        assert await signed(rig, pem(ROOT.sign_request(csr))) == "Accepted"

    rig.play(story)


def test_the_own_certificate_cannot_be_deleted(rig):
    async def story(rig):
        await rig.online()
        own = ROOT.sign_request(await request(rig))
        await signed(rig, pem(own))
        data = {**hash_data(ROOT.certificate), "serialNumber": f"{own.serial_number:X}"}
        assert await delete(rig, data) == "Failed"

    rig.play(story)


def test_a_second_request_while_a_key_is_made_is_rejected(rig):
    async def story(rig):
        await rig.online()
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        answers = await asyncio.gather(
            *[rig.call("ExtendedTriggerMessage", **trigger) for _ in range(2)]
        )
        assert [answer["result"]["status"] for answer in answers] == ["Accepted", "Rejected"]
        await asyncio.sleep(10)
        assert len(rig.record.received("SignCertificate")) == 1

    rig.play(story)


@pytest.mark.parametrize(
    ("profile", "days_left", "renews"), [(3, 29, True), (3, 31, False), (2, 29, False)]
)
def test_a_certificate_in_use_is_renewed_a_month_before_its_end(rig, profile, days_left, renews):
    path = str(rig.path)
    end_s = EPOCH_S + days_left * DAY_S
    own = ROOT.issue("CP", ROOT.key.public_key(), start_s=end_s - 60 * DAY_S, days=60)
    certificate_store.add_key(b"key", path)
    certificate_store.add_chain(1, pem(own), end_s - 60 * DAY_S, path)
    rig.settings.change({"security_profile": profile})
    clock.set_unix_s(EPOCH_S)

    async def story():
        await loading.once("ocpp16.signing", "renew", rig.point)
        await asyncio.sleep(10)
        assert bool(certificate_store.waiting_key(path)) == renews

    run(story())


def test_power_may_fail_at_any_file(rig, monkeypatch):
    """Given a pair, when power fails before a rename on the way to the next, the old pair stays."""
    path = str(rig.path)
    certificate_store.add_key(b"key", path)
    certificate_store.add_chain(1, "chain", 0, path)
    certificate_store.add_root("cs", b"root", path)

    def fail(*_):
        raise KeyboardInterrupt

    for step in (
        lambda: certificate_store.add_key(b"key 2", path),
        lambda: certificate_store.add_chain(2, "chain 2", 0, path),
        lambda: certificate_store.add_root("cs", b"root 2", path),
    ):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("os.rename", fail)
            step()
        assert certificate_store.read(certificate_store.client_pair(path)[0]) == b"chain"
        [root] = certificate_store.root_paths(path=path)
        assert certificate_store.read(root) == b"root"
        assert certificate_store.waiting_key(path) is None
