"""Puts the building's meter to the charger: a part of the composition root that few controllers need.

Loaded for the call only, like start_up: nothing that lasts may be a function of this module.
"""

from core import loading, log
from meter.poller import Meter
from modbus.rtu import Master


def start(services, supervisor) -> None:
    """Have the building's meter, at address 2 of the meter bus, bound the charger's current."""
    master = _bus(services)
    if not master:
        return log.error("building", "this board has no bus for a meter: fallback current")
    meter = Meter(master, services.settings, address=2)
    services.dlb_meter = meter
    group = services.group
    if group and group.role == "master":  # the meter bounds the whole group
        from dlm.group_load import GroupBuilding, GroupLoad

        services.charger.limits.set("building meter", None)
        group.building = GroupLoad()
        building = GroupBuilding(services.settings, group.building, meter)
    else:
        from dlm.building import Building

        building = Building(services.settings, services.charger, meter)
    supervisor.start("building", building.run)


def _bus(services) -> "Master | None":
    """The meter bus; None where the board's pins for it serve something else."""
    own = services.meter
    if own and hasattr(own, "master"):
        return own.master
    board = services.config["board"]
    if board["pins"].get("meter_tx") is None:
        return None
    return Master(loading.once("drivers.board", "meter_port", board))
