"""Who has certificates in the tests of TLS, made anew for each run."""

import functools
from pathlib import Path

from sim.certificates import Holder
from websocket_client import secure

HOST = "localhost"
SERIAL = "SN-1"  # of the charge point: its certificate's name


@functools.cache
def root() -> Holder:
    """The back office's authority."""
    return Holder("Root")


@functools.cache
def stranger() -> Holder:
    """An authority that nobody believes."""
    return Holder("Stranger")


@functools.cache
def back_office(kind: str = "ec") -> Holder:
    """The back office's server, below an authority between it and the root."""
    return Holder(HOST, Holder("Between", root(), kind, is_authority=True), kind)


@functools.cache
def charge_point() -> Holder:
    """The charge point."""
    return Holder(SERIAL, root())


def trust(directory: Path, *roots: Holder, pair: "Holder | None" = None) -> secure.Trust:
    """What a charge point has on flash: roots that it believes, and its own certificate."""
    paths = []
    for number, holder in enumerate(roots):
        paths.append(str(directory / f"cs{number}"))
        Path(paths[-1]).write_bytes(holder.der())
    if not pair:
        return secure.Trust(paths)
    (directory / "chain").write_bytes(pair.chain())
    (directory / "key").write_bytes(pair.private())
    return secure.Trust(paths, (str(directory / "chain"), str(directory / "key")))
