"""Checks that imports point one way: core <- evse, modbus <- meter, auth, ocpp16 … <- web <- main.

Only drivers/ and boot.py reach the hardware, the firmware imports nothing that MicroPython lacks,
and the virtual bench knows nothing of the firmware that it tests.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HARDWARE = ("machine", "network", "esp", "esp32", "espnow", "bluetooth", "neopixel")
BUILT_IN = frozenset(
    """_thread array asyncio binascii builtins collections cryptolib deflate errno framebuf gc
    hashlib heapq io json math micropython os platform random re select socket ssl struct sys time
    tls uctypes vfs""".split()
)
# Rooms of the firmware: what each may import besides itself and MicroPython's built-in modules.
# A name with a dot stands for that module alone.
FIRMWARE = {
    "core": (),
    "evse": ("core",),
    "modbus": ("core",),
    "websocket_client": ("core",),
    "meter": ("core", "modbus", "ulab"),  # ulab: in some builds of MicroPython
    "auth": ("core",),
    "pki": ("core",),
    "file_transfer": ("core", "websocket_client"),
    "ocpp16": ("core", "websocket_client", "auth", "pki", "file_transfer"),
    "dlm": ("core", "modbus", "evse.limits"),
    "net": ("core",),
    "ota": ("core",),
    "telemetry": ("core", "umqtt"),
    "drivers": ("core.log", "core.clock", "core.loading", *HARDWARE),
    "web": ("core", "microdot"),
    "boot": ("core", "drivers", *HARDWARE),
}
for _root in (  # the composition root
    "firmware",
    "start_up",
    "start_building",
    "start_connectors",
    "start_group",
    "start_ip_group",
):
    FIRMWARE[_root] = (*FIRMWARE, "firmware")
FIRMWARE["main"] = ("firmware",)
# Single modules that may import more than their room.
MORE = {
    "ocpp16.adapter": ("evse",),
    "dlm.relay": ("websocket_client",),
    "dlm.relay_client": ("websocket_client",),
}
FORBIDDEN_TO_SIM = (*FIRMWARE, *HARDWARE)


def module_name(path: Path) -> str:
    """Return the dotted name under which the firmware, or the bench, imports the file."""
    parts = path.with_suffix("").parts
    parts = parts[1:] if parts[0] == "lib" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool) -> "Iterator[tuple[int, str]]":
    """Yield (line, dotted name) of everything imported, wherever in the source."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            skipped.update(child for child in ast.walk(node) if _imports_typing(child))
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node not in skipped:
            origin = _origin(node, module, is_package)
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def _imports_typing(node: ast.AST) -> bool:
    """Tell whether this names types only: allowed where nothing is executed."""
    return isinstance(node, ast.ImportFrom) and node.module in ("typing", "collections.abc")


def _origin(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Return the absolute name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, node.module] if node.module else base)


def _within(name: str, places: "tuple[str, ...]") -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def _refusal(module: str, imported: str) -> str:
    """Return why the module may not import that; empty when it may."""
    room = module.split(".")[0]
    top = imported.split(".")[0]
    if room == "sim":
        shim = module.startswith("sim.shim.")
        refused = _within(imported, tuple(FIRMWARE) if shim else FORBIDDEN_TO_SIM)
        return "the bench imports nothing of the firmware but sim.shim" if refused else ""
    allowed = FIRMWARE[room] + MORE.get(module, ())
    if top in (room, *BUILT_IN) or _within(imported, allowed):
        return ""
    if top in HARDWARE:
        return "only drivers and boot.py reach the hardware"
    if top in (*FIRMWARE, "sim", "tools", "microdot"):
        return f"{room} may import {', '.join(allowed) or 'built-in modules only'}"
    return "MicroPython has no such module"


def check_file(path: Path, root: Path) -> "list[str]":
    """Return a line for each import of the file that its room is not allowed."""
    relative = path.relative_to(root)
    module = module_name(relative)
    if module.split(".")[0] not in (*FIRMWARE, "sim"):
        return [f"{relative}:1 is in a room that tools/check_layers.py does not know"]
    found = imports(path.read_text(), module, path.name == "__init__.py")
    refusals = ((line, name, _refusal(module, name)) for line, name in found)
    return [f"{relative}:{line} imports {name}: {why}" for line, name, why in refusals if why]


def check_tree(root: Path) -> "list[str]":
    """Return a line for each import in the tree that breaks the rules."""
    files = [root / "boot.py", root / "main.py"]
    for directory in ("lib", "drivers", "web", "sim"):
        files += sorted((root / directory).rglob("*.py"))
    return [line for path in files if path.is_file() for line in check_file(path, root)]


if __name__ == "__main__":
    broken = check_tree(Path(__file__).resolve().parent.parent)
    print("\n".join(broken), end="\n" if broken else "")
    sys.exit(bool(broken))
