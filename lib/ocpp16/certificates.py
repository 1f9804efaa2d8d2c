"""Certificate messages of the OCPP 1.6 security whitepaper (edition 3, section 5): their tables.

What they do is in ocpp16.certificate_requests, which is given up after each: it takes 4 kB.
"""

from core import loading

_REQUESTS = "ocpp16.certificate_requests"
_CERTIFICATE_LENGTH = 5500
_CHAIN_LENGTH = 10000
_KIND = (
    "certificateType",
    True,
    ("CentralSystemRootCertificate", "ManufacturerRootCertificate"),
)
_HASH_DATA = (
    ("hashAlgorithm", True, ("SHA256", "SHA384", "SHA512")),
    ("issuerNameHash", True, 128),
    ("issuerKeyHash", True, 128),
    ("serialNumber", True, 40),
)


def _by(function: str):
    """A handler that has a function of ocpp16.certificate_requests do it."""

    async def handle(charge_point, payload: dict) -> tuple:
        answer, event = await loading.once(_REQUESTS, function, charge_point, payload)
        return answer, (lambda: _conclude(charge_point, event)) if event else None

    return handle


def _conclude(charge_point, event: tuple) -> None:
    """Once the answer is out, and what it took is free again: note the event, use a new certificate."""
    charge_point.security_event(*event)
    if event[1] == "new certificate" and charge_point.settings.get("security_profile") == 3:
        charge_point.line.renew(event[1])


HANDLERS = {
    "CertificateSigned": ((("certificateChain", True, _CHAIN_LENGTH),), _by("signed")),
    "DeleteCertificate": ((("certificateHashData", True, _HASH_DATA),), _by("delete")),
    "GetInstalledCertificateIds": ((_KIND,), _by("installed_ids")),
    "InstallCertificate": (
        (_KIND, ("certificate", True, _CERTIFICATE_LENGTH)),
        _by("install"),
    ),
}
