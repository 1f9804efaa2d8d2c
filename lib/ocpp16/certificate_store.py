"""Certificates and keys on flash, below <path>/certs. Loaded when needed.

    cs1 … cs6, m1 … m6    root certificates of the back office, and of the firmware's makers: DER
    key7                  a private key of the charge point: DER, RFC 5915
    chain7_1795000000     the certificate for that key and those between it and its root: PEM

The number behind "chain" and "key" counts the pairs; behind it is the time from which the certificate is
valid. A file is written beside and renamed, so a power cut leaves the old state or the new.
"""

import os

from core import clock, storage
from core.journal import make_durable
from micropython import const

MAX_CERTIFICATES = 6  # CertificateStoreMaxLength: of each of the two types
MAX_CHAIN_SIZE = 5500  # CertificateSignedMaxChainSize: more would not fit into the heap
CENTRAL_SYSTEM = "cs"
MANUFACTURER = "m"
_MOST_PAIRS = const(2)


def _names(path: str) -> list:
    directory = path + "/certs"
    if not storage.exists(directory):
        return []
    return [name for name in os.listdir(directory) if not name.endswith(".new")]


def _write(path: str, name: str, content: bytes) -> str:
    storage.make_directory(path + "/certs")
    target = "%s/certs/%s" % (path, name)
    with open(target + ".new", "wb") as file:
        file.write(content)
        make_durable(file)
    os.rename(target + ".new", target)
    return target


def root_paths(kind: str = CENTRAL_SYSTEM, path: str = "/data") -> list:
    """Paths of the installed root certificates, each a DER file; kind: CENTRAL_SYSTEM or MANUFACTURER."""
    numbers = [name for name in _names(path) if name[: len(kind)] == kind]
    return [
        "%s/certs/%s" % (path, name) for name in sorted(numbers) if name[len(kind) :].isdigit()
    ]


def add_root(kind: str, certificate: bytes, path: str = "/data") -> None:
    """Keep a root certificate. OSError when the store is full."""
    taken = root_paths(kind, path)
    for number in range(1, MAX_CERTIFICATES + 1):
        name = "%s%d" % (kind, number)
        if "%s/certs/%s" % (path, name) not in taken:
            _write(path, name, certificate)
            return
    raise OSError("no room for another certificate")


def read(path: str) -> bytes:
    """The content of a file of the store."""
    with open(path, "rb") as file:
        return file.read()


def remove(path: str) -> None:
    """Delete a root certificate."""
    os.remove(path)


def _pairs(path: str) -> list:
    """(number, valid from, chain's name) of each whole pair, newest first."""
    names = _names(path)
    found = []
    for name in names:
        number, _, valid_from = name[5:].partition("_")
        if name[:5] == "chain" and "key" + number in names:
            found.append((int(number), int(valid_from), name))
    return sorted(found, reverse=True)


def client_pairs(path: str = "/data") -> list:
    """(path of the chain, path of the key) of each of the charge point's certificates, newest first.

    Those that are not valid yet are left out.
    """
    now_s = clock.unix_s()
    base = path + "/certs/"
    return [
        (base + name, "%skey%d" % (base, number))
        for number, valid_from, name in _pairs(path)
        if not now_s or valid_from <= now_s
    ]


def client_pair(path: str = "/data") -> "tuple | None":
    """The newest of client_pairs; None without one."""
    pairs = client_pairs(path)
    return pairs[0] if pairs else None


def add_key(key: bytes, path: str = "/data") -> None:
    """Keep a new private key; pairs older than the last two, and keys that got no certificate, go."""
    kept = [number for number, _, _ in _pairs(path)[:_MOST_PAIRS]]
    _keep_pairs(kept, path)
    _write(path, "key%d" % (max(kept or (0,)) + 1), key)


def _keep_pairs(numbers: list, path: str) -> None:
    for name in _names(path):
        number = name[3:] if name[:3] == "key" else name[5:].partition("_")[0]
        if name[:3] in ("key", "cha") and int(number) not in numbers:
            os.remove("%s/certs/%s" % (path, name))


def waiting_key(path: str = "/data") -> "tuple | None":
    """(number, key) of the key whose certificate was asked for; None when none is."""
    names = _names(path)
    numbers = [int(name[3:]) for name in names if name[:3] == "key"]
    number = max(numbers or (0,))
    if not number or [pair for pair in _pairs(path) if pair[0] == number]:
        return None
    return number, read("%s/certs/key%d" % (path, number))


def add_chain(number: int, chain: str, valid_from_s: int, path: str = "/data") -> None:
    """Keep the certificate chain of a key; from here on the pair counts."""
    _write(path, "chain%d_%d" % (number, valid_from_s), chain.encode())
