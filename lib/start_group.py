"""Makes the charger a master or a slave of an RS485 group: a part of the composition root that few need.

Loaded for the call only, like start_up: nothing that lasts may be a function of this module.
"""

from core import loading, log
from dlm.group_auth import Seal

_ALONE = "group master"  # the slot of a member without a master


def wanted(settings) -> str:
    """What the settings make of this charger: "slave", "master" or ""."""
    if settings.get("connection_mode") == "Slave":
        return "slave"
    shares = settings.get("dlb_function") != "Disable"
    return "master" if shares and settings.get("slave_number") else ""


def start(services, supervisor) -> None:
    """Have the charger share its supply with the others of its group, if the settings say so."""
    settings, limits = services.settings, services.charger.limits
    role = wanted(settings)
    if not role:
        return
    limits.set(_ALONE, int(settings.get("llm_fallback_current") * 1000))
    port = _port(services)
    seal = Seal(settings.get("group_key").encode())
    if role == "slave" and port:
        return _start_slave(services, supervisor, port, seal)
    bus = _bus(services, port) if role == "master" else None
    if not bus:
        return log.error("group", "this board has no bus for a group: fallback current")
    _start_master(services, supervisor, bus, seal)


def _port(services):
    """The RS485 port that is meant for a group; None without one."""
    board = services.config["board"]
    if board["pins"].get("group_tx") is None:
        return None
    baudrate = int(services.settings.get("group_baudrate"))
    return loading.once("drivers.board", "group_port", board, baudrate)


def _bus(services, port):
    """A master's bus: that of its meters where the group has none of its own; None: there is neither."""
    from modbus.rtu import Master

    if port:
        return Master(port, max_registers=2)
    return getattr(services.meter, "master", None)


def _start_slave(services, supervisor, port, seal) -> None:
    from dlm.follower import Follower
    from dlm.rs485_slave import Rs485Slave

    settings = services.settings
    follower = services.group = Follower(settings, services.charger, services.serial)

    def assigned(number: int) -> None:
        settings.change({"group_address": str(number)})

    def changed(keys) -> None:
        if "group_address" in keys:
            slave.set_number(settings.get("group_address"))

    number = settings.get("group_address")
    slave = services.group_carrier = Rs485Slave(port, follower, seal, number, assigned)
    settings.listen(changed)
    supervisor.start("group", slave.run)


def _start_master(services, supervisor, bus, seal) -> None:
    from dlm.group import Group
    from dlm.rs485_master import Rs485Master

    settings = services.settings
    group = services.group = Group(
        settings, services.charger, settings.get("slave_number"), services.serial
    )
    master = services.group_carrier = Rs485Master(bus, group, seal)
    supervisor.start("group", master.run)
