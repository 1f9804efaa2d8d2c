"""Times of the whitelist's calls on a chip, with as many tags as it may hold."""

import subprocess
import tempfile
from pathlib import Path

from sim.bench.figures import Row
from sim.bench.stand import ROOT
from tools.build_image import pack, pack_romfs
from tools.device_files import compile_modules

_MODULES = (
    *("auth/__init__", "auth/whitelist", "auth/tag_files", "auth/tag_forms"),
    *("core/__init__", "core/loading", "core/storage"),
)
_PROGRAM = ROOT / "host_tests" / "on_device" / "tag_lookup.py"
_FLASH_BYTES = 512 * 1024
_LONGEST_S = 120


def times_ms(directory: Path, interpreters: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """(least, mean) of each call, by its name. The first interpreter fills the list, the last is timed.

    RuntimeError when a call does not answer right.
    """
    sources = {f"lib/{name}.py": (ROOT / f"lib/{name}.py").read_text() for name in _MODULES}
    rom, flash = directory / "rom", directory / "flash"
    rom.write_bytes(pack_romfs(compile_modules(sources, None, "x86", {})))
    flash.write_bytes(pack({"/data/settings.json": b"{}"}, _FLASH_BYTES)[0])
    for name in interpreters:
        command: "list[str | Path]" = [
            ROOT / "build" / "micropython" / name,
            "-X",
            "heapsize=160k",
        ]
        run = subprocess.run(
            [*command, _PROGRAM, flash, rom],
            capture_output=True,
            check=False,
            text=True,
            timeout=_LONGEST_S,
        )
        if run.returncode:
            raise RuntimeError(run.stderr)
    found = [line.split() for line in run.stdout.splitlines()]
    return {name: (float(least), float(mean)) for name, least, mean in found}


def lookup() -> list[Row]:
    """Looking a tag up that is in the list, or is not."""
    with tempfile.TemporaryDirectory() as directory:
        times = times_ms(Path(directory), ("micropython32", "micropython32-slow"))
    conditions = "SPEED=esp32, 1,000 tags on LittleFS, the module loaded for each call from ROMFS"
    return [
        Row("tag_lookup_ms", round(times[call][0], 1), "ms", f"{conditions}; least of 20", call)
        for call in ("hit", "miss")
    ]
