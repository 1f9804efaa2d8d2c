"""The composition root: settings, drivers, services, supervisor. No logic of its own."""

import asyncio
import gc
import json
import sys

from core import log, storage, tasks
from core.settings import Settings
from drivers import board as boards

VERSION = "0.1.0"
_CHARGER_STALE_MS = 2000
_OCPP_BYTES = 65536  # a week offline with a charge each hour
_GC_BYTES = 24576  # collect early, so that the heap stays in one piece; most is collected in turns


class Services:
    """What the web pages reach."""

    def __init__(self, settings, charger, meter, links, web_port: int) -> None:
        self.settings = settings
        self.charger = charger
        self.meter = meter
        self.links = links
        self.web_port = web_port
        self.charge_point = None
        self.version = VERSION
        self.serial = boards.serial()


def make_charger(board, config: dict):
    """The charging core on a board's peripherals."""
    from evse.charger import Charger
    from evse.guard import Guard
    from evse.limits import Limits
    from evse.session import SessionLog

    circuit = config["pilot"]
    guard = Guard(board.coil, board.rcm_trip, board.pilot, circuit["levels_mv"])
    guard.start()
    feedback = board.contactor_feedback
    return Charger(board.pilot, guard, feedback, Limits(), SessionLog("/data/sessions"), circuit)


def make_meter(board, settings):
    """The internal meter on its bus."""
    from meter.poller import Meter
    from modbus.rtu import Master

    return Meter(Master(board.meter_port()), settings)


def make_links(settings):
    """The network interfaces."""
    from drivers.wifi import WiFi
    from net.links import Links

    return Links(settings, WiFi(), boards.serial())


def start_charging(supervisor, board, services) -> None:
    """What a charge needs: first, so that a car is safe before the rest is loaded."""
    from evse.environment import Environment

    settings, charger = services.settings, services.charger
    environment = Environment(settings, charger, board.dip_limit_ma, board.thermistor)
    charger.beat = supervisor.start("charger", charger.run, stale_ms=_CHARGER_STALE_MS).beat
    supervisor.start("meter", services.meter.run)
    supervisor.start("environment", environment.run)


def start_panel(supervisor, board, services) -> None:
    """Lamps and display."""
    from evse.panel import Panel

    lamps = board.lamps()
    lcd = board.lcd() if services.settings.get("lcd1602") else None
    supervisor.start("lamps", lamps.run)
    supervisor.start("panel", Panel(services.charger, lamps, lcd, services.links.condition).run)


def start_backend(supervisor, board, services) -> None:
    """The connection to the back office."""
    from core.journal import Journal
    from ocpp16.charge_point import ChargePoint

    journal = Journal("/data/ocpp", _OCPP_BYTES)
    charge_point = ChargePoint(
        services.settings, services.charger, journal, VERSION, services.serial
    )
    charge_point.on_reset = lambda kind: boards.reset()
    services.charge_point = services.links.charge_point = charge_point
    supervisor.start("ocpp", charge_point.run)


def start_cards(supervisor, board, services) -> None:
    """Cards, and cars that need none."""
    from auth.authorizer import Authorizer

    authorizer = Authorizer(services.settings, services.charger, services.charge_point)
    supervisor.start("authorizer", authorizer.run)
    reader = board.card_reader(authorizer.present)
    authorizer.watch(reader)
    supervisor.start("cards", reader.run)


def start_web(supervisor, board, services) -> None:
    """The network and the pages."""
    from web.app import WebServer, create_app

    supervisor.start("net", services.links.run)
    supervisor.start("web", WebServer(create_app(services), services.web_port).run)


async def main() -> None:
    """Put everything together and run it."""
    gc.threshold(_GC_BYTES)
    log.info("main", "mpevse %s, started by %s" % (VERSION, boards.reset_cause()))
    with open("config.json") as file:
        config = json.loads(file.read())
    storage.make_directory("/data")
    settings = Settings("/data/settings.json")
    board = boards.Board(config["board"])
    supervisor = tasks.Supervisor(boards.watchdog())
    charger = make_charger(board, config["board"])
    charger.meter = make_meter(board, settings)
    services = Services(settings, charger, charger.meter, make_links(settings), config["web_port"])
    start_charging(supervisor, board, services)
    parts = (
        ("back office", start_backend),
        ("panel", start_panel),
        ("cards", start_cards),
        ("web", start_web),
    )
    for name, start in parts:
        gc.collect()
        await asyncio.sleep_ms(0)  # the charger has its turn between the loads
        try:
            start(supervisor, board, services)
        except Exception as error:  # what is left still charges safely and can be reached
            log.error("main", name + " does not start")
            sys.print_exception(error)
    charger.recover()
    await supervisor.run()
