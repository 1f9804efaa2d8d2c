"""Times of an RS485 group: its round, and how soon it follows the building's load."""

import time
from itertools import pairwise

from sim.bench.figures import Row, spread
from sim.bench.stand import Stand, StandError, until
from sim.group_line import MOST_SLAVES

SPEED = "esp32"
BAUD = 9600
GRID_A = 160
HOUSE_A = 40  # what goes on in the building: 8.4 A each become 6.3 A
SETTLE_S = 8
ROUNDS_S = 40
JOIN_S = 120
SHARE_S = 150
REACTION_S = 20
GRANTS = (
    "00100100"  # a broadcast that writes registers, the master's words to all: once in a round
)
SETTINGS = {
    "phases": "3P+N400V",
    "dlb_function": "DLB",  # the building bounds the group
    "dlb_max_current": GRID_A,
    "dlb_function_code": "04",
    "dlb_reg_l1": 6,
    "dlb_reg_l2": 8,
    "dlb_reg_l3": 10,
}


class Group:
    """A controller as master of light slaves that all charge."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    def slaves(self) -> "list[dict]":
        """What each tells."""
        return list(self._stand.ask("GET", "/api/light"))

    def charge(self) -> None:
        """A car at each, and each has been granted its share."""
        for slave in self.slaves():
            path = f"/api/light/{slave['id']}/vehicle"
            self._stand.ask("PUT", path, {"plugged": True, "phases": 3})
        until(self._all_charge, "all slaves charge", JOIN_S)

    def _all_charge(self) -> bool:
        return all(slave["signaled_a"] >= 6 and max(slave["a"]) > 5 for slave in self.slaves())

    def offered_a(self) -> float:
        """To all slaves together."""
        return sum(slave["signaled_a"] for slave in self.slaves())

    def rounds_ms(self) -> "list[float]":
        """From one broadcast of grants to the next, over a while."""
        since_ms = self._stand.now_ms()
        time.sleep(ROUNDS_S)
        frames = self._stand.ask("GET", f"/api/bus/frames?since={since_ms}")
        starts_ms = [frame["start_ms"] for frame in frames if frame["hex"].startswith(GRANTS)]
        if len(starts_ms) < 2:
            raise StandError("the master has told no grants")
        return [after - before for before, after in pairwise(starts_ms)]

    def reaction_ms(self) -> float:
        """From a load in the building to the last slave's smaller offer."""
        before = {slave["id"]: slave["duty_permille"] for slave in self.slaves()}
        began_ms = self._stand.now_ms()
        self._stand.put("house", a=[HOUSE_A] * 3)

        def last() -> "float | None":
            first_ms: dict[int, float] = {}
            for event in self._stand.ask("GET", f"/api/events?since={began_ms}"):
                number = event["board"]
                if event["what"] == "duty" and event["value"] < before.get(number, 0):
                    first_ms.setdefault(number, event["t_ms"])
            return max(first_ms.values()) if len(first_ms) == len(before) else None

        return until(last, "all slaves offer less", REACTION_S) - began_ms

    def recover(self) -> None:
        """The load has gone, and all is shared out again."""
        self._stand.put("house", a=[0, 0, 0])
        until(lambda: self.offered_a() > 0.9 * GRID_A, "all is shared out", SHARE_S)
        time.sleep(SETTLE_S)


def times(reactions: int) -> list[Row]:
    """Both figures, on one stand."""
    with Stand(SETTINGS, speed=SPEED, light=MOST_SLAVES, group=GRID_A) as stand:
        group = Group(stand)
        group.charge()
        group.recover()
        rounds_ms = group.rounds_ms()
        reactions_ms = []
        for _ in range(reactions):
            reactions_ms.append(group.reaction_ms())
            group.recover()
    conditions = f"the master at SPEED={SPEED}, {MOST_SLAVES} light slaves that charge, {BAUD} baud, sealed frames"
    load = f"{conditions}; {HOUSE_A} A more in the building, {GRID_A} A its limit, to the last slave's duty"
    return [
        *spread("group_cycle_ms", rounds_ms, conditions, "p50 p99 max"),
        *spread("group_reaction_ms", reactions_ms, load, "p50 max"),
    ]
