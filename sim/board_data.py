"""What of a board lasts between runs: its flash image and what its meter has counted.

A board's code is either in a ROMFS partition, run in place, or on its file system, copied to the heap.
"""

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from littlefs import LittleFS
from tools.build_image import (
    BLOCK_BYTES,
    DEFAULT_BYTES,
    pack_romfs,
    split_for_romfs,
    write_image,
)
from tools.device_files import (
    ROOT,
    belongs_into_romfs,
    compile_modules,
    device_files,
    firmware_sources,
)
from tools.linking import Parts
from tools.trimming import without_unused

from sim.board import Board, chip_id

ARCHITECTURE = "x86"  # native code of the 32-bit unix port
DEMO_URL = r"wss?://(127\.0\.0\.1|localhost):\d+/ocpp"
BLOCK_DEVICE = "readblocks, writeblocks, ioctl"  # what MicroPython's file systems call
CHIP_PARTS: Parts = {
    "machine": ("machine",),
    "network": ("network",),
}  # each with all that it needs
SHIM = ROOT / "sim" / "shim"


def chip_image() -> bytes:
    """The shim's modules as the chip's read-only memory."""
    launcher = SHIM / "launch.py"
    modules = {
        path.name: path.read_text() for path in sorted(SHIM.glob("*.py")) if path != launcher
    }
    users = [path.read_text() for path in (launcher, *firmware_sources()) if path.suffix == ".py"]
    users.append(BLOCK_DEVICE)
    used = without_unused(
        modules, (launcher.read_text(), *users)
    )  # a chip has the rest in its own memory
    return pack_romfs(compile_modules(used, tuple(users), ARCHITECTURE, CHIP_PARTS))


@functools.cache
def _firmware() -> dict[str, bytes]:
    """The files of all boards, made once for a bench."""
    return device_files(ARCHITECTURE)


class BoardData:
    """A directory with flash.img, console.log and surroundings.json."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.flash = directory / "flash.img"
        self.romfs = directory / "romfs.img"
        self.console = directory / "console.log"
        self._surroundings = directory / "surroundings.json"
        directory.mkdir(parents=True, exist_ok=True)

    def prepare_flash(
        self,
        number: int,
        config: dict,
        backend_url: str,
        romfs: bool,
        new_settings: "dict | None" = None,
        roots: Sequence[bytes] = (),
    ) -> None:
        """Give the board this run's firmware, configuration and roots; a new board its settings too.

        roots: certificates in DER, kept where ocpp16.certificate_store looks for the back office's.
        """
        files = dict(_firmware())
        files |= {f"/data/certs/cs{number}": root for number, root in enumerate(roots, 1)}
        files["/config.json"] = json.dumps(config).encode()
        self.romfs.unlink(missing_ok=True)
        if romfs:
            files, code = split_for_romfs(files)
            self.romfs.write_bytes(pack_romfs(code))
        if self.flash.exists():
            _replace_files(self.flash, files, backend_url)
            return
        settings = {**new_board_settings(number, backend_url), **(new_settings or {})}
        files["/data/settings.json"] = json.dumps(settings).encode()
        new = self.flash.with_suffix(".new")
        write_image(new, files, DEFAULT_BYTES)
        new.replace(self.flash)

    def load(self, board: Board) -> None:
        """Give the board's meter and vehicle the kind and the counts of the last run."""
        try:
            kept = json.loads(self._surroundings.read_text())
            board.model.meter.kwh = float(kept["meter_kwh"])
            board.model.building.kwh = float(kept["building_kwh"])
            board.model.vehicle.soc = float(kept["soc"])
            board.meter.become(kept.get("meter_preset", board.meter.preset))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a new board

    def save(self, board: Board) -> None:
        """Keep these for the next run."""
        model = board.model
        kept = {
            "meter_kwh": model.meter.kwh,
            "meter_preset": board.meter.preset,
            "building_kwh": model.building.kwh,
            "soc": model.vehicle.soc,
        }
        self._surroundings.write_text(json.dumps(kept))


def charge_point_id(number: int) -> str:
    """The id that board n is known by in the back office."""
    return "MPEVSE-" + chip_id(number).upper()


def new_board_settings(number: int, backend_url: str) -> dict:
    """Settings that a new board of the bench comes with."""
    settings = {"backend_chargepoint_id": charge_point_id(number), "lcd1602": True}
    if backend_url:
        settings["backend_url"] = backend_url
    return settings


def _replace_files(image: Path, files: dict[str, bytes], backend_url: str) -> None:
    """Bring an image's files up to date; what else is on it stays.

    But for the address of the demo back office, whose port may be another in this run.
    """
    buffer = bytearray(image.read_bytes())
    fs = LittleFS(block_size=BLOCK_BYTES, block_count=len(buffer) // BLOCK_BYTES, mount=False)
    fs.context.buffer = buffer
    fs.mount()
    _remove_code(fs)
    for name, content in files.items():
        fs.makedirs(name.rpartition("/")[0] or "/", exist_ok=True)
        with fs.open(name, "wb") as file:
            file.write(content)
    _follow_demo(fs, backend_url)
    fs.unmount()
    image.write_bytes(fs.context.buffer)


def _follow_demo(fs: LittleFS, backend_url: str) -> None:
    try:
        with fs.open("/data/settings.json", "rb") as file:
            settings = json.loads(file.read())
    except (FileNotFoundError, ValueError):
        return
    urls = (settings.get("backend_url", ""), backend_url)
    if urls[0] != urls[1] and all(re.fullmatch(DEMO_URL, url) for url in urls):
        settings["backend_url"] = backend_url
        with fs.open("/data/settings.json", "wb") as file:
            file.write(json.dumps(settings).encode())


def _remove_code(fs: LittleFS) -> None:
    """Old code must not stand in the way of what is in the ROMFS partition."""
    for directory, _, names in list(fs.walk("/")):
        for path in (f"{directory.rstrip('/')}/{name}" for name in names):
            if belongs_into_romfs(path):
                fs.remove(path)
