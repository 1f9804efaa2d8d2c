"""Builds the LittleFS image of a board's file system.

As a program: build_image.py [--arch xtensawin] [--size 2097152] [--output build/image-esp32.bin]
"""

import argparse
import sys
from pathlib import Path

from littlefs import LittleFS, LittleFSError
from mpremote.romfs import VfsRomWriter

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.device_files import (
    ARCHITECTURES,
    ROOT,
    BuildError,
    belongs_into_romfs,
    device_files,
)

BLOCK_BYTES = 4096  # the erase unit of the flash chip
DEFAULT_BYTES = 2 * 1024 * 1024  # the vfs partition of the official build for 4 MiB of flash

_DISK_VERSION = 0x00020000  # LittleFS 2.0, which every MicroPython mounts


def build_image(
    path: "str | Path",
    arch: str = "xtensawin",
    size_bytes: int = DEFAULT_BYTES,
    overrides: "dict[str, bytes] | None" = None,
    root: Path = ROOT,
) -> int:
    """Write a board's file system with the firmware for arch to path; return the bytes free in it.

    overrides: {absolute path on the board: content} of further files, or of other contents.
    """
    return write_image(path, {**device_files(arch, root), **(overrides or {})}, size_bytes)


def write_image(path: "str | Path", files: "dict[str, bytes]", size_bytes: int) -> int:
    """Write a file system with the files to path; return the bytes free in it."""
    image, free = pack(files, size_bytes)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(image)
    return free


def split_for_romfs(files: "dict[str, bytes]") -> "tuple[dict[str, bytes], dict[str, bytes]]":
    """Return (what the file system keeps, what a ROMFS partition takes) of a board's files."""
    code = {name: content for name, content in files.items() if belongs_into_romfs(name)}
    return {name: files[name] for name in files if name not in code}, code


def pack_romfs(files: "dict[str, bytes]") -> bytes:
    """Return a ROMFS image with the files: MicroPython runs code in it in place, without a copy."""
    writer = VfsRomWriter()
    _write_romfs(writer, _tree(files))
    return bytes(writer.finalise())


def _tree(files: "dict[str, bytes]") -> dict:
    """Return {name: content, or the same for a directory}."""
    tree: dict = {}
    for path, content in sorted(files.items()):
        *directories, name = path.strip("/").split("/")
        place = tree
        for directory in directories:
            place = place.setdefault(directory, {})
        place[name] = content
    return tree


def _write_romfs(writer: VfsRomWriter, tree: dict) -> None:
    for name, content in tree.items():
        if isinstance(content, dict):
            writer.opendir(name)
            _write_romfs(writer, content)
            writer.closedir()
        else:
            writer.mkfile(name, content)


def pack(files: "dict[str, bytes]", size_bytes: int) -> "tuple[bytes, int]":
    """Return (a LittleFS image with the files, bytes free in it); the same for the same files."""
    blocks = size_bytes // BLOCK_BYTES
    fs = _empty(blocks)
    try:
        for name in sorted(files):
            fs.makedirs(name.rpartition("/")[0] or "/", exist_ok=True)
            with fs.open(name, "wb") as file:
                file.write(files[name])
    except LittleFSError as error:
        total = sum(map(len, files.values()))
        raise BuildError(f"{total} bytes do not fit {size_bytes} at {name}: {error}") from error
    free = (blocks - fs.used_block_count) * BLOCK_BYTES
    fs.unmount()
    return bytes(fs.context.buffer), free


def _empty(blocks: int) -> LittleFS:
    """Return a new file system with the parameters that MicroPython's VfsLfs2 has by default."""
    fs = LittleFS(
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=blocks,
        block_cycles=100,
        read_size=32,
        prog_size=32,
        lookahead_size=32,
        cache_size=128,  # a larger one would keep larger files inline than a board can read
        disk_version=_DISK_VERSION,
    )
    fs.format()
    fs.mount()
    return fs


def main(arguments: "list[str] | None" = None) -> int:
    """Build an image as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description="Builds the LittleFS image of a board.")
    parser.add_argument("--arch", choices=ARCHITECTURES, default="xtensawin")
    parser.add_argument("--size", type=int, default=DEFAULT_BYTES, help="bytes")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "image-esp32.bin")
    options = parser.parse_args(arguments)
    try:
        free = build_image(options.output, options.arch, options.size)
    except BuildError as error:
        print(f"build_image: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {options.size} bytes for {options.arch}, {free} free")
    return 0


if __name__ == "__main__":
    sys.exit(main())
