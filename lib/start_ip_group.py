"""Makes the charger a Gateway or a Client of an IP group: a part of the composition root that few need.

Loaded for the call only, like start_up: nothing that lasts may be a function of this module.
"""

from core import loading

_ALONE = "group master"  # the slot of a member without a master
_RELAY_LINES = 2  # MicroPython's own build for the ESP32 has 10 sockets; a line takes two


def start(services, supervisor) -> None:
    """Have the charger share its supply with the others of its group, if llm_network_mode says so."""
    settings = services.settings
    mode = settings.get("llm_network_mode")
    if mode == "Direct":
        return
    fallback_ma = int(settings.get("llm_fallback_current") * 1000)
    services.charger.limits.set(_ALONE, fallback_ma)
    config = services.config
    port = config.get("group_port") or loading.load("dlm.ip_messages").DEFAULT_PORT
    if mode == "Gateway":
        carrier = _gateway(services, port, config.get("relay_lines", _RELAY_LINES))
    else:
        carrier = _client(services, port)
    services.group_carrier = carrier
    supervisor.start("group", carrier.run)


def _gateway(services, port: int, lines: int):
    from dlm.group import Group
    from dlm.ip_gateway import Gateway
    from dlm.relay import Relay

    settings = services.settings
    others = settings.get("llm_group_size") - 1
    group = services.group = Group(settings, services.charger, others, services.serial)
    if settings.get("dlb_function") == "DLB":
        from dlm.group_load import GroupLoad

        group.building = GroupLoad()
    return Gateway(settings, group, services.links, port, Relay(settings, lines))


def _client(services, port: int):
    from dlm.follower import Follower
    from dlm.ip_client import Client

    settings = services.settings
    follower = services.group = Follower(settings, services.charger, services.serial)
    return Client(settings, follower, services.links, port)
