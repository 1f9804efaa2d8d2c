"""Puts the chargers of a group and OCPP together: a part of the composition root that few controllers need.

Loaded for the call only: nothing that lasts may be a function of this module.
"""

from core import log


def start(services, supervisor) -> None:
    """A master's back office gets its slaves as connectors; a slave's cards are its master's affair."""
    group, charge_point = services.group, services.charge_point
    if not charge_point or not services.authorizer:
        return log.error("group", "without OCPP and cards nobody else can charge by them")
    if group.role == "slave":
        from dlm.slave_desk import SlaveDesk

        charger = services.charger
        SlaveDesk(group, charger, charge_point.adapter, services.authorizer, charger.connector)
        return
    from dlm.slave_charger import SlaveCharger
    from ocpp16.slave_connector import SlaveConnectors

    connectors = SlaveConnectors(charge_point, group, SlaveCharger)
    supervisor.start("connectors", connectors.run)
