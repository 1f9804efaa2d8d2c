"""What stays of the composition root once everything runs; lib/start_up.py puts it together."""

import asyncio
import gc
import sys

from core import loading, log
from drivers import chip

VERSION = "0.1.0"
_LASTING_S = 60  # a start that got here was no crash
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
        self.panel = None
        self.dlb_meter = None  # the building's, once load balancing was switched on
        self.group = None  # a dlm.group.Group or dlm.follower.Follower where chargers share a supply
        self.group_carrier = None  # what carries its messages
        self.environment = None
        self.authorizer = None
        self.version = VERSION
        self.serial = chip.serial()
        self.on_restart = restart

    @property
    def config(self) -> dict:
        """What is in config.json; read anew each time."""
        return loading.once("core.board_config", "read", False)[0]


def restart(kind: str = "") -> None:
    """Reset the chip on purpose; kind: OCPP's, hard or soft are the same here."""
    loading.once("ocpp16.security_events", "note", "ResetOrReboot", kind)
    loading.once("core.starts", "lasted")
    chip.reset()


def set_chip_time(unix_s: int) -> None:
    """Set the chip's own clock, by which certificates are judged."""
    loading.once("drivers.chip_time", "set_unix_s", unix_s)


def outlet_parts(expander) -> tuple:
    """Lock and proximity contact of a socket outlet, when the settings say that there is one."""
    config, _ = loading.once("core.board_config", "read")
    return loading.once("drivers.board", "outlet_parts", config["board"], expander)


def sound(buzzer, charger) -> None:
    """Have a buzzer follow the charger."""
    charger.listen(lambda event, session: buzzer.show(charger.status))


def follow_building(services, supervisor) -> None:
    """Have the building's meter bound the charger once the settings want it; what that takes is loaded then."""

    def look(keys) -> None:
        if services.dlb_meter:
            return
        settings, limits = services.settings, services.charger.limits
        if settings.get("dlb_function") != "DLB":
            limits.set("building meter", None)
            return
        limits.set("building meter", int(settings.get("llm_fallback_current") * 1000))
        try:
            loading.once("start_building", "start", services, supervisor)
        except Exception as error:
            log.error("main", "load balancing does not start: %s" % error)

    services.settings.listen(look)
    look(None)


async def main() -> None:
    """Start everything, give up what only the start needs, and run."""
    gc.threshold(_GC_BYTES)
    supervisor, returning = await loading.load("start_up").start()
    following = (asyncio.create_task(returning), asyncio.create_task(stay_up()))
    for name in ("start_up", "drivers.board"):
        loading.unload(name)
    gc.collect()
    await supervisor.run()
    del following


async def stay_up() -> None:
    """Note that this start has lasted."""
    await asyncio.sleep(_LASTING_S)
    loading.once("core.starts", "lasted")


def run_forever() -> None:
    """Run for ever; what even the supervisor can't handle ends in a reset, Ctrl-C in the prompt."""
    try:
        asyncio.run(main())
    except Exception as error:
        sys.print_exception(error)
    chip.reset()
