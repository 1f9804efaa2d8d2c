"""The programs behind the Makefile's targets: setting up, and the way onto an ESP32 board."""

import os
import struct
import subprocess

import pytest

from tools import esp32_board
from tools.device_files import ROOT
from tools.esp32_firmware import FirmwareError, read_firmware

MICROPYTHON = ROOT / "build" / "micropython"
ESP32, ESP32_S3, ESP32_C6 = 0, 9, 13  # chip numbers in an image's header


def firmware(
    chip_id: int, bootloader: int, vfs_bytes: int = 0x100000, label=b"vfs", romfs_bytes: int = 0
) -> bytes:
    """Return the start of a firmware file: bootloader header and partition table."""
    content = bytearray(b"\xff" * 0x20000)
    content[:16] = struct.pack("<BBBBIBHB4x", 0xE9, 1, 2, 0x20, 0x40080000, 0xEE, 0, 0)
    content[12:14] = chip_id.to_bytes(2, "little")
    table = [
        (1, 2, 0x9000, 0x6000, b"nvs"),
        (0, 0, 0x10000, 0x1F0000, b"factory"),
        (1, 0x81, 0x200000, vfs_bytes, label),
    ]
    if romfs_bytes:
        table.append((1, 0x8F, 0x300000, romfs_bytes, b"romfs"))
    for n, (kind, subtype, address, size, name) in enumerate(table):
        entry = struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, address, size, name, 0)
        at = 0x8000 - bootloader + n * len(entry)
        content[at : at + len(entry)] = entry
    return bytes(content)


@pytest.mark.parametrize("name", ["micropython32", "micropython32-slow"])
def test_the_installed_micropython_has_the_word_size_of_an_esp32(name):
    command = [MICROPYTHON / name, "-c", "import sys; print(sys.maxsize)"]
    assert subprocess.check_output(command, text=True) == "2147483647\n"


def test_the_wrapper_becomes_micropython_so_that_signals_reach_it():
    """A shell in between would end alone and leave the board's process running."""
    code = "import os, sys; print(open('/proc/self/stat').read().split()[0]); sys.stdin.read()"
    process = subprocess.Popen(
        [MICROPYTHON / "micropython32", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin and process.stdout
    assert int(process.stdout.readline()) == process.pid
    process.kill()
    process.communicate()


def commands(directory, **scripts: str) -> "dict[str, str]":
    """Return an environment where these commands come first; - in their names is written _."""
    directory.mkdir()
    for name, script in scripts.items():
        path = directory / name.replace("_", "-")
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
    return {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}


def get_micropython(into, environment) -> subprocess.CompletedProcess:
    """Run the installer, with the commands of the environment."""
    script = [ROOT / "tools" / "get_micropython.sh", into]
    return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)


def test_given_no_network_then_the_installer_says_so_in_one_line(tmp_path):
    environment = commands(tmp_path / "bin", micropython="exit 1", apt_get="exit 100")
    done = get_micropython(tmp_path / "into", environment)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Debian" in done.stderr


def test_given_a_machine_with_a_suitable_micropython_then_that_one_is_used(tmp_path):
    environment = commands(
        tmp_path / "bin",
        micropython=f'exec "{MICROPYTHON}/micropython32" "$@"',
        qemu_i386='[ "$1" = -help ] && echo -- -singlestep || { shift; exec "$@"; }',
        apt_get="exit 100",
    )
    into = tmp_path / "into"
    assert get_micropython(into, environment).returncode == 0
    assert "qemu-i386 -singlestep" in (into / "micropython32-slow").read_text()
    assert not (into / "i386").exists()


def test_given_all_is_set_up_then_the_installer_does_nothing():
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = get_micropython(MICROPYTHON, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("chip_id", "bootloader", "chip", "arch"),
    [
        (ESP32, 0x1000, "esp32", "xtensawin"),
        (ESP32_S3, 0, "esp32s3", "xtensawin"),
        (ESP32_C6, 0, "esp32c6", "rv32imc"),
    ],
)
def test_a_firmware_tells_its_chip_and_where_its_file_system_goes(chip_id, bootloader, chip, arch):
    found = read_firmware(firmware(chip_id, bootloader))
    assert (found.chip, found.address, found.arch) == (chip, bootloader, arch)
    assert (found.vfs_address, found.vfs_bytes) == (0x200000, 0x100000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "bootloader"),
        (bytes(0x20000), "bootloader"),
        (firmware(ESP32, 0x1000, label=b"storage"), "vfs"),
        (firmware(77, 0x1000), "77"),
    ],
)
def test_another_file_is_refused_with_the_reason(content, reason):
    with pytest.raises(FirmwareError, match=reason):
        read_firmware(content)


def test_the_merged_image_holds_firmware_and_file_system_at_their_addresses(tmp_path):
    given = tmp_path / "ESP32_GENERIC.bin"
    given.write_bytes(firmware(ESP32, 0x1000))
    options = ["image", "--build", str(tmp_path), "--micropython", str(given)]
    assert esp32_board.main(options) == 0
    flash = (tmp_path / "mpevse-flash.bin").read_bytes()
    image = (tmp_path / "image-esp32.bin").read_bytes()
    assert flash[0x1000 : 0x1000 + 0x20000] == given.read_bytes()
    assert len(image) == 0x100000
    assert flash[0x200000 : 0x200000 + len(image)] == image


def test_the_code_goes_into_a_romfs_partition_where_there_is_one(tmp_path):
    given = tmp_path / "ESP32_ROMFS.bin"
    given.write_bytes(firmware(ESP32, 0x1000, romfs_bytes=0x80000))
    options = ["image", "--build", str(tmp_path), "--micropython", str(given)]
    assert esp32_board.main(options) == 0
    flash = (tmp_path / "mpevse-flash.bin").read_bytes()
    assert flash[0x300000:0x300003] == b"\xd2\xcd\x31"  # ROMFS's magic number
    assert b"charge_point" in flash[0x300000:]
    assert b"charge_point" not in flash[:0x300000]


def test_a_romfs_partition_that_is_too_small_is_told(tmp_path, capsys):
    given = tmp_path / "ESP32_ROMFS.bin"
    given.write_bytes(firmware(ESP32, 0x1000, romfs_bytes=0x1000))
    options = ["image", "--build", str(tmp_path), "--micropython", str(given)]
    assert esp32_board.main(options) == 1
    assert "do not fit the romfs partition" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["flash", "--micropython", "x.bin"], "PORT="),
        (["flash", "--port", "/dev/ttyUSB0"], "MICROPYTHON="),
        (["deploy"], "PORT="),
        (["image", "--micropython", "absent.bin"], "absent.bin"),
    ],
)
def test_a_missing_variable_or_file_gives_one_line_and_status_1(options, missing, capsys):
    assert esp32_board.main(options) == 1
    said = capsys.readouterr().err
    assert missing in said
    assert len(said.splitlines()) == 1


def test_given_a_board_then_flash_writes_the_merged_image_to_address_0(tmp_path, monkeypatch):
    given = tmp_path / "ESP32_GENERIC_S3.bin"
    given.write_bytes(firmware(ESP32_S3, 0))
    ran = []
    monkeypatch.setattr(esp32_board, "_run", lambda *command: ran.append(command))
    esp32_board.flash_board(tmp_path, "/dev/ttyACM0", given)
    write = ("esptool", "--chip", "esp32s3", "--port", "/dev/ttyACM0", "write-flash", "0")
    assert ran[-1] == (*write, str(tmp_path / "mpevse-flash.bin"))


def test_given_a_board_then_deploy_copies_the_staged_files_and_restarts_it(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(esp32_board, "_run", lambda *command: ran.append(command))
    esp32_board.deploy(tmp_path, "/dev/ttyUSB0", None)
    (command,) = ran
    assert command[:3] == ("mpremote", "connect", "/dev/ttyUSB0")
    assert str(tmp_path / "deploy" / "lib") in command
    assert command[-3:] == (":", "+", "reset")
    assert (tmp_path / "deploy" / "lib" / "pages.mpy").is_file()


def test_the_commands_of_the_makefile_are_told_by_make_help():
    said = subprocess.check_output(["make", "-C", ROOT, "--no-print-directory"], text=True)
    for target in ("run", "test", "bench", "image", "flash", "deploy", "clean"):
        assert f"make {target}" in said


def test_every_requirement_is_pinned():
    for path in ROOT.glob("requirements*.txt"):
        for line in path.read_text().splitlines():
            assert not line or line.startswith(("#", "-c ")) or "==" in line, f"{path}: {line}"
