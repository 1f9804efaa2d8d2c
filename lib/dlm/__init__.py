"""Sharing current: among the chargers of a group, and with the building around one."""
