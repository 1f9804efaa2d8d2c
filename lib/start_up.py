"""Puts the firmware together: settings, drivers, services, supervisor. No logic of its own.

Loaded for the start only. Nothing that lasts may be a function of this module: it would keep all of it.
"""

import asyncio
import gc
import sys

from core import loading, log, storage, tasks
from core.settings import Settings
from drivers import chip
from drivers.board import Board
from evse import faults
from firmware import (
    VERSION,
    Services,
    follow_building,
    outlet_parts,
    restart,
    set_chip_time,
    sound,
)

_CHARGER_STALE_MS = 2000
_ENVIRONMENT_STALE_MS = 10000
_OCPP_BYTES = 98304  # 1,000 messages of the longest
_ZERO_PATH = "/data/meter_zero"


def make_charger(board, config: dict):
    """The charging core on a board's peripherals."""
    from evse.charger import Charger
    from evse.guard import Guard
    from evse.limits import Limits
    from evse.session import SessionLog

    circuit = config["pilot"]
    guard = Guard(board.coil, board.rcm_trip, board.pilot, circuit)
    guard.start()
    feedback = board.contactor_feedback
    sessions = SessionLog("/data/sessions")
    charger = Charger(board.pilot, guard, feedback, Limits(), sessions, circuit)
    residual = config.get("residual", {})
    charger.book.residual_policy = residual.get("retry_s", 900), residual.get("retries", 3)
    return charger


def make_meter(board, settings, session_log):
    """The internal meter; it counts on from where the log of sessions stands."""
    calibration = board.ct_calibration
    if calibration:
        from meter.ct_meter import CtMeter

        return CtMeter(board.ct_sampler(), calibration, session_log.meter_wh, _ZERO_PATH)
    from meter.poller import Meter
    from modbus.rtu import Master

    return Meter(
        Master(board.meter_port()),
        settings,
        counted_wh=session_log.meter_wh,
        in_session=session_log.unfinished is not None,
        zero_path=_ZERO_PATH,
    )


def make_links(board, settings, config: dict):
    """The network interfaces."""
    from drivers.wifi import WiFi
    from net.links import Links

    names_at = config.get("dns_host", Links.hotspot_ip), config.get("dns_port", 53)
    return Links(settings, WiFi(), chip.serial(), board.lan(), names_at)


def make_connector(board, settings, charger):
    """What is around the connector."""
    from evse.connector import Connector

    return Connector(
        charger,
        settings,
        board.expander,
        board.contactor_feedback,
        board.rcm_trip,
        outlet_parts,
        board.monitors_earth,
    )


async def start_surroundings(supervisor, board, services) -> None:
    """What a charge needs beside the charger itself; before it, so that it never charges without."""
    charger = services.charger
    connector = charger.connector = make_connector(board, services.settings, charger)
    supervisor.start("connector", connector.run)
    supervisor.start("meter", services.meter.run)
    await give_turn(supervisor)
    start_environment(supervisor, board, services)
    await give_turn(supervisor)
    start_group(supervisor, services)
    follow_building(services, supervisor)


def start_environment(supervisor, board, services) -> None:
    """What bounds the charger."""
    from evse.environment import Environment

    settings, charger = services.settings, services.charger
    environment = Environment(settings, charger, board.expander.dip_limit_ma, board.thermistor)
    task = supervisor.start("environment", environment.run, stale_ms=_ENVIRONMENT_STALE_MS)
    environment.beat = task.beat
    services.environment = environment


def start_group(supervisor, services) -> None:
    """The group that shares a supply, if the settings make this charger a part of one."""
    settings = services.settings
    stored = settings.stored
    name = ""
    if stored.get("llm_enabled") and stored.get("llm_network_mode"):
        name = "start_ip_group"
    elif "connection_mode" in stored or "slave_number" in stored:
        name = "start_group"
    try:
        if name:
            loading.once(name, "start", services, supervisor)
    except Exception as error:
        log.error("main", "the group does not start: fallback current")
        sys.print_exception(error)
        fallback_ma = int(settings.get("llm_fallback_current") * 1000)
        services.charger.limits.set("group master", fallback_ma)


def start_charger(supervisor, charger) -> None:
    """The charging loop itself."""
    charger.beat = supervisor.start("charger", charger.run, stale_ms=_CHARGER_STALE_MS).beat


def start_panel(supervisor, board, services) -> None:
    """Lamps and display."""
    from evse.panel import Panel

    lamps = board.lamps()
    lcd = board.lcd() if services.settings.get("lcd1602") else None
    supervisor.start("lamps", lamps.run)
    scheme = board.lamp_scheme
    panel = Panel(services.charger, lamps, lcd, services.links.condition, scheme)
    panel.links = services.links
    panel.button = board.button(services.links.open_hotspot)
    supervisor.start("panel", panel.run)
    services.panel = panel


def start_backend(supervisor, board, services) -> None:
    """The connection to the back office."""
    from core.journal import Journal
    from ocpp16.charge_point import ChargePoint

    journal = Journal("/data/ocpp", _OCPP_BYTES)
    charge_point = ChargePoint(
        services.settings, services.charger, journal, VERSION, services.serial
    )
    charge_point.on_reset = restart
    charge_point.on_time = set_chip_time
    charge_point.on_unlock = services.charger.connector.unlock
    if hasattr(services.group_carrier, "carry"):
        services.group_carrier.carry(charge_point)
    services.charge_point = services.links.charge_point = charge_point
    charge_point.security_event("StartupOfTheDevice", chip.reset_cause())


def start_cards(supervisor, board, services) -> None:
    """Cards, and cars that need none."""
    from auth.authorizer import Authorizer

    authorizer = Authorizer(services.settings, services.charger, services.charge_point)
    services.authorizer = authorizer
    authorizer.on_config_card = services.links.open_hotspot
    charge_point = services.charge_point
    if charge_point:
        charge_point.remote_authorize = authorizer.remote
        charge_point.on_clear_cache = authorizer.clear_cache
        charge_point.on_tag_info = authorizer.told
        charge_point.authorizer = authorizer
    loading.once("auth.reservation", "restore", authorizer)
    supervisor.start("authorizer", authorizer.run)
    buzzer = board.buzzer()
    if buzzer:
        authorizer.on_decision = buzzer.decided
        sound(buzzer, services.charger)
    reader = board.card_reader(authorizer.present)
    authorizer.watch(reader)
    services.environment.reader = reader
    supervisor.start("cards", reader.run)


def start_connectors(supervisor, board, services) -> None:
    """The other chargers of the group on the RS485 line, at the back office and for cards."""
    if services.group and services.group_carrier.medium == "RS485":
        loading.once("start_connectors", "start", services, supervisor)


def start_line(supervisor, board, services) -> None:
    """The line to the back office. After all else: what it leaves in the heap would be in the way."""
    if services.charge_point:
        supervisor.start("ocpp", services.charge_point.run)


def start_web(supervisor, board, services) -> None:
    """The network and the pages."""
    from web.app import WebServer, create_app

    supervisor.start("net", services.links.run)
    supervisor.start("web", WebServer(create_app(services), services.web_port).run)


def load_backend(supervisor, board, services) -> None:
    """The code of the next part: a turn of its own, since a chip loads for half a second."""
    import ocpp16.charge_point  # noqa: F401


def load_web(supervisor, board, services) -> None:
    """The code of the next part."""
    import web.app  # noqa: F401


_BARE_PARTS = (("panel", start_panel), ("web", load_web), ("web", start_web))
_PARTS = (
    ("panel", start_panel),
    ("back office", load_backend),
    ("back office", start_backend),
    ("cards", start_cards),
    ("web", load_web),
    ("web", start_web),
    ("connectors", start_connectors),
    ("line", start_line),
)


async def give_turn(supervisor) -> None:
    """Between two steps of the start: the tasks that run already go on, and the watchdog sees it."""
    await asyncio.sleep_ms(0)
    supervisor.look()


async def make_core(supervisor, crashing: bool) -> tuple:
    """Board, charger and services; a controller that crashes again and again goes without the rest."""
    config, trouble = loading.once("core.board_config", "read", crashing)
    await give_turn(supervisor)
    settings = Settings("/data/settings.json")
    await give_turn(supervisor)
    board = Board(config["board"])
    loading.once("core.factory_reset", "at_start", board.expander, settings)
    settings.dip_limit_ma = board.expander.dip_limit_ma
    await give_turn(supervisor)
    charger = make_charger(board, config["board"])
    charger.book.set(faults.CRASH_LOOP, crashing)
    charger.book.set(faults.CONFIG_DAMAGED, trouble)
    if not crashing:
        charger.meter = make_meter(board, settings, charger.session_log)
    await give_turn(supervisor)
    web_port = config.get("web_port", 80)
    links = make_links(board, settings, config)
    return board, Services(settings, charger, charger.meter, links, web_port)


async def start_parts(supervisor, board, services, parts) -> None:
    """Load and start one after the other; what does not start is left out."""
    for name, start in parts:
        gc.collect()
        await give_turn(supervisor)
        try:
            start(supervisor, board, services)
        except Exception as error:  # what is left still charges safely and can be reached
            log.error("main", name + " does not start")
            sys.print_exception(error)


async def start() -> tuple:
    """Put everything together; returns the supervisor, and what follows the start, to be awaited."""
    cause = chip.reset_cause()
    log.info("main", "mpevse %s, started by %s" % (VERSION, cause))
    storage.make_directory("/data")
    crashing = loading.once("core.starts", "note", cause)
    supervisor = tasks.Supervisor(chip.watchdog())
    board, services = await make_core(supervisor, crashing)
    await give_turn(supervisor)
    charger = services.charger
    power_failed = cause == "power on"
    cut_short = charger.session_log.unfinished
    power_return = loading.load("evse.power_return")
    if power_failed:
        power_return.hold(charger)
    if not crashing:
        await start_surroundings(supervisor, board, services)
    start_charger(supervisor, charger)
    await start_parts(supervisor, board, services, _BARE_PARTS if crashing else _PARTS)
    returning = power_return.run(services.settings, charger, power_failed, cut_short)
    loading.unload("evse.power_return")
    if services.panel:
        services.panel.starting = False
    return supervisor, returning
