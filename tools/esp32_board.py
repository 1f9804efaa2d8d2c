"""Brings the firmware onto an ESP32 board, from `make image`, `make flash` and `make deploy`.

image: the file system, and with --micropython the board's whole flash in one file. The code goes into
    the partition named romfs where that MicroPython has one, and is run there in place.
flash: that file, written to the board at --port; whatever was stored there is lost.
deploy: only the firmware's files, to a board that runs MicroPython; its settings stay.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.build_image import (
    DEFAULT_BYTES,
    build_image,
    pack_romfs,
    split_for_romfs,
    write_image,
)
from tools.device_files import ARCHITECTURES, ROOT, BuildError, device_files
from tools.esp32_firmware import Firmware, FirmwareError, read_firmware

_WRITING_MS = 600_000  # a deploy takes longer than the firmware's watchdog waits
# A watchdog cannot be stopped, but a second call on the ESP32 sets its time anew.
_KEEP_WATCHDOG_CALM = f"import machine; machine.WDT(timeout={_WRITING_MS})"


def make_image(build: Path, arch: "str | None", micropython: "Path | None") -> Path:
    """Write the file system's image, with micropython the whole flash too; return the last."""
    image = build / "image-esp32.bin"
    if micropython is None:
        free = build_image(image, arch or ARCHITECTURES[0])
        print(f"{image}: {DEFAULT_BYTES} bytes, {free} free")
        return image
    firmware = _firmware(micropython)
    parts = _write_parts(build, firmware)
    flash = build / "mpevse-flash.bin"
    merge = ["merge-bin", "--output", str(flash), hex(firmware.address), str(micropython)]
    _run("esptool", "--chip", firmware.chip, *merge, *parts)
    print(f"{flash}: the whole flash of an {firmware.chip}, to be written to address 0")
    return flash


def _write_parts(build: Path, firmware: Firmware) -> list[str]:
    """Write what goes into the firmware's partitions; return address, file, … for esptool."""
    files = device_files(firmware.arch)
    code: dict[str, bytes] = {}
    if firmware.romfs_bytes:
        files, code = split_for_romfs(files)
    image = build / "image-esp32.bin"
    free = write_image(image, files, firmware.vfs_bytes)
    print(f"{image}: {firmware.vfs_bytes} bytes at {firmware.vfs_address:#x}, {free} free")
    parts = [hex(firmware.vfs_address), str(image)]
    if code:
        packed = pack_romfs(code)
        if len(packed) > firmware.romfs_bytes:
            raise BuildError(f"the code's {len(packed)} bytes do not fit the romfs partition")
        romfs = build / "romfs-esp32.bin"
        romfs.write_bytes(packed)
        print(f"{romfs}: {len(packed)} bytes at {firmware.romfs_address:#x}, run in place")
        parts += [hex(firmware.romfs_address), str(romfs)]
    return parts


def _firmware(path: Path) -> Firmware:
    try:
        return read_firmware(path.read_bytes())
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}") from error
    except FirmwareError as error:
        raise BuildError(f"{path} is not a MicroPython firmware to use: {error}") from error


def flash_board(build: Path, port: str, micropython: Path) -> None:
    """Write MicroPython and the file system to the board at port."""
    flash = make_image(build, None, micropython)
    chip = _firmware(micropython).chip
    _run("esptool", "--chip", chip, "--port", port, "write-flash", "0", str(flash))


def deploy(build: Path, port: str, arch: "str | None") -> None:
    """Copy the files that differ to the board at port, and restart it."""
    staged = build / "deploy"
    shutil.rmtree(staged, ignore_errors=True)
    for name, content in device_files(arch or ARCHITECTURES[0]).items():
        path = staged / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entries = [str(path) for path in sorted(staged.iterdir())]
    copy = ["fs", "cp", "-r", *entries, ":", "+", "reset"]
    _run("mpremote", "connect", port, "exec", _KEEP_WATCHDOG_CALM, "+", *copy)


def _run(module: str, *arguments: str) -> None:
    """Run one of the pinned tools; what it prints is shown."""
    if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
        raise BuildError(f"{module} failed (its message is above)")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Brings the firmware onto an ESP32 board.")
    parser.add_argument("action", choices=("image", "flash", "deploy"))
    parser.add_argument("--port", help="serial port of the board, such as /dev/ttyUSB0")
    parser.add_argument("--micropython", type=Path, help="the official firmware, a .bin file")
    parser.add_argument("--arch", choices=ARCHITECTURES, help="default: xtensawin")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="output directory")
    return parser


def _perform(options: argparse.Namespace) -> None:
    if options.action != "image" and not options.port:
        raise BuildError(f"say which board: make {options.action} PORT=/dev/ttyUSB0")
    if options.action == "flash" and not options.micropython:
        raise BuildError("say which firmware: make flash PORT=… MICROPYTHON=ESP32_GENERIC-….bin")
    if options.action == "image":
        make_image(options.build, options.arch, options.micropython)
    elif options.action == "flash":
        flash_board(options.build, options.port, options.micropython)
    else:
        deploy(options.build, options.port, options.arch)


def main(arguments: "list[str] | None" = None) -> int:
    """Do what the command line says; return the exit status."""
    try:
        _perform(_parser().parse_args(arguments))
    except BuildError as error:
        print(f"esp32_board: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
