"""How the back office is reached under each security profile. Loaded to connect, and when that failed.

Profiles of the OCPP 1.6 security whitepaper: 0 as the address and the password say, 1 with a password,
2 with a password through TLS, 3 with a certificate of the charge point through TLS.
"""

import os

from core import clock, loading, log, storage
from micropython import const

_TRIAL = "/profile_before"  # on flash while a profile is tried: which one to go back to
_TRIES = const(3)
_EVENTS = {
    401: "FailedToAuthenticateAtCentralSystem",
    403: "FailedToAuthenticateAtCentralSystem",
    1: "InvalidCentralSystemCertificate",  # websocket_client.secure.BAD_CERTIFICATE and so on
    2: "InvalidTLSVersion",
    3: "InvalidTLSCipherSuite",
}


def access(charge_point, failures: int) -> tuple:
    """(address, user:password or nothing, websocket_client.secure.Trust or None).

    failures: of connecting in a row; they go round the charge point's certificates. ValueError names
    what is missing.
    """
    settings = charge_point.settings
    profile = settings.get("security_profile")
    url = settings.get("backend_url")
    if profile >= 2 and url[:5].lower() == "ws://":  # no key of OCPP 1.6 changes the address
        url = "wss" + url[2:]
    credentials = b"" if profile == 3 else _credentials(charge_point)
    if profile in (1, 2) and not credentials:
        raise ValueError("security profile %d needs a password" % profile)
    trust = None
    if url[:6].lower() == "wss://":
        trust = _trust(charge_point, profile == 3, failures)
    return url, credentials, trust


def _credentials(charge_point) -> bytes:
    settings = charge_point.settings
    if not settings.get("basic_auth_password"):
        return b""
    user = settings.get("basic_auth_id") or charge_point.line.identity
    password = loading.once("ocpp16.security", "password", settings)
    return user.encode() + b":" + password


def _trust(charge_point, with_pair: bool, failures: int):
    path = charge_point.path
    store = loading.load("ocpp16.certificate_store")
    try:
        roots = store.root_paths(store.CENTRAL_SYSTEM, path)
        pairs = store.client_pairs(path) if with_pair else []
    finally:
        loading.unload("ocpp16.certificate_store")
    if not roots:
        raise ValueError("wss:// needs a root certificate of the back office")
    if with_pair and not pairs:
        raise ValueError("security profile 3 needs a certificate of the charge point")
    pair = pairs[failures % len(pairs)] if pairs else None
    on_begin = charge_point.on_time
    now_s = clock.unix_s()
    if now_s and on_begin:
        on_begin(now_s)
        on_begin = None
    return loading.once("websocket_client.secure", "Trust", roots, pair, on_begin)


def try_profile(path: str, before: int) -> None:
    """To be called before another security profile is set: it is on trial until a line opens."""
    storage.write_json(path + _TRIAL, before)


def opened(path: str) -> None:
    """A line was opened: the profile has passed its trial."""
    if storage.exists(path + _TRIAL):
        os.remove(path + _TRIAL)


def failed(charge_point, failures: int, code: int) -> None:
    """Connecting failed, for the given time in a row; code: of the WebSocketError, or 0.

    A profile that has not been connected with goes back to the one before (whitepaper, A05.FR.08).
    """
    if code in _EVENTS:
        charge_point.security_event(_EVENTS[code], charge_point.state)
    trial = charge_point.path + _TRIAL
    if failures < _TRIES or not storage.exists(trial):
        return
    settings = charge_point.settings
    try:
        before = int(storage.read_json(trial))
    except (TypeError, ValueError):
        before = 3  # damaged: nothing to go back to
    if before < settings.get("security_profile"):  # else somebody has changed it meanwhile
        log.warning("ocpp", "back to security profile %d" % before)
        settings.change({"security_profile": before})
    opened(charge_point.path)
