"""The charge point's own certificate: asks the back office to sign one (whitepaper edition 3, A02).

Loaded when it is asked for, and once a day to see whether the present one ends soon.
"""

import asyncio

from core import clock, loading, log
from micropython import const

_STORE = "ocpp16.certificate_store"
_SOON_S = const(2592000)  # 30 days before it ends a certificate is renewed
_COMMON_NAME_LENGTH = const(64)  # RFC 5280, upper bounds


def start(charge_point) -> bool:
    """Make a key and have the back office sign it; False while that is going on already."""
    if "certificate" in charge_point.works:
        return False
    charge_point.works["certificate"] = asyncio.create_task(_make(charge_point))
    return True


async def _make(charge_point) -> None:
    """Takes some seconds, most of which others run in."""
    settings = charge_point.settings
    name = settings.get("serial_number") or charge_point.serial or charge_point.line.identity
    try:
        making = loading.once(
            "pki.request", "make", name[:_COMMON_NAME_LENGTH], settings.get("cpo_name")
        )
        for module in ("pki.curve", "pki.der"):
            loading.unload(module)
        key, request = await making
        loading.once(_STORE, "add_key", key, charge_point.path)
        charge_point.later(lambda: _send(charge_point, request))
    except (OSError, MemoryError) as error:
        log.error("security", "no key made: %s" % error)
    finally:
        charge_point.works.pop("certificate")


async def _send(charge_point, request: str) -> None:
    answer = await charge_point.tell("SignCertificate", {"csr": request})
    if answer and answer.get("status") != "Accepted":
        log.warning("security", "SignCertificate: %s" % answer.get("status"))


async def renew(charge_point) -> None:
    """Start anew when the certificate in use ends within 30 days."""
    if charge_point.settings.get("security_profile") != 3:
        return
    store = loading.load(_STORE)
    loading.unload(_STORE)
    pair = store.client_pair(charge_point.path)
    if not pair:
        return
    own = loading.once("pki.certificate", "of_pem", store.read(pair[0]).decode())
    if own.not_after_s - clock.unix_s() < _SOON_S:
        start(charge_point)
