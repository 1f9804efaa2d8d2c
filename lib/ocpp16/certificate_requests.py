"""What the certificate messages ask for: ocpp16.certificates. Loaded for one of them, or to check a signer.

install, delete, installed_ids and signed are awaited with (charge point, payload) and return
(answer, security event as (type, more about it) or ()).
"""

import hashlib
import json

from core import clock, loading, log
from micropython import const
from ocpp16 import certificate_store as store
from pki import der
from pki.certificate import Certificate, of_pem

for _name in ("ocpp16.certificate_store", "pki.der", "pki.certificate"):
    loading.unload(_name)  # they go when this module goes

_MOST_IN_CHAIN = const(5)
_POINT_BYTES = const(65)  # a key's file ends with its public key
_CHANGE = "ReconfigurationOfSecurityParameters"
_KINDS = {
    "CentralSystemRootCertificate": store.CENTRAL_SYSTEM,
    "ManufacturerRootCertificate": store.MANUFACTURER,
}
_HASH_BYTES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}


async def is_issued(certificate, issuer) -> bool:
    """Tell whether an authority's certificate has issued another. ValueError: it cannot be checked."""
    if certificate.issuer != issuer.subject or not issuer.is_authority:
        return False
    return await loading.once("pki.signature", "is_issued", certificate, issuer)


# --- InstallCertificate


async def _root_fault(text: str) -> tuple:
    """(certificate as DER, what is wrong with it or "") of a PEM text."""
    try:
        blocks = list(der.from_pem(text))
        root = Certificate(blocks[0])
        fault = root.time_fault(clock.unix_s()) if clock.unix_s() else ""
        if len(blocks) > 1:
            fault = "is not the only one"
        elif not root.is_root or not root.is_authority:
            fault = "is no root certificate"
        elif not fault and not await is_issued(root, root):
            fault = "has a wrong signature"
        return blocks[0], fault
    except ValueError as error:
        return b"", str(error)


async def install(charge_point, payload: dict) -> tuple:
    """InstallCertificate."""
    kind = _KINDS[payload["certificateType"]]
    certificate, fault = await _root_fault(payload["certificate"])
    if fault:
        is_central = kind == store.CENTRAL_SYSTEM
        event = "InvalidCentralSystemCertificate"
        event = event if is_central else "InvalidFirmwareSigningCertificate"
        return {"status": "Rejected"}, (event, "root certificate " + fault)
    paths = store.root_paths(kind, charge_point.path)
    if [path for path in paths if store.read(path) == certificate]:
        return {"status": "Accepted"}, ()
    if len(paths) >= store.MAX_CERTIFICATES:
        log.warning("ocpp", "no room for another root certificate")
        return {"status": "Rejected"}, ()
    try:
        store.add_root(kind, certificate, charge_point.path)
    except OSError as error:
        log.error("ocpp", "certificate not kept: %s" % error)
        return {"status": "Failed"}, ()
    return {"status": "Accepted"}, (_CHANGE, payload["certificateType"] + " installed")


# --- GetInstalledCertificateIds, DeleteCertificate


async def _digest(data: bytes, algorithm: str) -> str:
    size = _HASH_BYTES[algorithm]
    if size == 32:
        return hashlib.sha256(data).digest().hex()
    return (await loading.once("pki.sha512", "digest", data, size)).hex()


async def _hash_data(root, algorithm: str = "SHA256") -> dict:
    """certificateHashData of a root certificate, which is its own issuer."""
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": await _digest(root.issuer, algorithm),
        "issuerKeyHash": await _digest(root.key_bits, algorithm),
        "serialNumber": root.serial,
    }


def _root(path: str):
    return Certificate(store.read(path))


async def installed_ids(charge_point, payload: dict) -> tuple:
    """GetInstalledCertificateIds."""
    paths = store.root_paths(_KINDS[payload["certificateType"]], charge_point.path)
    if not paths:
        return {"status": "NotFound"}, ()
    found = []
    for path in paths:
        found.append(await _hash_data(_root(path)))
    return _ids(found), ()


def _ids(found: list):
    """Generate the answer's JSON text: in one piece it would be too large for a heap in use."""
    head = b'{"status":"Accepted","certificateHashData":['
    for data in found:
        yield head + json.dumps(data).encode()
        head = b","
    yield b"]}"


async def delete(charge_point, payload: dict) -> tuple:
    """DeleteCertificate."""
    told = payload["certificateHashData"]
    algorithm = told["hashAlgorithm"]
    keys = ("issuerNameHash", "issuerKeyHash", "serialNumber")
    wanted = {key: told[key].lower() for key in keys}
    wanted["serialNumber"] = wanted["serialNumber"].lstrip("0") or "0"
    for kind in _KINDS.values():
        paths = store.root_paths(kind, charge_point.path)
        for path in paths:
            found = await _hash_data(_root(path), algorithm)
            if [key for key in wanted if wanted[key] != found[key]]:
                continue
            return _deleted(charge_point, kind, path, len(paths))
    if await _is_own(charge_point, wanted, algorithm):
        return {"status": "Failed"}, ()
    return {"status": "NotFound"}, ()


def _deleted(charge_point, kind: str, path: str, count: int) -> tuple:
    """Delete a root certificate, unless the line needs it."""
    needed = kind == store.CENTRAL_SYSTEM and charge_point.settings.get("security_profile") > 1
    if needed and count == 1:
        return {"status": "Failed"}, ()
    store.remove(path)
    return {"status": "Accepted"}, (_CHANGE, "root certificate deleted")


async def _is_own(charge_point, wanted: dict, algorithm: str) -> bool:
    """Tell whether hash data are those of the charge point's own certificate, which has to stay."""
    pair = store.client_pair(charge_point.path)
    if not pair:
        return False
    own = of_pem(store.read(pair[0]).decode())
    if own.serial != wanted["serialNumber"]:
        return False
    return await _digest(own.issuer, algorithm) == wanted["issuerNameHash"]


# --- CertificateSigned


async def _chain_fault(chain: list, public_bits: bytes, roots: list) -> str:
    """What is wrong with a chain, the charge point's certificate first; empty when nothing is."""
    own = chain[0]
    if own.key_bits != public_bits:
        return "is not for the key that was asked for"
    if own.is_authority:
        return "is that of an authority"
    if clock.unix_s() > own.not_after_s:
        return own.time_fault(clock.unix_s())
    for certificate, issuer in zip(chain, chain[1:]):
        if not await is_issued(certificate, issuer):
            return "is not signed by the next one in the chain"
    top = chain[-1]
    for path in roots:
        root = _root(path)
        if top.signed == root.signed or await is_issued(top, root):
            return ""
    return "leads to no installed root certificate" if roots else ""


async def _signed_fault(charge_point, text: str) -> str:
    """Keep a certificate chain; returns what is wrong with it, or ""."""
    waiting = store.waiting_key(charge_point.path)
    if not waiting:
        return "was not asked for"
    if len(text) > store.MAX_CHAIN_SIZE:
        return "comes with too long a chain"
    try:
        chain = [Certificate(block) for block in der.from_pem(text)]
        if len(chain) > _MOST_IN_CHAIN:
            return "comes with too long a chain"
        roots = store.root_paths(store.CENTRAL_SYSTEM, charge_point.path)
        fault = await _chain_fault(chain, waiting[1][-_POINT_BYTES:], roots)
    except ValueError as error:
        return str(error)
    if not fault:
        store.add_chain(waiting[0], text, chain[0].not_before_s, charge_point.path)
    return fault


async def signed(charge_point, payload: dict) -> tuple:
    """CertificateSigned."""
    fault = await _signed_fault(charge_point, payload["certificateChain"])
    if fault:
        return {"status": "Rejected"}, ("InvalidChargePointCertificate", "certificate " + fault)
    return {"status": "Accepted"}, (_CHANGE, "new certificate")


async def signing_fault(charge_point, text: str) -> str:
    """What is wrong with a certificate that signs firmware (L01); empty when a maker's root issued it.

    text: PEM. ValueError for what is no certificate.
    """
    certificate = of_pem(text)
    fault = certificate.time_fault(clock.unix_s()) if clock.unix_s() else ""
    if fault:
        return fault
    for path in store.root_paths(store.MANUFACTURER, charge_point.path):
        if await is_issued(certificate, _root(path)):
            return ""
    return "is not issued by an installed root certificate"
