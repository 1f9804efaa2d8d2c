"""Runs the virtual bench: python -m sim.run --boards 1 --csms none --web 8080 --bench 8800."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aiohttp import web
from tools.device_files import BuildError

from sim import group_line, meter_maps
from sim.api import HOST, Csms, create_app
from sim.board import Board, board_directory, write_parameters
from sim.board_data import BoardData, chip_image
from sim.light_slaves import LightSlaves
from sim.world import World

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "sim" / "shim" / "launch.py"
INTERPRETERS = {"pc": "micropython32", "esp32": "micropython32-slow"}
READY_S = 8.0  # the bench answers by then, even where a board's page does not
MOST_BOARDS = 20
MOST_GRID_A = 1000  # as the setting llm_grid_current
DEMO = ("", "wss")  # choices that mean the demo back office; through TLS
CSMS_OFFSET = 100  # the demo back office's port, from the bench's
GROUP_OFFSET = 300  # port of the IP group on each board's own address, UDP and TCP
RELAY_LINES = 19  # the host has sockets enough for all Clients of a Gateway
DNS_OFFSET = 200  # UDP port of board n's name server, from the bench's, plus n
PEM_BLOCK = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
SWITCH_S = 0.0005  # the world's thread waits that long for the other threads at most
LOGINS = "manufacturer WLQ01 / 40000003, operator etec / 88888888, user user / 88888888"


class StartError(Exception):
    """The bench can't start; the text is one line for people."""


class Bench:
    """A world with its back office and its API, from start to stop."""

    def __init__(self, options: argparse.Namespace, root: Path) -> None:
        self.world = World()
        self.csms: "Csms | None" = None
        self.backend_url = ""
        self._roots: list[bytes] = options.roots  # certificates that the boards believe
        self._options = options
        self._root = root
        self._data: dict[int, BoardData] = {}
        self._slaves = options.boards - 1 + options.light
        self._runner: "web.AppRunner | None" = None

    async def start(self) -> None:
        """Bring everything up; returns when the boards' pages and the API answer."""
        await self._start_back_office()
        for number in range(1, self._options.boards + 1):
            self._add_board(number)
        self._add_light_slaves()
        deadline_s = time.monotonic() + READY_S  # building the first image may have taken longer
        self.world.start()
        boards = self.world.boards.values()
        await asyncio.gather(*(_page_answers(board, deadline_s) for board in boards))
        self._runner = web.AppRunner(create_app(self.world, self.csms), access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._options.bench).start()

    async def stop(self) -> None:
        """End every process, keep what lasts."""
        if self._runner:
            await self._runner.cleanup()
        self.world.close()
        for number, board in self.world.boards.items():
            self._data[number].save(board)
        if self.csms:
            await self.csms.stop()

    def addresses(self) -> Iterator[str]:
        """What people want to know, line by line."""
        yield f"bench            http://{HOST}:{self._options.bench}/"
        for number, board in self.world.boards.items():
            yield f"controller {number:<5} http://{HOST}:{board.web_port}/"
            yield f"  its console    {self._data[number].console}"
        yield f"  logins         {LOGINS}"
        if self._options.config.get("allow_factory_passwords") is not True:
            yield "                 these see the state and set a password of their own, which opens the rest"
        yield f"back office      {self.backend_url or 'none'}"
        yield "Ctrl-C ends it all."

    async def _start_back_office(self) -> None:
        choice = self._options.csms
        if choice not in DEMO:
            self.backend_url = "" if choice == "none" else choice
            return
        from sim.csms import DemoCsms

        self.csms = DemoCsms()
        name = HOST
        if choice == "wss":
            from sim.certificates import Holder

            root = Holder("Bench")
            name = "localhost"
            self.csms.tls = Holder(name, root).server_context()
            self._roots = [*self._roots, root.der()]
        await self.csms.start(HOST, self._options.bench + CSMS_OFFSET)
        self.backend_url = f"{choice or 'ws'}://{name}:{self.csms.port}/ocpp"

    def _add_board(self, number: int) -> None:
        config = merged(json.loads((ROOT / "config.json").read_text()), self._options.config)
        config["web_port"] = self._options.web + number - 1
        config["dns_host"] = HOST  # here 192.168.4.1 is nobody's, and port 53 somebody else's
        config["dns_port"] = self._options.bench + DNS_OFFSET + number
        config["group_port"] = self._options.bench + GROUP_OFFSET
        config.setdefault("relay_lines", RELAY_LINES)
        data = BoardData(self._data_directory() / f"board-{number}")
        romfs = self._options.code == "romfs"
        own = group_line.settings(number, self._slaves, self._options.group)
        new_settings = {**own, **self._options.settings}
        data.prepare_flash(number, config, self.backend_url, romfs, new_settings, self._roots)
        directory = board_directory(self._root, number)
        (directory / "chip.img").write_bytes(chip_image())
        for path in (data.flash, data.romfs, data.console):
            (directory / path.name).symlink_to(path)
        write_parameters(directory, number, self._options.steps)
        board = Board(
            number,
            directory,
            config["board"],
            self._command(),
            config["web_port"],
            partial(self.world.tell, number),
            self.world.lock,
            config["dns_port"],
        )
        preset = self._options.settings.get("meter_preset")
        if preset in meter_maps.names():
            board.meter.become(preset)
        data.load(board)
        self._data[number] = data
        self.world.add(board)

    def _add_light_slaves(self) -> None:
        count, boards = self._options.light, self._options.boards
        if not count:
            return
        numbers = range(boards + 1, boards + count + 1)
        settings = {
            number: {
                **group_line.settings(number, self._slaves, self._options.group),
                **self._options.settings,
                "connection_mode": "Slave",
            }
            for number in numbers
        }
        directory = self._root / "light"
        directory.mkdir()
        self.world.add_light(LightSlaves(settings, directory, self.world.events.add))

    def _data_directory(self) -> Path:
        if self._options.data:
            return Path(self._options.data).resolve()
        return self._root / "data"

    def _command(self) -> list[str]:
        interpreter = ROOT / "build" / "micropython" / INTERPRETERS[self._options.speed]
        return [str(interpreter), "-X", f"heapsize={self._options.heap}", str(LAUNCHER)]


def merged(config: dict, changes: dict) -> dict:
    """A board's config.json with changes put into it, at any depth; null takes a key out."""
    result = {key: value for key, value in config.items() if changes.get(key, value) is not None}
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            result[key] = merged(config[key], value)
        elif value is not None:
            result[key] = value
    return result


async def _page_answers(board: Board, deadline_s: float) -> None:
    """Wait until the board listens, up to the deadline; a board that crashes is not waited for."""
    while time.monotonic() < deadline_s and not board.process.restarts:
        try:
            _, writer = await asyncio.open_connection(HOST, board.web_port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def check_ports(options: argparse.Namespace) -> None:
    """Raise StartError naming the first port that is taken."""
    ports = {options.web + n: f"board {n + 1}'s page" for n in range(options.boards)}
    ports[options.bench] = "the bench"
    if options.csms in DEMO:
        ports[options.bench + CSMS_OFFSET] = "the demo back office"
    if len(ports) < options.boards + 1 + (options.csms in DEMO):
        raise StartError("WEB and BENCH give the same port twice")
    for port, what in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
                probe.listen(1)
            except (OSError, OverflowError):
                raise StartError(f"port {port} for {what} is not free") from None


def check_interpreter(options: argparse.Namespace) -> None:
    """Raise StartError when MicroPython is not there."""
    name = INTERPRETERS[options.speed]
    if not os.access(ROOT / "build" / "micropython" / name, os.X_OK):
        raise StartError(f"no MicroPython: build/micropython/{name} is missing, run `make setup`")


def _values(path: str) -> dict:
    """The object in a JSON file."""
    try:
        values = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise argparse.ArgumentTypeError(f"{path}: not a JSON object")
    return values


def _certificates(path: str) -> list[bytes]:
    """The certificates in a PEM file, each as DER."""
    try:
        blocks = PEM_BLOCK.findall(Path(path).read_text())
        found = [ssl.PEM_cert_to_DER_cert(block) for block in blocks]
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from None
    if not found:
        raise argparse.ArgumentTypeError(f"{path}: there is no certificate in it")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sim.run", description="Runs the virtual bench.")
    parser.add_argument("--boards", type=int, default=1, help=f"1 … {MOST_BOARDS}")
    parser.add_argument(
        "--csms",
        default="",
        help="ws://… or wss://… of a back office, none, or wss: the demo one through TLS",
    )
    parser.add_argument(
        "--roots", type=_certificates, default=[], help="PEM file: roots that the boards believe"
    )
    parser.add_argument("--heap", default="160k", help="of each board's MicroPython")
    parser.add_argument("--web", type=int, default=8080, help="port of board 1's page")
    parser.add_argument("--bench", type=int, default=8800, help="port of the bench's page and API")
    parser.add_argument("--data", default="", help="directory that keeps each board's flash")
    parser.add_argument(
        "--settings", type=_values, default={}, help="JSON file: what new boards are set to"
    )
    parser.add_argument(
        "--config", type=_values, default={}, help="JSON file: what differs from config.json"
    )
    parser.add_argument("--speed", choices=sorted(INTERPRETERS), default="pc")
    parser.add_argument(
        "--code",
        choices=("romfs", "heap"),
        default="romfs",
        help="where it runs: in place from a ROMFS partition, or copied from the file system",
    )
    parser.add_argument(
        "--light",
        type=int,
        default=0,
        help="further slaves that run the group's code alone, without page and hardware",
    )
    parser.add_argument(
        "--group", type=int, default=0, help="amperes a phase that new boards share from the start"
    )
    parser.add_argument("--steps", action="store_true", help="time every asyncio step")
    return parser


def parse(arguments: "list[str] | None" = None) -> argparse.Namespace:
    """The command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not 1 <= options.boards <= MOST_BOARDS:
        parser.error(f"boards must be 1 to {MOST_BOARDS}")
    if not 0 <= options.light <= group_line.MOST_SLAVES + 1 - options.boards:
        parser.error(f"boards and light slaves must be {MOST_BOARDS} at most")
    if options.group and not group_line.LEAST_A <= options.group <= MOST_GRID_A:
        parser.error(f"group must be {group_line.LEAST_A} to {MOST_GRID_A} amperes")
    if not re.fullmatch(r"\d+[kKmM]?", options.heap):
        parser.error("heap must be a size such as 160k")
    if options.csms not in (*DEMO, "none") and not re.match(r"wss?://", options.csms):
        parser.error("csms must be a ws:// or wss:// address, wss, or none")
    return options


async def run(options: argparse.Namespace, root: Path) -> None:
    """Run the bench until SIGINT or SIGTERM."""
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ends.set)
    threading.excepthook = partial(_end_on_failure, loop, ends, threading.excepthook)
    bench = Bench(options, root)
    try:
        start = asyncio.create_task(bench.start())
        stop = asyncio.create_task(ends.wait())
        await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            await start
            print("\n".join(bench.addresses()), flush=True)
            await stop
        else:
            start.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await start
    finally:
        await bench.stop()


def _end_on_failure(loop, ends, report, failure) -> None:
    """A thread that fails ends the bench: the world must not just stand still."""
    report(failure)
    loop.call_soon_threadsafe(ends.set)


def main(arguments: "list[str] | None" = None) -> int:
    """Run as the command line says; returns the exit status."""
    options = parse(arguments)
    sys.setswitchinterval(SWITCH_S)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="mpevse-", dir=memory))
    try:
        check_interpreter(options)
        check_ports(options)
        asyncio.run(run(options, root))
    except (StartError, BuildError, OSError) as error:
        print(f"sim.run: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
